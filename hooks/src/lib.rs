//! coregit-hooks
