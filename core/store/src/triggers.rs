//! Triggers: reasons to run a sync, at most one waiting and one running for each.

use std::path::PathBuf;

use coregit_model::{EventId, RefName, RepoId, SyncId, Timestamp, TriggerId};
use serde::{Deserialize, Serialize};

use crate::holds::{self, Hold};
use crate::row::{Columns, to_json};
use crate::store::Tx;
use crate::{Store, StoreError};

/// A push that waits for the outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiter {
    /// The repository whose spool gets the result.
    #[serde(with = "crate::repos::path_text")]
    pub git_dir: PathBuf,
    /// The event of the push.
    pub event_id: EventId,
}

/// What one event asks for.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// The syncs that are to run.
    pub triggers: Vec<SyncId>,
    /// The refs that moved: older holds of the triggered syncs on them are over.
    pub moved: Vec<RefName>,
    /// Refs that some syncs are to leave alone.
    pub holds: Vec<Hold>,
    /// Who waits for the outcome.
    pub waiter: Option<Waiter>,
}

impl Store {
    /// Adds a reason to run a sync, not before a time (`None`: now). One that waits already takes it in: the
    /// earlier time stands, and when the new reason is the earlier one, the tries are counted anew. So a sweep
    /// that must not cut a back-off short gives the time of the next try.
    pub async fn add_trigger(
        &self,
        sync_id: &SyncId,
        reason: &str,
        not_before: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let not_before = not_before.map_or(0, Timestamp::as_millis);
        match add(&mut tx, sync_id, reason, (not_before, &[])).await? {
            true => Ok(tx.commit().await?),
            false => Err(StoreError::missing("sync", sync_id)),
        }
    }

    /// Takes what an event asks for, all of it or nothing; its file may go afterwards. Taking the same event
    /// twice is harmless. Syncs that are gone are passed over.
    pub async fn take_event(&self, taken: &Taken) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        for sync_id in &taken.triggers {
            for name in &taken.moved {
                holds::drop_of(&mut tx, sync_id, name).await?;
            }
            add(&mut tx, sync_id, "push", (0, taken.waiter.as_slice())).await?;
        }
        for hold in &taken.holds {
            holds::put(&mut tx, hold).await?;
        }
        Ok(tx.commit().await?)
    }

    /// When there is next something to claim, of one repository or of all; `None`: nothing waits and nothing
    /// runs. A run under way counts with the end of its lease, after which somebody must look at it.
    pub async fn next_due(&self, only: Option<&RepoId>) -> Result<Option<Timestamp>, StoreError> {
        let due: Option<i64> = sqlx::query_scalar(
            "SELECT MIN(CASE t.state WHEN 'running' THEN t.lease_until ELSE t.not_before END) FROM triggers t \
             JOIN syncs s ON s.id = t.sync_id WHERE ($1 IS NULL OR s.repo_id = $1) AND (t.state = 'running' \
             OR (s.state = 'active' AND NOT EXISTS (SELECT 1 FROM triggers r WHERE r.sync_id = t.sync_id \
             AND r.state = 'running')))",
        )
        .bind(only.map(RepoId::as_str))
        .fetch_one(self.reader())
        .await?;
        Ok(due.map(Timestamp::from_millis))
    }
}

/// Adds or coalesces; `when` is the earliest time and who waits. Whether the sync is there.
async fn add(
    tx: &mut Tx,
    sync_id: &SyncId,
    reason: &str,
    when: (i64, &[Waiter]),
) -> Result<bool, StoreError> {
    let (not_before, waiters) = when;
    if let Some(waiting) = Waiting::find(tx, sync_id.as_str()).await? {
        waiting.take_in(tx, waiters).await?;
        sqlx::query(
            "UPDATE triggers SET not_before = $1, reason = $2, attempt = 0 WHERE id = $3 AND not_before > $1",
        )
        .bind(not_before)
        .bind(reason)
        .bind(&waiting.id)
        .execute(&mut **tx)
        .await?;
        return Ok(true);
    }
    let done = sqlx::query(
        "INSERT INTO triggers (id, sync_id, state, reason, not_before, waiters) \
         SELECT $1, id, 'waiting', $2, $3, $4 FROM syncs WHERE id = $5",
    )
    .bind(TriggerId::random().as_str())
    .bind(reason)
    .bind(not_before)
    .bind(to_json(&waiters)?)
    .bind(sync_id.as_str())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The waiting trigger of a sync.
pub(crate) struct Waiting {
    pub id: String,
    waiters: Vec<Waiter>,
}

impl Waiting {
    pub async fn find(tx: &mut Tx, sync_id: &str) -> Result<Option<Self>, StoreError> {
        let row = sqlx::query("SELECT id, waiters FROM triggers WHERE sync_id = $1 AND state = 'waiting'")
            .bind(sync_id)
            .fetch_optional(&mut **tx)
            .await?;
        row.map(|row| Ok(Self { id: row.text("id")?, waiters: row.json("waiters")? })).transpose()
    }

    /// Tells these too, each once.
    pub async fn take_in(&self, tx: &mut Tx, more: &[Waiter]) -> Result<(), StoreError> {
        let mut waiters = self.waiters.clone();
        waiters.extend(more.iter().filter(|w| !self.waiters.contains(w)).cloned());
        if waiters.len() == self.waiters.len() {
            return Ok(());
        }
        sqlx::query("UPDATE triggers SET waiters = $1 WHERE id = $2")
            .bind(to_json(&waiters)?)
            .bind(&self.id)
            .execute(&mut **tx)
            .await?;
        Ok(())
    }
}
