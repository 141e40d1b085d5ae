//! What can be wrong with a spool.

use std::io;
use std::path::{Path, PathBuf};

/// Why something in the spool could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// There is no such file or folder: this repository has no spool, or not this part of it.
    #[error("{0} is not there")]
    Missing(PathBuf),
    /// A link, a device or a file stands where a folder or a plain file of the spool belongs.
    #[error("{0} is a link or something else in the place of our own; it is not followed")]
    Replaced(PathBuf),
    /// The content is not what we write.
    #[error("{path} is damaged: {why}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Somebody else than the owner could have written it.
    #[error("{path} is not trusted: {why}")]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The operating system refused.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// What was tried: `read`, `write` …
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
}

impl SpoolError {
    /// Names what was tried on `path`, and tells the cases apart that callers act on.
    pub(crate) fn io(what: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        let source = source.into();
        let replaced = [rustix::io::Errno::LOOP, rustix::io::Errno::NOTDIR];
        match source.raw_os_error() {
            Some(code) if replaced.iter().any(|e| e.raw_os_error() == code) => {
                Self::Replaced(path.to_owned())
            }
            _ if source.kind() == io::ErrorKind::NotFound => Self::Missing(path.to_owned()),
            _ => Self::Io { what, path: path.to_owned(), source },
        }
    }

    /// Whether it is only that nothing is there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(_))
    }
}
