//! Sync configs: the link between a repository of ours and one remote repository.

use serde::{Deserialize, Serialize};

use crate::{BranchName, ConnectionId, Oid, Refspecs, RemoteRepo, RepoId, SyncId, Timestamp};

/// A word where one of a few was expected.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{word:?} is not known; expected {expected}")]
pub struct WordError {
    /// What was given.
    pub word: String,
    /// What was expected.
    pub expected: &'static str,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ } expected $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// The word that options, records and JSON use.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = WordError;
            fn from_str(text: &str) -> Result<Self, WordError> {
                match text {
                    $($word => Ok($name::$variant),)+
                    _ => Err(WordError { word: crate::printable(text), expected: $expected }),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// Which side is written.
    Direction {
        /// Theirs to ours.
        Import = "import",
        /// Ours to theirs.
        Export = "export",
    } expected "import or export"
}
words! {
    /// What one run makes on the other side.
    Mode {
        /// One branch, one commit per run holding all changes.
        Snapshot = "snapshot",
        /// Commits, tags and branches as they are, with the same ids.
        History = "history",
    } expected "snapshot or history"
}
words! {
    /// The road to the host.
    Via {
        /// The better one for this run; the other when that one is closed.
        Auto = "auto",
        /// Smart HTTP.
        Git = "git",
        /// The provider's REST API.
        Api = "api",
    } expected "auto, git or api"
}
words! {
    /// What to do when both sides moved.
    OnDivergence {
        /// Merge trees by whole path.
        Merge = "merge",
        /// Change nothing and say so.
        Stop = "stop",
        /// Make theirs exactly ours, with a lease, after a backup.
        Overwrite = "overwrite",
    } expected "merge, stop or overwrite"
}
words! {
    /// Whose version of a path stays when both sides changed it.
    Conflict {
        /// Nobody's: stop.
        Stop = "stop",
        /// Ours.
        Local = "local",
        /// Theirs.
        Remote = "remote",
    } expected "stop, local or remote"
}
words! {
    /// Whether refs that are gone here are deleted there.
    Prune {
        /// Never.
        Never = "never",
        /// Those that this sync created or updated.
        Managed = "managed",
    } expected "never or managed"
}
words! {
    /// What happens to large files kept by git-lfs.
    Lfs {
        /// Objects move before refs.
        Sync = "sync",
        /// Pointers move, objects stay.
        Skip = "skip",
    } expected "sync or skip"
}
words! {
    /// Whether a sync runs.
    SyncState {
        /// It runs when there is a reason.
        Active = "active",
        /// Paused by a person.
        Paused = "paused",
        /// Stopped by coregit until somebody decides (another repository under the name, a revoked token …).
        Held = "held",
    } expected "active, paused or held"
}

/// How much one run may delete or force before it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// Most refs that one run may delete or force.
    pub refs: u32,
    /// Most of a tree, in percent, that a run may delete (counted when more than 1,000 files would go).
    pub percent: u8,
}

impl Default for Guard {
    fn default() -> Self {
        Self { refs: 20, percent: 50 }
    }
}

/// The link between one repository of ours and one remote repository (`design/sync.md`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncConfig {
    /// Its id.
    pub id: SyncId,
    /// Our repository.
    pub repo_id: RepoId,
    /// The connection to the host.
    pub connection_id: ConnectionId,
    /// Unique in its repository.
    pub label: String,
    /// Their repository.
    pub remote: RemoteRepo,
    /// Their repository's numeric id, once it was seen.
    pub remote_id: Option<u64>,
    /// Which side is written.
    pub direction: Direction,
    /// What a run makes.
    pub mode: Mode,
    /// The road.
    pub via: Via,
    /// The branch, for snapshots.
    pub branch: BranchName,
    /// The refs, for history.
    pub refs: Refspecs,
    /// Both sides moved.
    pub on_divergence: OnDivergence,
    /// The same path changed on both sides.
    pub conflict: Conflict,
    /// Whether refs that an import writes are kept from pushes.
    pub protect: bool,
    /// Deleting there what is gone here.
    pub prune: Prune,
    /// What needs an approval.
    pub guard: Guard,
    /// A tag that moved on the sending side moves on the other.
    pub accept_tag_move: bool,
    /// Runs after every push.
    pub auto_sync: bool,
    /// Large files.
    pub lfs: Lfs,
    /// Reconcile at least this often, in seconds; `None`: never.
    pub interval_s: Option<u32>,
    /// Whether it runs.
    pub state: SyncState,
    /// Their commit at which both sides were last proved equal.
    pub last_synced_sha: Option<Oid>,
    /// When that was.
    pub last_synced_at: Option<Timestamp>,
    /// What went wrong last, and not since then right.
    pub last_error: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
