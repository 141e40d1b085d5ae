//! What figures stand on: a stage, repositories of ours, remote ones, and the syncs between them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use rustix::process::{Pid, Signal, kill_process};

use super::timing::came_to_pass;
use crate::delay::{Delay, Line};
use crate::forge::{Repo, Request};
use crate::stage::Stage;

/// A stage with repositories by name.
pub struct Scene {
    /// The forge, the home, the programs.
    pub stage: Stage,
}

impl Scene {
    /// A forge and a home with the connection `work`, straight to the forge.
    pub fn new() -> Self {
        let scene = Self { stage: Stage::new() };
        scene.furnish()
    }

    /// The same, with the connection through a proxy before the forge.
    pub fn behind(line: Line) -> (Self, Delay) {
        let stage = Stage::bare();
        let address = stage.forge.url().trim_start_matches("http://").parse().expect("the forge's address");
        let delay = Delay::start(address, line);
        stage.coregit(&["init"]).ok();
        stage.connect_at("work", &stage.token, &delay.url()).ok();
        (Self { stage }.furnish(), delay)
    }

    fn furnish(self) -> Self {
        std::fs::create_dir_all(self.stage.path("user")).expect("a folder can be made");
        self
    }

    /// Makes a bare repository that coregit does not know.
    pub fn plain(&self, name: &str) -> PathBuf {
        let dir = self.stage.path(&format!("srv/{name}.git"));
        let text = dir.to_string_lossy().into_owned();
        self.stage.git(&self.stage.path("."), &["init", "-q", "--bare", "-b", "main", &text]).ok();
        dir
    }

    /// Makes a bare repository and adopts it under the same name.
    pub fn ours(&self, name: &str) -> PathBuf {
        let dir = self.plain(name);
        self.adopt(name, &dir);
        dir
    }

    /// Lets coregit know a bare repository.
    pub fn adopt(&self, name: &str, dir: &Path) {
        self.stage.coregit(&["repos", "create", name, "--path", &dir.to_string_lossy()]).ok();
    }

    /// Makes `octocat/<name>` at the forge, empty, and returns its bare repository.
    pub fn theirs(&self, name: &str) -> PathBuf {
        let full = format!("octocat/{name}");
        self.stage.forge.repo(Repo::new(&full));
        self.stage.forge.bare(&full)
    }

    /// Exports the repository `ours` to `octocat/<theirs>`; the sync's label is `theirs`.
    pub fn link(&self, ours: &str, theirs: &str, options: &[&str]) {
        let remote = format!("octocat/{theirs}");
        let base = ["sync", "config", "create", ours, "--connection", "work", "--direction", "export"];
        let rest = ["--remote", &remote, "--label", theirs];
        self.stage.coregit(&[&base[..], &rest[..], options].concat()).ok();
    }

    /// Triggers a sync and returns what it said.
    pub fn trigger(&self, label: &str) -> serde_json::Value {
        self.stage.coregit(&["--json", "sync", "trigger", label]).ok().json()
    }

    /// The requests of everything that `act` does.
    pub fn requests<T>(&self, act: impl FnOnce() -> T) -> Vec<Request> {
        self.stage.forge.reset_requests();
        let _ = act();
        self.stage.forge.requests()
    }

    /// `git` on a bare repository, credentials sent at once, to be started by the caller.
    pub fn git(&self, dir: &Path, args: &[&str]) -> Command {
        let mut command = self.stage.program("git");
        command.args(["-c", "http.proactiveAuth=basic", "--git-dir"]).arg(dir).args(args);
        command
    }

    /// The address of `octocat/<name>` with the token in it, at the forge or at a proxy before it.
    pub fn address(&self, name: &str, url: &str) -> String {
        with_token(&format!("{url}/octocat/{name}.git"), "octocat", &self.stage.token)
    }

    /// Starts a worker that stays up, and waits until it listens.
    pub fn worker(&self) -> Worker {
        let worker = Worker(self.stage.command(&["worker"]).spawn().expect("coregit starts"));
        came_to_pass("the worker listens", || self.stage.home().join("run/worker.sock").exists());
        worker
    }

    /// Waits until no drain runs.
    pub fn no_drain(&self) {
        came_to_pass("the drain's end", || {
            let files = std::fs::read_dir(self.stage.home().join("run")).into_iter().flatten().flatten();
            let mut locks = files.filter(|f| f.file_name().to_string_lossy().ends_with(".lock"));
            locks.all(|f| std::fs::File::open(f.path()).is_ok_and(|file| file.try_lock().is_ok()))
        });
    }
}

/// An address with credentials in it.
pub fn with_token(url: &str, user: &str, token: &str) -> String {
    url.replacen("://", &format!("://{user}:{token}@"), 1)
}

/// A worker that stays up; it is told to stop when dropped.
pub struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(pid) = Pid::from_raw(self.0.id() as i32) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.0.wait();
    }
}
