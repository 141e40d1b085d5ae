//! A stage for whole stories: a forge, a home, a bare repository and a work tree, driven by the real programs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::forge::{Forge, Options, Repo, Token};

/// A user's whole world, gone when dropped.
pub struct Stage {
    /// The stand-in for GitHub, with `octocat/app` and a token that may do everything.
    pub forge: Forge,
    /// That token's value: the canary that must not be found anywhere.
    pub token: String,
    dir: tempfile::TempDir,
    home: PathBuf,
}

/// What a program said, and how it ended.
#[derive(Debug)]
pub struct Said {
    /// The exit code; -1 for a signal.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Said {
    fn of(output: Output) -> Self {
        let text = |raw: Vec<u8>| String::from_utf8_lossy(&raw).into_owned();
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The same, where the program succeeded.
    ///
    /// # Panics
    ///
    /// Where it did not, with everything that it said.
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "it failed:\n{}\n{}", self.out, self.err);
        self
    }

    /// Standard output as JSON.
    ///
    /// # Panics
    ///
    /// Where it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e} in {}\n{}", self.out, self.err))
    }
}

/// The folder of the built programs: `COREGIT_BIN_DIR`, else beside this test.
///
/// # Panics
///
/// Where they are not built: a test package builds no other package's programs.
pub fn bin_dir() -> PathBuf {
    let beside = || std::env::current_exe().ok()?.parent()?.parent().map(Path::to_owned);
    let dir = std::env::var_os("COREGIT_BIN_DIR").map(PathBuf::from).or_else(beside).unwrap_or_default();
    let built = dir.join("coregit").exists() && dir.join("coregit-post-receive").exists();
    assert!(built, "no programs in {}: `cargo build --workspace` first (scripts/test does)", dir.display());
    dir
}

impl Default for Stage {
    fn default() -> Self {
        Self::new()
    }
}

impl Stage {
    /// A forge and an initialised home with one connection, `work`.
    pub fn new() -> Self {
        let stage = Self::bare();
        stage.coregit(&["init"]).ok();
        stage.connect("work", &stage.token).ok();
        stage
    }

    /// A forge, and nothing of ours yet.
    pub fn bare() -> Self {
        let forge = Forge::start(Options::default());
        let token = forge.token(Token::classic("octocat").label("mine"));
        forge.repo(Repo::new("octocat/app"));
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        Self { forge, token, home: dir.path().join("home"), dir }
    }

    /// A path below this stage's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The home folder.
    pub fn home(&self) -> PathBuf {
        self.home.clone()
    }

    /// The same stage with its home elsewhere, such as on another disk.
    pub fn with_home(mut self, home: PathBuf) -> Self {
        self.home = home;
        self
    }

    /// `coregit` with these arguments, to be started by the caller: its environment holds nothing of ours.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.program(bin_dir().join("coregit"));
        command.args(args);
        command
    }

    /// Any program, to be started by the caller: its environment holds nothing of ours.
    pub fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.environment()).stdin(Stdio::null());
        command
    }

    /// Runs a program of [`Stage::program`] to its end.
    pub fn said(&self, command: &mut Command) -> Said {
        Said::of(command.output().expect("the program starts"))
    }

    fn environment(&self) -> Vec<(String, String)> {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let mut environment = vec![
            ("PATH".to_owned(), std::env::var("PATH").unwrap_or_default()),
            ("HOME".to_owned(), text(self.path("user"))),
            ("COREGIT_HOME".to_owned(), text(self.home())),
            ("GIT_CONFIG_NOSYSTEM".to_owned(), "1".to_owned()),
            ("GIT_TERMINAL_PROMPT".to_owned(), "0".to_owned()),
        ];
        for who in ["AUTHOR", "COMMITTER"] {
            environment.push((format!("GIT_{who}_NAME"), "Ada".to_owned()));
            environment.push((format!("GIT_{who}_EMAIL"), "ada@example.com".to_owned()));
        }
        environment
    }

    /// Runs `coregit` to its end.
    pub fn coregit(&self, args: &[&str]) -> Said {
        Said::of(self.command(args).output().expect("coregit starts"))
    }

    /// Runs `coregit` with a fail point set: it is killed there.
    pub fn coregit_killed_at(&self, point: &str, args: &[&str]) -> Said {
        Said::of(self.command(args).env("COREGIT_FAIL_AT", point).output().expect("coregit starts"))
    }

    /// Runs `coregit` with something on its standard input.
    pub fn coregit_fed(&self, input: &str, args: &[&str]) -> Said {
        use std::io::Write;
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("coregit starts");
        let mut stdin = child.stdin.take().expect("it was piped");
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        Said::of(child.wait_with_output().expect("coregit ends"))
    }

    /// Makes a connection to the forge.
    pub fn connect(&self, label: &str, token: &str) -> Said {
        self.connect_at(label, token, self.forge.url())
    }

    /// Makes a connection to another address of the forge, such as a proxy before it.
    pub fn connect_at(&self, label: &str, token: &str, url: &str) -> Said {
        let args = ["connections", "create", "--provider", "github", "--label", label];
        self.coregit_fed(token, &[&args[..], &["--url", url, "--token-stdin"]].concat())
    }

    /// Runs git in a folder of the stage.
    pub fn git(&self, dir: &Path, args: &[&str]) -> Said {
        let mut command = Command::new("git");
        command.arg("-C").arg(dir).args(args).env_clear().envs(self.environment()).stdin(Stdio::null());
        Said::of(command.output().expect("git starts"))
    }

    /// The bare repository `team/app` at `srv/app.git`, known to coregit, and a work tree `work` that pushes
    /// to it.
    pub fn repo(&self) -> PathBuf {
        let bare = self.path("srv/app.git");
        std::fs::create_dir_all(self.path("user")).expect("a folder can be made");
        let (bare_text, work) = (bare.to_string_lossy().into_owned(), self.work());
        self.git(self.dir.path(), &["init", "-q", "--bare", "-b", "main", &bare_text]).ok();
        self.git(self.dir.path(), &["init", "-q", "-b", "main", &work.to_string_lossy()]).ok();
        self.git(&work, &["remote", "add", "origin", &bare_text]).ok();
        self.coregit(&["repos", "create", "team/app", "--path", &bare_text]).ok();
        bare
    }

    /// The work tree.
    pub fn work(&self) -> PathBuf {
        self.path("work")
    }

    /// Links `team/app` to `octocat/app` as an export, and returns the sync's id.
    pub fn sync(&self, options: &[&str]) -> String {
        let base = ["--json", "sync", "config", "create", "team/app", "--connection", "work"];
        let rest = ["--remote", "octocat/app", "--direction", "export"];
        let said = self.coregit(&[&base[..], &rest[..], options].concat()).ok();
        said.json()["id"].as_str().expect("a sync has an id").to_owned()
    }

    /// Writes files (path, content) in the work tree and commits them; returns the commit.
    pub fn commit(&self, message: &str, files: &[(&str, &str)]) -> String {
        let work = self.work();
        for (path, content) in files {
            let path = work.join(path);
            std::fs::create_dir_all(path.parent().expect("a file has a folder"))
                .expect("a folder can be made");
            std::fs::write(path, content).expect("a file can be written");
        }
        self.git(&work, &["add", "-A"]).ok();
        self.git(&work, &["commit", "-q", "--allow-empty", "-m", message]).ok();
        self.git(&work, &["rev-parse", "HEAD"]).ok().out.trim().to_owned()
    }

    /// Pushes from the work tree.
    pub fn push(&self, args: &[&str]) -> Said {
        self.git(&self.work(), &[&["push", "-q"], args].concat())
    }

    /// The branches and tags of a repository as `git for-each-ref` lists them.
    pub fn refs(&self, bare: &Path) -> BTreeSet<String> {
        let said = self.git(bare, &["for-each-ref", "--format=%(objectname) %(refname)"]).ok();
        said.out.lines().map(str::to_owned).collect()
    }

    /// The bare repository behind the forge's `octocat/app`.
    pub fn there(&self) -> PathBuf {
        self.forge.bare("octocat/app")
    }

    /// Waits until `done` holds.
    ///
    /// # Panics
    ///
    /// After 20 seconds, with `what` and the state of the syncs.
    pub fn wait_until(&self, what: &str, mut done: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !done() {
            if Instant::now() > deadline {
                let status = self.coregit(&["sync", "status"]);
                let log = std::fs::read_to_string(self.home().join("log/worker.log")).unwrap_or_default();
                panic!("it never came to this: {what}\n{}\n{}\n{log}", status.out, status.err);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
