//! `coregit`: parse, call, report.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = match coregit_admin::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return coregit_admin::usage(&error),
    };
    coregit_admin::run(cli)
}
