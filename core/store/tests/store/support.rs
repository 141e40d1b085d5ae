//! What the tests start from: a home with a connection, a repository and syncs, and children of this program.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use coregit_model::{
    BranchName, Conflict, Connection, ConnectionId, Direction, Guard, Lfs, Mode, Oid, OnDivergence, Origin,
    ProviderKind, Prune, RefName, Refspecs, RemoteRepo, Repo, RepoId, RepoSlug, RunId, RunStatus, Secret,
    SyncConfig, SyncId, SyncRun, SyncState, Timestamp, TokenKind, Via,
};
use coregit_store::{Claim, FinishedRun, Options, Store};
use tempfile::TempDir;

/// A lease that does not run out in a test.
pub const LEASE_S: i64 = 600;

/// A home in a folder of its own, with its store open.
pub struct Home {
    pub dir: TempDir,
    pub store: Store,
}

impl Home {
    pub async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let store = Store::create_with(&dir.path().join("home"), &[], options()).await.unwrap();
        Self { dir, store }
    }

    pub fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("home")
    }

    /// A second store on the same home, as another process has it.
    pub async fn again(&self) -> Store {
        Store::open_with(&self.path(), options()).await.unwrap()
    }

    /// Puts a connection, a repository and one sync there.
    pub async fn with_sync() -> (Self, SyncConfig) {
        let home = Self::new().await;
        let sync = home.add_sync("work").await;
        (home, sync)
    }

    /// A connection, a repository and a sync, all called `label`.
    pub async fn add_sync(&self, label: &str) -> SyncConfig {
        let connection = connection(label);
        self.store.insert_connection(&connection, &token("t")).await.unwrap();
        let repo = repo(label);
        self.store.insert_repo(&repo).await.unwrap();
        let sync = sync(&repo, &connection, label);
        self.store.insert_sync(&sync).await.unwrap();
        sync
    }
}

pub fn options() -> Options {
    Options { busy_timeout: Duration::from_secs(20), ..Options::default() }
}

pub fn token(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

pub fn now() -> Timestamp {
    Timestamp::now()
}

pub fn oid(digit: char) -> Oid {
    digit.to_string().repeat(40).parse().unwrap()
}

pub fn ref_name(text: &str) -> RefName {
    RefName::parse(text).unwrap()
}

pub fn connection(label: &str) -> Connection {
    Connection {
        id: ConnectionId::random(),
        provider: ProviderKind::Github,
        label: label.to_owned(),
        external_username: "octocat".to_owned(),
        url: None,
        origin: Origin::parse("https://github.com").unwrap().0,
        token_kind: TokenKind::FineGrained,
        scopes: vec!["repo".to_owned(), "workflow".to_owned()],
        token_expires_at: Some(now()),
        app_id: None,
        installation_id: Some(7),
        ca_file: None,
        last_synced_at: None,
        invalid_since: None,
        created_at: now(),
        updated_at: now(),
    }
}

pub fn repo(slug: &str) -> Repo {
    Repo {
        id: RepoId::random(),
        slug: RepoSlug::parse(slug).unwrap(),
        path: format!("/srv/git/{slug}.git").into(),
        created_here: true,
        default_branch: BranchName::parse("main").unwrap(),
        created_at: now(),
    }
}

pub fn sync(repo: &Repo, connection: &Connection, label: &str) -> SyncConfig {
    SyncConfig {
        id: SyncId::random(),
        repo_id: repo.id.clone(),
        connection_id: connection.id.clone(),
        label: label.to_owned(),
        remote: RemoteRepo::parse("octocat/app").unwrap(),
        remote_id: None,
        direction: Direction::Export,
        mode: Mode::History,
        via: Via::Auto,
        branch: BranchName::parse("main").unwrap(),
        refs: Refspecs::default(),
        on_divergence: OnDivergence::Stop,
        conflict: Conflict::Stop,
        protect: false,
        prune: Prune::Managed,
        guard: Guard::default(),
        accept_tag_move: true,
        auto_sync: true,
        lfs: Lfs::Skip,
        interval_s: Some(900),
        state: SyncState::Active,
        last_synced_sha: None,
        last_synced_at: None,
        last_error: None,
        created_at: now(),
        updated_at: now(),
    }
}

pub fn run_of(sync: &SyncConfig) -> SyncRun {
    SyncRun {
        id: RunId::random(),
        sync_id: sync.id.clone(),
        repo_id: sync.repo_id.clone(),
        direction: sync.direction,
        status: RunStatus::Running,
        message: "running".to_owned(),
        class: None,
        remote_sha: None,
        commit_sha: None,
        counts: Default::default(),
        refs: Vec::new(),
        started_at: now(),
        completed_at: None,
    }
}

pub fn finished(run: &SyncRun, status: RunStatus) -> FinishedRun {
    let completed_at = Some(now());
    FinishedRun {
        run: SyncRun { status, message: "done".to_owned(), completed_at, ..run.clone() },
        put_bases: Vec::new(),
        delete_bases: Vec::new(),
        receipt: None,
        keep_intents: false,
        last_synced_sha: None,
        last_error: None,
    }
}

/// Triggers a sync, claims it and starts a run.
pub async fn started(store: &Store, sync: &SyncConfig) -> (Claim, SyncRun) {
    let claim = store.claim_sync(&sync.id, "test", LEASE_S).await.unwrap().unwrap();
    let run = run_of(sync);
    store.start_run(&claim, &run).await.unwrap();
    (claim, run)
}

/// What a child of this program is told to work on; `None` in the parent.
pub fn child_home() -> Option<std::path::PathBuf> {
    std::env::var_os("COREGIT_STORE_TEST_CHILD").map(Into::into)
}

/// Starts this test program again, to run only the test `name` as a child that works on `home`.
pub fn child(name: &str, home: &Path, wrapper: &[&str]) -> Child {
    let exe = std::env::current_exe().unwrap();
    let exe = exe.to_str().unwrap();
    let argv: Vec<&str> = wrapper.iter().copied().chain([exe, "--exact", name, "--nocapture"]).collect();
    Command::new(argv[0])
        .args(&argv[1..])
        .env("COREGIT_STORE_TEST_CHILD", home)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}
