//! What a provider says of tokens and repositories.

use coregit_model::{BranchName, RemoteRepo, Timestamp, TokenKind};
use serde::Serialize;

/// Who a token belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// The login; `slug[bot]` for an App. Printable.
    pub username: String,
    /// The kind of token.
    pub kind: TokenKind,
    /// Scopes of a classic or OAuth token (`repo`); permissions of an App (`contents:write`). Empty where
    /// the provider does not say.
    pub scopes: Vec<String>,
    /// When the token ends, where the provider says so. Advice, not a promise.
    pub expires_at: Option<Timestamp>,
    /// The App's installation, where there is one.
    pub installation_id: Option<u64>,
    /// Something that its owner should know.
    pub note: Option<String>,
}

/// A repository at its host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Repository {
    /// Its numeric id: stays through renames and transfers.
    pub id: u64,
    /// Its id in GraphQL.
    pub node_id: String,
    /// `owner/name` as it is now.
    pub full_name: String,
    /// The name now, when it is another than the one asked for.
    pub renamed_to: Option<RemoteRepo>,
    /// Whether it is not public.
    pub private: bool,
    /// Whether it takes no writes any more.
    pub archived: bool,
    /// Whether the host switched it off.
    pub disabled: bool,
    /// The default branch, which need not exist.
    pub default_branch: Option<BranchName>,
    /// Size in KiB as the host counts, some time ago; 0 for an empty or very new one.
    pub size_kib: u64,
    /// Whether the token's owner may read it; `None` where the host does not say.
    pub pull: Option<bool>,
    /// Whether its owner may write to it (the token itself may be allowed less).
    pub push: Option<bool>,
    /// Whether its owner may administer it.
    pub admin: Option<bool>,
}

/// What a token may do with one repository; `None` where it cannot be told by reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rights {
    /// Fetch.
    pub read: Option<bool>,
    /// Push.
    pub write: Option<bool>,
    /// Register webhooks.
    pub hooks: Option<bool>,
    /// Change `.github/workflows`.
    pub workflows: Option<bool>,
}

/// A rule that holds for a branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its type in the host's words, such as `non_fast_forward` or `pull_request`.
    pub kind: String,
    /// The ruleset it comes from, by number.
    pub ruleset_id: Option<u64>,
}
