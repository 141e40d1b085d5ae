//! Taking the time of programs, and of things that come to pass.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::stage::{Stage, bin_dir};

/// How long something may take before it is given up.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a program took, its children that it waited for included.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// Processor milliseconds, user and system.
    pub cpu_ms: f64,
    /// Most resident KiB of any one process.
    pub rss_kib: u64,
}

/// Runs a program to its end and returns how long it took.
///
/// # Panics
///
/// Where it fails, with what it said.
pub fn timed(mut command: Command) -> Duration {
    let began = Instant::now();
    let output = command.output().expect("the program starts");
    let took = began.elapsed();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    took
}

/// Runs a program through `measure` and returns what it took.
pub fn spent(stage: &Stage, program: &Path, args: &[&str]) -> Spent {
    let file = stage.path("spent");
    let _ = std::fs::remove_file(&file);
    let mut command = stage.program(measure());
    command.arg(&file).arg(program).args(args);
    timed(command);
    *all_spent(&file).last().expect("measure writes a line")
}

/// The program that writes what another took.
pub fn measure() -> PathBuf {
    bin_dir().join("measure")
}

/// The lines that `measure` wrote.
pub fn all_spent(file: &Path) -> Vec<Spent> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let read = |line: &str| {
        let mut parts = line.split(' ').map(|n| n.parse::<u64>().expect("measure writes numbers"));
        let mut next = || parts.next().expect("two in a line");
        Spent { cpu_ms: next() as f64 / 1000.0, rss_kib: next() }
    };
    text.lines().map(read).collect()
}

/// Waits until something holds, looking every half millisecond, and returns when it first did.
///
/// # Panics
///
/// After two minutes.
pub fn came_to_pass(what: &str, mut holds: impl FnMut() -> bool) -> Instant {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "it never came to this: {what}");
        std::thread::sleep(Duration::from_micros(500));
    }
    Instant::now()
}

/// Whether this ref of a bare repository, kept as a file, stands at this commit.
pub fn stands(bare: &Path, name: &str, oid: &str) -> bool {
    std::fs::read_to_string(bare.join(name)).is_ok_and(|text| text.trim_end() == oid)
}
