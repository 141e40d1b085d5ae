//! Claims: a worker's hold on a sync, with a lease in database time, fenced by a number that only grows.

use coregit_model::{RepoId, SyncId, Timestamp, TriggerId};
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::row::{Columns, to_json};
use crate::runs::close_running;
use crate::store::Tx;
use crate::triggers::{Waiter, Waiting};
use crate::{Store, StoreError};

const DIED: &str = "the worker died before it could say how this run ended";

/// A trigger that waits, is due, of an active sync that nobody runs.
macro_rules! due {
    () => {
        "t.state = 'waiting' AND t.not_before <= $1 AND s.state = 'active' AND ($2 IS NULL OR s.repo_id = $2) \
         AND NOT EXISTS (SELECT 1 FROM triggers r WHERE r.sync_id = t.sync_id AND r.state = 'running')"
    };
}

const ANYTHING_DUE: &str = concat!(
    "SELECT EXISTS (SELECT 1 FROM triggers t JOIN syncs s ON s.id = t.sync_id WHERE (",
    due!(),
    ") OR (t.state = 'running' AND t.lease_until <= $1))"
);

/// The connection with the fewest runs under way goes first, then the one served longest ago, then the
/// trigger that is due longest: a slow or failing host does not hold up the others.
const NEXT_DUE: &str = concat!(
    "SELECT t.* FROM triggers t JOIN syncs s ON s.id = t.sync_id JOIN connections c ON c.id = s.connection_id \
     WHERE ",
    due!(),
    " ORDER BY (SELECT COUNT(*) FROM triggers b JOIN syncs bs ON bs.id = b.sync_id \
     WHERE b.state = 'running' AND bs.connection_id = s.connection_id), c.served_at, t.not_before, t.id LIMIT 1"
);

/// A worker's hold on a sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The trigger.
    pub trigger_id: TriggerId,
    /// The sync to run.
    pub sync_id: SyncId,
    /// How often this reason was tried, with this time: 1, 2 …
    pub attempt: u32,
    /// Why it runs.
    pub reason: String,
    /// Who waits for the outcome.
    pub waiters: Vec<Waiter>,
    fence: i64,
}

impl Store {
    /// Claims the trigger that is due next, of one repository or of all; `None` when none is. A claim whose
    /// lease ran out is taken over: its run is closed as an error and its fence does not hold any more.
    pub async fn claim(
        &self,
        worker: &str,
        lease_s: i64,
        only: Option<&RepoId>,
    ) -> Result<Option<Claim>, StoreError> {
        if !self.anything_due(only).await? {
            return Ok(None);
        }
        let mut tx = self.write().await?;
        let now = now(&mut tx).await?;
        reap(&mut tx, now).await?;
        let next =
            sqlx::query(NEXT_DUE).bind(now).bind(only.map(RepoId::as_str)).fetch_optional(&mut *tx).await?;
        let claim = match next {
            Some(row) => Some(take(&mut tx, &row, worker, now + lease_s * 1000).await?),
            None => None,
        };
        tx.commit().await?;
        Ok(claim)
    }

    /// Asked before the write lock is taken, so that idle workers write nothing.
    async fn anything_due(&self, only: Option<&RepoId>) -> Result<bool, StoreError> {
        let mut reader = self.reader().acquire().await?;
        let now = now(&mut reader).await?;
        let any: i64 = sqlx::query_scalar(ANYTHING_DUE)
            .bind(now)
            .bind(only.map(RepoId::as_str))
            .fetch_one(&mut *reader)
            .await?;
        Ok(any != 0)
    }

    /// Claims one sync for a run by hand, whatever its state and whether or not something waits; a waiting
    /// trigger is taken along. `None` when somebody runs it.
    pub async fn claim_sync(
        &self,
        sync_id: &SyncId,
        worker: &str,
        lease_s: i64,
    ) -> Result<Option<Claim>, StoreError> {
        let mut tx = self.write().await?;
        let now = now(&mut tx).await?;
        reap(&mut tx, now).await?;
        let rows = sqlx::query("SELECT * FROM triggers WHERE sync_id = $1 ORDER BY state")
            .bind(sync_id.as_str())
            .fetch_all(&mut *tx)
            .await?;
        if let Some(first) = rows.first()
            && first.text("state")? == "running"
        {
            return Ok(None);
        }
        let row = match rows.into_iter().next() {
            Some(waiting) => waiting,
            None => insert_manual(&mut tx, sync_id).await?,
        };
        let claim = take(&mut tx, &row, worker, now + lease_s * 1000).await?;
        tx.commit().await?;
        Ok(Some(claim))
    }

    /// Prolongs the lease; `false` when the claim was taken over or its sync is gone.
    pub async fn heartbeat(&self, claim: &Claim, lease_s: i64) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE triggers SET lease_until = CAST(round(unixepoch('subsec') * 1000) AS INTEGER) + $1 \
             WHERE id = $2 AND fence = $3 AND state = 'running'",
        )
        .bind(lease_s * 1000)
        .bind(claim.trigger_id.as_str())
        .bind(claim.fence)
        .execute(self.writer()?)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Gives a claim back, to be tried again at a time (`None`: at once). What came in meanwhile is not kept
    /// waiting. `false` when the claim was taken over.
    pub async fn release(&self, claim: &Claim, retry_at: Option<Timestamp>) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        if !holds(&mut tx, claim).await? {
            return Ok(false);
        }
        let not_before = retry_at.map_or(0, Timestamp::as_millis);
        requeue(&mut tx, claim.trigger_id.as_str(), not_before).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Ends a claim: what it was for is done, or given up. `false` when the claim was taken over.
    pub async fn finish(&self, claim: &Claim) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM triggers WHERE id = $1 AND fence = $2 AND state = 'running'")
            .bind(claim.trigger_id.as_str())
            .bind(claim.fence)
            .execute(self.writer()?)
            .await?;
        Ok(done.rows_affected() == 1)
    }
}

/// The database's clock, in milliseconds: with several workers, theirs may differ.
async fn now(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let select = "SELECT CAST(round(unixepoch('subsec') * 1000) AS INTEGER)";
    Ok(sqlx::query_scalar(select).fetch_one(connection).await?)
}

/// Whether a claim still holds: nobody took it over.
pub(crate) async fn holds(tx: &mut Tx, claim: &Claim) -> Result<bool, StoreError> {
    let select = "SELECT 1 FROM triggers WHERE id = $1 AND fence = $2 AND state = 'running'";
    let held: Option<i64> = sqlx::query_scalar(select)
        .bind(claim.trigger_id.as_str())
        .bind(claim.fence)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(held.is_some())
}

/// Puts claims whose lease ran out back in the queue, and closes their runs.
async fn reap(tx: &mut Tx, now: i64) -> Result<(), StoreError> {
    let expired =
        sqlx::query("SELECT id, sync_id FROM triggers WHERE state = 'running' AND lease_until <= $1")
            .bind(now)
            .fetch_all(&mut **tx)
            .await?;
    for row in &expired {
        close_running(tx, &row.text("sync_id")?, DIED).await?;
        requeue(tx, &row.text("id")?, 0).await?;
    }
    Ok(())
}

/// Makes a running trigger wait again, or hands its waiters to the one that waits.
async fn requeue(tx: &mut Tx, trigger_id: &str, not_before: i64) -> Result<(), StoreError> {
    let row = sqlx::query("SELECT sync_id, waiters FROM triggers WHERE id = $1")
        .bind(trigger_id)
        .fetch_one(&mut **tx)
        .await?;
    if let Some(waiting) = Waiting::find(tx, &row.text("sync_id")?).await? {
        waiting.take_in(tx, &row.json::<Vec<Waiter>>("waiters")?).await?;
        sqlx::query("DELETE FROM triggers WHERE id = $1").bind(trigger_id).execute(&mut **tx).await?;
        return Ok(());
    }
    sqlx::query(
        "UPDATE triggers SET state = 'waiting', not_before = $1, worker = NULL, lease_until = NULL WHERE id = $2",
    )
    .bind(not_before)
    .bind(trigger_id)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn insert_manual(tx: &mut Tx, sync_id: &SyncId) -> Result<SqliteRow, StoreError> {
    let waiters: [Waiter; 0] = [];
    let row = sqlx::query(
        "INSERT INTO triggers (id, sync_id, state, reason, not_before, waiters) \
         SELECT $1, id, 'waiting', 'manual', 0, $2 FROM syncs WHERE id = $3 RETURNING *",
    )
    .bind(TriggerId::random().as_str())
    .bind(to_json(&waiters)?)
    .bind(sync_id.as_str())
    .fetch_optional(&mut **tx)
    .await?;
    row.ok_or_else(|| StoreError::missing("sync", sync_id))
}

/// Makes a waiting trigger this worker's.
async fn take(tx: &mut Tx, row: &SqliteRow, worker: &str, lease_until: i64) -> Result<Claim, StoreError> {
    let claim = Claim {
        trigger_id: row.parsed("id", TriggerId::parse)?,
        sync_id: row.parsed("sync_id", SyncId::parse)?,
        attempt: row.count::<u32>("attempt")?.saturating_add(1),
        reason: row.text("reason")?,
        waiters: row.json("waiters")?,
        fence: row.integer("fence")? + 1,
    };
    close_running(tx, claim.sync_id.as_str(), DIED).await?;
    sqlx::query(
        "UPDATE triggers SET state = 'running', worker = $1, lease_until = $2, attempt = $3, fence = $4 WHERE id = $5",
    )
    .bind(worker)
    .bind(lease_until)
    .bind(i64::from(claim.attempt))
    .bind(claim.fence)
    .bind(claim.trigger_id.as_str())
    .execute(&mut **tx)
    .await?;
    let served = "UPDATE connections SET served_at = CAST(round(unixepoch('subsec') * 1000) AS INTEGER) \
                  WHERE id = (SELECT connection_id FROM syncs WHERE id = $1)";
    sqlx::query(served).bind(claim.sync_id.as_str()).execute(&mut **tx).await?;
    Ok(claim)
}
