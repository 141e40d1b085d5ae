//! A bare repository of the forge: its folder, its settings, and git run on it with a clean environment.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// What GitHub's servers do and stock git does not.
const SETTINGS: &str = "[core]\n\tfsync = none\n[gc]\n\tauto = 0\n[receive]\n\tautogc = false\n\thideRefs = refs/pull\n\t\
                        advertisePushOptions = true\n[uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = true\n\
                        [http]\n\treceivepack = true\n";

/// A bare repository.
#[derive(Clone)]
pub(super) struct Bare(PathBuf);

impl Bare {
    pub(super) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Makes it, empty; one that is there already stays.
    pub(super) fn create(&self, default_branch: &str) {
        if self.0.join("HEAD").exists() {
            return;
        }
        let branch = format!("--initial-branch={default_branch}");
        let init = ["init", "--quiet", "--bare", "--template=", &branch].map(OsStr::new);
        let done = clean("git").args(init).arg(&self.0).output().expect("git is installed");
        assert!(done.status.success(), "git init: {}", String::from_utf8_lossy(&done.stderr));
        let config = std::fs::OpenOptions::new().append(true).open(self.0.join("config"));
        let mut config = config.expect("git init makes a config");
        config.write_all(SETTINGS.as_bytes()).expect("the forge's folder is writable");
    }

    /// Removes it.
    pub(super) fn remove(&self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }

    /// `git <args>` on it, not yet started.
    pub(super) fn git(&self, args: &[&str]) -> Command {
        let mut command = clean("git");
        command.arg("--git-dir").arg(&self.0).args(args);
        command
    }

    /// What `git <args>` prints, without the last newline; `None` when it fails.
    pub(super) fn ask(&self, args: &[&str]) -> Option<String> {
        let output = self.git(args).stdin(Stdio::null()).output().expect("git is installed");
        let text = output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned());
        text.map(|t| t.trim_end_matches('\n').to_owned())
    }

    /// `git <args>` fed with these bytes.
    pub(super) fn feed(&self, args: &[&str], input: &[u8]) -> Output {
        fed(self.git(args), input)
    }
}

/// Runs a command with these bytes as its input.
pub(super) fn fed(mut command: Command, input: &[u8]) -> Output {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = piped.expect("git is installed");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().expect("a child of ours can be waited for")
    })
}

/// A program with nothing of this process's environment but the path to git.
pub(super) fn clean(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    for (name, value) in environment() {
        command.env(name, value);
    }
    command
}

/// The environment of the forge's children.
fn environment() -> Vec<(&'static str, String)> {
    let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned());
    vec![
        ("PATH", path),
        ("LC_ALL", "C".to_owned()),
        ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
        ("GIT_CONFIG_GLOBAL", "/dev/null".to_owned()),
    ]
}

/// The `git-http-backend` program.
pub(super) fn http_backend() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let output = clean("git").arg("--exec-path").output().expect("git is installed");
        Path::new(String::from_utf8_lossy(&output.stdout).trim()).join("git-http-backend")
    })
}
