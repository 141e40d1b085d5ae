//! Tokens of connections: sealed where they lie, opened only for the origin that they are for.

use coregit_model::{Connection, Secret, Timestamp};

use crate::row::Columns;
use crate::seal::SealedField;
use crate::{Store, StoreError};

pub(crate) fn token_field(connection: &Connection) -> Field {
    Field::of(connection, "token")
}

/// A sealed field of a connection, with its origin as text.
pub(crate) struct Field {
    row_id: String,
    column: &'static str,
    origin: String,
}

impl Field {
    fn of(connection: &Connection, column: &'static str) -> Self {
        Self { row_id: connection.id.to_string(), column, origin: connection.origin.to_string() }
    }

    pub fn as_sealed(&self) -> SealedField<'_> {
        SealedField { table: "connections", row_id: &self.row_id, column: self.column, origin: &self.origin }
    }
}

impl Store {
    /// The token of a connection (for a GitHub App: its private key). It opens only when the origin in
    /// `connection` is the one that it was sealed for.
    pub async fn open_token(&self, connection: &Connection) -> Result<Secret, StoreError> {
        let sealed: Option<Vec<u8>> = sqlx::query_scalar("SELECT token FROM connections WHERE id = $1")
            .bind(connection.id.as_str())
            .fetch_optional(self.reader())
            .await?;
        let sealed = sealed.ok_or_else(|| StoreError::missing("connection", &connection.id))?;
        self.open_field(token_field(connection).as_sealed(), &sealed).await
    }

    /// The installation token that was minted last for this App connection, and when it ends. One that does
    /// not open counts as none: another is minted.
    pub async fn cached_token(
        &self,
        connection: &Connection,
    ) -> Result<Option<(Secret, Timestamp)>, StoreError> {
        let select = "SELECT cached_token, cached_token_expires_at FROM connections WHERE id = $1";
        let row = sqlx::query(select).bind(connection.id.as_str()).fetch_optional(self.reader()).await?;
        let row = row.ok_or_else(|| StoreError::missing("connection", &connection.id))?;
        let (Some(sealed), Some(expires)) =
            (row.maybe_blob("cached_token")?, row.maybe_time("cached_token_expires_at")?)
        else {
            return Ok(None);
        };
        let field = Field::of(connection, "cached_token");
        match self.open_field(field.as_sealed(), &sealed).await {
            Ok(token) => Ok(Some((token, expires))),
            Err(StoreError::Seal(error)) => {
                tracing::warn!(%error, "the cached token is not used");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Keeps a minted installation token, sealed, until it ends.
    pub async fn set_cached_token(
        &self,
        connection: &Connection,
        token: &Secret,
        expires: Timestamp,
    ) -> Result<(), StoreError> {
        let (mut tx, sealed) = self.begin_sealed(Field::of(connection, "cached_token"), token).await?;
        sqlx::query(
            "UPDATE connections SET cached_token = $1, cached_token_key = $2, cached_token_expires_at = $3 \
             WHERE id = $4",
        )
        .bind(sealed.bytes)
        .bind(sealed.key_id)
        .bind(expires.as_millis())
        .bind(connection.id.as_str())
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Forgets the cached token: the host refused it.
    pub async fn drop_cached_token(&self, connection: &Connection) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE connections SET cached_token = NULL, cached_token_key = NULL, cached_token_expires_at = NULL \
             WHERE id = $1",
        )
        .bind(connection.id.as_str())
        .execute(self.writer()?)
        .await?;
        Ok(())
    }
}
