//! A plan: what a run is about to do, as a value that can be printed, guarded and applied.

use serde::{Deserialize, Serialize};

use crate::{Oid, RefName};

crate::sync::words! {
    /// What happens to one ref.
    Action {
        /// It does not exist there yet.
        Create = "create",
        /// Its history goes on.
        FastForward = "fast_forward",
        /// Its history is replaced.
        Force = "force",
        /// It goes.
        Delete = "delete",
        /// Both sides are equal.
        Unchanged = "unchanged",
        /// It may not be done; the reason says why.
        Blocked = "blocked",
    } expected "create, fast_forward, force, delete, unchanged or blocked"
}
use crate::WordError;

impl Action {
    /// Whether something would be written.
    pub fn writes(self) -> bool {
        !matches!(self, Action::Unchanged | Action::Blocked)
    }
}

/// One ref of a plan. Absent oids are `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRef {
    /// Our ref.
    pub local: RefName,
    /// The ref on the receiving side.
    pub remote: RefName,
    /// What happens.
    pub action: Action,
    /// Where the receiving side stands, and must still stand when the plan is applied.
    pub old: Option<Oid>,
    /// Where it shall stand.
    pub new: Option<Oid>,
    /// Why, in a sentence; for `blocked` with the way out.
    pub reason: String,
}

/// What one run is about to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The refs, in order of name.
    pub refs: Vec<PlannedRef>,
}

impl Plan {
    /// The refs that would be written.
    pub fn writes(&self) -> impl Iterator<Item = &PlannedRef> {
        self.refs.iter().filter(|r| r.action.writes())
    }

    /// The refs that may not be written.
    pub fn blocked(&self) -> impl Iterator<Item = &PlannedRef> {
        self.refs.iter().filter(|r| r.action == Action::Blocked)
    }
}
