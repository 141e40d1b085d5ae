//! Budgets: what is left of a host's limits for one token, shared by all processes of this home.

use coregit_model::Timestamp;

use crate::row::Columns;
use crate::{Store, StoreError};

/// A budget nobody touched for a week tells nothing any more: hosts count by the hour or the day.
const KEPT_S: i64 = 7 * 86_400;

/// A budget as its owner wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetState {
    /// JSON of the HTTP client.
    pub json: String,
    /// When it was written.
    pub updated_at: Timestamp,
}

impl Store {
    /// The budget of a token at a host, when one was kept.
    pub async fn budget(
        &self,
        host: &str,
        token_fingerprint: &str,
    ) -> Result<Option<BudgetState>, StoreError> {
        let row =
            sqlx::query("SELECT state, updated_at FROM budgets WHERE host = $1 AND token_fingerprint = $2")
                .bind(host)
                .bind(token_fingerprint)
                .fetch_optional(self.reader())
                .await?;
        row.map(|row| Ok(BudgetState { json: row.text("state")?, updated_at: row.time("updated_at")? }))
            .transpose()
    }

    /// Keeps the budget of a token at a host, and forgets those that are a week old.
    pub async fn put_budget(
        &self,
        host: &str,
        token_fingerprint: &str,
        json: &str,
    ) -> Result<(), StoreError> {
        let now = Timestamp::now();
        let mut tx = self.write().await?;
        sqlx::query("DELETE FROM budgets WHERE updated_at < $1")
            .bind(now.plus_seconds(-KEPT_S).as_millis())
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "INSERT INTO budgets (host, token_fingerprint, state, updated_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (host, token_fingerprint) DO UPDATE SET state = excluded.state, \
             updated_at = excluded.updated_at",
        )
        .bind(host)
        .bind(token_fingerprint)
        .bind(json)
        .bind(now.as_millis())
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }
}
