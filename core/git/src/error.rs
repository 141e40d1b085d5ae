//! What can go wrong with git, locally and on the wire; each error answers whether trying again is right.

use std::path::{Path, PathBuf};
use std::time::Duration;

use coregit_model::{ErrorClass, Oid, printable};

/// An error of git: the repository's, a child's, the network's or the other side's.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// A folder that is no repository, or one that cannot be read.
    #[error("{} cannot be opened as a git repository: {why}", path.display())]
    Open {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// An object that is not there.
    #[error("object {oid} is not in {}", path.display())]
    Missing {
        /// The object.
        oid: Oid,
        /// The repository.
        path: PathBuf,
    },
    /// An object of another kind than asked for, or one that cannot be taken apart.
    #[error("object {oid} cannot be read: {why}")]
    BadObject {
        /// The object.
        oid: Oid,
        /// What is wrong with it.
        why: String,
    },
    /// A ref that cannot be read, such as a file left empty by a power cut. It is no deleted ref.
    #[error("the refs of {} cannot be read: {why}", path.display())]
    BrokenRef {
        /// The repository.
        path: PathBuf,
        /// Which ref, and what is wrong with it.
        why: String,
    },
    /// A path that must not stand in a tree, or a tree or commit that cannot be written.
    #[error("{0}")]
    Unwritable(String),
    /// Something is over a limit.
    #[error("{what} is over the limit of {limit}")]
    TooLarge {
        /// What, with its size.
        what: String,
        /// The limit, with its unit.
        limit: String,
    },
    /// More files differ than the caller wants to look at; a tree bomb looks the same.
    #[error("more than {budget} entries differ")]
    DiffTooLarge {
        /// The budget.
        budget: usize,
    },
    /// A file or pipe failed.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A git command failed.
    #[error("git {command} failed ({status}){}", prefixed(stderr))]
    Child {
        /// The command's name.
        command: String,
        /// How it ended.
        status: String,
        /// What it said, printable and bounded.
        stderr: String,
    },
    /// The HTTP client's error.
    #[error(transparent)]
    Http(#[from] coregit_http::HttpError),
    /// The repository has another address now; nothing was sent there.
    #[error("the repository has moved to {to}")]
    Moved {
        /// The new address of the repository, without what git puts behind it; printable.
        to: String,
        /// Whether that is at the same origin; the token may be sent nowhere else.
        same_origin: bool,
    },
    /// The answer is no git protocol, or breaks off.
    #[error("the host's answer is not what git speaks: {0}")]
    Protocol(String),
    /// The other side ended the talk with a message of its own.
    #[error("the host says: {0}")]
    Remote(String),
    /// The two sides name objects by different hashes, or the server lacks what is needed.
    #[error("{0}")]
    Unsupported(String),
    /// The request was sent and no complete answer came: refs may have moved. List them again.
    #[error("{0}; whether the refs moved is not known")]
    EffectUnknown(Box<GitError>),
}

fn prefixed(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

impl GitError {
    /// The class of a host's answer; `None` when the cause is on our side.
    pub fn class(&self) -> Option<ErrorClass> {
        match self {
            GitError::Http(e) => Some(e.class()),
            GitError::Moved { .. } => Some(ErrorClass::Moved),
            GitError::Protocol(_) => Some(ErrorClass::Transient),
            GitError::Remote(text) => Some(crate::rejection::classify_fatal(text)),
            GitError::Unsupported(_) => Some(ErrorClass::Invalid),
            GitError::EffectUnknown(inner) => inner.class().or(Some(ErrorClass::Transient)),
            _ => None,
        }
    }

    /// Whether refs of the other side may have moved although this is an error.
    pub fn effect_unknown(&self) -> bool {
        matches!(self, GitError::EffectUnknown(_))
    }

    /// Whether the same call may succeed later with nobody doing anything.
    pub fn try_again(&self) -> bool {
        self.class().is_some_and(ErrorClass::try_again)
    }

    /// The host's name for the request, for its support.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            GitError::Http(e) => e.request_id(),
            GitError::EffectUnknown(inner) => inner.request_id(),
            _ => None,
        }
    }

    /// How long the host asks to wait.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            GitError::Http(e) => e.wait(),
            GitError::EffectUnknown(inner) => inner.wait(),
            _ => None,
        }
    }

    /// What mends it, where that is known here.
    pub fn hint(&self) -> Option<String> {
        match self {
            GitError::BrokenRef { .. } => {
                Some("`git fsck` names what is broken; restore or delete the ref".into())
            }
            GitError::Missing { .. } | GitError::BadObject { .. } => {
                Some("`git fsck --full` in that repository shows what is missing".into())
            }
            GitError::Moved { to, .. } => {
                Some(format!("if that is the same repository, point the sync at {to}"))
            }
            GitError::Http(e) => e.hint().map(str::to_owned),
            GitError::EffectUnknown(inner) => inner.hint(),
            _ => None,
        }
    }

    pub(crate) fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        GitError::Io { what: what.into(), source }
    }

    pub(crate) fn open(path: &Path, why: impl std::fmt::Display) -> Self {
        GitError::Open { path: path.to_owned(), why: printable(&why.to_string()) }
    }

    pub(crate) fn bad(oid: Oid, why: impl std::fmt::Display) -> Self {
        GitError::BadObject { oid, why: printable(&why.to_string()) }
    }

    pub(crate) fn protocol(what: impl std::fmt::Display) -> Self {
        GitError::Protocol(printable(&what.to_string().chars().take(300).collect::<String>()))
    }

    /// The same error of a request that asks for a change, unless it certainly changed nothing.
    pub(crate) fn after_sending(self) -> Self {
        match self {
            GitError::Http(e) if e.effect() != coregit_http::Effect::Unknown => GitError::Http(e),
            known @ (GitError::Moved { .. } | GitError::EffectUnknown(_)) => known,
            other => GitError::EffectUnknown(Box::new(other)),
        }
    }
}
