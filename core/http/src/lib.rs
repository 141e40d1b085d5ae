//! coregit-http
