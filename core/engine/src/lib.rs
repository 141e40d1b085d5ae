//! coregit-engine
