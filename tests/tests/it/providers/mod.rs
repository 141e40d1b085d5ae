//! The provider GitHub against the forge: what tokens may, what repositories are, objects and refs by API.
#![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

mod app;
mod identity;
mod objects;
mod refs;
mod repository;
mod trees;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use coregit_http::{Breakers, Budgets, Client, HttpError, Settings};
use coregit_model::{
    Connection, ConnectionId, Oid, Origin, ProviderKind, RefName, RemoteRepo, Secret, Timestamp, TokenKind,
};
use coregit_providers::Provider;
use coregit_tests::forge::{Forge, Options, Repo, Request, Token};

/// A forge with `octocat/app`, and git beside it to say what things are called.
pub struct Scene {
    pub forge: Forge,
    pub token: String,
    dir: tempfile::TempDir,
}

impl Scene {
    /// With an empty repository.
    pub fn empty() -> Self {
        let forge = Forge::start(Options::default());
        let token = forge.token(Token::classic("octocat").label("mine"));
        forge.repo(Repo::new("octocat/app"));
        Self { forge, token, dir: tempfile::tempdir().unwrap() }
    }

    /// With one commit of these files on `main`; gives its tree and the commit.
    pub fn with(files: &[File<'_>]) -> (Self, Oid, Oid) {
        let scene = Self::empty();
        let tree = scene.tree_of(files);
        let commit = scene.commit_of(&tree, &[]);
        scene.git(&["update-ref", "refs/heads/main", &commit.to_string()], b"");
        (scene, tree, commit)
    }

    pub fn provider(&self) -> Provider {
        self.provider_with(&self.token)
    }

    pub fn provider_with(&self, token: &str) -> Provider {
        let connection = self.connection(TokenKind::Classic);
        Provider::new(&connection, client(), Secret::new(token.to_owned()), token.to_owned())
            .unwrap()
            .lag_patience(Duration::from_secs(3))
    }

    pub fn connection(&self, token_kind: TokenKind) -> Connection {
        let now = Timestamp::now();
        Connection {
            id: ConnectionId::random(),
            provider: ProviderKind::Github,
            label: "work".into(),
            external_username: String::new(),
            url: Some(self.forge.url().to_owned()),
            origin: Origin::parse(self.forge.url()).unwrap().0,
            token_kind,
            scopes: Vec::new(),
            token_expires_at: None,
            app_id: None,
            installation_id: None,
            ca_file: None,
            last_synced_at: None,
            invalid_since: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// git in the forge's bare repository.
    pub fn git(&self, args: &[&str], input: &[u8]) -> String {
        git(&self.forge.bare("octocat/app"), &[], args, input)
    }

    /// Where a ref stands there, by git.
    pub fn stands(&self, name: &str) -> Option<Oid> {
        self.git(&["for-each-ref", "--format=%(objectname)", name], b"").parse().ok()
    }

    /// The tree of these files, as git makes it in the forge's repository.
    pub fn tree_of(&self, files: &[File<'_>]) -> Oid {
        let bare = self.forge.bare("octocat/app");
        self.tree_in(&bare, files)
    }

    /// The same in a repository that the forge knows nothing of: only for the name.
    pub fn name_of(&self, files: &[File<'_>]) -> Oid {
        let elsewhere = self.dir.path().join("elsewhere.git");
        if !elsewhere.exists() {
            git(self.dir.path(), &[], &["init", "-q", "--bare", "elsewhere.git"], b"");
        }
        self.tree_in(&elsewhere, files)
    }

    fn tree_in(&self, bare: &std::path::Path, files: &[File<'_>]) -> Oid {
        let index = tempfile::NamedTempFile::new_in(self.dir.path()).unwrap();
        std::fs::remove_file(index.path()).unwrap();
        let env = [("GIT_INDEX_FILE", index.path().to_str().unwrap())];
        let mut lines = Vec::new();
        for (path, mode, content) in files {
            let oid = match *mode {
                "160000" => String::from_utf8(content.to_vec()).unwrap(),
                _ => git(bare, &[], &["hash-object", "-w", "--stdin"], content),
            };
            lines.extend(format!("{mode} {oid}\t{path}\0").bytes());
        }
        git(bare, &env, &["update-index", "-z", "--index-info"], &lines);
        git(bare, &env, &["write-tree"], b"").parse().unwrap()
    }

    pub fn commit_of(&self, tree: &Oid, parents: &[Oid]) -> Oid {
        let parents: Vec<String> = parents.iter().flat_map(|p| ["-p".into(), p.to_string()]).collect();
        let tree = tree.to_string();
        let args: Vec<&str> =
            ["commit-tree", &tree].into_iter().chain(parents.iter().map(|p| p.as_str())).collect();
        self.git(&args, b"a commit\n").parse().unwrap()
    }

    pub fn writes(&self) -> Vec<Request> {
        self.forge.requests().into_iter().filter(|request| request.mutating).collect()
    }

    /// GitHub's description was kept to.
    pub fn lawful(&self) {
        assert_eq!(self.forge.violations(), Vec::<String>::new());
    }
}

/// A path, git's mode, and the content (of a submodule: its commit).
pub type File<'a> = (&'a str, &'a str, &'a [u8]);

fn git(dir: &std::path::Path, env: &[(&str, &str)], args: &[&str], input: &[u8]) -> String {
    let who = ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"];
    let when = ["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"];
    let mut child = Command::new("git")
        .current_dir(dir)
        .args(args)
        .envs(who.map(|name| (name, "mona")))
        .envs(when.map(|name| (name, "1775390400 +0130")))
        .envs(env.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {args:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub fn client() -> Client {
    let settings = Settings {
        idle_timeout: Duration::from_secs(20),
        patience: Duration::from_secs(5),
        budgets: Budgets::new(None),
        breakers: Breakers::new(),
        ..Settings::default()
    };
    Client::new(&settings).unwrap()
}

pub fn app() -> RemoteRepo {
    RemoteRepo::parse("octocat/app").unwrap()
}

pub fn main_branch() -> RefName {
    RefName::new("refs/heads/main").unwrap()
}

/// Runs a talk to its end.
pub fn run<T>(talk: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(talk)
}

/// The error of a talk.
pub fn refused<T: std::fmt::Debug>(talk: impl Future<Output = Result<T, HttpError>>) -> HttpError {
    run(talk).unwrap_err()
}

/// A file of the tests.
pub fn testdata(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "core", "providers", "src", "github", "testdata", name]
        .iter()
        .collect()
}
