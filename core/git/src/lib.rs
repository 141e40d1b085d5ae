//! git: the one place that starts it, smart HTTP, reading objects and diffing trees.
//!
//! Knows repositories, objects, refs and the wire; knows no sync, no provider's API and no database.

mod ancestry;
mod backup;
mod child;
mod commit;
mod convert;
mod diff;
mod error;
mod fetch;
mod indexing;
mod inspect;
mod objects;
mod pack;
mod packets;
mod push;
mod refs;
mod rejection;
mod remote;
mod repo;
mod settings;
mod shadow;
mod version;
mod wire;
mod write;

pub use backup::Backup;
pub use commit::{CommitFlaw, CommitParts, Signature};
pub use diff::TreeChange;
pub use error::GitError;
pub use fetch::Fetched;
pub use inspect::Adoption;
pub use objects::{Entry, ObjectKind, TreeEntry};
pub use rejection::classify_rejection;
pub use remote::Remote;
pub use repo::Repo;
pub use settings::{config_value, hooks_path, set_config_value};
pub use version::git_version;
pub use wire::advertisement::{Advertisement, Capabilities};
pub use wire::commands::Push;
pub use wire::fetch::{Depth, Fetch};
pub use wire::listing::Listing;
pub use wire::report::{PushReport, RefOutcome};
