//! The state of every sync: lag, last run, next try, what is wrong and what to do.

use coregit_model::{ErrorClass, Mode, Repo, RunId, RunStatus, SyncConfig, SyncRun, SyncState, Timestamp};

use crate::{Engine, Error};

/// One sync as `coregit sync status` shows it.
#[derive(Debug, serde::Serialize)]
pub struct SyncStatus {
    /// Our repository's slug.
    pub repo: String,
    /// The sync.
    pub sync: SyncConfig,
    /// The last run, when there was one.
    pub last_run: Option<SyncRun>,
    /// `in_sync`, `behind`, `never_synced`, `failing`, `running`, `paused` or `held`.
    pub state: &'static str,
    /// Seconds since both sides were last proved equal.
    pub lag_s: Option<i64>,
    /// Commits here that are not there yet, on the sync's branch.
    pub behind: Option<u64>,
    /// When a failed run is tried again.
    pub next_try_at: Option<Timestamp>,
    /// What is wrong, in a sentence.
    pub problem: Option<String>,
    /// What mends it.
    pub hint: Option<String>,
}

impl Engine {
    /// The states of all syncs, or of one repository's.
    pub async fn statuses(&self, repo: Option<&Repo>) -> Result<Vec<SyncStatus>, Error> {
        let syncs = match repo {
            Some(repo) => self.store.syncs_of(&repo.id).await?,
            None => self.store.syncs().await?,
        };
        let mut statuses = Vec::with_capacity(syncs.len());
        for sync in syncs {
            statuses.push(self.status(sync).await?);
        }
        Ok(statuses)
    }

    /// Past runs of a repository, newest first, and where the next page begins.
    pub async fn history(
        &self,
        repo: &Repo,
        limit: u32,
        cursor: Option<RunId>,
    ) -> Result<(Vec<SyncRun>, Option<RunId>), Error> {
        Ok(self.store.runs(&repo.id, limit, cursor.as_ref()).await?)
    }

    async fn status(&self, sync: SyncConfig) -> Result<SyncStatus, Error> {
        let repo = self.repo_of(&sync).await?;
        let last_run = self.store.last_runs(&sync.id, 1).await?.pop();
        let behind = self.behind(&repo, &sync).await.unwrap_or(None);
        let next_try_at = self.store.sync_retry(&sync.id).await?.next_try_at;
        let state = state(&sync, last_run.as_ref(), behind);
        let failed = last_run.as_ref().filter(|r| r.status == RunStatus::Error);
        let problem = failed.map(|r| r.message.clone());
        let hint = hint(&sync, failed, behind, next_try_at);
        let lag_s = sync.last_synced_at.map(|at| (Timestamp::now().as_millis() - at.as_millis()) / 1000);
        Ok(SyncStatus {
            repo: repo.slug.to_string(),
            sync,
            last_run,
            state,
            lag_s,
            behind,
            next_try_at,
            problem,
            hint,
        })
    }

    /// Commits of the sync's branch since the common state; `None` before the first sync.
    async fn behind(&self, repo: &Repo, sync: &SyncConfig) -> Result<Option<u64>, Error> {
        let name = coregit_model::RefName::of_branch(&sync.branch);
        let key = self.remote_key_of(sync).await?;
        let base = self.store.bases(&repo.id, &key).await?.into_iter().find(|b| b.ours == name);
        let git = coregit_git::Repo::open(&repo.path)?;
        match (base, git.ref_oid(&name)?) {
            (Some(base), Some(tip)) => Ok(Some(git.count_between(Some(&base.ours_oid), &tip)?)),
            _ => Ok(None),
        }
    }
}

/// The state in one word.
fn state(sync: &SyncConfig, last_run: Option<&SyncRun>, behind: Option<u64>) -> &'static str {
    match (last_run.map(|r| r.status), sync.state, behind) {
        (Some(RunStatus::Running), _, _) => "running",
        (_, SyncState::Paused, _) => "paused",
        (_, SyncState::Held, _) => "held",
        (Some(RunStatus::Error), _, _) => "failing",
        (_, _, None) => "never_synced",
        (_, _, Some(0)) => "in_sync",
        (_, _, Some(_)) => "behind",
    }
}

/// The command that mends what is wrong with a sync.
fn hint(
    sync: &SyncConfig,
    failed: Option<&SyncRun>,
    behind: Option<u64>,
    next_try_at: Option<Timestamp>,
) -> Option<String> {
    let label = &sync.label;
    match failed {
        _ if sync.state == SyncState::Paused => Some(format!("`coregit sync resume {label}`")),
        Some(run) => Some(mend(sync, run, next_try_at)),
        None if behind.is_none_or(|n| n > 0) => Some(format!("`coregit sync trigger {label}`")),
        None => None,
    }
}

fn mend(sync: &SyncConfig, failed: &SyncRun, next_try_at: Option<Timestamp>) -> String {
    let (label, connection) = (&sync.label, &sync.connection_id);
    let test = format!("`coregit connections test {connection}`");
    match failed.class {
        Some(ErrorClass::Auth) => {
            format!("give a new token: `coregit connections update {connection} --token-stdin < FILE`")
        }
        Some(ErrorClass::Scope | ErrorClass::Sso) => format!("give the token that right, then {test}"),
        Some(ErrorClass::NotFound) => format!("check the remote's name and {test}"),
        Some(ErrorClass::Moved) => {
            format!("look at {}; when it is right, delete the sync and create it again", sync.remote)
        }
        Some(ErrorClass::Rate | ErrorClass::Transient)
            if next_try_at.is_some_and(|at| at > Timestamp::now()) =>
        {
            let at = next_try_at.map(|at| at.to_string()).unwrap_or_default();
            format!("it is tried again at {at}; `coregit sync trigger {label}` tries now")
        }
        Some(ErrorClass::Conflict) if sync.mode == Mode::History => {
            format!("`coregit sync trigger {label} --dry-run` shows which refs, and why")
        }
        _ => format!("`coregit sync trigger {label}` tries again"),
    }
}
