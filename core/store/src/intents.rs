//! Intents: what a run is about to make stand somewhere, durable before it is tried.

use coregit_model::{Oid, RefName, RunId, SyncId};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

use crate::finish::FinishedRun;
use crate::row::Columns;
use crate::store::Tx;
use crate::{Store, StoreError};

const ROWS: usize = 1000;

/// One ref that is about to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The ref on the receiving side.
    pub name: RefName,
    /// Where it must stand now; `None`: absent.
    pub expected: Option<Oid>,
    /// Where it shall stand; `None`: gone.
    pub new: Option<Oid>,
    /// The oid on the sending side that it stands for.
    pub source: Option<Oid>,
}

impl Store {
    /// Keeps what a run is about to write, durably; what the same run intended before is replaced.
    /// [`StoreError::LeaseLost`] when the run was closed in the meantime: nothing may be written then.
    pub async fn set_intents(
        &self,
        run_id: &RunId,
        sync_id: &SyncId,
        intents: &[Intent],
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let running: Option<i64> =
            sqlx::query_scalar("SELECT 1 FROM runs WHERE id = $1 AND sync_id = $2 AND status = 'running'")
                .bind(run_id.as_str())
                .bind(sync_id.as_str())
                .fetch_optional(&mut *tx)
                .await?;
        if running.is_none() {
            return Err(StoreError::LeaseLost);
        }
        delete_of_run(&mut tx, run_id, sync_id).await?;
        for chunk in intents.chunks(ROWS) {
            let mut insert = QueryBuilder::<Sqlite>::new(
                "INSERT INTO intents (sync_id, run_id, name, expected, new, source) ",
            );
            insert.push_values(chunk, |mut row, intent| {
                row.push_bind(sync_id.to_string())
                    .push_bind(run_id.to_string())
                    .push_bind(intent.name.to_string())
                    .push_bind(intent.expected.map(|oid| oid.to_string()))
                    .push_bind(intent.new.map(|oid| oid.to_string()))
                    .push_bind(intent.source.map(|oid| oid.to_string()));
            });
            insert.build().execute(&mut *tx).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Everything that runs of this sync set out to write and nobody knows the outcome of, oldest first.
    pub async fn intents_of(&self, sync_id: &SyncId) -> Result<Vec<Intent>, StoreError> {
        let rows = sqlx::query("SELECT * FROM intents WHERE sync_id = $1 ORDER BY run_id, name")
            .bind(sync_id.as_str())
            .fetch_all(self.reader())
            .await?;
        rows.iter().map(read).collect()
    }
}

async fn delete_of_run(tx: &mut Tx, run_id: &RunId, sync_id: &SyncId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM intents WHERE sync_id = $1 AND run_id = $2")
        .bind(sync_id.as_str())
        .bind(run_id.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Forgets the intents whose outcome a finished run knows: its own (unless it says that they may still come
/// to stand), those of refs that it proved, and all of them when it went well. What a run that died intended
/// outlives a run that could not look.
pub(crate) async fn resolve(tx: &mut Tx, finished: &FinishedRun) -> Result<(), StoreError> {
    use coregit_model::RunStatus::{Skipped, Success};
    let run = &finished.run;
    if matches!(run.status, Success | Skipped) && !finished.keep_intents {
        sqlx::query("DELETE FROM intents WHERE sync_id = $1")
            .bind(run.sync_id.as_str())
            .execute(&mut **tx)
            .await?;
        return Ok(());
    }
    if !finished.keep_intents {
        delete_of_run(tx, &run.id, &run.sync_id).await?;
    }
    let proved = finished.put_bases.iter().map(|b| &b.theirs);
    for name in proved.chain(finished.delete_bases.iter().map(|k| &k.theirs)) {
        sqlx::query("DELETE FROM intents WHERE sync_id = $1 AND name = $2")
            .bind(run.sync_id.as_str())
            .bind(name.to_string())
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

fn read(row: &SqliteRow) -> Result<Intent, StoreError> {
    Ok(Intent {
        name: row.parsed("name", RefName::parse)?,
        expected: row.maybe_oid("expected")?,
        new: row.maybe_oid("new")?,
        source: row.maybe_oid("source")?,
    })
}
