//! The request log: what arrived, what it cost, how much of it at once.

use std::sync::atomic::{AtomicU16, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// One request as the forge saw it. The token's value is never in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Order of arrival, from 1.
    pub seq: u64,
    /// `GET`, `POST` …
    pub method: String,
    /// The path as sent, without the query.
    pub path: String,
    /// The query as sent.
    pub query: String,
    /// The label of the token that came with it; empty without one, `?` for an unknown one.
    pub token: String,
    /// The client's `User-Agent`.
    pub agent: String,
    /// The answer's status; 0 when the connection was cut before one.
    pub status: u16,
    /// Bytes of body that arrived.
    pub bytes_in: u64,
    /// Bytes of body that were sent.
    pub bytes_out: u64,
    /// The body, for API requests of at most 64 KiB of text.
    pub body: Option<String>,
    /// Whether it changes something: a writing REST method, a GraphQL mutation, a receive-pack.
    pub mutating: bool,
    /// How many requests were under way when it arrived, itself included.
    pub in_flight: usize,
    /// When it arrived, microseconds since the forge started, real time.
    pub began_us: u64,
    /// When its answer was out, in the same measure; 0 while under way.
    pub ended_us: u64,
    /// The fault that it met, in words.
    pub fault: Option<String>,
}

/// Counts over a piece of the log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// All requests.
    pub requests: usize,
    /// Those that change something.
    pub mutating: usize,
    /// Most requests under way at once.
    pub peak: usize,
    /// Bytes of request bodies.
    pub bytes_in: u64,
    /// Bytes of answer bodies.
    pub bytes_out: u64,
}

/// The log, shared by all connections.
pub(super) struct RequestLog {
    started: Instant,
    entries: Mutex<Vec<Arc<Entry>>>,
    in_flight: AtomicUsize,
    seq: AtomicU64,
}

/// A request under way or done.
pub(super) struct Entry {
    fixed: Request,
    status: AtomicU16,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    ended_us: AtomicU64,
    late: Mutex<Late>,
}

/// What is known only when the body has been read.
#[derive(Default)]
struct Late {
    body: Option<String>,
    mutation: bool,
    fault: Option<String>,
}

impl RequestLog {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            entries: Mutex::new(Vec::new()),
            in_flight: AtomicUsize::new(0),
            seq: AtomicU64::new(0),
        }
    }

    /// Notes a request's arrival; it is under way until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>, mut fixed: Request) -> Underway {
        fixed.seq = self.seq.fetch_add(1, Relaxed) + 1;
        fixed.in_flight = self.in_flight.fetch_add(1, Relaxed) + 1;
        fixed.began_us = self.micros();
        let entry = Arc::new(Entry {
            fixed,
            status: AtomicU16::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            ended_us: AtomicU64::new(0),
            late: Mutex::new(Late::default()),
        });
        self.entries.lock().expect("no panic under this lock").push(entry.clone());
        Underway { log: self.clone(), entry }
    }

    /// Requests under way now.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Relaxed)
    }

    /// All requests since the last reset, in order of arrival.
    pub(super) fn requests(&self) -> Vec<Request> {
        let entries = self.entries.lock().expect("no panic under this lock");
        entries.iter().map(|e| e.snapshot()).collect()
    }

    /// Forgets everything; numbers go on.
    pub(super) fn reset(&self) {
        self.entries.lock().expect("no panic under this lock").clear();
    }

    fn micros(&self) -> u64 {
        self.started.elapsed().as_micros() as u64
    }
}

impl Entry {
    pub(super) fn set_status(&self, status: u16) {
        self.status.store(status, Relaxed);
    }

    pub(super) fn add_in(&self, bytes: u64) {
        self.bytes_in.fetch_add(bytes, Relaxed);
    }

    pub(super) fn add_out(&self, bytes: u64) {
        self.bytes_out.fetch_add(bytes, Relaxed);
    }

    /// Keeps a small text body.
    pub(super) fn set_body(&self, body: &[u8]) {
        if body.is_empty() || body.len() > 64 * 1024 {
            return;
        }
        let text = std::str::from_utf8(body).ok().map(str::to_owned);
        self.late.lock().expect("no panic under this lock").body = text;
    }

    /// Marks a GraphQL mutation.
    pub(super) fn set_mutation(&self) {
        self.late.lock().expect("no panic under this lock").mutation = true;
    }

    pub(super) fn set_fault(&self, words: String) {
        self.late.lock().expect("no panic under this lock").fault = Some(words);
    }

    fn snapshot(&self) -> Request {
        let late = self.late.lock().expect("no panic under this lock");
        Request {
            status: self.status.load(Relaxed),
            bytes_in: self.bytes_in.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            ended_us: self.ended_us.load(Relaxed),
            body: late.body.clone(),
            mutating: self.fixed.mutating || late.mutation,
            fault: late.fault.clone(),
            ..self.fixed.clone()
        }
    }
}

/// A request under way; dropped when the last byte of its answer is out.
pub(super) struct Underway {
    log: Arc<RequestLog>,
    pub(super) entry: Arc<Entry>,
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.entry.ended_us.store(self.log.micros().max(1), Relaxed);
        self.log.in_flight.fetch_sub(1, Relaxed);
    }
}

/// Counts over requests, such as those of `Forge::requests` or a filtered part of them.
pub fn summary(requests: &[Request]) -> Summary {
    Summary {
        requests: requests.len(),
        mutating: requests.iter().filter(|r| r.mutating).count(),
        peak: peak(requests),
        bytes_in: requests.iter().map(|r| r.bytes_in).sum(),
        bytes_out: requests.iter().map(|r| r.bytes_out).sum(),
    }
}

/// Most of these requests under way at once.
fn peak(requests: &[Request]) -> usize {
    let mut edges: Vec<(u64, i64)> = Vec::with_capacity(requests.len() * 2);
    for request in requests {
        edges.push((request.began_us, 1));
        edges.push((if request.ended_us == 0 { u64::MAX } else { request.ended_us }, -1));
    }
    edges.sort_unstable();
    let mut now = 0;
    edges.iter().map(|(_, step)| (now += step, now).1).max().unwrap_or(0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_counts_overlapping_requests() {
        let at = |began_us, ended_us| Request { began_us, ended_us, ..Request::default() };
        assert_eq!(summary(&[at(1, 5), at(2, 6), at(6, 7), at(3, 4)]).peak, 3);
        assert_eq!(summary(&[]).peak, 0);
    }
}
