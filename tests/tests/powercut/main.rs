//! What is left after a power cut: of pushes, of events, of records. Each promise stands beside the
//! setting without which it is broken, so that the disk is known to lose what it should.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "what is not tried on this machine is said")]

mod events;
mod pushes;
mod records;

use std::path::{Path, PathBuf};

use coregit_tests::powercut::{PoweredDisk, Rule};

/// A disk in a folder of its own.
struct Lab {
    disk: PoweredDisk,
    dir: tempfile::TempDir,
}

impl Lab {
    /// `None`, and one line that says why, where this machine cannot mount FUSE.
    fn new(rule: Rule) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        match PoweredDisk::mount(dir.path(), rule, Path::new(env!("CARGO_BIN_EXE_powercut-fs"))) {
            Ok(disk) => Some(Self { disk, dir }),
            Err(error) => {
                println!("not run: this machine cannot mount FUSE ({error})");
                None
            }
        }
    }

    /// A path on the disk.
    fn on_disk(&self, name: &str) -> PathBuf {
        self.disk.path().join(name)
    }

    /// A path beside the disk, where nothing is ever lost.
    fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}
