//! coregit-check
