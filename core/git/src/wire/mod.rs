//! git's smart protocol as pure values: what is asked, what is answered. No I/O here.
//!
//! Formats: gitprotocol-pack(5), gitprotocol-v2(5), gitprotocol-http(5).

pub(crate) mod advertisement;
pub(crate) mod commands;
pub(crate) mod fetch;
pub(crate) mod listing;
pub(crate) mod pkt;
pub(crate) mod report;

/// What we call ourselves.
pub(crate) const AGENT: &str = concat!("agent=coregit/", env!("CARGO_PKG_VERSION"));
