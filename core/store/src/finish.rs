//! The end of a run: everything it leaves, in one transaction, only for who still holds the claim.

use coregit_model::{Oid, Receipt, SyncRun, Timestamp};

use crate::bases::{Base, BaseKey};
use crate::claims::{Claim, holds};
use crate::store::Tx;
use crate::{Store, StoreError, bases, intents, receipts, runs};

/// What a run leaves behind.
#[derive(Clone, Debug)]
pub struct FinishedRun {
    /// The run, with its outcome.
    pub run: SyncRun,
    /// Pairs of oids that stand for the same state now.
    pub put_bases: Vec<Base>,
    /// Pairs that do so no longer.
    pub delete_bases: Vec<BaseKey>,
    /// The proof that both sides are equal, when they are.
    pub receipt: Option<Receipt>,
    /// What was intended may still come to stand there: nobody knows.
    pub keep_intents: bool,
    /// Their commit at which both sides were proved equal; kept with its time when there is a receipt.
    pub last_synced_sha: Option<Oid>,
    /// What went wrong, for the sync; `None` takes away what stood there.
    pub last_error: Option<String>,
}

impl Store {
    /// Records the end of a run with everything it leaves, or nothing of it: [`StoreError::LeaseLost`] when the
    /// claim was taken over, the run was closed, or the sync is gone.
    ///
    /// Where a person changed the sync during the run, its last synced commit stays as it was: the run worked
    /// by older settings.
    pub async fn finish_run(&self, claim: &Claim, finished: &FinishedRun) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        if !holds(&mut tx, claim).await? || !runs::write_end(&mut tx, &finished.run).await? {
            return Err(StoreError::LeaseLost);
        }
        intents::resolve(&mut tx, finished).await?;
        bases::delete(&mut tx, &finished.delete_bases).await?;
        bases::put(&mut tx, &finished.put_bases).await?;
        drop_old_holds(&mut tx, finished).await?;
        if let Some(receipt) = &finished.receipt {
            let of_run = Receipt { run_id: Some(finished.run.id.clone()), ..receipt.clone() };
            receipts::put(&mut tx, &claim.sync_id, &of_run).await?;
            note_synced(&mut tx, finished, receipt.verified_at).await?;
        }
        sqlx::query("UPDATE syncs SET last_error = $1 WHERE id = $2")
            .bind(&finished.last_error)
            .bind(claim.sync_id.as_str())
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }
}

/// A ref that was exported stood elsewhere than where it was held.
async fn drop_old_holds(tx: &mut Tx, finished: &FinishedRun) -> Result<(), StoreError> {
    let held: Vec<String> = sqlx::query_scalar("SELECT name FROM holds WHERE sync_id = $1")
        .bind(finished.run.sync_id.as_str())
        .fetch_all(&mut **tx)
        .await?;
    for base in finished.put_bases.iter().filter(|b| held.contains(&b.ours.to_string())) {
        crate::holds::drop_of(tx, &finished.run.sync_id, &base.ours).await?;
    }
    Ok(())
}

async fn note_synced(tx: &mut Tx, finished: &FinishedRun, at: Timestamp) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE syncs SET last_synced_sha = $1, last_synced_at = $2 \
         WHERE id = $3 AND version = (SELECT sync_version FROM runs WHERE id = $4)",
    )
    .bind(finished.last_synced_sha.map(|oid| oid.to_string()))
    .bind(at.as_millis())
    .bind(finished.run.sync_id.as_str())
    .bind(finished.run.id.as_str())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
