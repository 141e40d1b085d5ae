//! The datagram that tells a running worker to look at a repository's spool.
//!
//! It says nothing but which repository; what happened stands in the spool. A datagram that is lost
//! costs latency, never an event.

use std::io::{self, ErrorKind};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use coregit_model::RepoId;

/// Most bytes in a datagram of ours.
pub const MAX_LEN: usize = 128;

/// How long a full queue of a living worker is waited for.
const PATIENCE: Duration = Duration::from_millis(50);

/// Tells the worker that listens on `socket` to look at this repository. `Ok`: a worker runs (it took
/// the datagram, or has so many before it that its queue is full). An error: none does, or it is not
/// ours to wake.
pub fn send(socket: &Path, repo: &RepoId) -> io::Result<()> {
    let sender = UnixDatagram::unbound()?;
    sender.set_nonblocking(true)?;
    let until = Instant::now() + PATIENCE;
    loop {
        match sender.send_to(repo.as_str().as_bytes(), socket) {
            Ok(_) => return Ok(()),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if e.kind() != ErrorKind::WouldBlock => return Err(e),
            Err(_) if Instant::now() >= until => return Ok(()),
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// The repository that a received datagram names; `None` when it is not one of ours.
pub fn read(datagram: &[u8]) -> Option<RepoId> {
    RepoId::parse(std::str::from_utf8(datagram).ok()?)
}
