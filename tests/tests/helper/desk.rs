//! A user at a desk: git with the helper on its path, a forge, and a home that has a connection to it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use coregit_tests::forge::{Request, Token};
use coregit_tests::stage::{Said, Stage, bin_dir};

/// The desk. Everything goes when it is dropped.
pub struct Desk {
    pub stage: Stage,
}

/// A repository of `octocat/app` with some history in it.
pub const APP: &str = "coregit://work/octocat/app";

impl Desk {
    /// A forge with `octocat/app`, and the connection `work` to it.
    pub fn new() -> Self {
        Self::at(Stage::new())
    }

    /// The same without a home: as before `coregit init`.
    pub fn without_home() -> Self {
        Self::at(Stage::bare())
    }

    fn at(stage: Stage) -> Self {
        std::fs::create_dir_all(stage.path("user")).unwrap();
        let desk = Self { stage };
        for (key, value) in [
            ("init.defaultBranch", "main"),
            ("advice.detachedHead", "false"),
            ("protocol.coregit.allow", "always"),
        ] {
            desk.git(&["config", "--global", key, value]).ok();
        }
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.stage.path(name)
    }

    /// `coregit::` and the forge's address of a repository.
    pub fn url(&self, full_name: &str) -> String {
        format!("coregit::{}", self.stage.forge.git_url(full_name))
    }

    /// git with these arguments, in the desk's own folder.
    pub fn git(&self, args: &[&str]) -> Said {
        self.git_in(self.path("."), args)
    }

    /// git in a folder.
    pub fn git_in(&self, dir: impl AsRef<Path>, args: &[&str]) -> Said {
        said(&mut self.command(dir, args))
    }

    /// git in a folder, to be started by the caller.
    pub fn command(&self, dir: impl AsRef<Path>, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.arg("-C").arg(dir.as_ref()).args(args).stdin(Stdio::null()).env_clear();
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", bin_dir().display()));
        command.env("HOME", self.path("user")).env("COREGIT_HOME", self.stage.home());
        command.envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_TERMINAL_PROMPT", "0"), ("LC_ALL", "C")]);
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Ada").env(format!("GIT_{who}_EMAIL"), "ada@example.com");
        }
        command
    }

    /// A clone of `octocat/app` called `name`.
    pub fn clone(&self, name: &str) -> PathBuf {
        self.git(&["clone", "-q", APP, name]).ok();
        self.path(name)
    }

    /// A work tree with this many commits that pushes to an address, the commits pushed.
    pub fn published(&self, address: &str, commits: usize) -> PathBuf {
        let work = self.path("work");
        self.git(&["init", "-q", "work"]).ok();
        self.git_in(&work, &["remote", "add", "origin", address]).ok();
        (1..=commits).for_each(|n| drop(self.commit(&work, &format!("file {n}"), &format!("content {n}"))));
        self.git_in(&work, &["push", "-q", "-u", "origin", "main"]).ok();
        work
    }

    /// Commits one file and returns the commit's oid. Dates follow each other by an hour.
    pub fn commit(&self, work: &Path, file: &str, content: &str) -> String {
        std::fs::write(work.join(file), content).unwrap();
        self.git_in(work, &["add", "-A"]).ok();
        let count = self.git_in(work, &["rev-list", "--count", "--all"]).out;
        let date = format!("{} +0000", 1_700_000_000 + 3600 * count.trim().parse::<u64>().unwrap_or(0));
        let mut command = self.command(work, &["commit", "-q", "-m", file]);
        said(command.env("GIT_COMMITTER_DATE", &date).env("GIT_AUTHOR_DATE", &date)).ok();
        self.head(work)
    }

    /// The oid that HEAD stands at.
    pub fn head(&self, dir: impl AsRef<Path>) -> String {
        self.rev(dir, "HEAD")
    }

    /// The oid of a name; empty where there is none.
    pub fn rev(&self, dir: impl AsRef<Path>, name: &str) -> String {
        self.git_in(dir, &["rev-parse", "-q", "--verify", name]).out.trim().to_owned()
    }

    /// The bare repository behind the forge's `octocat/app`.
    pub fn there(&self) -> PathBuf {
        self.stage.there()
    }

    /// The requests that an action makes.
    pub fn requests_of(&self, action: impl FnOnce()) -> Vec<Request> {
        self.stage.forge.reset_requests();
        action();
        self.stage.forge.requests()
    }

    /// A git credential helper of the user's that knows this login and writes down what it is told.
    pub fn with_git_login(&self, user: &str, password: &str) -> PathBuf {
        let log = self.path("credential.log");
        let script = self.path("credential-helper");
        let text = format!(
            "#!/bin/sh\ncat >'{0}.in'\n{{ echo \"$1\"; cat '{0}.in'; }} >>'{0}'\n[ \"$1\" = get ] && printf 'username={user}\\npassword={password}\\n'\nexit 0\n",
            log.display()
        );
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        self.git(&["config", "--global", "credential.helper", &script.display().to_string()]).ok();
        log
    }

    /// Another token of octocat's.
    pub fn token(&self, label: &str) -> String {
        self.stage.forge.token(Token::classic("octocat").label(label))
    }
}

/// Runs a command to its end.
pub fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let text = |raw: Vec<u8>| String::from_utf8_lossy(&raw).into_owned();
    Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// The processes of helpers that talk with this address.
pub fn helpers_of(address: &str) -> Vec<String> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let talks = |entry: &std::fs::DirEntry| {
        let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words: Vec<_> = words.split(|b| *b == 0).collect();
        words[0].ends_with(b"git-remote-coregit") && words.contains(&address.as_bytes())
    };
    all.filter(talks).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
