//! The integration tests of the workspace, one binary.

mod providers;
