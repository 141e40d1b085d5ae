//! coregit-tests
