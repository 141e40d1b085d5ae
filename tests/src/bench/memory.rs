//! How much memory a program and everything that it starts have at the same time, at most.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Runs a command to its end and returns the most resident KiB that it and its descendants had together, looked
/// at every few milliseconds. Pages that two of them share count twice.
///
/// # Panics
///
/// Where it fails.
pub fn peak_of_tree(mut command: Command) -> u64 {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    let mut peak = 0;
    loop {
        match child.try_wait().expect("a child of ours can be waited for") {
            Some(status) => {
                assert!(status.success(), "{command:?} ended with {status}");
                return peak;
            }
            None => peak = peak.max(resident(child.id())),
        }
        std::thread::sleep(Duration::from_millis(3));
    }
}

fn resident(root: u32) -> u64 {
    let parents = parents();
    let below = |mut pid: u32| {
        while pid != root && pid > 1 {
            pid = parents.get(&pid).copied().unwrap_or(0);
        }
        pid == root
    };
    parents.keys().filter(|pid| below(**pid)).map(|pid| resident_of(*pid)).sum()
}

/// The parent of each process that there is.
fn parents() -> BTreeMap<u32, u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    let parent = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The program's name stands in parentheses and may hold anything.
        let ppid = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
        Some((pid, ppid))
    };
    pids.filter_map(parent).collect()
}

fn resident_of(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.and_then(|l| l.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
}
