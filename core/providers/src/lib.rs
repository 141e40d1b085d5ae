//! coregit-providers
