//! Folders held open by descriptor: no name below one is followed through a link, and a write is
//! whole and durable or not there.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::SpoolError;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A folder, held open.
pub(crate) struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

/// What the file system says of a file or folder.
#[derive(Clone, Copy)]
pub(crate) struct Facts {
    /// The owner.
    pub(crate) uid: u32,
    /// The group.
    pub(crate) gid: u32,
    /// The permission bits, with setgid.
    pub(crate) mode: u32,
    /// Seconds since the epoch at the last change.
    pub(crate) changed_at: i64,
}

impl From<fs::Stat> for Facts {
    fn from(stat: fs::Stat) -> Self {
        let mode = stat.st_mode & 0o7777;
        Self { uid: stat.st_uid, gid: stat.st_gid, mode, changed_at: stat.st_mtime }
    }
}

impl Folder {
    /// Opens the folder that everything else lies in; links on the way to it are the user's own.
    pub(crate) fn open(path: &Path) -> Result<Self, SpoolError> {
        let fd = fs::open(path, FOLDER, Mode::empty()).map_err(|e| SpoolError::io("open", path, e))?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// Opens a folder in it; a link in its place is an error.
    pub(crate) fn sub(&self, name: &str) -> Result<Self, SpoolError> {
        let path = self.path.join(name);
        let fd = fs::openat(&self.fd, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())
            .map_err(|e| SpoolError::io("open", &path, e))?;
        Ok(Self { fd, path })
    }

    /// Opens a folder in it, made when it is not there; then gives it exactly `mode`, whatever the umask.
    pub(crate) fn create_sub(&self, name: &str, mode: u32) -> Result<Self, SpoolError> {
        match fs::mkdirat(&self.fd, name, Mode::from_raw_mode(mode & 0o777)) {
            // An event in a folder whose name a power cut takes away would go with it.
            Ok(()) => self.sync()?,
            Err(Errno::EXIST) => {}
            Err(e) => return Err(SpoolError::io("create", &self.path.join(name), e)),
        }
        let folder = self.sub(name)?;
        if folder.facts()?.mode != mode {
            fs::fchmod(&folder.fd, Mode::from_raw_mode(mode))
                .map_err(|e| SpoolError::io("set the mode of", &folder.path, e))?;
        }
        Ok(folder)
    }

    /// Makes the names in it durable.
    fn sync(&self) -> Result<(), SpoolError> {
        match fs::fsync(&self.fd) {
            // Some network file systems cannot sync a folder and say so.
            Ok(()) | Err(Errno::INVAL) => Ok(()),
            Err(e) => Err(SpoolError::io("write", &self.path, e)),
        }
    }

    /// Owner and mode of the folder itself.
    pub(crate) fn facts(&self) -> Result<Facts, SpoolError> {
        let stat = fs::fstat(&self.fd).map_err(|e| SpoolError::io("look at", &self.path, e))?;
        Ok(stat.into())
    }

    /// The path of a name in it, for messages.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Reads a plain file of at most `limit` bytes. Never waits on a pipe or a device in its place.
    pub(crate) fn read(&self, name: &str, limit: u64) -> Result<(Vec<u8>, Facts), SpoolError> {
        let path = self.path.join(name);
        let failed = |e: Errno| SpoolError::io("read", &path, e);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = fs::openat(&self.fd, name, flags, Mode::empty()).map_err(failed)?;
        let stat = fs::fstat(&fd).map_err(failed)?;
        if !FileType::from_raw_mode(stat.st_mode).is_file() {
            return Err(SpoolError::Replaced(path));
        }
        if stat.st_size as u64 > limit {
            return Err(SpoolError::Damaged { path, why: format!("it is larger than {limit} bytes") });
        }
        let mut content = Vec::with_capacity(stat.st_size as usize);
        File::from(fd).take(limit).read_to_end(&mut content).map_err(|e| SpoolError::io("read", &path, e))?;
        Ok((content, stat.into()))
    }

    /// Begins a file that appears under `name` when it is finished.
    pub(crate) fn begin(&self, name: &str, mode: u32) -> Result<Pending<'_>, SpoolError> {
        let path = self.path.join(name);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for _ in 0..100 {
            let temporary = temporary_name();
            let fd = match fs::openat(&self.fd, &*temporary, flags, Mode::from_raw_mode(0o600)) {
                Ok(fd) => fd,
                Err(Errno::EXIST) => continue,
                Err(e) => return Err(SpoolError::io("write", &path, e)),
            };
            let file = BufWriter::with_capacity(32 * 1024, File::from(fd));
            let pending = Pending { folder: self, temporary, name: name.to_owned(), file, finished: false };
            fs::fchmod(pending.file.get_ref(), Mode::from_raw_mode(mode))
                .map_err(|e| SpoolError::io("set the mode of", &path, e))?;
            return Ok(pending);
        }
        Err(SpoolError::io("write", &path, Errno::EXIST))
    }

    /// Writes a whole file.
    pub(crate) fn write(&self, name: &str, content: &[u8], mode: u32) -> Result<(), SpoolError> {
        let mut pending = self.begin(name, mode)?;
        pending.write_all(content).map_err(|e| SpoolError::io("write", &self.path.join(name), e))?;
        pending.finish()
    }

    /// Removes a file; one that is not there is fine.
    pub(crate) fn remove(&self, name: &str) -> Result<(), SpoolError> {
        self.unlink(name, AtFlags::empty())
    }

    /// Removes an empty folder; one that is not there, or not empty, is left as it is.
    pub(crate) fn remove_sub(&self, name: &str) -> Result<(), SpoolError> {
        match self.unlink(name, AtFlags::REMOVEDIR) {
            Err(SpoolError::Io { source, .. }) if source.kind() == std::io::ErrorKind::DirectoryNotEmpty => {
                Ok(())
            }
            other => other,
        }
    }

    fn unlink(&self, name: &str, flags: AtFlags) -> Result<(), SpoolError> {
        match fs::unlinkat(&self.fd, name, flags) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(e) => Err(SpoolError::io("remove", &self.path.join(name), e)),
        }
    }

    /// Moves a file into another folder under the same name.
    pub(crate) fn move_to(&self, name: &str, other: &Folder) -> Result<(), SpoolError> {
        fs::renameat(&self.fd, name, &other.fd, name)
            .map_err(|e| SpoolError::io("move", &self.path.join(name), e))
    }

    /// The names in it that are UTF-8 (ours are), in order.
    pub(crate) fn names(&self) -> Result<Vec<String>, SpoolError> {
        let failed = |e: Errno| SpoolError::io("list", &self.path, e);
        let mut names = Vec::new();
        for entry in fs::Dir::read_from(&self.fd).map_err(failed)? {
            let raw = entry.map_err(failed)?.file_name().to_bytes().to_vec();
            let name = OsString::from_vec(raw).into_string();
            names.extend(name.ok().filter(|n| n != "." && n != ".."));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Owner, mode and age of a name in it; a link is looked at, not followed.
    pub(crate) fn facts_of(&self, name: &str) -> Result<Facts, SpoolError> {
        let stat = fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|e| SpoolError::io("look at", &self.path.join(name), e))?;
        Ok(stat.into())
    }
}

/// Names that begin so are files that nobody has finished.
pub(crate) const TEMPORARY: &str = ".new-";

fn temporary_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map(|d| d.subsec_nanos())
        .unwrap_or_default();
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{TEMPORARY}{}-{nanos:x}-{next}", std::process::id())
}

/// A file that is being written; dropped before [`Pending::finish`], it leaves nothing.
pub(crate) struct Pending<'a> {
    folder: &'a Folder,
    temporary: String,
    name: String,
    file: BufWriter<File>,
    finished: bool,
}

impl Pending<'_> {
    /// Hands the file to another owner, where the caller may.
    pub(crate) fn give_to(&self, uid: u32, gid: u32) {
        let (uid, gid) = (fs::Uid::from_raw(uid), fs::Gid::from_raw(gid));
        // Only root may; for others the group of the folder already does what is needed.
        let _ = fs::fchown(self.file.get_ref(), Some(uid), Some(gid));
    }

    /// Makes it durable and visible under its name.
    pub(crate) fn finish(mut self) -> Result<(), SpoolError> {
        let path = self.folder.path.join(&self.name);
        self.file.flush().map_err(|e| SpoolError::io("write", &path, e))?;
        fs::fsync(self.file.get_ref()).map_err(|e| SpoolError::io("write", &path, e))?;
        fs::renameat(&self.folder.fd, &*self.temporary, &self.folder.fd, &*self.name)
            .map_err(|e| SpoolError::io("write", &path, e))?;
        self.finished = true;
        self.folder.sync()
    }
}

impl Write for Pending<'_> {
    fn write(&mut self, part: &[u8]) -> std::io::Result<usize> {
        self.file.write(part)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.finished {
            let _ = fs::unlinkat(&self.folder.fd, &*self.temporary, AtFlags::empty());
        }
    }
}

/// Writes a file so that it is there whole or not at all, also after a power cut: a new file in the
/// same folder with exactly `mode`, fsync, rename over `path`, fsync of the folder.
pub fn write_atomic(path: &Path, content: &[u8], mode: u32) -> Result<(), SpoolError> {
    let refused = || SpoolError::io("write", path, Errno::INVAL);
    let name = path.file_name().and_then(|n| n.to_str()).ok_or_else(refused)?;
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Folder::open(parent)?.write(name, content, mode)
}
