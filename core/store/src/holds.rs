//! Holds: refs that a pusher asked to leave alone, at exactly the oid that they were pushed to.

use std::collections::BTreeSet;

use coregit_model::{Oid, RefName, SyncId};

use crate::row::Columns;
use crate::store::Tx;
use crate::{Store, StoreError};

/// One ref that one sync leaves alone until it moves or the sync is triggered by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The sync.
    pub sync_id: SyncId,
    /// Our ref.
    pub name: RefName,
    /// Where it stands.
    pub oid: Oid,
}

impl Store {
    /// Leaves a hold; an older one of the same ref is replaced, because the ref has moved.
    pub async fn hold(&self, hold: &Hold) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        put(&mut tx, hold).await?;
        Ok(tx.commit().await?)
    }

    /// What a sync is to leave alone.
    pub async fn holds(&self, sync_id: &SyncId) -> Result<BTreeSet<(RefName, Oid)>, StoreError> {
        let rows = sqlx::query("SELECT name, oid FROM holds WHERE sync_id = $1")
            .bind(sync_id.as_str())
            .fetch_all(self.reader())
            .await?;
        rows.iter().map(|row| Ok((row.parsed("name", RefName::parse)?, row.word("oid")?))).collect()
    }

    /// Drops all holds of a sync: somebody triggered it by hand.
    pub async fn drop_holds(&self, sync_id: &SyncId) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM holds WHERE sync_id = $1")
            .bind(sync_id.as_str())
            .execute(self.writer()?)
            .await?;
        Ok(())
    }

    /// Drops the holds of refs that moved.
    pub async fn drop_holds_of(&self, sync_id: &SyncId, names: &[RefName]) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        for name in names {
            drop_of(&mut tx, sync_id, name).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// A hold of a sync that is gone is nothing.
pub(crate) async fn put(tx: &mut Tx, hold: &Hold) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO holds (sync_id, name, oid) SELECT id, $2, $3 FROM syncs WHERE id = $1 \
         ON CONFLICT (sync_id, name) DO UPDATE SET oid = excluded.oid",
    )
    .bind(hold.sync_id.as_str())
    .bind(hold.name.to_string())
    .bind(hold.oid.to_string())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(crate) async fn drop_of(tx: &mut Tx, sync_id: &SyncId, name: &RefName) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM holds WHERE sync_id = $1 AND name = $2")
        .bind(sync_id.as_str())
        .bind(name.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
}
