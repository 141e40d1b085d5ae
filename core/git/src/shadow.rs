//! Shadow repositories: where objects are made or fetched that nobody may fetch from us.
//!
//! A served repository hands out any object by its id (threats.md, finding 3); a shadow is never served and
//! borrows the served one's objects through `objects/info/alternates`.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::{GitError, Repo, repo};

impl Repo {
    /// Opens the shadow at `path`, creating it where it is missing, and makes it borrow from `served`.
    ///
    /// Everything in a shadow can be made or fetched again: it may be removed while no run uses it.
    pub fn open_or_create_shadow(path: impl AsRef<Path>, served: &Path) -> Result<Self, GitError> {
        let path = path.as_ref();
        let source = Repo::open(served)?;
        let line = alternates_line(&source)?;
        if !path.exists() {
            match repo::create(path, source.format(), None, |made| write_alternates(made, &line)) {
                // Two workers at once: the other one has made it.
                Err(_) if path.join("HEAD").exists() => {}
                made => made?,
            }
        }
        let listed = std::fs::read(path.join("objects/info/alternates")).unwrap_or_default();
        if listed != line {
            // The served repository has moved.
            write_alternates(path, &line)?;
        }
        let shadow = Repo::open(path)?;
        match shadow.format() == source.format() {
            true => Ok(shadow),
            false => Err(GitError::open(path, "it is the shadow of a repository with another object format")),
        }
    }
}

/// The served repository's object folder as a line of the file; a name that the file cannot say is refused.
fn alternates_line(served: &Repo) -> Result<Vec<u8>, GitError> {
    let objects = served.path().join("objects");
    let raw = objects.as_os_str().as_bytes();
    match raw.contains(&b'\n') || raw.starts_with(b"\"") {
        true => Err(GitError::open(
            served.path(),
            "its path holds a line feed, which objects/info/alternates cannot",
        )),
        false => Ok([raw, b"\n"].concat()),
    }
}

fn write_alternates(repo: &Path, line: &[u8]) -> Result<(), GitError> {
    let info = repo.join("objects/info");
    let io = |e| GitError::io(format!("writing {}", info.join("alternates").display()), e);
    std::fs::create_dir_all(&info).map_err(io)?;
    let mut file = tempfile::NamedTempFile::new_in(&info).map_err(io)?;
    std::io::Write::write_all(&mut file, line).map_err(io)?;
    file.as_file().sync_all().map_err(io)?;
    file.persist(info.join("alternates")).map_err(|e| io(e.error))?;
    Ok(())
}
