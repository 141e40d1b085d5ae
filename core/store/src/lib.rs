//! Records and secrets: one SQLite file in the home folder, and an age-wrapped keyring that seals the
//! tokens in it.
//!
//! Decides nothing: what a sync does is the engine's. Every write is one short transaction, durable when it
//! returns; a kill or a power cut at any moment leaves it whole or not at all. `FORMAT.md` says how another
//! program opens what is sealed.

mod bases;
mod budgets;
mod claims;
mod connections;
mod derive;
mod error;
mod files;
mod finish;
mod holders;
mod holds;
mod identity;
mod identity_format;
mod intents;
mod keyring;
mod migrate;
mod receipts;
mod recipient;
mod repos;
mod rotation;
mod row;
mod runs;
mod seal;
mod sealed_columns;
mod store;
mod syncs;
mod tokens;
mod triggers;

pub use bases::{Base, BaseKey, remote_key};
pub use budgets::BudgetState;
pub use claims::Claim;
pub use connections::Found;
pub use error::StoreError;
pub use finish::FinishedRun;
pub use holds::Hold;
pub use identity::{Ask, IdentityError};
pub use intents::Intent;
pub use recipient::{Recipient, RecipientError};
pub use seal::SealError;
pub use sealed_columns::{FieldReport, KeyReport, KeyringReport};
pub use store::{Options, Store};
pub use syncs::SyncRetry;
pub use triggers::{Taken, Waiter};
