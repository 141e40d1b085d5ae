//! git: the one place that starts it, smart HTTP, reading objects and diffing trees.
//!
//! Knows repositories, objects, refs and the wire; knows no sync, no provider's API and no database.

mod ancestry;
mod child;
mod commit;
mod convert;
mod diff;
mod error;
mod inspect;
mod objects;
mod refs;
mod repo;
mod shadow;
mod write;

pub use commit::{CommitFlaw, CommitParts, Signature};
pub use diff::TreeChange;
pub use error::GitError;
pub use inspect::Adoption;
pub use objects::{Entry, ObjectKind, TreeEntry};
pub use repo::Repo;
