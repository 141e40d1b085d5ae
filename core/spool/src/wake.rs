//! The datagram that tells a running worker to look at a repository's spool.
//!
//! It says nothing but which repository; what happened stands in the spool. A datagram that is lost
//! costs latency, never an event.

use std::io::{self, ErrorKind};
use std::os::unix::net::{SocketAddr, UnixDatagram};
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
    send_at(&SocketAddr::from_pathname(socket)?, repo)
}

/// Tells the worker of this home the same, for a user who may not enter the home. Another program can
/// listen in its place: an `Ok` is no proof that a worker runs.
pub fn send_open(home: &Path, owner_uid: u32, repo: &RepoId) -> io::Result<()> {
    send_at(&open_address(home, owner_uid)?, repo)
}

/// Where the worker of this home listens for [`send_open`].
pub fn bind_open(home: &Path, owner_uid: u32) -> io::Result<UnixDatagram> {
    UnixDatagram::bind_addr(&open_address(home, owner_uid)?)
}

fn send_at(address: &SocketAddr, repo: &RepoId) -> io::Result<()> {
    let sender = UnixDatagram::unbound()?;
    sender.set_nonblocking(true)?;
    let until = Instant::now() + PATIENCE;
    loop {
        match sender.send_to_addr(repo.as_str().as_bytes(), address) {
            Ok(_) => return Ok(()),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if e.kind() != ErrorKind::WouldBlock => return Err(e),
            Err(_) if Instant::now() >= until => return Ok(()),
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// A name of the machine, not of a file system: a home is 0700, and a socket in it out of reach of others.
/// The home stands in it as its FNV-1a, because such a name has at most 107 bytes.
#[cfg(target_os = "linux")]
fn open_address(home: &Path, owner_uid: u32) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = home.as_os_str().as_encoded_bytes().iter().fold(0xcbf2_9ce4_8422_2325, step);
    SocketAddr::from_abstract_name(format!("coregit/{owner_uid}/{hash:016x}"))
}

/// Only Linux has such names.
#[cfg(not(target_os = "linux"))]
fn open_address(_: &Path, _: u32) -> io::Result<SocketAddr> {
    Err(ErrorKind::Unsupported.into())
}

/// The repository that a received datagram names; `None` when it is not one of ours.
pub fn read(datagram: &[u8]) -> Option<RepoId> {
    RepoId::parse(std::str::from_utf8(datagram).ok()?)
}
