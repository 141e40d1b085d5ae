//! coregit-store
