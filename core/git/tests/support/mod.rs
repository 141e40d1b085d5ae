//! Real git for tests: repositories in temporary folders, with nothing of the machine's configuration.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

pub mod server;

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use coregit_git::Repo;
use coregit_model::{BranchName, Oid, RefName};

/// A folder that goes away with the test.
pub struct Dir(tempfile::TempDir);

impl Dir {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A bare repository of that name with HEAD on `main`.
    pub fn bare(&self, name: &str) -> Repo {
        Repo::create_bare(self.at(name), &BranchName::parse("main").unwrap()).unwrap()
    }
}

pub fn command(repo: &Path) -> Command {
    let mut command = Command::new("git");
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "T").env(format!("GIT_{who}_EMAIL"), "t@example.com");
        command.env(format!("GIT_{who}_DATE"), "1700000000 +0100");
    }
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", "/nonexistent");
    command.arg("--git-dir").arg(repo);
    command
}

/// Runs git with input and returns how it ended.
pub fn output<S: AsRef<OsStr>>(repo: &Path, args: &[S], input: &[u8]) -> Output {
    let mut command = command(repo);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().unwrap()
    })
}

/// Runs git with input; it must end well. Returns what it printed without the last line feed.
pub fn git_in<S: AsRef<OsStr>>(repo: &Path, args: &[S], input: &[u8]) -> Vec<u8> {
    let done = output(repo, args, input);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    done.stdout.strip_suffix(b"\n").map(<[u8]>::to_vec).unwrap_or(done.stdout)
}

pub fn git(repo: &Path, args: &[&str]) -> String {
    String::from_utf8(git_in(repo, args, b"")).unwrap()
}

pub fn oid(text: &str) -> Oid {
    text.trim().parse().unwrap()
}

pub fn name(text: &str) -> RefName {
    RefName::parse(text).unwrap()
}

/// A blob with this content.
pub fn blob(repo: &Path, content: &[u8]) -> Oid {
    oid(std::str::from_utf8(&git_in(repo, &["hash-object", "-w", "--stdin"], content)).unwrap())
}

/// A tree of these files, made by `git write-tree`: path, mode, blob.
pub fn tree<'a>(repo: &Path, files: impl IntoIterator<Item = (&'a [u8], u32, Oid)>) -> Oid {
    let index = tempfile::tempdir().unwrap();
    let mut lines = Vec::new();
    for (path, mode, oid) in files {
        lines.extend_from_slice(format!("{mode:o} {oid}\t").as_bytes());
        lines.extend_from_slice(path);
        lines.push(0);
    }
    let run = |args: &[&str], input: &[u8]| {
        let mut command = command(repo);
        command.env("GIT_INDEX_FILE", index.path().join("index")).args(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success());
        String::from_utf8(done.stdout).unwrap()
    };
    run(&["update-index", "-z", "--index-info"], &lines);
    oid(&run(&["write-tree", "--missing-ok"], b""))
}

/// A commit of these files as text, on top of these parents.
pub fn commit(repo: &Path, parents: &[Oid], files: &[(&str, &str)]) -> Oid {
    let files: Vec<_> =
        files.iter().map(|(path, text)| (path.as_bytes(), 0o100644, blob(repo, text.as_bytes()))).collect();
    commit_tree(repo, parents, tree(repo, files))
}

pub fn commit_tree(repo: &Path, parents: &[Oid], tree: Oid) -> Oid {
    let mut args = vec!["commit-tree".to_owned(), tree.to_string(), "-m".into(), "a commit".into()];
    parents.iter().for_each(|p| args.extend(["-p".into(), p.to_string()]));
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    oid(&git(repo, &args))
}

pub fn set_ref(repo: &Path, name: &str, oid: &Oid) {
    git(repo, &["update-ref", name, &oid.to_string()]);
}

/// A client that gives up quickly and shares nothing with other tests.
pub fn client() -> coregit_http::Client {
    let settings = coregit_http::Settings {
        patience: std::time::Duration::from_millis(1),
        budgets: coregit_http::Budgets::new(None),
        breakers: coregit_http::Breakers::new(),
        ..Default::default()
    };
    coregit_http::Client::new(&settings).unwrap()
}

/// A remote repository of this name behind the server.
pub fn remote(server: &server::Server, name: &str) -> coregit_git::Remote {
    coregit_git::Remote::new(client(), server.url(name), None)
}

pub fn update(name: &str, expected: Option<Oid>, new: Option<Oid>) -> coregit_model::RefUpdate {
    let zero = Oid::zero(expected.or(new).unwrap().format());
    let name = RefName::parse(name).unwrap();
    coregit_model::RefUpdate { name, expected: expected.unwrap_or(zero), new: new.unwrap_or(zero) }
}
