//! From what the hooks left, and from what no hook told, to triggers. Events are hints; the sweep is the truth.

use std::collections::BTreeMap;

use coregit_model::{Direction, Mode, Oid, RefName, Repo, RunStatus, SyncConfig, SyncState, Timestamp};
use coregit_spool::{Event, EventResult, Spool, Wanted};
use coregit_store::{Hold, Taken, Waiter};

use crate::export::outgoing_refs;
use crate::{Engine, Error, fail_point};

/// How long a sweep leaves a sync alone that failed: 15 minutes.
const FAILED_REST_S: i64 = 900;
/// How long the result of a push stays for who waits for it: an hour.
const RESULTS_STAY: std::time::Duration = std::time::Duration::from_secs(3600);

impl Engine {
    /// Takes the events of a repository into the records; returns how many there were. An event file goes
    /// only after its triggers are durable; reading one twice is harmless.
    pub(crate) async fn take_events(&self, repo: &Repo) -> Result<usize, Error> {
        let spool = Spool::at(&repo.path);
        let events = spool.events()?;
        if events.is_empty() {
            return Ok(0);
        }
        let syncs: Vec<_> = self.store.syncs_of(&repo.id).await?.into_iter().filter(follows_pushes).collect();
        for event in &events {
            let taken = taken(repo, &syncs, event);
            if event.sync == Wanted::Wait {
                spool.write_result(&event.id, &expected(&syncs, &taken))?;
            }
            self.store.take_event(&taken).await?;
            fail_point("intake.taken");
            spool.remove_event(&event.id)?;
        }
        Ok(events.len())
    }

    /// Triggers every sync of this repository whose refs are not those that were last synced.
    pub(crate) async fn sweep_repo(&self, repo: &Repo) -> Result<usize, Error> {
        let syncs: Vec<_> = self.store.syncs_of(&repo.id).await?.into_iter().filter(follows_pushes).collect();
        if syncs.is_empty() || !repo.path.exists() {
            return Ok(0);
        }
        let _ = Spool::at(&repo.path).remove_results_older_than(RESULTS_STAY);
        let refs = coregit_git::Repo::open(&repo.path)?.refs()?;
        let mut found = 0;
        for sync in syncs {
            if !self.failed_lately(&sync).await? && self.differs(&sync, &refs).await? {
                let not_before = self.store.sync_retry(&sync.id).await?.next_try_at;
                self.store.add_trigger(&sync.id, "sweep", not_before).await?;
                found += 1;
            }
        }
        Ok(found)
    }

    /// A sync that failed for good is tried again by a push, by hand, or by a sweep after a while; not by each.
    async fn failed_lately(&self, sync: &SyncConfig) -> Result<bool, Error> {
        let last = self.store.last_runs(&sync.id, 1).await?.pop().filter(|r| r.status == RunStatus::Error);
        let ended = last.filter(|r| r.class.is_some()).and_then(|r| r.completed_at);
        Ok(ended.is_some_and(|at| at.plus_seconds(FAILED_REST_S) > Timestamp::now()))
    }

    /// Whether a ref that this sync exports stands elsewhere than when it was last synced, and nobody asked
    /// to leave it so. A ref at which a run stopped for good is not tried again until it moves.
    async fn differs(&self, sync: &SyncConfig, refs: &[(RefName, Oid)]) -> Result<bool, Error> {
        let bases = self.store.bases_of_repo(&sync.repo_id).await?;
        let key = self.remote_key_of(sync).await?;
        let known: BTreeMap<_, _> =
            bases.into_iter().filter(|b| b.remote_key == key).map(|b| (b.theirs, b.ours_oid)).collect();
        let holds = self.store.holds(&sync.id).await?;
        let given_up = self.store.last_runs(&sync.id, 1).await?.pop().map(|r| r.refs).unwrap_or_default();
        let left = |theirs: &RefName, ours: &RefName, oid: &Oid| {
            holds.contains(&(ours.clone(), *oid))
                || given_up.iter().any(|r| r.name == *theirs && r.new == Some(*oid) && r.reason.is_some())
        };
        let ours = outgoing_refs(sync, refs.to_vec());
        let moved = ours
            .iter()
            .any(|(theirs, (ours, oid))| known.get(theirs) != Some(oid) && !left(theirs, ours, oid));
        let gone = sync.prune == coregit_model::Prune::Managed && known.keys().any(|k| !ours.contains_key(k));
        Ok(moved || (gone && sync.mode == Mode::History))
    }

    /// Tells those who wait for this push how its syncs went.
    pub(crate) async fn tell_waiters(&self, waiters: &[Waiter], label: &str, lines: &[String]) {
        for waiter in waiters {
            let spool = Spool::at(&waiter.git_dir);
            let mut result = spool.result(&waiter.event_id).unwrap_or_default();
            result.lines.extend(lines.iter().cloned());
            result.pending.retain(|l| l != label);
            result.done = result.pending.is_empty();
            if let Err(error) = spool.write_result(&waiter.event_id, &result) {
                tracing::warn!(%error, "a waiting push cannot be told its result");
            }
        }
    }
}

fn follows_pushes(sync: &SyncConfig) -> bool {
    sync.auto_sync && sync.direction == Direction::Export && sync.state == SyncState::Active
}

/// What one event asks of each sync: a trigger, or a hold for exactly those refs at those oids.
fn taken(repo: &Repo, syncs: &[SyncConfig], event: &Event) -> Taken {
    let moved = event.updates.iter().map(|u| u.name.clone()).collect();
    let mut taken = Taken { moved, ..Taken::default() };
    for sync in syncs {
        let moved: Vec<_> = event.updates.iter().map(|u| (u.name.clone(), u.new)).collect();
        if outgoing_refs(sync, moved.clone()).is_empty() {
            continue;
        }
        let named = event.only.as_ref().is_none_or(|only| only.contains(&sync.label));
        if event.sync == Wanted::Skip || !named {
            let hold = |(name, oid)| Hold { sync_id: sync.id.clone(), name, oid };
            taken.holds.extend(moved.into_iter().map(hold));
        } else {
            taken.triggers.push(sync.id.clone());
        }
    }
    if event.sync == Wanted::Wait {
        taken.waiter = Some(Waiter { git_dir: repo.path.clone(), event_id: event.id.clone() });
    }
    taken
}

fn expected(syncs: &[SyncConfig], taken: &Taken) -> EventResult {
    let pending: Vec<_> =
        syncs.iter().filter(|s| taken.triggers.contains(&s.id)).map(|s| s.label.clone()).collect();
    EventResult { done: pending.is_empty(), lines: Vec::new(), pending }
}
