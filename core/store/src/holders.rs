//! Who holds running syncs, and ending the leases of those who are known to be dead.

use crate::row::Columns;
use crate::{Store, StoreError};

impl Store {
    /// The workers that hold a running sync, each once.
    pub async fn holders(&self) -> Result<Vec<String>, StoreError> {
        let select = "SELECT DISTINCT worker FROM triggers WHERE state = 'running' AND worker IS NOT NULL";
        let rows = sqlx::query(select).fetch_all(self.reader()).await?;
        rows.iter().map(|row| row.text("worker")).collect()
    }

    /// Ends the leases of a worker that is known to be dead, so that nobody waits for them to run out. What
    /// it held is claimed again as after any lease; its own late writes are refused by the fence.
    pub async fn end_leases_of(&self, worker: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE triggers SET lease_until = 0 WHERE worker = $1 AND state = 'running'")
            .bind(worker)
            .execute(self.writer()?)
            .await?;
        Ok(())
    }
}
