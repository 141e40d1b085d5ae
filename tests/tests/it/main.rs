//! The integration tests of the workspace, one binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "what is not tried on this machine is said")]

mod providers;
