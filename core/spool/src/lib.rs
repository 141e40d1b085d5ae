//! The files between the hooks and the engine, in `<git dir>/coregit/`.
//!
//! | file | written by | read by |
//! |---|---|---|
//! | `policy.json` | the engine | the hooks |
//! | `fail-closed` | the engine: refuse pushes when the policy cannot be read | the hooks |
//! | `events/<event id>.json` | `post-receive` | the worker, which removes it |
//! | `events/damaged/` | the worker: events that nobody can read | people |
//! | `results/<event id>.json` | the worker | a `post-receive` that waits |
//! | `failure` | the worker: the last failure in one line | `post-receive` |
//!
//! Every write is atomic and durable: a new file in the same folder, fsync, rename, fsync of the
//! folder. No link is followed below the git dir, so nobody who may write there can make a hook
//! write elsewhere. This crate knows no git and no network; the datagram in [`wake`] stays on the
//! machine.

mod error;
mod event;
mod folder;
mod policy;
mod spool;
mod text;
pub mod wake;

pub use error::SpoolError;
pub use event::{Event, EventResult, EventWriter, Wanted};
pub use folder::write_atomic;
pub use policy::{Policy, ProtectedRef};
pub use spool::Spool;
