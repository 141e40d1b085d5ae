//! One run of a sync: claimed, started, exported, recorded; and what follows from how it ended.

use std::time::Duration;

use coregit_git::Repo as GitRepo;
use coregit_model::{
    BranchName, ErrorClass, Plan, Repo, RunId, RunStatus, SyncConfig, SyncRun, SyncState, Timestamp,
};
use coregit_store::{Claim, FinishedRun};

use crate::export::Exported;
use crate::link::Link;
use crate::process::{is_dead, own_name};
use crate::{Engine, Error, ErrorKind, fail_point};

/// A worker's hold on a sync lasts this long without a heartbeat.
pub(crate) const LEASE_S: i64 = 30;
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long a manual trigger waits for a run that is under way.
const BUSY_PATIENCE: Duration = Duration::from_secs(60);

/// A finished run, and whether it left something to do.
#[derive(Debug)]
pub struct Outcome {
    /// The run as it was recorded.
    pub run: SyncRun,
    /// The error that ended it, when one did.
    pub error: Option<Error>,
}

/// What a dry run would do.
#[derive(Debug, serde::Serialize)]
pub struct DryRun {
    /// The plan, ref by ref.
    pub plan: Plan,
    /// Files that would be created or updated, and deleted (snapshots).
    pub files_changed: u64,
    /// Files that would be deleted (snapshots).
    pub deleted: u64,
}

/// Everything that one run works with.
pub(crate) struct Run<'a> {
    pub engine: &'a Engine,
    pub sync: SyncConfig,
    pub repo: Repo,
    pub git: GitRepo,
    pub link: Link,
    pub id: RunId,
    pub notes: Vec<String>,
}

impl Engine {
    /// Runs a sync now. Waits up to 60 s for a run of it that is under way. `branch` is for this run only.
    pub async fn trigger(&self, sync: &SyncConfig, branch: Option<BranchName>) -> Result<Outcome, Error> {
        self.store.drop_holds(&sync.id).await?;
        let claim = self.claim_patiently(sync).await?;
        let outcome = self.run_claimed(&claim, branch).await?;
        self.store.finish(&claim).await?;
        Ok(outcome)
    }

    async fn claim_patiently(&self, sync: &SyncConfig) -> Result<Claim, Error> {
        let deadline = tokio::time::Instant::now() + BUSY_PATIENCE;
        self.bury_the_dead().await?;
        loop {
            if let Some(claim) = self.store.claim_sync(&sync.id, &own_name(), LEASE_S).await? {
                return Ok(claim);
            }
            if tokio::time::Instant::now() > deadline {
                let sentence = format!("a run of {} has been under way for more than a minute", sync.label);
                return Err(Error::new(ErrorKind::Conflict, sentence).hint("`coregit sync status` shows it"));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Ends the leases of workers of this machine that were killed: nobody has to wait for them.
    pub(crate) async fn bury_the_dead(&self) -> Result<(), Error> {
        for worker in self.store.holders().await?.into_iter().filter(|w| is_dead(w)) {
            self.store.end_leases_of(&worker).await?;
        }
        Ok(())
    }

    /// Makes the plan of a run and changes nothing.
    pub async fn dry_run(&self, sync: &SyncConfig, branch: Option<BranchName>) -> Result<DryRun, Error> {
        let mut run = self.prepare(sync.clone(), branch).await?;
        run.dry_run().await
    }

    async fn prepare(&self, mut sync: SyncConfig, branch: Option<BranchName>) -> Result<Run<'_>, Error> {
        let repo = self.repo_of(&sync).await?;
        let git = GitRepo::open(&repo.path)?;
        let link = self.link(&sync).await?;
        if let Some(branch) = branch {
            sync.branch = branch;
        }
        Ok(Run { engine: self, sync, repo, git, link, id: RunId::random(), notes: Vec::new() })
    }

    /// One attempt under a lease, from the start of the run record to its end.
    pub(crate) async fn run_claimed(
        &self,
        claim: &Claim,
        branch: Option<BranchName>,
    ) -> Result<Outcome, Error> {
        let sync = self.sync(claim.sync_id.as_str()).await?;
        let mut record = started(&sync);
        self.store.start_run(claim, &record).await?;
        fail_point("run.started");
        let work = async {
            let mut run = self.prepare(sync.clone(), branch).await?;
            run.id = record.id.clone();
            let result = run.export().await;
            Ok((result, run))
        };
        let (result, notes) = match self.with_heartbeat(claim, work).await {
            Err(error) => (Err(error), Vec::new()),
            Ok((result, run)) => {
                let cost = run.link.meter.read();
                (record.counts.requests, record.counts.bytes_sent) = (cost.requests as u32, cost.bytes_sent);
                (result, run.notes)
            }
        };
        fail_point("run.worked");
        let exported = result.unwrap_or_else(|error| Exported::failed(&error));
        exported.fill(&mut record, &notes);
        self.record(claim, &sync, record, exported).await
    }

    async fn with_heartbeat<T>(
        &self,
        claim: &Claim,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(HEARTBEAT) => {
                    if !self.store.heartbeat(claim, LEASE_S).await? {
                        return Err(Error::failed("another worker took this run over").class(ErrorClass::Transient));
                    }
                }
            }
        }
    }

    async fn record(
        &self,
        claim: &Claim,
        sync: &SyncConfig,
        run: SyncRun,
        exported: Exported,
    ) -> Result<Outcome, Error> {
        let finished = FinishedRun {
            last_synced_sha: exported.proved_at(),
            last_error: (run.status == RunStatus::Error).then(|| run.message.clone()),
            put_bases: exported.put_bases,
            delete_bases: exported.delete_bases,
            receipt: exported.receipt,
            keep_intents: exported.keep_intents,
            run: run.clone(),
        };
        self.store.finish_run(claim, &finished).await?;
        fail_point("run.recorded");
        self.keep_budgets().await?;
        self.follow_up(sync, &run, exported.error.as_ref()).await?;
        Ok(Outcome { run, error: exported.error })
    }

    /// What an end means for the connection, the sync and the next pusher.
    async fn follow_up(&self, sync: &SyncConfig, run: &SyncRun, error: Option<&Error>) -> Result<(), Error> {
        if run.status != RunStatus::Error {
            self.store.touch_connection_synced(&sync.connection_id).await?;
            self.store.set_sync_retry(&sync.id, 0, None).await?;
            return self.tell_pusher(sync, None).await;
        }
        match error.and_then(|e| e.class) {
            Some(ErrorClass::Auth) => {
                self.store.set_connection_invalid(&sync.connection_id, Some(Timestamp::now())).await?;
                self.store.set_sync_state(&sync.id, SyncState::Held, Some(&run.message)).await?;
            }
            Some(ErrorClass::Moved) => {
                self.store.set_sync_state(&sync.id, SyncState::Held, Some(&run.message)).await?;
            }
            _ => {}
        }
        self.tell_pusher(sync, Some(&run.message)).await
    }

    /// Leaves the one-line notice of the last failure where the next push finds it, or takes it away.
    async fn tell_pusher(&self, sync: &SyncConfig, failure: Option<&str>) -> Result<(), Error> {
        let repo = self.repo_of(sync).await?;
        let spool = coregit_spool::Spool::at(&repo.path);
        if !spool.exists() {
            return Ok(());
        }
        let told = match failure {
            None => spool.clear_failure(),
            Some(failure) => {
                let first = failure.lines().next().unwrap_or("");
                let line =
                    format!("coregit: the last sync to {} ({}) failed: {first}", sync.remote, sync.label);
                spool.write_failure(&line)
            }
        };
        if let Err(error) = told {
            tracing::warn!(%error, "the notice of the last failure cannot be kept");
        }
        Ok(())
    }
}

fn started(sync: &SyncConfig) -> SyncRun {
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
        started_at: Timestamp::now(),
        completed_at: None,
    }
}
