//! The small admin binary: parse, call the engine, report.

mod cli;
mod commands;
mod output;
mod secrets;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Mutex;

use coregit_engine::{Error, ErrorKind, Home};

pub use cli::Cli;
use output::Output;

/// A drain's log begins anew at this size: 8 MiB; the one before is kept.
const LONGEST_LOG: u64 = 8 << 20;

/// Exit codes that scripts rely on (`contracts/cli.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// The command line made no sense.
    Usage = 2,
    /// Diverged, guard, conflict, policy.
    Refused = 3,
    /// Provider or network unreachable; try later.
    Unreachable = 4,
    /// A bug in coregit.
    Bug = 70,
}

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Failed | ErrorKind::NotFound | ErrorKind::Conflict => Exit::Failed,
            ErrorKind::Usage => Exit::Usage,
            ErrorKind::Refused => Exit::Refused,
            ErrorKind::Unreachable => Exit::Unreachable,
            ErrorKind::Bug => Exit::Bug,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Prints what `clap` has to say: help and version succeed, everything else is a wrong command line.
pub fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    match error.use_stderr() {
        true => Exit::Usage.into(),
        false => Exit::Done.into(),
    }
}

/// Runs one command to its exit code.
pub fn run(cli: Cli) -> ExitCode {
    no_core_files();
    start_log(&cli);
    let output = Output::new(&cli);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(commands::run(cli, &output)),
        Err(error) => Err(Error::failed(format!("the runtime does not start: {error}"))),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            output.error(&error);
            Exit::from(error.kind).into()
        }
    }
}

/// A core file of this process would hold tokens.
fn no_core_files() {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Logs go to stderr: `COREGIT_LOG` filters them, `COREGIT_LOG_FORMAT=json` gives one object a line. A drain
/// has no stderr (a hook started it); its log is `HOME/log/worker.log`.
fn start_log(cli: &Cli) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("COREGIT_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_target(false);
    let json = std::env::var("COREGIT_LOG_FORMAT").is_ok_and(|f| f == "json");
    match (drain_log(cli), json) {
        (Some(file), true) => log.json().with_writer(Mutex::new(file)).init(),
        (Some(file), false) => log.with_ansi(false).with_writer(Mutex::new(file)).init(),
        (None, true) => log.json().with_writer(std::io::stderr).init(),
        (None, false) => log.with_writer(std::io::stderr).init(),
    }
}

fn drain_log(cli: &Cli) -> Option<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    if !matches!(cli.command, cli::Command::Worker { drain: true, .. }) || std::io::stderr().is_terminal() {
        return None;
    }
    let dir = Home::find(cli.home.as_deref()).ok()?.log_dir();
    std::fs::create_dir_all(&dir).ok()?;
    let (path, old) = (dir.join("worker.log"), dir.join("worker.log.1"));
    if path.metadata().is_ok_and(|m| m.len() > LONGEST_LOG) {
        let _ = std::fs::rename(&path, old);
    }
    std::fs::File::options().create(true).append(true).mode(0o600).open(path).ok()
}
