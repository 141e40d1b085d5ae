//! Notes a push that has happened, and wakes the worker.

use std::process::ExitCode;

fn main() -> ExitCode {
    coregit_hooks::run(coregit_hooks::Hook::PostReceive)
}
