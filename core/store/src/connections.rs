//! Connections: rows without their tokens.

use coregit_model::{Connection, ConnectionId, Origin, Secret, Timestamp};
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};

use crate::row::{Columns, stored, to_json};
use crate::store::Tx;
use crate::tokens::token_field;
use crate::{Store, StoreError};

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<T> {
    /// Exactly this.
    One(T),
    /// Nothing.
    None,
    /// More than one: only an id can tell.
    Many,
}

impl<T> Found<T> {
    /// The one whose id it is, else the one that alone has the label.
    pub(crate) fn among(mut rows: Vec<T>, is_id: impl Fn(&T) -> bool) -> Self {
        if let Some(at) = rows.iter().position(is_id) {
            return Found::One(rows.swap_remove(at));
        }
        match (rows.pop(), rows.is_empty()) {
            (None, _) => Found::None,
            (Some(row), true) => Found::One(row),
            (Some(_), false) => Found::Many,
        }
    }
}

impl Store {
    /// Adds a connection and seals its token (for a GitHub App: the private key) for its origin.
    pub async fn insert_connection(&self, connection: &Connection, token: &Secret) -> Result<(), StoreError> {
        let (mut tx, sealed) = self.begin_sealed(token_field(connection), token).await?;
        let insert = sqlx::query(
            "INSERT INTO connections (provider, label, external_username, url, token_kind, scopes, \
             token_expires_at, app_id, installation_id, ca_file, invalid_since, updated_at, id, origin, \
             last_synced_at, created_at, token, token_key) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
        );
        bind_shown(insert, connection)?
            .bind(connection.id.as_str())
            .bind(connection.origin.to_string())
            .bind(connection.last_synced_at.map(Timestamp::as_millis))
            .bind(connection.created_at.as_millis())
            .bind(sealed.bytes)
            .bind(sealed.key_id)
            .execute(&mut *tx)
            .await
            .map_err(|e| StoreError::from(e).or_exists("connection"))?;
        Ok(tx.commit().await?)
    }

    /// A connection by id, or by a label that only one has.
    pub async fn connection(&self, id_or_label: &str) -> Result<Found<Connection>, StoreError> {
        let rows = sqlx::query("SELECT * FROM connections WHERE id = $1 OR label = $1")
            .bind(id_or_label)
            .fetch_all(self.reader())
            .await?;
        let rows = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Found::among(rows, |c: &Connection| c.id.as_str() == id_or_label))
    }

    /// All connections, in order of label.
    pub async fn connections(&self) -> Result<Vec<Connection>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM connections ORDER BY label, id").fetch_all(self.reader()).await?;
        rows.iter().map(read).collect()
    }

    /// Changes a connection, and its token when one is given; a new token takes the cached one with it.
    ///
    /// Without a token the origin must stay: [`StoreError::OtherOrigin`].
    pub async fn update_connection(
        &self,
        connection: &Connection,
        token: Option<&Secret>,
    ) -> Result<(), StoreError> {
        let mut tx = match token {
            None => self.write().await?,
            Some(token) => {
                let (mut tx, sealed) = self.begin_sealed(token_field(connection), token).await?;
                sqlx::query(
                    "UPDATE connections SET token = $1, token_key = $2, origin = $3, cached_token = NULL, \
                     cached_token_key = NULL, cached_token_expires_at = NULL WHERE id = $4",
                )
                .bind(sealed.bytes)
                .bind(sealed.key_id)
                .bind(connection.origin.to_string())
                .bind(connection.id.as_str())
                .execute(&mut *tx)
                .await?;
                tx
            }
        };
        update_row(&mut tx, connection).await?;
        Ok(tx.commit().await?)
    }

    /// Notes since when the provider refuses the token; `None`: it takes it again.
    pub async fn set_connection_invalid(
        &self,
        id: &ConnectionId,
        since: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE connections SET invalid_since = $1 WHERE id = $2")
            .bind(since.map(Timestamp::as_millis))
            .bind(id.as_str())
            .execute(self.writer()?)
            .await?;
        Ok(())
    }

    /// Notes that a sync through it succeeded now: its token works.
    pub async fn touch_connection_synced(&self, id: &ConnectionId) -> Result<(), StoreError> {
        sqlx::query("UPDATE connections SET last_synced_at = $1, invalid_since = NULL WHERE id = $2")
            .bind(Timestamp::now().as_millis())
            .bind(id.as_str())
            .execute(self.writer()?)
            .await?;
        Ok(())
    }

    /// Deletes a connection with its token, its syncs, their triggers, intents and holds, and the bases that
    /// no other sync uses. The history of runs stays; runs under way are closed as errors.
    pub async fn delete_connection(&self, id: &ConnectionId) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let syncs: Vec<String> = sqlx::query_scalar("SELECT id FROM syncs WHERE connection_id = $1")
            .bind(id.as_str())
            .fetch_all(&mut *tx)
            .await?;
        for sync in &syncs {
            crate::syncs::delete(&mut tx, sync).await?;
        }
        let deleted =
            sqlx::query("DELETE FROM connections WHERE id = $1").bind(id.as_str()).execute(&mut *tx).await?;
        match deleted.rows_affected() {
            0 => Err(StoreError::missing("connection", id)),
            _ => Ok(tx.commit().await?),
        }
    }
}

type Statement<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

/// The values of the twelve columns that an update may change, in the order of both statements.
fn bind_shown<'q>(statement: Statement<'q>, connection: &'q Connection) -> Result<Statement<'q>, StoreError> {
    Ok(statement
        .bind(connection.provider.as_str())
        .bind(&connection.label)
        .bind(&connection.external_username)
        .bind(&connection.url)
        .bind(connection.token_kind.as_str())
        .bind(to_json(&connection.scopes)?)
        .bind(connection.token_expires_at.map(Timestamp::as_millis))
        .bind(&connection.app_id)
        .bind(connection.installation_id.map(stored))
        .bind(&connection.ca_file)
        .bind(connection.invalid_since.map(Timestamp::as_millis))
        .bind(connection.updated_at.as_millis()))
}

/// Everything but the token and what the provider's answers set by themselves.
async fn update_row(tx: &mut Tx, connection: &Connection) -> Result<(), StoreError> {
    let origin: Option<String> = sqlx::query_scalar("SELECT origin FROM connections WHERE id = $1")
        .bind(connection.id.as_str())
        .fetch_optional(&mut **tx)
        .await?;
    let origin = origin.ok_or_else(|| StoreError::missing("connection", &connection.id))?;
    if origin != connection.origin.to_string() {
        return Err(StoreError::OtherOrigin);
    }
    let update = sqlx::query(
        "UPDATE connections SET provider = $1, label = $2, external_username = $3, url = $4, token_kind = $5, \
         scopes = $6, token_expires_at = $7, app_id = $8, installation_id = $9, ca_file = $10, \
         invalid_since = $11, updated_at = $12 WHERE id = $13",
    );
    bind_shown(update, connection)?.bind(connection.id.as_str()).execute(&mut **tx).await?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<Connection, StoreError> {
    let installation_id = row.maybe_integer("installation_id")?;
    Ok(Connection {
        id: row.parsed("id", ConnectionId::parse)?,
        provider: row.word("provider")?,
        label: row.text("label")?,
        external_username: row.text("external_username")?,
        url: row.maybe_text("url")?,
        origin: row.parsed("origin", |o| Origin::try_from(o.to_owned()))?,
        token_kind: row.word("token_kind")?,
        scopes: row.json("scopes")?,
        token_expires_at: row.maybe_time("token_expires_at")?,
        app_id: row.maybe_text("app_id")?,
        installation_id: installation_id.map(i64::cast_unsigned),
        ca_file: row.maybe_text("ca_file")?,
        last_synced_at: row.maybe_time("last_synced_at")?,
        invalid_since: row.maybe_time("invalid_since")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}
