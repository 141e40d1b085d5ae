//! Every column that holds something sealed, and what goes over all of them: sealing again and the check.

use coregit_model::Timestamp;
use sqlx::sqlite::SqliteRow;

use crate::keyring::{Ring, Sealed};
use crate::rotation::vouches;
use crate::row::Columns;
use crate::seal::{self, DataKey, SealedField};
use crate::{Store, StoreError};

/// Fields sealed again in one transaction: short enough that nobody waits for it.
const BATCH: i64 = 64;

/// A column with sealed fields, and the statements over it. `page`: rows after $1 whose key is not $2, at
/// most $3; `replace`: the new field $1 under the key $2 in the row $3, where the old one is still $4.
struct SealedColumn {
    table: &'static str,
    column: &'static str,
    page: &'static str,
    replace: &'static str,
}

const SEALED_COLUMNS: [SealedColumn; 2] = [
    SealedColumn {
        table: "connections",
        column: "token",
        page: "SELECT id, origin, token AS sealed FROM connections \
               WHERE id > $1 AND token_key <> $2 ORDER BY id LIMIT $3",
        replace: "UPDATE connections SET token = $1, token_key = $2 WHERE id = $3 AND token = $4",
    },
    SealedColumn {
        table: "connections",
        column: "cached_token",
        page: "SELECT id, origin, cached_token AS sealed FROM connections \
               WHERE id > $1 AND cached_token IS NOT NULL AND cached_token_key <> $2 ORDER BY id LIMIT $3",
        replace: "UPDATE connections SET cached_token = $1, cached_token_key = $2 WHERE id = $3 AND cached_token = $4",
    },
];

/// What a check or a rotation found.
#[derive(Clone, Debug, serde::Serialize)]
pub struct KeyringReport {
    /// Every key, oldest first.
    pub keys: Vec<KeyReport>,
    /// Every sealed field.
    pub fields: Vec<FieldReport>,
}

/// One data key.
#[derive(Clone, Debug, serde::Serialize)]
pub struct KeyReport {
    /// Its id.
    pub id: String,
    /// Whether new secrets are sealed under it.
    pub active: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// How many fields are sealed under it.
    pub fields: usize,
    /// Why it cannot be used, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// One sealed field.
#[derive(Clone, Debug, serde::Serialize)]
pub struct FieldReport {
    /// Its table.
    pub table: &'static str,
    /// The id of its row.
    pub row_id: String,
    /// Its column.
    pub column: &'static str,
    /// The key that it names; empty when it cannot be read.
    pub key: String,
    /// Why it does not open, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl KeyringReport {
    /// Whether every key and every field opens.
    pub fn is_sound(&self) -> bool {
        self.keys.iter().all(|k| k.problem.is_none()) && self.fields.iter().all(|f| f.problem.is_none())
    }
}

/// A sealed field as it lies in its row.
struct Found {
    row_id: String,
    origin: String,
    sealed: Vec<u8>,
}

impl Found {
    fn read(row: &SqliteRow) -> Result<Self, StoreError> {
        Ok(Self { row_id: row.text("id")?, origin: row.text("origin")?, sealed: row.blob("sealed")? })
    }

    fn field<'a>(&'a self, column: &SealedColumn) -> SealedField<'a> {
        SealedField { table: column.table, row_id: &self.row_id, column: column.column, origin: &self.origin }
    }
}

impl Store {
    /// Seals every field that is under another key again under this one. `ring` is the keyring from before.
    pub(crate) async fn seal_again(&self, ring: &Ring, key: &DataKey) -> Result<(), StoreError> {
        for column in &SEALED_COLUMNS {
            let mut after = String::new();
            loop {
                let mut tx = self.write().await?;
                let batch = page(&mut tx, column, &after, &key.id).await?;
                let Some(last) = batch.last() else { break };
                after.clone_from(&last.row_id);
                for found in &batch {
                    let Some(sealed) = reseal(ring, key, found, column) else { continue };
                    sqlx::query(column.replace)
                        .bind(&sealed.bytes)
                        .bind(&sealed.key_id)
                        .bind(&found.row_id)
                        .bind(&found.sealed)
                        .execute(&mut *tx)
                        .await?;
                }
                tx.commit().await?;
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// Opens every key and every sealed field. An identity that cannot be read is an error; what does not
    /// open is in the report.
    pub async fn check_keyring(&self) -> Result<KeyringReport, StoreError> {
        self.forget_ring();
        let ring = self.ring().await?;
        let mut fields = Vec::new();
        for column in &SEALED_COLUMNS {
            let mut after = String::new();
            loop {
                let batch = page(&mut *self.reader().acquire().await?, column, &after, "").await?;
                let Some(last) = batch.last() else { break };
                after.clone_from(&last.row_id);
                for found in batch {
                    fields.push(self.checked(column, &found).await);
                }
            }
        }
        let keys = ring.keys.iter().map(|row| {
            let problem = match vouches(row, &ring.recipients) {
                Err(error) => Some(error.to_string()),
                Ok(true) => None,
                Ok(false) => Some("it does not know the recipients that are listed".to_owned()),
            };
            let used = fields.iter().filter(|f: &&FieldReport| f.key == row.id).count();
            let (id, active, created_at) = (row.id.clone(), row.active, row.created_at);
            KeyReport { id, active, created_at, fields: used, problem }
        });
        Ok(KeyringReport { keys: keys.collect(), fields })
    }

    async fn checked(&self, column: &SealedColumn, found: &Found) -> FieldReport {
        let field = found.field(column);
        let problem = self.open_field(field, &found.sealed).await.err().map(|e| e.to_string());
        FieldReport {
            table: column.table,
            row_id: found.row_id.clone(),
            column: column.column,
            key: seal::key_id(field, &found.sealed).unwrap_or_default().to_owned(),
            problem,
        }
    }
}

async fn page(
    connection: &mut sqlx::sqlite::SqliteConnection,
    column: &SealedColumn,
    after: &str,
    not_under: &str,
) -> Result<Vec<Found>, StoreError> {
    let rows = sqlx::query(column.page).bind(after).bind(not_under).bind(BATCH).fetch_all(connection).await?;
    rows.iter().map(Found::read).collect()
}

/// The field under the new key. `None` where it does not open, or where its old key does not vouch for the
/// recipients that the new one is wrapped to.
fn reseal(ring: &Ring, key: &DataKey, found: &Found, column: &SealedColumn) -> Option<Sealed> {
    let field = found.field(column);
    let id = seal::key_id(field, &found.sealed).ok()?;
    let row = ring.keys.iter().find(|k| k.id == id)?;
    if !vouches(row, &ring.recipients).ok()? {
        return None;
    }
    let secret = seal::open(row.key().ok()?, field, &found.sealed).ok()?;
    Some(Sealed { key_id: key.id.clone(), bytes: seal::seal(key, field, &secret) })
}
