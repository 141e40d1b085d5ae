//! Waking the worker: a datagram to one that runs, or a drain of our own. Nothing that is started here
//! holds the push.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use coregit_spool::{Policy, Wanted, wake};

use crate::child;

/// Who will take the event up.
#[derive(Debug)]
pub(crate) enum Woken {
    /// A running worker.
    Worker,
    /// A drain that was started.
    Drain,
    /// Nobody was asked to: the pusher wants no sync now.
    Later,
    /// Nobody: we are not the owner, and no worker of theirs runs.
    Nobody,
    /// Nobody: the drain could not be started.
    Failed(io::Error),
}

/// Wakes whoever serves this repository.
pub(crate) fn wake(policy: &Policy, git_dir: &Path, wanted: Wanted) -> Woken {
    if wake::send(&policy.socket, &policy.repo_id).is_ok() {
        return Woken::Worker;
    }
    let is_owner = rustix::process::geteuid().as_raw() == policy.owner_uid;
    // The owner's own socket is the better proof: where that is silent, a drain is due.
    if !is_owner && wake::send_open(&policy.home, policy.owner_uid, &policy.repo_id).is_ok() {
        return Woken::Worker;
    }
    if wanted == Wanted::Skip {
        return Woken::Later;
    }
    if !is_owner {
        return Woken::Nobody;
    }
    match drain(policy, git_dir) {
        Ok(()) => Woken::Drain,
        Err(error) => Woken::Failed(error),
    }
}

/// Starts a drain that outlives us: in a process group of its own, and with no stream of the push in its
/// hands (a child that holds one holds the push). It says in `HOME/log` what it has to say.
fn drain(policy: &Policy, git_dir: &Path) -> io::Result<()> {
    let mut command = Command::new(&policy.coregit);
    child::bare_environment(&mut command)
        .env("HOME", std::env::var_os("HOME").unwrap_or_else(|| policy.home.clone().into()))
        .env("COREGIT_HOME", &policy.home)
        .args(["worker", "--drain", "--repo"])
        .arg(git_dir)
        .arg("--home")
        .arg(&policy.home)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    command.spawn().map(drop)
}
