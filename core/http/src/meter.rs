//! What a run costs: requests and bytes.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters that a [`Client`](crate::Client) adds to; see [`Client::metered`](crate::Client::metered).
/// Every try counts: what is repeated costs twice.
#[derive(Debug, Default)]
pub struct Meter {
    requests: AtomicU64,
    mutating: AtomicU64,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Requests that went out.
    pub requests: u64,
    /// Those among them that ask for a change.
    pub mutating: u64,
    /// Bytes of request bodies.
    pub bytes_sent: u64,
    /// Bytes of answer bodies.
    pub bytes_received: u64,
}

impl Meter {
    /// The counters now.
    pub fn read(&self) -> Counted {
        Counted {
            requests: self.requests.load(Relaxed),
            mutating: self.mutating.load(Relaxed),
            bytes_sent: self.bytes_sent.load(Relaxed),
            bytes_received: self.bytes_received.load(Relaxed),
        }
    }

    /// Requests that went out.
    pub fn requests(&self) -> u64 {
        self.read().requests
    }

    pub(crate) fn request(&self, mutating: bool) {
        self.requests.fetch_add(1, Relaxed);
        self.mutating.fetch_add(u64::from(mutating), Relaxed);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.bytes_sent.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.bytes_received.fetch_add(bytes as u64, Relaxed);
    }
}
