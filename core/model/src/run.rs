//! Sync runs, what became of each ref, and receipts.

use serde::{Deserialize, Serialize};

use crate::{Action, Direction, ErrorClass, Oid, RefName, RepoId, RunId, SyncId, Timestamp, WordError};

crate::sync::words! {
    /// How a run stands.
    RunStatus {
        /// Under way (or its worker died, until the lease ends).
        Running = "running",
        /// Both sides are as planned.
        Success = "success",
        /// There was nothing to do.
        Skipped = "skipped",
        /// It failed, wholly or for some refs.
        Error = "error",
    } expected "running, success, skipped or error"
}
crate::sync::words! {
    /// What became of one ref.
    RefStatus {
        /// It stands as planned.
        Ok = "ok",
        /// Nothing was to be done.
        UpToDate = "up_to_date",
        /// The far side or a guard refused it.
        Rejected = "rejected",
    } expected "ok, up_to_date or rejected"
}

/// What became of one ref.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefResult {
    /// The ref on the receiving side.
    pub name: RefName,
    /// What was planned.
    pub action: Action,
    /// Where it stood.
    pub old: Option<Oid>,
    /// Where it was to stand.
    pub new: Option<Oid>,
    /// What became of it.
    pub status: RefStatus,
    /// The reason of a refusal, printable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a run cost and changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Files created or updated on the receiving side.
    pub files_changed: u64,
    /// Files deleted on the receiving side.
    pub deleted: u64,
    /// HTTP requests made.
    pub requests: u32,
    /// Bytes sent.
    pub bytes_sent: u64,
}

/// One execution of a sync.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRun {
    /// Its id.
    pub id: RunId,
    /// Its sync.
    pub sync_id: SyncId,
    /// Its repository.
    pub repo_id: RepoId,
    /// Which side was written.
    pub direction: Direction,
    /// How it stands.
    pub status: RunStatus,
    /// One sentence; never empty.
    pub message: String,
    /// The class of its error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<ErrorClass>,
    /// Their head after it.
    pub remote_sha: Option<Oid>,
    /// The commit that it made, or where the branch was moved to.
    pub commit_sha: Option<Oid>,
    /// What it cost and changed.
    #[serde(flatten)]
    pub counts: Counts,
    /// What became of each ref that was not already equal.
    pub refs: Vec<RefResult>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
}

/// One ref in a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptRef {
    /// Our ref.
    pub local: RefName,
    /// Where it stood here.
    pub local_oid: Option<Oid>,
    /// Their ref.
    pub remote: RefName,
    /// Where it stood there.
    pub remote_oid: Option<Oid>,
}

/// The proof that both sides were equal at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The run that left them so; `None` for a later verify.
    pub run_id: Option<RunId>,
    /// When they were compared.
    pub verified_at: Timestamp,
    /// The refs, in order of name.
    pub refs: Vec<ReceiptRef>,
    /// SHA-256 over `<remote ref> SP <remote oid> LF` of every ref, in hex.
    pub fingerprint: String,
}
