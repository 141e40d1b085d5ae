//! The only place that starts `git`: the repository named, the environment built from nothing.
//!
//! No child speaks to a network and none runs a hook: coregit-http does the first, nobody the second.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};

use coregit_model::printable;
use tokio::io::AsyncReadExt;

use crate::GitError;

/// Of what a child says, this much is kept.
const STDERR_KEPT: usize = 16 * 1024;

/// Settings that outrank those of the repository, whose configuration may be hostile.
const CONFIG: [&str; 6] = [
    // `update-ref` would run the reference-transaction hook.
    "core.hooksPath=/dev/null",
    // It names a program to start.
    "core.fsmonitor=false",
    // A collection in the background would outlive us and delete what we have just indexed.
    "gc.auto=0",
    "maintenance.auto=false",
    // What was answered for must outlive a power cut; git's default syncs no loose object and no ref.
    "core.fsync=committed,loose-object",
    // Attributes of the user who runs us decide nothing.
    "core.attributesFile=/dev/null",
];

fn bare_command() -> Command {
    let mut command = Command::new("git");
    command.env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()));
    command
}

/// `git` about this repository as its user's own git sees it, for looking at settings that decide what a
/// push to it does. It must run nothing.
pub(crate) fn git_as_its_user(git_dir: &Path) -> Command {
    let mut command = bare_command();
    let home = ["HOME", "XDG_CONFIG_HOME"].map(|name| (name, std::env::var_os(name)));
    command.envs(home.into_iter().filter_map(|(name, value)| Some((name, value?))));
    command.arg("--git-dir").arg(git_dir).current_dir(git_dir);
    command
}

/// `git` about this repository, with an environment built from nothing.
pub(crate) fn git(git_dir: Option<&Path>) -> Command {
    let mut command = bare_command();
    command.envs([
        // Nothing of the user's is read: no ~/.gitconfig, no XDG attributes.
        ("HOME", "/nonexistent"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        // refs/replace/* can be pushed by anybody and would change what is exported (threats.md, B8).
        ("GIT_NO_REPLACE_OBJECTS", "1"),
        ("GIT_GRAFT_FILE", "/dev/null"),
        // Nothing is asked, and nothing is fetched behind our back.
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_ASKPASS", "/bin/false"),
        ("GIT_NO_LAZY_FETCH", "1"),
        ("GIT_ALLOW_PROTOCOL", ""),
        // What it says is classified; translations would not be.
        ("LC_ALL", "C"),
    ]);
    if let Some(dir) = git_dir {
        // Named explicitly: in a hook, GIT_DIR and the current folder speak of another repository.
        command.arg("--git-dir").arg(dir);
    }
    CONFIG.iter().for_each(|setting| {
        command.args(["-c", setting]);
    });
    command
}

/// Runs a short command to its end and returns what it printed. `input` is what it reads.
pub(crate) fn run(command: Command, input: &[u8]) -> Result<Vec<u8>, GitError> {
    let name = name_of(&command);
    let output = output(command, input)?;
    check(&name, output.status, &output.stderr)?;
    Ok(output.stdout)
}

/// Runs a short command to its end, whatever that is.
pub(crate) fn output(mut command: Command, input: &[u8]) -> Result<Output, GitError> {
    let name = name_of(&command);
    let io = |e| GitError::io(format!("git {name}"), e);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(io)?;
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let output = std::thread::scope(|scope| {
        // Beside the reading: a child that answers while it reads would stop at a full pipe. One that ends
        // before it has read everything says so by its status.
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output()
    });
    output.map_err(io)
}

/// A failed status as an error with what the command said.
pub(crate) fn check(name: &str, status: ExitStatus, stderr: &[u8]) -> Result<(), GitError> {
    if status.success() {
        return Ok(());
    }
    Err(GitError::Child { command: name.to_owned(), status: status.to_string(), stderr: said(stderr) })
}

/// What a child said, on one line: without the lines of progress, printable, the last of it.
fn said(stderr: &[u8]) -> String {
    let tail = &stderr[stderr.len().saturating_sub(STDERR_KEPT)..];
    let text = String::from_utf8_lossy(tail);
    let lines = text.split(['\n', '\r']).map(str::trim).filter(|l| !l.is_empty() && !l.contains('%'));
    printable(&lines.collect::<Vec<_>>().join("; "))
}

/// The subcommand, for messages: the first argument that is no option of `git` itself.
fn name_of(command: &Command) -> String {
    let mut args = command.get_args();
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("-c" | "--git-dir" | "--shallow-file") => drop(args.next()),
            Some(word) if word.starts_with('-') => {}
            _ => return arg.to_string_lossy().into_owned(),
        }
    }
    "git".to_owned()
}

/// A child that is spoken with through pipes while it works. Dropping it kills it.
pub(crate) struct Talking {
    name: String,
    child: tokio::process::Child,
    /// What it reads; dropped: end of input.
    pub stdin: Option<tokio::process::ChildStdin>,
    /// What it writes.
    pub stdout: tokio::process::ChildStdout,
    stderr: tokio::task::JoinHandle<Vec<u8>>,
}

impl Talking {
    /// Starts a command. With `memory`, its address space is limited to that many bytes: a pack of 17 kB
    /// can ask `index-pack` for 4 GB (threats.md, finding 11).
    pub fn start(command: Command, memory: Option<u64>) -> Result<Self, GitError> {
        let name = name_of(&command);
        let mut command = tokio::process::Command::from(command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|e| GitError::io(format!("git {name}"), e))?;
        if let (Some(bytes), Some(pid)) = (memory, child.id()) {
            limit_memory(pid, bytes)?;
        }
        let stderr = child.stderr.take().expect("stderr is piped");
        Ok(Self {
            name,
            stdin: child.stdin.take(),
            stdout: child.stdout.take().expect("stdout is piped"),
            stderr: tokio::spawn(keep_tail(stderr)),
            child,
        })
    }

    /// Waits for its end; an error unless it ended well. What it still has to read is cut off.
    pub async fn finish(mut self) -> Result<(), GitError> {
        drop(self.stdin.take());
        let status = self.child.wait().await.map_err(|e| GitError::io(format!("git {}", self.name), e))?;
        let stderr = self.stderr.await.unwrap_or_default();
        check(&self.name, status, &stderr)
    }
}

/// Set from outside, right after the start: the child has read nothing of its input yet.
fn limit_memory(pid: u32, bytes: u64) -> Result<(), GitError> {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
    prlimit(Pid::from_raw(pid.cast_signed()), Resource::As, limit)
        .map(drop)
        .map_err(|e| GitError::io("limiting the memory of git", e.into()))
}

async fn keep_tail(mut from: tokio::process::ChildStderr) -> Vec<u8> {
    let (mut kept, mut chunk) = (Vec::new(), [0; 4096]);
    while let Ok(n) = from.read(&mut chunk).await {
        if n == 0 {
            break;
        }
        kept.extend_from_slice(&chunk[..n]);
        if kept.len() > 2 * STDERR_KEPT {
            kept.drain(..kept.len() - STDERR_KEPT);
        }
    }
    kept
}

/// `--flag=value` where the value may be any bytes.
pub(crate) fn option(flag: &str, value: &OsStr) -> std::ffi::OsString {
    let mut option = std::ffi::OsString::from(flag);
    option.push("=");
    option.push(value);
    option
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_sees_nothing_of_our_environment_and_no_hook() {
        let mut command = git(None);
        command.args(["var", "-l"]);
        let shown = String::from_utf8(run(command, b"").unwrap()).unwrap();
        assert!(shown.contains("core.hookspath=/dev/null"), "{shown}");
        let command = git(Some(Path::new("/x")));
        let names: Vec<_> = command.get_envs().map(|(k, _)| k.to_string_lossy().into_owned()).collect();
        assert!(!names.iter().any(|n| n.starts_with("GIT_TRACE") || n == "GIT_DIR"), "{names:?}");
    }

    #[test]
    fn a_failure_tells_the_command_and_what_it_said_printable() {
        let mut command = git(Some(Path::new("/nonexistent/\x1b[2J")));
        command.args(["rev-parse", "HEAD"]);
        let error = run(command, b"").unwrap_err().to_string();
        assert!(error.starts_with("git rev-parse failed (exit status: 128): fatal: "), "{error}");
        assert!(!error.contains('\x1b'), "{error}");
    }

    #[tokio::test]
    async fn a_child_over_its_memory_fails_and_we_do_not() {
        let mut command = git(None);
        command.args(["hash-object", "--stdin"]);
        let mut child = Talking::start(command, Some(1 << 20)).unwrap();
        use tokio::io::AsyncWriteExt;
        let fed = child.stdin.as_mut().unwrap().write_all(&vec![b'x'; 4 << 20]).await;
        assert!(fed.is_err() || child.finish().await.is_err());
    }
}
