//! The git that our own work starts, with an environment built from nothing: what the pusher or the web
//! server left there (credentials, traces, configuration) reaches no child of ours.

use std::path::Path;
use std::process::{Command, Stdio};

/// What the children of a hook may know of its environment.
const USUAL_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Starts an empty environment with what every program needs.
pub(crate) fn bare_environment(command: &mut Command) -> &mut Command {
    command.env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_else(|| USUAL_PATH.into()));
    command.env("LANG", "C.UTF-8")
}

/// A `git` that works on this repository, sees its quarantine, and takes no configuration but the
/// repository's.
pub(crate) fn git(git_dir: &Path) -> Command {
    let mut git = Command::new("git");
    bare_environment(&mut git)
        .env("GIT_DIR", git_dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        // A replacement would show another object than the one that was pushed.
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        // In a partial clone a missing object would be fetched: hooks take nothing from the network.
        .env("GIT_NO_LAZY_FETCH", "1");
    for name in ["GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            git.env(name, value);
        }
    }
    git.current_dir(git_dir).stderr(Stdio::null());
    git
}

/// Whether git's configuration, the user's and the system's with it, says `coregit.failClosed`.
pub(crate) fn fail_closed(git_dir: &Path) -> bool {
    let mut git = git(git_dir);
    git.env_remove("GIT_CONFIG_NOSYSTEM").env_remove("GIT_CONFIG_GLOBAL");
    for name in ["HOME", "XDG_CONFIG_HOME"] {
        if let Some(value) = std::env::var_os(name) {
            git.env(name, value);
        }
    }
    git.args(["config", "--type=bool", "--get", "coregit.failClosed"]).stdin(Stdio::null());
    match git.output() {
        Ok(output) if output.status.success() => output.stdout.trim_ascii() == b"true",
        // 1 says that the key is not set. Anything else is an answer that nobody can read: closed is safe.
        Ok(output) => output.status.code() != Some(1),
        Err(_) => false,
    }
}
