//! `git-remote-coregit`: git starts it for addresses that begin with `coregit::` or `coregit://`.

use std::process::ExitCode;

fn main() -> ExitCode {
    git_remote_coregit::run(std::env::args_os().skip(1))
}
