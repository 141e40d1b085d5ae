//! Plain git through `git-remote-coregit`, against real servers on loopback.
#![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

mod basics;
mod canary;
mod credentials;
mod desk;
mod hostile;
mod partial;
mod pushes;
mod refusals;
mod servers;
mod shallow;
