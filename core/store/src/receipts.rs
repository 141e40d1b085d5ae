//! Receipts: proofs that both sides were equal at a time.

use coregit_model::{Receipt, RunId, SyncId};
use sqlx::sqlite::SqliteRow;

use crate::row::{Columns, to_json};
use crate::store::Tx;
use crate::{Store, StoreError};

impl Store {
    /// The receipt that a run left.
    pub async fn receipt(&self, run_id: &RunId) -> Result<Option<Receipt>, StoreError> {
        let row = sqlx::query("SELECT * FROM receipts WHERE run_id = $1")
            .bind(run_id.as_str())
            .fetch_optional(self.reader())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The newest receipt of a sync, from a run or a verify.
    pub async fn last_receipt(&self, sync_id: &SyncId) -> Result<Option<Receipt>, StoreError> {
        let select = "SELECT * FROM receipts WHERE sync_id = $1 ORDER BY verified_at DESC, id DESC LIMIT 1";
        let row = sqlx::query(select).bind(sync_id.as_str()).fetch_optional(self.reader()).await?;
        row.as_ref().map(read).transpose()
    }

    /// Keeps the receipt of a verify; of those without a run a sync keeps the newest only.
    pub async fn put_receipt(&self, sync_id: &SyncId, receipt: &Receipt) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        put(&mut tx, sync_id, receipt).await?;
        Ok(tx.commit().await?)
    }
}

/// The receipt of a run has the run's id, that of a verify the sync's.
pub(crate) async fn put(tx: &mut Tx, sync_id: &SyncId, receipt: &Receipt) -> Result<(), StoreError> {
    let id = receipt.run_id.as_ref().map_or(sync_id.as_str(), RunId::as_str);
    let done = sqlx::query(
        "INSERT INTO receipts (id, sync_id, repo_id, run_id, verified_at, refs, fingerprint) \
         SELECT $1, id, repo_id, $2, $3, $4, $5 FROM syncs WHERE id = $6 \
         ON CONFLICT (id) DO UPDATE SET verified_at = excluded.verified_at, refs = excluded.refs, \
         fingerprint = excluded.fingerprint",
    )
    .bind(id)
    .bind(receipt.run_id.as_ref().map(RunId::as_str))
    .bind(receipt.verified_at.as_millis())
    .bind(to_json(&receipt.refs)?)
    .bind(&receipt.fingerprint)
    .bind(sync_id.as_str())
    .execute(&mut **tx)
    .await?;
    match done.rows_affected() {
        0 => Err(StoreError::missing("sync", sync_id)),
        _ => Ok(()),
    }
}

fn read(row: &SqliteRow) -> Result<Receipt, StoreError> {
    let run_id = row.maybe_text("run_id")?;
    Ok(Receipt {
        run_id: run_id.and_then(|id| RunId::parse(&id)),
        verified_at: row.time("verified_at")?,
        refs: row.json("refs")?,
        fingerprint: row.text("fingerprint")?,
    })
}
