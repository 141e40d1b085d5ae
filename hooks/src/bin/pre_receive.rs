//! Judges what a push brings, before git takes it in.

use std::process::ExitCode;

fn main() -> ExitCode {
    coregit_hooks::run(coregit_hooks::Hook::PreReceive)
}
