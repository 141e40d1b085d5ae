//! `coregit::SLUG`: a repository of this home, served by git itself; its hooks see a push as any other.

use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

use crate::fallback::Fallback;
use crate::gits_own;
use crate::remote::Service;
use crate::session::{Connected, Far, Input, say};
use crate::trouble::Trouble;

/// What speaks of the repository that git was started in, and not of the one that is served
/// (`git rev-parse --local-env-vars`).
const OF_THE_CLIENT: [&str; 16] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_OBJECT_DIRECTORY",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_REPLACE_REF_BASE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_COMMON_DIR",
    "GIT_QUARANTINE_PATH",
];

/// A repository of this home.
pub struct HomeRepo {
    /// Where it lies.
    pub path: PathBuf,
}

impl Far for HomeRepo {
    /// git speaks with the service through our own ends: it has said nothing yet behind its line, so that
    /// nothing of it waits in our buffer.
    fn connect(&mut self, service: Service, _: Input, output: &mut dyn Write) -> Result<Connected, Trouble> {
        let mut command = gits_own::git();
        OF_THE_CLIENT.iter().for_each(|name| {
            command.env_remove(name);
        });
        if service == Service::UploadPack {
            command.env("GIT_PROTOCOL", "version=2");
        }
        let name = service.name().strip_prefix("git-").expect("each service's name begins so");
        command.arg(name).arg(&self.path).stdin(Stdio::inherit()).stdout(Stdio::inherit());
        say(output, b"\n")?;
        let status = command.status().map_err(|e| Trouble::new(format!("git cannot be started: {e}")))?;
        // It has said why on standard error.
        if status.success() { Ok(Connected::Done) } else { Err(Trouble::GitIsGone) }
    }

    fn fallback(&mut self, _: &[Vec<u8>]) -> Result<Fallback, Trouble> {
        Err(Trouble::new("a repository of this home needs no other helper"))
    }
}
