//! Judges one ref that a push wants to move.

use std::process::ExitCode;

fn main() -> ExitCode {
    coregit_hooks::run(coregit_hooks::Hook::Update)
}
