//! The home folder and the files in it: who may read them, and how they come to be there whole.

use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::StoreError;

/// What the names of half-made files begin with.
pub(crate) const NEW_RECORDS: &str = ".coregit.db.new-";
pub(crate) const NEW_IDENTITY: &str = ".identity.new-";
/// How long a second `init`, migration or rotation waits for the first.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// The file of the records.
pub(crate) fn records(home: &Path) -> PathBuf {
    home.join("coregit.db")
}

/// Makes the home folder, 0700 whatever the umask, durably; one that is there keeps its mode.
pub(crate) fn make_home(home: &Path) -> Result<(), StoreError> {
    let missing: Vec<_> = home.ancestors().take_while(|folder| !folder.exists()).collect();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(home)
        .map_err(|e| StoreError::io("create", home, &e))?;
    // Records in a folder whose name a power cut takes away would go with it.
    for folder in missing.iter().filter_map(|made| made.parent()) {
        File::open(folder).and_then(|f| f.sync_all()).map_err(|e| StoreError::io("write", folder, &e))?;
    }
    check_home(home)
}

/// A folder that others can write to is refused: they could put other records in the place of ours.
pub(crate) fn check_home(home: &Path) -> Result<(), StoreError> {
    let found = std::fs::metadata(home).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => StoreError::Missing(home.to_owned()),
        _ => StoreError::io("read", home, &e),
    })?;
    let mode = found.mode() & 0o7777;
    match mode & 0o022 {
        0 => Ok(()),
        _ => Err(StoreError::Exposed { path: home.to_owned(), what: "changed", mode }),
    }
}

/// Whether files can be made in the home: not on a read-only file system, nor in a folder of another user.
pub(crate) fn is_writable(home: &Path) -> bool {
    rustix::fs::access(home, rustix::fs::Access::WRITE_OK).is_ok()
}

/// Device and inode: what a file is, whatever it is called.
pub(crate) type FileId = (u64, u64);

/// What stands at this path now.
pub(crate) fn identity_of(path: &Path) -> Option<FileId> {
    std::fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

/// The records must be a plain file that nobody else can read.
pub(crate) fn check_records(path: &Path) -> Result<FileId, StoreError> {
    let found = std::fs::symlink_metadata(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => {
            StoreError::Missing(path.parent().unwrap_or(Path::new(".")).to_owned())
        }
        _ => StoreError::io("read", path, &e),
    })?;
    let mode = found.mode() & 0o7777;
    match (found.is_file(), mode & 0o077) {
        (false, _) => Err(StoreError::Replaced(path.to_owned())),
        (true, 0) => Ok((found.dev(), found.ino())),
        (true, _) => Err(StoreError::Exposed { path: path.to_owned(), what: "read", mode }),
    }
}

/// The right to create, migrate or re-key this home; released when it goes, also by a kill.
pub(crate) struct HomeLock(#[expect(dead_code, reason = "closing the folder releases the lock")] File);

/// Waits at most 10 s for the lock of the home folder.
pub(crate) async fn lock_home(home: &Path) -> Result<HomeLock, StoreError> {
    let folder = File::open(home).map_err(|e| StoreError::io("open", home, &e))?;
    let deadline = tokio::time::Instant::now() + LOCK_PATIENCE;
    loop {
        match folder.try_lock() {
            Ok(()) => return Ok(HomeLock(folder)),
            Err(TryLockError::Error(e)) => return Err(StoreError::io("lock", home, &e)),
            Err(TryLockError::WouldBlock) if tokio::time::Instant::now() > deadline => {
                return Err(StoreError::Busy);
            }
            Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// An empty file, 0600 whatever the umask, that nobody else knows yet.
pub(crate) fn new_private_file(home: &Path, prefix: &str) -> Result<tempfile::NamedTempFile, StoreError> {
    tempfile::Builder::new()
        .prefix(prefix)
        .tempfile_in(home)
        .map_err(|e| StoreError::io("create a file in", home, &e))
}

/// Gives a finished file its name, durably; a file that has the name already stays, and is an error.
pub(crate) fn publish(file: tempfile::NamedTempFile, path: &Path) -> Result<(), StoreError> {
    file.as_file().sync_all().map_err(|e| StoreError::io("write", path, &e))?;
    file.persist_noclobber(path).map_err(|e| StoreError::io("create", path, &e.error))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| StoreError::io("write", folder, &e))
}

/// Removes what a killed `init` left; called under the lock.
pub(crate) fn sweep_leftovers(home: &Path) {
    let Ok(entries) = std::fs::read_dir(home) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(NEW_RECORDS) || name.starts_with(NEW_IDENTITY) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
