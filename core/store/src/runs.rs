//! Sync runs: started under a claim, listed newest first.

use coregit_model::{Counts, RepoId, RunId, SyncId, SyncRun, Timestamp};
use sqlx::sqlite::SqliteRow;

use crate::claims::{Claim, holds};
use crate::row::{Columns, stored, to_json};
use crate::store::Tx;
use crate::{Store, StoreError};

impl Store {
    /// Records the start of a run. [`StoreError::LeaseLost`] when the claim was taken over.
    pub async fn start_run(&self, claim: &Claim, run: &SyncRun) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        if !holds(&mut tx, claim).await? {
            return Err(StoreError::LeaseLost);
        }
        sqlx::query(
            "INSERT INTO runs (id, sync_id, repo_id, sync_version, direction, status, message, class, remote_sha, \
             commit_sha, files_changed, deleted, requests, bytes_sent, refs, started_at, completed_at) \
             SELECT $1, s.id, s.repo_id, s.version, $2, $3, $4, NULL, NULL, NULL, 0, 0, 0, 0, $5, $6, NULL \
             FROM syncs s WHERE s.id = $7",
        )
        .bind(run.id.as_str())
        .bind(run.direction.as_str())
        .bind(run.status.as_str())
        .bind(&run.message)
        .bind(to_json(&run.refs)?)
        .bind(run.started_at.as_millis())
        .bind(run.sync_id.as_str())
        .execute(&mut *tx)
        .await
        .map_err(|e| StoreError::from(e).or_exists("run"))?;
        Ok(tx.commit().await?)
    }

    /// A run by id.
    pub async fn run(&self, id: &RunId) -> Result<Option<SyncRun>, StoreError> {
        let row = sqlx::query("SELECT * FROM runs WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.reader())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The runs of a repository, newest first, at most `limit`, older than `cursor`; and the cursor of the
    /// next page, when there is one.
    pub async fn runs(
        &self,
        repo_id: &RepoId,
        limit: u32,
        cursor: Option<&RunId>,
    ) -> Result<(Vec<SyncRun>, Option<RunId>), StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM runs WHERE repo_id = $1 AND ($2 IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        )
        .bind(repo_id.as_str())
        .bind(cursor.map(RunId::as_str))
        .bind(i64::from(limit) + 1)
        .fetch_all(self.reader())
        .await?;
        let mut runs = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let more = runs.len() > limit as usize;
        runs.truncate(limit as usize);
        let next = if more { runs.last().map(|run| run.id.clone()) } else { None };
        Ok((runs, next))
    }

    /// The last `n` runs of a sync, newest first.
    pub async fn last_runs(&self, sync_id: &SyncId, n: u32) -> Result<Vec<SyncRun>, StoreError> {
        let rows = sqlx::query("SELECT * FROM runs WHERE sync_id = $1 ORDER BY id DESC LIMIT $2")
            .bind(sync_id.as_str())
            .bind(i64::from(n))
            .fetch_all(self.reader())
            .await?;
        rows.iter().map(read).collect()
    }
}

/// Closes the runs of a sync that nobody works on any more.
pub(crate) async fn close_running(tx: &mut Tx, sync_id: &str, message: &str) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE runs SET status = 'error', message = $1, class = 'transient', completed_at = $2 \
         WHERE sync_id = $3 AND status = 'running'",
    )
    .bind(message)
    .bind(Timestamp::now().as_millis())
    .bind(sync_id)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes how a run ended; whether it was still running.
pub(crate) async fn write_end(tx: &mut Tx, run: &SyncRun) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE runs SET status = $1, message = $2, class = $3, remote_sha = $4, commit_sha = $5, \
         files_changed = $6, deleted = $7, requests = $8, bytes_sent = $9, refs = $10, completed_at = $11 \
         WHERE id = $12 AND sync_id = $13 AND status = 'running'",
    )
    .bind(run.status.as_str())
    .bind(&run.message)
    .bind(run.class.map(|class| class.as_str()))
    .bind(run.remote_sha.map(|oid| oid.to_string()))
    .bind(run.commit_sha.map(|oid| oid.to_string()))
    .bind(stored(run.counts.files_changed))
    .bind(stored(run.counts.deleted))
    .bind(i64::from(run.counts.requests))
    .bind(stored(run.counts.bytes_sent))
    .bind(to_json(&run.refs)?)
    .bind(run.completed_at.unwrap_or_else(Timestamp::now).as_millis())
    .bind(run.id.as_str())
    .bind(run.sync_id.as_str())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

fn read(row: &SqliteRow) -> Result<SyncRun, StoreError> {
    let class = row.maybe_text("class")?;
    Ok(SyncRun {
        id: row.parsed("id", RunId::parse)?,
        sync_id: row.parsed("sync_id", SyncId::parse)?,
        repo_id: row.parsed("repo_id", RepoId::parse)?,
        direction: row.word("direction")?,
        status: row.word("status")?,
        message: row.text("message")?,
        class: class.and_then(|word| serde_json::from_value(word.into()).ok()),
        remote_sha: row.maybe_oid("remote_sha")?,
        commit_sha: row.maybe_oid("commit_sha")?,
        counts: Counts {
            files_changed: row.count("files_changed")?,
            deleted: row.count("deleted")?,
            requests: row.count("requests")?,
            bytes_sent: row.count("bytes_sent")?,
        },
        refs: row.json("refs")?,
        started_at: row.time("started_at")?,
        completed_at: row.maybe_time("completed_at")?,
    })
}
