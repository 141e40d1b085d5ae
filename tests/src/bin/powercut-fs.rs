//! A file system that loses what was not synced when its power is cut; see `coregit_tests::powercut`.

use std::io;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let served = match arguments.as_slice() {
        [folder, mountpoint, rule] => {
            coregit_tests::powercut::serve(Path::new(folder), Path::new(mountpoint), &rule.to_string_lossy())
        }
        _ => Err(io::Error::other("usage: powercut-fs FOLDER MOUNTPOINT names-at-once|journal|strict")),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = io::Write::write_all(&mut io::stderr(), format!("{error}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}
