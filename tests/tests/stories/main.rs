//! Whole stories with the real programs: what users do, from `coregit init` to commits on the far side.

mod connections;
mod export;
mod homes;
mod hooks;
mod secrets;
