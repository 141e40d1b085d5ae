//! What can be wrong with the records, the identity and the keyring, each with a sentence and what mends it.

use std::path::PathBuf;

use crate::{IdentityError, SealError};

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// `coregit init` was not here.
    #[error("{} is not a home of coregit yet", .0.display())]
    Missing(PathBuf),
    /// A later version changed the records in a way that this one does not know.
    #[error(
        "the records were written by a newer version of coregit (their version is {found}, this one knows {known})"
    )]
    Newer {
        /// The version of the records.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// Other users could read or change it.
    #[error("{} can be {what} by other users (its mode is {mode:04o})", path.display())]
    Exposed {
        /// The file or folder.
        path: PathBuf,
        /// `read` or `changed`.
        what: &'static str,
        /// Its permission bits.
        mode: u32,
    },
    /// A link or something else stands where a plain file of ours belongs.
    #[error("{} is a link or something else in the place of a plain file; it is not followed", .0.display())]
    Replaced(PathBuf),
    /// The file was removed, moved or replaced while it was open.
    #[error("{} was removed or replaced while it was open; nothing was written", .0.display())]
    Gone(PathBuf),
    /// Another process held the write lock for longer than we wait.
    #[error("the records are locked: another process has been writing to them for too long")]
    Locked,
    /// Another process creates, migrates or re-keys this home.
    #[error("another process is changing the keyring or the layout of the records")]
    Busy,
    /// No space is left, or a quota is used up.
    #[error("the disk that holds the records is full; nothing was changed")]
    Full,
    /// The file or its file system takes no writes.
    #[error("the records cannot be written: the file, its folder or the file system is read-only")]
    ReadOnly,
    /// SQLite found that the file is not what it wrote.
    #[error("the records are damaged: {0}")]
    Corrupt(String),
    /// The operating system refused.
    #[error("the records cannot be read or written: {0}")]
    Io(String),
    /// What was named is not there (any more).
    #[error("there is no {what} {id}")]
    NotFound {
        /// `sync`, `connection` …
        what: &'static str,
        /// What was asked for.
        id: String,
    },
    /// A name, path or label is taken.
    #[error("there is a {what} with that name, path or label already")]
    Exists {
        /// `repository`, `sync` …
        what: &'static str,
    },
    /// The repository, connection or sync that it belongs to was deleted.
    #[error("what this record belongs to is not there (any more); nothing was written")]
    Orphan,
    /// Somebody else changed the same row since it was read.
    #[error("the {what} was changed by somebody else in the meantime; nothing was written")]
    Changed {
        /// `sync` …
        what: &'static str,
    },
    /// The lease ran out and somebody else claimed, or the sync is gone.
    #[error(
        "this run was taken over by another worker, or its sync was deleted; its outcome was not recorded"
    )]
    LeaseLost,
    /// The token stays with its origin.
    #[error("the token of this connection is sealed for another address; give the token again to change it")]
    OtherOrigin,
    /// A recipient cannot be added or removed.
    #[error("{0}")]
    Recipients(String),
    /// The identity cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A sealed field does not open.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A row holds something that this version cannot read.
    #[error("a record cannot be read: column {column} holds {why}")]
    Row {
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Anything else that the database says.
    #[error("the database said: {0}")]
    Database(String),
}

impl StoreError {
    /// What mends it, as one line.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Missing(_) => "`coregit init` makes one",
            Self::Newer { .. } => "use the newer coregit, or restore a backup that this version made",
            Self::Exposed { path, .. } => return Some(format!("`chmod go-rwx {}`", path.display())),
            Self::Locked | Self::Busy => "try again in a moment; `coregit doctor` shows who works here",
            Self::Full => "free some space, then try again",
            Self::ReadOnly => {
                "make the home folder writable for this user; `coregit doctor` shows where it is"
            }
            Self::Corrupt(_) => "restore the last `coregit backup`; keep the damaged file",
            Self::Gone(_) => "start this process again; `coregit doctor` shows what is there now",
            Self::Changed { .. } => "look at it again, then repeat the change",
            Self::Identity(error) => return error.hint(),
            Self::Seal(error) => return error.hint(),
            _ => return None,
        };
        Some(text.to_owned())
    }

    /// Whether the same may work later with nobody doing anything.
    pub fn try_again(&self) -> bool {
        matches!(self, Self::Locked | Self::Busy)
    }

    pub(crate) fn missing(what: &'static str, id: impl std::fmt::Display) -> Self {
        Self::NotFound { what, id: id.to_string() }
    }

    /// Names what a unique index protects.
    pub(crate) fn or_exists(self, what: &'static str) -> Self {
        match self {
            Self::Exists { .. } => Self::Exists { what },
            other => other,
        }
    }

    pub(crate) fn io(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full,
            std::io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            _ => Self::Io(format!("cannot {what} {}: {error}", path.display())),
        }
    }
}

/// SQLite's result codes, <https://www.sqlite.org/rescode.html>: the low byte is the primary code.
fn by_code(code: i32, message: &str) -> StoreError {
    const IOERR_SHMSIZE: i32 = 4874;
    match (code, code & 0xff) {
        (IOERR_SHMSIZE, _) | (_, 13) => StoreError::Full,
        (_, 5 | 6) => StoreError::Locked,
        (_, 8) => StoreError::ReadOnly,
        (_, 11 | 26) => StoreError::Corrupt(message.to_owned()),
        (_, 10 | 14) => StoreError::Io(format!("{message} (code {code})")),
        _ => StoreError::Database(format!("{message} (code {code})")),
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(e) if e.is_unique_violation() => Self::Exists { what: "record" },
            sqlx::Error::Database(e) if e.is_foreign_key_violation() => Self::Orphan,
            sqlx::Error::Database(e) => {
                let code = e.code().and_then(|c| c.parse().ok()).unwrap_or(1);
                by_code(code, e.message())
            }
            sqlx::Error::PoolTimedOut => Self::Locked,
            sqlx::Error::Io(e) => Self::Io(e.to_string()),
            other => Self::Database(other.to_string()),
        }
    }
}
