//! The programs in `<hook>.d/` beside the hook: those that stood there before us, and the host's own.

use std::ffi::OsString;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use rustix::fs::Access;

use crate::place::Place;
use crate::say;

/// The programs to run, in order of their names.
pub(crate) struct Chain(Vec<PathBuf>);

impl Chain {
    /// Finds them. A folder that is not there is an empty chain.
    pub(crate) fn of(place: &Place) -> Self {
        // GitLab runs `custom_hooks/<hook>.d/*` itself.
        let folder = place.folder.as_ref().filter(|folder| !folder.ends_with("custom_hooks"));
        let Some(folder) = folder else { return Self(Vec::new()) };
        let Ok(entries) = std::fs::read_dir(folder.join(format!("{}.d", place.hook.name()))) else {
            return Self(Vec::new());
        };
        let mut programs: Vec<_> = entries.filter_map(|e| Some(e.ok()?.path())).filter(is_program).collect();
        programs.sort();
        Self(programs)
    }

    /// Whether there is nothing to run.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Runs them all with these arguments, each with the whole of `input`; the environment and the working
    /// folder are those that git gave us. Ends at the first that refuses, and returns what it returned.
    pub(crate) fn run(&self, args: &[OsString], mut input: Option<impl Read + Seek>) -> ExitCode {
        for program in &self.0 {
            let mut command = Command::new(program);
            command.args(args).arg0(program);
            let ended = match &mut input {
                Some(input) => fed(&mut command, input),
                None => command.stdin(Stdio::null()).status(),
            };
            match ended {
                Ok(status) if status.success() => {}
                Ok(status) => return code(status),
                Err(error) => {
                    let program = coregit_check::escaped(program.as_os_str().as_encoded_bytes());
                    say::line(&format!("the hook {program} could not be run: {error}"));
                    return ExitCode::FAILURE;
                }
            }
        }
        ExitCode::SUCCESS
    }
}

/// An executable file with a plain name that is not this very program (then it has run already).
fn is_program(path: &PathBuf) -> bool {
    let name = path.file_name().map(|n| n.as_encoded_bytes()).unwrap_or_default();
    let plain = !name.starts_with(b".") && !name.ends_with(b"~") && !name.ends_with(b".sample");
    let ourselves = || matches!((path.canonicalize(), std::env::current_exe()), (Ok(a), Ok(b)) if a == b);
    plain && path.is_file() && rustix::fs::access(path, Access::EXEC_OK).is_ok() && !ourselves()
}

/// Runs a program that reads `input`, or does not care to.
fn fed(command: &mut Command, input: &mut (impl Read + Seek)) -> io::Result<ExitStatus> {
    input.seek(SeekFrom::Start(0))?;
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends, or closes its input, before it has read all of it is in its right.
        match io::copy(input, &mut stdin) {
            Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
                drop(stdin);
                child.wait()?;
                return Err(e);
            }
            _ => {}
        }
    }
    child.wait()
}

/// What a refusing program returned; a signal counts as a refusal.
fn code(status: ExitStatus) -> ExitCode {
    match status.code().and_then(|code| u8::try_from(code).ok()) {
        None | Some(0) => ExitCode::FAILURE,
        Some(code) => ExitCode::from(code),
    }
}
