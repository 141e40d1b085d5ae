//! What kind of trouble an answer of a host means, and whether trying again is right.

use serde::{Deserialize, Serialize};

/// The class of a host's refusal or failure (`design/sync.md`, "Errors that a host gives").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The token is wrong, expired or revoked.
    Auth,
    /// The token is good but may not do this.
    Scope,
    /// The token needs a single-sign-on authorisation.
    Sso,
    /// A limit of the host; the wait comes from its headers.
    Rate,
    /// The repository is missing or hidden from this token.
    NotFound,
    /// The repository has another name or another id now.
    Moved,
    /// Somebody else moved the ref.
    Conflict,
    /// A branch protection, ruleset or server hook said no.
    RejectedByRule,
    /// An object, pack or request is over the host's limit.
    TooLarge,
    /// The network or the host failed; the same request may pass later.
    Transient,
    /// The request or the answer made no sense.
    Invalid,
}

impl ErrorClass {
    /// Whether the same request may succeed later with nobody doing anything.
    pub fn try_again(self) -> bool {
        matches!(self, ErrorClass::Rate | ErrorClass::Transient)
    }

    /// The word that records and JSON use.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorClass::Auth => "auth",
            ErrorClass::Scope => "scope",
            ErrorClass::Sso => "sso",
            ErrorClass::Rate => "rate",
            ErrorClass::NotFound => "not_found",
            ErrorClass::Moved => "moved",
            ErrorClass::Conflict => "conflict",
            ErrorClass::RejectedByRule => "rejected_by_rule",
            ErrorClass::TooLarge => "too_large",
            ErrorClass::Transient => "transient",
            ErrorClass::Invalid => "invalid",
        }
    }
}

impl std::fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
