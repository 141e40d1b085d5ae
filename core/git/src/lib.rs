//! coregit-git
