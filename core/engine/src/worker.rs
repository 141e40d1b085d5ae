//! Workers: they take events, claim triggers, run them, sweep and retry. Any number may run.

use std::path::PathBuf;
use std::time::Duration;

use coregit_model::{ErrorClass, Repo, RunStatus, Timestamp};
use coregit_store::Claim;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::UnixDatagram;

use crate::process::own_name;
use crate::run::{LEASE_S, Outcome};
use crate::{Engine, Error, fail_point};

/// A drain waits for what is due within this time: 10 minutes.
const DRAIN_PATIENCE_S: i64 = 600;
/// Tries before a sync waits for the next push, trigger or sweep.
const MOST_TRIES: u32 = 8;

/// What a worker is to do.
#[derive(Clone, Debug, Default)]
pub struct WorkerOptions {
    /// End when nothing is left or due soon.
    pub drain: bool,
    /// Serve this repository only.
    pub repo: Option<PathBuf>,
}

impl Engine {
    /// Works until it is told to stop (SIGTERM, SIGINT), or until nothing is left for a drain.
    pub async fn work(&self, options: WorkerOptions) -> Result<(), Error> {
        self.make_run_dir()?;
        match options.drain {
            true => self.drain(options.repo).await,
            false => self.stay_up().await,
        }
    }

    fn make_run_dir(&self) -> Result<(), Error> {
        let dir = self.home.run_dir();
        std::fs::create_dir_all(&dir)
            .map_err(|e| Error::failed(format!("{} cannot be made: {e}", dir.display())))
    }

    /// One drain at a time for each repository; an event that comes while this one ends is seen by it or by
    /// the drain that its own push starts.
    async fn drain(&self, repo: Option<PathBuf>) -> Result<(), Error> {
        let repo = match repo {
            Some(path) => Some(self.repo(&path.to_string_lossy()).await?),
            None => None,
        };
        let name = repo.as_ref().map_or("all".to_owned(), |r| r.id.to_string());
        let lock = self.home.run_dir().join(format!("drain-{name}.lock"));
        let mut in_vain = 0;
        while in_vain < 2 {
            let Some(held) = lock_file(&lock)? else { return Ok(()) };
            let taken = self.drain_once(repo.as_ref()).await?;
            drop(held);
            if !self.events_wait(repo.as_ref()).await? {
                return Ok(());
            }
            in_vain = if taken == 0 { in_vain + 1 } else { 0 };
        }
        Err(Error::failed("events wait that cannot be taken into the records; the log names why"))
    }

    /// Returns how many events it took.
    async fn drain_once(&self, repo: Option<&Repo>) -> Result<usize, Error> {
        let only = repo.map(|r| &r.id);
        self.sweep(repo).await?;
        let mut taken = 0;
        loop {
            taken += self.take_all_events(repo).await?;
            while let Some(claim) = self.store.claim(&own_name(), LEASE_S, only).await? {
                self.run_trigger(&claim).await?;
                taken += self.take_all_events(repo).await?;
            }
            let soon = Timestamp::now().plus_seconds(DRAIN_PATIENCE_S);
            match self.store.next_due(only).await?.filter(|due| *due <= soon) {
                None => return Ok(taken),
                Some(due) => {
                    let wait = (due.as_millis() - Timestamp::now().as_millis()).clamp(10, 1_000);
                    tokio::time::sleep(Duration::from_millis(wait as u64)).await;
                }
            }
        }
    }

    async fn events_wait(&self, repo: Option<&Repo>) -> Result<bool, Error> {
        for repo in self.served(repo).await? {
            if !coregit_spool::Spool::at(&repo.path).events()?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn served(&self, repo: Option<&Repo>) -> Result<Vec<Repo>, Error> {
        match repo {
            Some(repo) => Ok(vec![repo.clone()]),
            None => self.repos().await,
        }
    }

    /// A repository that cannot be read does not keep the others waiting.
    async fn take_all_events(&self, repo: Option<&Repo>) -> Result<usize, Error> {
        let mut taken = 0;
        for repo in self.served(repo).await? {
            match self.take_events(&repo).await {
                Ok(n) => taken += n,
                Err(error) => tracing::warn!(repo = %repo.slug, %error, "events cannot be taken"),
            }
        }
        Ok(taken)
    }

    async fn sweep(&self, repo: Option<&Repo>) -> Result<(), Error> {
        self.bury_the_dead().await?;
        for repo in self.served(repo).await? {
            if let Err(error) = self.sweep_repo(&repo).await {
                tracing::warn!(repo = %repo.slug, %error, "cannot be swept");
            }
        }
        if repo.is_none() {
            self.trigger_due_intervals().await?;
        }
        Ok(())
    }

    /// Syncs whose interval has passed since they were last proved equal (or last tried).
    async fn trigger_due_intervals(&self) -> Result<(), Error> {
        let now = Timestamp::now();
        for sync in self.store.syncs().await? {
            let Some(interval) = sync.interval_s else { continue };
            if sync.state != coregit_model::SyncState::Active {
                continue;
            }
            let last = self.store.last_runs(&sync.id, 1).await?.pop().map(|r| r.started_at);
            if last.unwrap_or(sync.created_at).plus_seconds(i64::from(interval)) <= now {
                let not_before = self.store.sync_retry(&sync.id).await?.next_try_at;
                self.store.add_trigger(&sync.id, "interval", not_before).await?;
            }
        }
        Ok(())
    }

    async fn stay_up(&self) -> Result<(), Error> {
        let (socket, open) = (self.bind()?, self.bind_open()?);
        let mut stop = std::pin::pin!(stopped());
        let mut sweeps = tokio::time::interval(self.settings.sweep());
        let mut running = FuturesUnordered::new();
        let (mut word, mut other) = ([0u8; 512], [0u8; 512]);
        loop {
            if running.len() < self.settings.worker_runs()
                && let Some(claim) = self.store.claim(&own_name(), LEASE_S, None).await?
            {
                running.push(async move { self.run_trigger(&claim).await });
                continue;
            }
            tokio::select! {
                () = &mut stop => break,
                _ = sweeps.tick() => {
                    self.sweep(None).await?;
                    self.take_all_events(None).await?;
                }
                Ok(n) = socket.recv(&mut word) => self.woken(&word[..n]).await?,
                Ok(n) = open.recv(&mut other) => self.woken(&other[..n]).await?,
                Some(done) = running.next() => told(done),
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
        let _ = std::fs::remove_file(self.home.worker_socket());
        let rest = async { while running.next().await.is_some() {} };
        let _ = tokio::time::timeout(Duration::from_secs(30), rest).await;
        Ok(())
    }

    /// A hook says which repository has events.
    async fn woken(&self, word: &[u8]) -> Result<(), Error> {
        let Some(id) = coregit_spool::wake::read(word) else { return Ok(()) };
        match self.store.repo_by_id(&id).await? {
            Some(repo) => self.take_all_events(Some(&repo)).await.map(drop),
            None => Ok(()),
        }
    }

    /// Binds the socket that hooks wake a worker by. Another worker that holds it keeps it: this one then
    /// finds its work in the records.
    fn bind(&self) -> Result<UnixDatagram, Error> {
        let path = self.home.worker_socket();
        let wrong = |e: std::io::Error| Error::failed(format!("{} cannot be bound: {e}", path.display()));
        if self.worker_answers() {
            return UnixDatagram::unbound().map_err(wrong);
        }
        let _ = std::fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path).map_err(wrong)?;
        let anyone = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        std::fs::set_permissions(&path, anyone).map_err(wrong)?;
        Ok(socket)
    }

    /// Listens also where users reach it who may push but not enter the home. Where that is taken or unknown,
    /// their events wait for the next sweep.
    fn bind_open(&self) -> Result<UnixDatagram, Error> {
        let uid = rustix::process::geteuid().as_raw();
        let bound = coregit_spool::wake::bind_open(self.home.path(), uid)
            .and_then(|socket| socket.set_nonblocking(true).map(|()| socket))
            .and_then(UnixDatagram::from_std);
        bound
            .or_else(|_| UnixDatagram::unbound())
            .map_err(|e| Error::failed(format!("no socket can be made: {e}")))
    }

    /// Runs what a trigger asks for, and decides whether it is tried again.
    async fn run_trigger(&self, claim: &Claim) -> Result<(), Error> {
        fail_point("worker.claimed");
        let outcome = self.run_claimed(claim, None).await?;
        let sync = self.sync(claim.sync_id.as_str()).await?;
        let lines = lines(&sync, &outcome);
        let retry = match &outcome.error {
            Some(error) if error.try_again() && claim.attempt < MOST_TRIES => {
                Some(retry_at(error, claim.attempt))
            }
            _ => None,
        };
        match retry {
            Some(at) => {
                self.store.set_sync_retry(&sync.id, claim.attempt, Some(at)).await?;
                self.store.release(claim, Some(at)).await?;
            }
            None => {
                self.store.finish(claim).await?;
                self.tell_waiters(&claim.waiters, &sync.label, &lines).await;
            }
        }
        fail_point("worker.finished");
        Ok(())
    }

    pub(crate) async fn remote_key_of(&self, sync: &coregit_model::SyncConfig) -> Result<String, Error> {
        let connection = self.connection(sync.connection_id.as_str()).await?;
        Ok(coregit_store::remote_key(&connection.origin, sync))
    }
}

/// One line for each ref and remote, as a waiting push prints them.
fn lines(sync: &coregit_model::SyncConfig, outcome: &Outcome) -> Vec<String> {
    let took = outcome.run.completed_at.map_or(0, |end| end.as_millis() - outcome.run.started_at.as_millis());
    if outcome.run.refs.is_empty() {
        return vec![format!("{} ({}): {}", sync.remote, sync.label, outcome.run.message)];
    }
    let line = |r: &coregit_model::RefResult| match &r.reason {
        None => format!("{} -> {} ({}): {} in {took} ms", r.name.short(), sync.remote, sync.label, r.action),
        Some(reason) => format!("{} -> {} ({}): refused: {reason}", r.name.short(), sync.remote, sync.label),
    };
    let mut lines: Vec<_> = outcome.run.refs.iter().map(line).collect();
    if outcome.run.status == RunStatus::Error && outcome.run.refs.iter().all(|r| r.reason.is_none()) {
        lines.push(format!("{} ({}): {}", sync.remote, sync.label, outcome.run.message));
    }
    lines
}

/// The host's own wait; else 2 s doubling to 15 minutes, spread at random so that many do not come at once.
fn retry_at(error: &Error, attempt: u32) -> Timestamp {
    let floor = if error.class == Some(ErrorClass::Rate) { 60 } else { 2 };
    let seconds = match error.wait {
        Some(wait) => wait.as_secs() + 1,
        None => {
            let cap = (floor << attempt.min(9)).min(900);
            floor.max(Timestamp::now().as_millis().unsigned_abs() % cap.max(1))
        }
    };
    Timestamp::now().plus_seconds(seconds as i64)
}

fn lock_file(path: &std::path::Path) -> Result<Option<std::fs::File>, Error> {
    let wrong = |e: std::io::Error| Error::failed(format!("{} cannot be locked: {e}", path.display()));
    let file = std::fs::File::options().create(true).append(true).open(path).map_err(wrong)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(e)) => Err(wrong(e)),
    }
}

fn told(done: Result<(), Error>) {
    if let Err(error) = done {
        tracing::error!(%error, "a run could not be recorded");
    }
}

async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! { _ = term.recv() => {} _ = int.recv() => {} }
}
