//! Whole stories with the real programs: what users do, from `coregit init` to commits on the far side.

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
