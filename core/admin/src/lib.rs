//! coregit
