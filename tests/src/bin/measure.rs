//! Runs a program and appends to a file what it took: `measure FILE PROGRAM [ARG]…` writes one line: processor
//! microseconds (user and system) and most resident KiB, the children that it waited for included. A process of its own, and a small one: a child begins with its parent's peak.

use std::io::Write as _;
use std::process::{Command, ExitCode};

use nix::sys::resource::{UsageWho, getrusage};

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let (Some(file), Some(program)) = (args.next(), args.next()) else { return ExitCode::from(2) };
    let Ok(status) = Command::new(program).args(args).status() else { return ExitCode::from(127) };
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else { return ExitCode::from(1) };
    let (user, system) = (usage.user_time(), usage.system_time());
    let seconds = user.tv_sec() + system.tv_sec();
    let cpu = seconds * 1_000_000 + user.tv_usec() + system.tv_usec();
    let line = format!("{cpu} {}\n", usage.max_rss());
    let written = std::fs::OpenOptions::new().create(true).append(true).open(file);
    match written.and_then(|mut file| file.write_all(line.as_bytes())) {
        Ok(()) => ExitCode::from(status.code().unwrap_or(128) as u8),
        Err(_) => ExitCode::from(1),
    }
}
