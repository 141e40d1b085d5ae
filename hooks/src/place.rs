//! Where a hook runs: the repository, the hook's own folder, and the policy.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use coregit_spool::{Policy, Spool, SpoolError};

use crate::child;

/// Which hook git called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// `pre-receive`.
    PreReceive,
    /// `update`.
    Update,
    /// `post-receive`.
    PostReceive,
}

impl Hook {
    /// git's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Hook::PreReceive => "pre-receive",
            Hook::Update => "update",
            Hook::PostReceive => "post-receive",
        }
    }
}

/// Where a hook runs.
pub(crate) struct Place {
    /// The hook.
    pub(crate) hook: Hook,
    /// The repository's git dir: absolute, links resolved.
    pub(crate) git_dir: PathBuf,
    /// Its spool.
    pub(crate) spool: Spool,
    /// The folder of the link that git ran; `None` when the hook was not run by a path.
    pub(crate) folder: Option<PathBuf>,
}

/// What stands over a push.
pub(crate) enum Held {
    /// A policy.
    Policy(Box<Policy>),
    /// Nothing: the repository is not ours.
    NotOurs,
    /// It is ours, and its policy cannot be read: pushes pass.
    Open(SpoolError),
    /// The policy cannot be read, and the configuration says to refuse then.
    Closed(SpoolError),
}

impl Place {
    /// Finds the repository from what git set (`GIT_DIR=.` and the working folder), before anything
    /// changes either.
    pub(crate) fn find(hook: Hook, invoked: &Path) -> io::Result<Self> {
        let named = std::env::var_os("GIT_DIR").filter(|d| !d.is_empty());
        let git_dir = common_dir(named.map_or_else(|| PathBuf::from("."), PathBuf::from).canonicalize()?)?;
        let folder = invoked.parent().filter(|p| !p.as_os_str().is_empty());
        let folder = folder.map(std::path::absolute).transpose()?;
        Ok(Self { hook, spool: Spool::at(&git_dir), git_dir, folder })
    }

    /// The policy, or what goes without one.
    pub(crate) fn held(&self) -> Held {
        match self.spool.policy() {
            Ok(policy) => Held::Policy(Box::new(policy)),
            Err(error) if self.spool.exists() => {
                match self.spool.fails_closed() || child::fail_closed(&self.git_dir) {
                    true => Held::Closed(error),
                    false => Held::Open(error),
                }
            }
            Err(error) if self.mentions_fail_closed() && child::fail_closed(&self.git_dir) => {
                Held::Closed(error)
            }
            Err(_) => Held::NotOurs,
        }
    }

    /// A cheap look before a child is started in a repository that is probably not ours.
    fn mentions_fail_closed(&self) -> bool {
        let mut config = Vec::new();
        let read = std::fs::File::open(self.git_dir.join("config"))
            .and_then(|file| file.take(1 << 20).read_to_end(&mut config));
        let word: &[u8] = b"failclosed";
        read.is_ok() && config.windows(word.len()).any(|w| w.eq_ignore_ascii_case(word))
    }
}

/// A linked worktree's folder names the one that refs and objects lie in.
fn common_dir(git_dir: PathBuf) -> io::Result<PathBuf> {
    match std::fs::read_to_string(git_dir.join("commondir")) {
        Ok(text) => git_dir.join(text.trim_end_matches('\n')).canonicalize(),
        Err(_) => Ok(git_dir),
    }
}
