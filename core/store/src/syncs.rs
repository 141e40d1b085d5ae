//! Sync configs: what a person set, and what the runs noted beside it.

use coregit_model::{
    BranchName, Conflict, ConnectionId, Direction, Guard, Lfs, Mode, OnDivergence, Prune, Refspecs,
    RemoteRepo, RepoId, SyncConfig, SyncId, SyncState, Timestamp, Via,
};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;

use crate::connections::Found;
use crate::row::{Columns, stored, to_json};
use crate::store::Tx;
use crate::{Store, StoreError, bases};

/// The column `settings`: what a person chose. A setting that a later version adds needs a default.
#[derive(Serialize, Deserialize)]
struct Settings {
    direction: Direction,
    mode: Mode,
    via: Via,
    branch: BranchName,
    refs: Refspecs,
    on_divergence: OnDivergence,
    conflict: Conflict,
    protect: bool,
    prune: Prune,
    guard: Guard,
    accept_tag_move: bool,
    auto_sync: bool,
    lfs: Lfs,
    interval_s: Option<u32>,
}

impl Settings {
    fn of(sync: &SyncConfig) -> Self {
        Self {
            direction: sync.direction,
            mode: sync.mode,
            via: sync.via,
            branch: sync.branch.clone(),
            refs: sync.refs.clone(),
            on_divergence: sync.on_divergence,
            conflict: sync.conflict,
            protect: sync.protect,
            prune: sync.prune,
            guard: sync.guard,
            accept_tag_move: sync.accept_tag_move,
            auto_sync: sync.auto_sync,
            lfs: sync.lfs,
            interval_s: sync.interval_s,
        }
    }
}

/// When a failing sync is tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncRetry {
    /// Failures in a row.
    pub failures: u32,
    /// The next try, when one is planned.
    pub next_try_at: Option<Timestamp>,
}

impl Store {
    /// Adds a sync. [`StoreError::Exists`] when its repository has one of that label.
    pub async fn insert_sync(&self, sync: &SyncConfig) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO syncs (id, repo_id, connection_id, label, remote, remote_id, settings, state, \
             last_synced_sha, last_synced_at, last_error, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(sync.id.as_str())
        .bind(sync.repo_id.as_str())
        .bind(sync.connection_id.as_str())
        .bind(&sync.label)
        .bind(sync.remote.as_str())
        .bind(sync.remote_id.map(stored))
        .bind(to_json(&Settings::of(sync))?)
        .bind(sync.state.as_str())
        .bind(sync.last_synced_sha.map(|oid| oid.to_string()))
        .bind(sync.last_synced_at.map(Timestamp::as_millis))
        .bind(&sync.last_error)
        .bind(sync.created_at.as_millis())
        .bind(sync.updated_at.as_millis())
        .execute(self.writer()?)
        .await
        .map_err(|e| StoreError::from(e).or_exists("sync"))?;
        Ok(())
    }

    /// A sync by id, or by a label that only one has.
    pub async fn sync(&self, id_or_label: &str) -> Result<Found<SyncConfig>, StoreError> {
        let rows = sqlx::query("SELECT * FROM syncs WHERE id = $1 OR label = $1")
            .bind(id_or_label)
            .fetch_all(self.reader())
            .await?;
        let rows = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Found::among(rows, |s: &SyncConfig| s.id.as_str() == id_or_label))
    }

    /// All syncs, oldest first.
    pub async fn syncs(&self) -> Result<Vec<SyncConfig>, StoreError> {
        let rows = sqlx::query("SELECT * FROM syncs ORDER BY id").fetch_all(self.reader()).await?;
        rows.iter().map(read).collect()
    }

    /// The syncs of a repository, oldest first.
    pub async fn syncs_of(&self, repo_id: &RepoId) -> Result<Vec<SyncConfig>, StoreError> {
        let rows = sqlx::query("SELECT * FROM syncs WHERE repo_id = $1 ORDER BY id")
            .bind(repo_id.as_str())
            .fetch_all(self.reader())
            .await?;
        rows.iter().map(read).collect()
    }

    /// The syncs that use a connection, oldest first.
    pub async fn syncs_of_connection(&self, id: &ConnectionId) -> Result<Vec<SyncConfig>, StoreError> {
        let rows = sqlx::query("SELECT * FROM syncs WHERE connection_id = $1 ORDER BY id")
            .bind(id.as_str())
            .fetch_all(self.reader())
            .await?;
        rows.iter().map(read).collect()
    }

    /// Writes what a person changed: label, connection, remote and settings; state and results of runs have
    /// their own statements. `read_at` is the `updated_at` of the sync that the change began with:
    /// [`StoreError::Changed`] when it is another by now. When what is synced becomes another thing (branch,
    /// mode, direction, remote), the last synced commit is forgotten.
    pub async fn update_sync(&self, sync: &SyncConfig, read_at: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let row = sqlx::query("SELECT * FROM syncs WHERE id = $1")
            .bind(sync.id.as_str())
            .fetch_optional(&mut *tx)
            .await?;
        let before = read(&row.ok_or_else(|| StoreError::missing("sync", &sync.id))?)?;
        if before.updated_at != read_at {
            return Err(StoreError::Changed { what: "sync" });
        }
        let what = |s: &SyncConfig| (s.branch.clone(), s.mode, s.direction, s.remote.clone(), s.remote_id);
        write_settings(&mut tx, sync, read_at).await?;
        if what(&before) != what(sync) {
            sqlx::query("UPDATE syncs SET last_synced_sha = NULL, last_synced_at = NULL WHERE id = $1")
                .bind(sync.id.as_str())
                .execute(&mut *tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    /// Notes the numeric id of the remote repository. Bases that were kept under its name go with it.
    pub async fn pin_remote(&self, id: &SyncId, remote_id: u64) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let before = bases::remote_key_of(&mut tx, id.as_str()).await?;
        sqlx::query("UPDATE syncs SET remote_id = $1, updated_at = $2 WHERE id = $3")
            .bind(stored(remote_id))
            .bind(Timestamp::now().as_millis())
            .bind(id.as_str())
            .execute(&mut *tx)
            .await?;
        bases::follow(&mut tx, id.as_str(), before).await?;
        Ok(tx.commit().await?)
    }

    /// Notes the new name of the remote repository.
    pub async fn rename_remote(&self, id: &SyncId, remote: &RemoteRepo) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let before = bases::remote_key_of(&mut tx, id.as_str()).await?;
        sqlx::query("UPDATE syncs SET remote = $1, updated_at = $2 WHERE id = $3")
            .bind(remote.as_str())
            .bind(Timestamp::now().as_millis())
            .bind(id.as_str())
            .execute(&mut *tx)
            .await?;
        bases::follow(&mut tx, id.as_str(), before).await?;
        Ok(tx.commit().await?)
    }

    /// Pauses, holds or resumes a sync, with the reason where there is one.
    pub async fn set_sync_state(
        &self,
        id: &SyncId,
        state: SyncState,
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        let done = sqlx::query("UPDATE syncs SET state = $1, state_reason = $2 WHERE id = $3")
            .bind(state.as_str())
            .bind(reason)
            .bind(id.as_str())
            .execute(self.writer()?)
            .await?;
        match done.rows_affected() {
            0 => Err(StoreError::missing("sync", id)),
            _ => Ok(()),
        }
    }

    /// Why a sync is paused or held, as it was noted.
    pub async fn sync_state_reason(&self, id: &SyncId) -> Result<Option<String>, StoreError> {
        let reason: Option<Option<String>> =
            sqlx::query_scalar("SELECT state_reason FROM syncs WHERE id = $1")
                .bind(id.as_str())
                .fetch_optional(self.reader())
                .await?;
        reason.ok_or_else(|| StoreError::missing("sync", id))
    }

    /// Notes how often a sync failed in a row, and when it is tried again.
    pub async fn set_sync_retry(
        &self,
        id: &SyncId,
        failures: u32,
        next_try_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE syncs SET failures = $1, next_try_at = $2 WHERE id = $3")
            .bind(i64::from(failures))
            .bind(next_try_at.map(Timestamp::as_millis))
            .bind(id.as_str())
            .execute(self.writer()?)
            .await?;
        Ok(())
    }

    /// How often a sync failed in a row, and when it is tried again.
    pub async fn sync_retry(&self, id: &SyncId) -> Result<SyncRetry, StoreError> {
        let row = sqlx::query("SELECT failures, next_try_at FROM syncs WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.reader())
            .await?;
        let row = row.ok_or_else(|| StoreError::missing("sync", id))?;
        Ok(SyncRetry { failures: row.count("failures")?, next_try_at: row.maybe_time("next_try_at")? })
    }

    /// Deletes a sync with its triggers, intents and holds, and the bases that no other sync uses. The
    /// history of its runs stays; one under way is closed as an error.
    pub async fn delete_sync(&self, id: &SyncId) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        match delete(&mut tx, id.as_str()).await? {
            false => Err(StoreError::missing("sync", id)),
            true => Ok(tx.commit().await?),
        }
    }
}

async fn write_settings(tx: &mut Tx, sync: &SyncConfig, read_at: Timestamp) -> Result<(), StoreError> {
    // Two changes in one millisecond must not look like one.
    let updated_at = sync.updated_at.as_millis().max(read_at.as_millis() + 1);
    sqlx::query(
        "UPDATE syncs SET connection_id = $1, label = $2, remote = $3, remote_id = $4, settings = $5, \
         updated_at = $6, version = version + 1 WHERE id = $7",
    )
    .bind(sync.connection_id.as_str())
    .bind(&sync.label)
    .bind(sync.remote.as_str())
    .bind(sync.remote_id.map(stored))
    .bind(to_json(&Settings::of(sync))?)
    .bind(updated_at)
    .bind(sync.id.as_str())
    .execute(&mut **tx)
    .await
    .map_err(|e| StoreError::from(e).or_exists("sync"))?;
    Ok(())
}

/// Deletes one sync; whether it was there.
pub(crate) async fn delete(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    let key = bases::remote_key_of(tx, id).await?;
    crate::runs::close_running(tx, id, "its sync was deleted while it ran").await?;
    let deleted = sqlx::query("DELETE FROM syncs WHERE id = $1").bind(id).execute(&mut **tx).await?;
    if let Some((repo_id, key)) = key {
        bases::delete_unused(tx, &repo_id, &key).await?;
    }
    Ok(deleted.rows_affected() > 0)
}

pub(crate) fn read(row: &SqliteRow) -> Result<SyncConfig, StoreError> {
    let settings: Settings = row.json("settings")?;
    Ok(SyncConfig {
        id: row.parsed("id", SyncId::parse)?,
        repo_id: row.parsed("repo_id", RepoId::parse)?,
        connection_id: row.parsed("connection_id", ConnectionId::parse)?,
        label: row.text("label")?,
        remote: row.parsed("remote", RemoteRepo::parse)?,
        remote_id: row.maybe_integer("remote_id")?.map(i64::cast_unsigned),
        direction: settings.direction,
        mode: settings.mode,
        via: settings.via,
        branch: settings.branch,
        refs: settings.refs,
        on_divergence: settings.on_divergence,
        conflict: settings.conflict,
        protect: settings.protect,
        prune: settings.prune,
        guard: settings.guard,
        accept_tag_move: settings.accept_tag_move,
        auto_sync: settings.auto_sync,
        lfs: settings.lfs,
        interval_s: settings.interval_s,
        state: row.word("state")?,
        last_synced_sha: row.maybe_oid("last_synced_sha")?,
        last_synced_at: row.maybe_time("last_synced_at")?,
        last_error: row.maybe_text("last_error")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}
