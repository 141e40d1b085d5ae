//! Words for the pusher, on standard error. A pusher who is gone is no reason to fail.

use std::io::Write;
use std::process::ExitCode;

use crate::Hook;

/// Says one line. Returns whether anybody can still hear.
pub(crate) fn line(text: &str) -> bool {
    raw(&format!("coregit: {text}\n"))
}

/// Says a further line to the one before.
pub(crate) fn more(text: &str) -> bool {
    raw(&format!("coregit:   {text}\n"))
}

/// One write per line, so that the lines of two hooks do not mix. (`eprintln!` would panic on a closed pipe.)
fn raw(text: &str) -> bool {
    std::io::stderr().write_all(text.as_bytes()).is_ok()
}

/// Answers `--version`, by which installers prove that a link is not dangling.
pub(crate) fn version(hook: Hook) -> ExitCode {
    let text = format!("coregit-{} {}\n", hook.name(), env!("CARGO_PKG_VERSION"));
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}
