//! The forge itself: that it answers as GitHub does.
#![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

mod account;
mod apps;
mod database;
mod faults;
mod foreign;
mod git;
mod graphql;
mod hooks;
mod program;
mod rules;

use std::path::Path;
use std::process::{Command, Output};

use coregit_tests::forge::{Answer, Forge, Options, Repo, Token, ask};
use serde_json::Value;

/// A forge with `octocat`'s token and the repository `octocat/app`, and a folder to work in.
struct Stage {
    forge: Forge,
    token: String,
    dir: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        Self::with(Repo::new("octocat/app"))
    }

    fn with(repo: Repo) -> Self {
        let forge = Forge::start(Options::default());
        let token = forge.token(Token::classic("octocat").label("mine"));
        forge.repo(repo);
        Self { forge, token, dir: tempfile::tempdir().unwrap() }
    }

    /// A clone address with this token in it.
    fn url(&self, full_name: &str, token: &str) -> String {
        let plain = self.forge.git_url(full_name);
        if token.is_empty() { plain } else { plain.replace("http://", &format!("http://any:{token}@")) }
    }

    /// Calls the API with the stage's token.
    fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        self.acting(&self.token).call(method, path, body)
    }

    /// Who calls the API with another token; empty is none.
    fn acting<'a>(&'a self, token: &'a str) -> Acting<'a> {
        Acting { forge: &self.forge, token }
    }

    /// A work tree `name` with one commit, and `origin` at `octocat/app`.
    fn work_tree(&self, name: &str) -> std::path::PathBuf {
        let dir = self.dir.path().join(name);
        std::fs::create_dir(&dir).unwrap();
        ok(&dir, &["init", "-q", "-b", "main"]);
        ok(&dir, &["remote", "add", "origin", &self.url("octocat/app", &self.token)]);
        commit(&dir, "README.md", "one\n");
        dir
    }
}

/// A caller of the API.
struct Acting<'a> {
    forge: &'a Forge,
    token: &'a str,
}

impl Acting<'_> {
    fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let mut headers = vec![("user-agent", "tests")];
        if !self.token.is_empty() {
            headers.push(("authorization", bearer.as_str()));
        }
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        ask(method, &format!("{}{path}", self.forge.api()), &headers, &body).unwrap()
    }
}

impl Drop for Stage {
    /// Every answer that a test saw fits GitHub's description; requests may be wrong on purpose.
    fn drop(&mut self) {
        let wrong: Vec<String> =
            self.forge.violations().into_iter().filter(|v| v.starts_with("answer")).collect();
        assert!(std::thread::panicking() || wrong.is_empty(), "{wrong:#?}");
    }
}

/// Runs git as a user would, with nothing of this machine's settings.
fn git(dir: &Path, args: &[&str]) -> Output {
    let identity = ["-c", "user.name=A U Thor", "-c", "user.email=author@example.com"];
    let path = std::env::var_os("PATH").unwrap();
    let mut command = Command::new("git");
    command.env_clear().env("PATH", path).env("HOME", dir).env("GIT_CONFIG_NOSYSTEM", "1");
    command.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
    command.args(identity).args(args).current_dir(dir).output().unwrap()
}

/// Runs git and returns what it printed; it must succeed.
fn ok(dir: &Path, args: &[&str]) -> String {
    let output = git(dir, args);
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Runs git and returns what it complained; it must fail.
fn fails(dir: &Path, args: &[&str]) -> String {
    let output = git(dir, args);
    assert!(!output.status.success(), "git {args:?} succeeded");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Commits one file and returns the commit.
fn commit(dir: &Path, path: &str, content: &str) -> String {
    if let Some(parent) = Path::new(path).parent() {
        std::fs::create_dir_all(dir.join(parent)).unwrap();
    }
    std::fs::write(dir.join(path), content).unwrap();
    ok(dir, &["add", "-A"]);
    ok(dir, &["commit", "-q", "-m", path]);
    ok(dir, &["rev-parse", "HEAD"])
}
