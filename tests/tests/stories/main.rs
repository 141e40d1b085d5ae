//! Whole stories with the real programs: what users do, from `coregit init` to commits on the far side.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "what is not tried on this machine is said")]

mod connections;
mod export;
mod gitolite;
mod homes;
mod hooks;
mod layouts;
mod powercut;
mod secrets;
mod tokens;
mod users;
