//! coregit-spool
