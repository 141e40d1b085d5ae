//! What went wrong, for the doors: a kind, a sentence and a hint.

use std::time::Duration;

use coregit_model::ErrorClass;

/// What kind of failure it is; the command line turns it into an exit code, the server into a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// It did not work.
    Failed,
    /// The request made no sense; nothing was changed.
    Usage,
    /// What was named does not exist.
    NotFound,
    /// It exists already, or somebody else holds it.
    Conflict,
    /// coregit declined: diverged, guard, conflict, policy.
    Refused,
    /// The provider or the network cannot be reached; try later.
    Unreachable,
    /// A mistake in coregit itself.
    Bug,
}

/// An error as users see it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{sentence}")]
pub struct Error {
    /// Its kind.
    pub kind: ErrorKind,
    /// What happened, in one sentence.
    pub sentence: String,
    /// What mends it.
    pub hint: Option<String>,
    /// The class of a host's answer, when a host gave one.
    pub class: Option<ErrorClass>,
    /// How long the host asks to wait.
    pub wait: Option<Duration>,
    /// Whether the request may have taken effect although no answer came.
    pub effect_unknown: bool,
}

impl Error {
    /// An error of this kind.
    pub fn new(kind: ErrorKind, sentence: impl Into<String>) -> Self {
        Self { kind, sentence: sentence.into(), hint: None, class: None, wait: None, effect_unknown: false }
    }

    /// It did not work.
    pub fn failed(sentence: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, sentence)
    }

    /// The request made no sense.
    pub fn usage(sentence: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, sentence)
    }

    /// coregit declined.
    pub fn refused(sentence: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, sentence)
    }

    /// What was named does not exist.
    pub fn not_found(sentence: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, sentence)
    }

    /// The same error with what mends it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error with a class.
    pub fn class(mut self, class: ErrorClass) -> Self {
        self.class = Some(class);
        self
    }

    /// Whether the same may work later with nobody doing anything.
    pub fn try_again(&self) -> bool {
        self.class.is_some_and(ErrorClass::try_again)
    }
}

/// The kind that a class of a host's answer stands for.
pub(crate) fn kind_of(class: ErrorClass) -> ErrorKind {
    match class {
        ErrorClass::Rate | ErrorClass::Transient => ErrorKind::Unreachable,
        ErrorClass::Conflict => ErrorKind::Refused,
        _ => ErrorKind::Failed,
    }
}

impl From<coregit_git::GitError> for Error {
    fn from(error: coregit_git::GitError) -> Self {
        let kind = error.class().map_or(ErrorKind::Failed, kind_of);
        Self {
            hint: error.hint(),
            class: error.class(),
            wait: error.wait(),
            effect_unknown: error.effect_unknown(),
            ..Self::new(kind, error.to_string())
        }
    }
}

impl From<coregit_http::HttpError> for Error {
    fn from(error: coregit_http::HttpError) -> Self {
        Self {
            hint: error.hint().map(str::to_owned),
            class: Some(error.class()),
            wait: error.wait(),
            effect_unknown: error.effect() == coregit_http::Effect::Unknown,
            ..Self::new(kind_of(error.class()), error.to_string())
        }
    }
}

impl From<coregit_spool::SpoolError> for Error {
    fn from(error: coregit_spool::SpoolError) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<coregit_store::StoreError> for Error {
    fn from(error: coregit_store::StoreError) -> Self {
        use coregit_store::StoreError;
        let kind = match &error {
            StoreError::NotFound { .. } => ErrorKind::NotFound,
            StoreError::Exists { .. } | StoreError::Changed { .. } => ErrorKind::Conflict,
            _ => ErrorKind::Failed,
        };
        let class = error.try_again().then_some(ErrorClass::Transient);
        Self { hint: error.hint(), class, ..Self::new(kind, error.to_string()) }
    }
}
