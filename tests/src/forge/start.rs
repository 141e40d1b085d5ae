//! Starting and stopping a forge, and what tests do with it in Rust.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::app::App;
use super::lag::Lag;
use super::limits::Limits;
use super::log::Request;
use super::shared::Shared;
use super::token::Token;
use super::webhook::Delivery;
use super::world::{Repo, User};
use super::{fault::Fault, server};

/// How a forge starts.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where its files lie; `None` is a temporary folder that goes with it.
    pub root: Option<PathBuf>,
    /// Where it listens; `None` is a free port of 127.0.0.1.
    pub listen: Option<SocketAddr>,
    /// Speak TLS, with HTTP/2, under an authority of the forge's own (`Forge::ca_file`).
    pub tls: bool,
}

/// A running forge. It stops, and its children with it, when dropped.
pub struct Forge {
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    ca_file: Option<PathBuf>,
    _scratch: Option<tempfile::TempDir>,
}

impl Forge {
    /// Starts a forge on a thread of its own.
    ///
    /// # Panics
    ///
    /// Where its folder or its address cannot be had: a test without a forge has nothing to say.
    pub fn start(options: Options) -> Self {
        let (root, scratch) = folder(options.root);
        let listen = options.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        let listener = std::net::TcpListener::bind(listen).expect("the forge's address is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (tls, ca_file) = options.tls.then(|| super::tls::acceptor(&root)).unzip();
        let scheme = if options.tls { "https" } else { "http" };
        let shared = Arc::new(Shared::new(root, format!("{scheme}://{address}")));
        let (stop, stopped) = oneshot::channel();
        let served = shared.clone();
        let thread = std::thread::spawn(move || server::run((listener, tls), served, stopped));
        Self { shared, stop: Some(stop), thread: Some(thread), ca_file, _scratch: scratch }
    }

    /// The certificate of the forge's authority, PEM; `None` without TLS.
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// `http://127.0.0.1:port`, or `https://`: what a connection's `--url` is.
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// The REST base, `<url>/api/v3`.
    pub fn api(&self) -> String {
        self.shared.api()
    }

    /// The address to clone from, without credentials.
    pub fn git_url(&self, full_name: &str) -> String {
        format!("{}/{full_name}.git", self.url())
    }

    /// Adds or replaces a user or an organisation.
    pub fn user(&self, user: User) {
        self.shared.world().put_user(user);
    }

    /// Adds a token and returns its value.
    pub fn token(&self, token: Token) -> String {
        self.shared.world().put_token(token).value
    }

    /// Revokes the tokens of this value or label.
    pub fn revoke(&self, token: &str) {
        self.shared.revoke(token);
    }

    /// Adds a repository, empty, and returns its id. The same name again, after `delete`, is another repository.
    pub fn repo(&self, repo: Repo) -> u64 {
        self.shared.put_repo(repo).id
    }

    /// The repository of this name as it stands.
    pub fn find(&self, full_name: &str) -> Option<Repo> {
        let (owner, name) = full_name.split_once('/')?;
        self.shared.world().repo(owner, name).cloned()
    }

    /// Changes a repository: archive it, protect a branch, let somebody in.
    ///
    /// # Panics
    ///
    /// When there is none of that name.
    pub fn change(&self, full_name: &str, change: impl FnOnce(&mut Repo)) {
        let id = self.existing(full_name).id;
        change(self.shared.world().repos.get_mut(&id).expect("a repository found a moment ago"));
    }

    /// Renames a repository; `new_name` is `name` or `owner/name`. The old name answers 301 from now on.
    ///
    /// # Panics
    ///
    /// When there is none of that name.
    pub fn rename(&self, full_name: &str, new_name: &str) {
        self.shared.rename(&self.existing(full_name), new_name);
    }

    /// Deletes a repository.
    ///
    /// # Panics
    ///
    /// When there is none of that name.
    pub fn delete(&self, full_name: &str) {
        self.shared.delete(&self.existing(full_name));
    }

    /// Where a repository's objects and refs lie.
    ///
    /// # Panics
    ///
    /// When there is none of that name.
    pub fn bare(&self, full_name: &str) -> PathBuf {
        self.shared.bare(&self.existing(full_name)).path().to_owned()
    }

    /// Adds an App, filling ids that were left open, and returns it.
    pub fn app(&self, app: App) -> App {
        self.shared.world().put_app(app)
    }

    /// Sets a fault; several may be set.
    pub fn fault(&self, fault: Fault) {
        self.shared.faults.add(fault);
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// Sets the rate limits.
    pub fn limit(&self, limits: Limits) {
        self.shared.meter.set(limits);
    }

    /// Sets how far behind a repository's replicas are after each change from now on; the default is not at all.
    ///
    /// # Panics
    ///
    /// When there is none of that name.
    pub fn lag(&self, full_name: &str, lag: Lag) {
        self.shared.replicas.set(self.existing(full_name).id, lag);
    }

    /// The webhook requests that were sent for a repository and have ended, oldest first.
    ///
    /// # Panics
    ///
    /// When there is none of that name.
    pub fn deliveries(&self, full_name: &str) -> Vec<Delivery> {
        let id = self.existing(full_name).id;
        let world = self.shared.world();
        let hooks = world.hooks.values().filter(|h| h.repo_id == id);
        let mut all: Vec<Delivery> = hooks.flat_map(|h| h.deliveries.clone()).collect();
        all.sort_by_key(|d| d.id);
        all
    }

    /// Loses so many of the next webhook requests without a trace.
    pub fn lose_deliveries(&self, count: u32) {
        self.shared.post.lose(count);
    }

    /// Moves the forge's clock forward.
    pub fn advance(&self, by: Duration) {
        self.shared.clock.advance(by);
    }

    /// Lets `speed` seconds of the forge's clock pass in each real one.
    pub fn set_clock_speed(&self, speed: f64) {
        self.shared.clock.set_speed(speed);
    }

    /// Seconds since the epoch on the forge's clock.
    pub fn now(&self) -> i64 {
        self.shared.clock.now()
    }

    /// The requests since the last reset, in order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.log.requests()
    }

    /// Forgets the requests so far.
    pub fn reset_requests(&self) {
        self.shared.log.reset();
    }

    /// What broke GitHub's published description so far: requests that arrived, and answers of the forge. Requests
    /// that a test makes wrong on purpose are among them.
    pub fn violations(&self) -> Vec<String> {
        self.shared.violations.list()
    }

    /// Forgets the violations so far.
    pub fn clear_violations(&self) {
        self.shared.violations.clear();
    }

    /// Whether the description was found, so that `violations` says anything at all.
    pub fn schema_checked(&self) -> bool {
        self.shared.description.is_some()
    }

    fn existing(&self, full_name: &str) -> Repo {
        self.find(full_name).unwrap_or_else(|| panic!("the forge has no repository {full_name}"))
    }
}

/// The forge's folder, made, and what holds it where it is a temporary one.
fn folder(chosen: Option<PathBuf>) -> (PathBuf, Option<tempfile::TempDir>) {
    let scratch = chosen.is_none().then(|| tempfile::tempdir().expect("a temporary folder can be made"));
    let root =
        chosen.or_else(|| scratch.as_ref().map(|s| s.path().to_owned())).expect("one of the two is there");
    std::fs::create_dir_all(root.join("repos")).expect("the forge's folder can be made");
    (root.canonicalize().expect("the folder was just made"), scratch)
}

impl Drop for Forge {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
