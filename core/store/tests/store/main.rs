//! The store over real SQLite files, real keys and real processes.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "these are tests")]

mod canary;
mod claims;
mod connections;
mod disk;
mod export;
mod finish;
mod home;
mod identity;
mod keyring;
mod kill;
mod ledger;
mod repos;
mod runs;
mod support;
mod syncs;
mod triggers;
