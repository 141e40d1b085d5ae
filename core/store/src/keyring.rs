//! The keyring: data keys, each a row, wrapped by age to every recipient. Opened when first needed, then kept.

use std::sync::{Arc, Mutex, PoisonError};

use coregit_model::{Secret, Timestamp};
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use zeroize::Zeroizing;

use crate::derive::{fingerprint, recipients_proof};
use crate::identity::{Ask, Unlocked};
use crate::recipient::{Recipient, unwrap, wrap};
use crate::row::Columns;
use crate::seal::{self, DataKey, SealError, SealedField};
use crate::store::Tx;
use crate::{Store, StoreError};

/// What the identity unlocked so far.
#[derive(Default)]
pub(crate) struct Keys {
    unlocked: Mutex<Option<Arc<Unlocked>>>,
    ring: Mutex<Option<Arc<Ring>>>,
}

/// The data keys as they were read, oldest first.
pub(crate) struct Ring {
    pub keys: Vec<RingKey>,
    /// Sorted.
    pub recipients: Vec<String>,
}

/// One row of the keyring.
pub(crate) struct RingKey {
    pub id: String,
    pub active: bool,
    pub created_at: Timestamp,
    pub proof: Vec<u8>,
    /// The key, or why the identity does not open it.
    pub opened: Result<DataKey, String>,
}

impl Ring {
    pub fn active(&self) -> Result<&DataKey, SealError> {
        self.keys.iter().find(|k| k.active).ok_or(SealError::NoActiveKey)?.key()
    }

    /// The key that a sealed field names; `None` when there is no such row.
    fn of(&self, key_id: &str) -> Option<Result<&DataKey, SealError>> {
        self.keys.iter().find(|k| k.id == key_id).map(RingKey::key)
    }
}

impl RingKey {
    pub fn key(&self) -> Result<&DataKey, SealError> {
        self.opened.as_ref().map_err(|why| SealError::KeyClosed { key: self.id.clone(), why: why.clone() })
    }
}

/// What a data key is wrapped as: readable with stock `age -d`.
#[derive(serde::Deserialize)]
struct WrappedKey {
    version: u8,
    id: String,
    key: String,
}

/// The key as JSON, wrapped to the recipients.
pub(crate) fn wrap_key(key: &DataKey, recipients: &[Recipient]) -> Result<String, StoreError> {
    let hex = hex(&*key.bytes);
    let text = Zeroizing::new(format!(
        r#"{{"version":1,"id":"{}","algorithm":"AES-256-GCM","key":"{}"}}"#,
        key.id, *hex
    ));
    wrap(&text, recipients).map_err(|e| StoreError::Recipients(format!("the keyring cannot be wrapped: {e}")))
}

pub(crate) fn hex(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

/// Opens a wrapped key; the reason when it does not.
fn unwrap_key(id: &str, wrapped: &str, identities: &Unlocked) -> Result<DataKey, String> {
    let text = unwrap(wrapped, identities).map_err(|e| e.to_string())?;
    let parsed: WrappedKey = serde_json::from_slice(&text).map_err(|_| "what it holds is damaged")?;
    let hex = Zeroizing::new(parsed.key);
    if parsed.version != 1 || parsed.id != id {
        return Err("it holds another key".to_owned());
    }
    let mut bytes = Zeroizing::new([0; 32]);
    let digits = |i: usize| hex.get(2 * i..2 * i + 2).and_then(|d| u8::from_str_radix(d, 16).ok());
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = digits(i).ok_or("what it holds is damaged")?;
    }
    Ok(DataKey { id: parsed.id, bytes })
}

/// Writes the first key and the recipients of a new home.
pub(crate) async fn insert_first(pool: &SqlitePool, recipients: &[Recipient]) -> Result<(), StoreError> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    for recipient in recipients {
        insert_recipient(&mut tx, recipient).await?;
    }
    insert_active(&mut tx, &DataKey::random(), recipients).await?;
    Ok(tx.commit().await?)
}

pub(crate) async fn insert_recipient(
    tx: &mut SqliteConnection,
    recipient: &Recipient,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO recipients (recipient, added_at) VALUES ($1, $2)")
        .bind(recipient.to_string())
        .bind(Timestamp::now().as_millis())
        .execute(tx)
        .await?;
    Ok(())
}

/// Adds a key that takes over; the caller has retired the one before.
pub(crate) async fn insert_active(
    tx: &mut SqliteConnection,
    key: &DataKey,
    recipients: &[Recipient],
) -> Result<(), StoreError> {
    let sorted = sorted(recipients);
    sqlx::query(
        "INSERT INTO keyring (id, state, wrapped, recipients_proof, created_at) VALUES ($1, 'active', $2, $3, $4)",
    )
    .bind(&key.id)
    .bind(wrap_key(key, recipients)?)
    .bind(recipients_proof(key, &sorted).as_slice())
    .bind(Timestamp::now().as_millis())
    .execute(tx)
    .await?;
    Ok(())
}

pub(crate) fn sorted(recipients: &[Recipient]) -> Vec<String> {
    let mut sorted: Vec<_> = recipients.iter().map(Recipient::to_string).collect();
    sorted.sort_unstable();
    sorted
}

impl Store {
    /// Whether the identity is protected by a passphrase that was not given yet. Reads the identity file.
    pub fn needs_passphrase(&self) -> Result<bool, StoreError> {
        if held(&self.inner.keys.unlocked).is_some() {
            return Ok(false);
        }
        Ok(matches!(self.inner.identity.read()?, crate::identity_format::Parsed::Locked(_)))
    }

    /// Unlocks the identity now, asking for its passphrase where it has one. Takes a second or two then.
    pub fn unlock(&self, ask: &mut Ask<'_>) -> Result<(), StoreError> {
        if held(&self.inner.keys.unlocked).is_none() {
            let unlocked = self.inner.identity.unlock(Some(ask))?;
            set(&self.inner.keys.unlocked, Some(Arc::new(unlocked)));
        }
        Ok(())
    }

    pub(crate) fn identities(&self) -> Result<Arc<Unlocked>, StoreError> {
        if let Some(unlocked) = held(&self.inner.keys.unlocked) {
            return Ok(unlocked);
        }
        let unlocked = Arc::new(self.inner.identity.unlock(None)?);
        set(&self.inner.keys.unlocked, Some(unlocked.clone()));
        Ok(unlocked)
    }

    /// The keyring, opened; read once until [`Store::forget_ring`].
    pub(crate) async fn ring(&self) -> Result<Arc<Ring>, StoreError> {
        if let Some(ring) = held(&self.inner.keys.ring) {
            return Ok(ring);
        }
        let ring = Arc::new(self.read_ring(&mut *self.reader().acquire().await?).await?);
        set(&self.inner.keys.ring, Some(ring.clone()));
        Ok(ring)
    }

    /// Makes the next use read the keyring again: another process may have changed it.
    pub(crate) fn forget_ring(&self) {
        set(&self.inner.keys.ring, None);
    }

    pub(crate) async fn read_ring(&self, connection: &mut SqliteConnection) -> Result<Ring, StoreError> {
        let identities = self.identities()?;
        let select =
            "SELECT id, state, wrapped, recipients_proof, created_at FROM keyring ORDER BY created_at, id";
        let rows = sqlx::query(select).fetch_all(&mut *connection).await?;
        let key = |row: &sqlx::sqlite::SqliteRow| {
            let id = row.text("id")?;
            Ok::<_, StoreError>(RingKey {
                opened: unwrap_key(&id, &row.text("wrapped")?, &identities),
                active: row.text("state")? == "active",
                created_at: row.time("created_at")?,
                proof: row.blob("recipients_proof")?,
                id,
            })
        };
        let keys = rows.iter().map(key).collect::<Result<_, _>>()?;
        let recipients = sqlx::query_scalar("SELECT recipient FROM recipients ORDER BY recipient")
            .fetch_all(connection)
            .await?;
        Ok(Ring { keys, recipients })
    }

    /// Opens a sealed field with the key that it names.
    pub(crate) async fn open_field(
        &self,
        field: SealedField<'_>,
        sealed: &[u8],
    ) -> Result<Secret, StoreError> {
        let key_id = seal::key_id(field, sealed)?;
        let mut ring = self.ring().await?;
        if ring.of(key_id).is_none() {
            self.forget_ring();
            ring = self.ring().await?;
        }
        match ring.of(key_id) {
            Some(key) => Ok(seal::open(key?, field, sealed)?),
            None => Err(SealError::KeyMissing { field: field.to_string(), key: key_id.to_owned() }.into()),
        }
    }

    /// Seals a secret under the key that is active at the commit of the transaction that comes with it.
    pub(crate) async fn begin_sealed(
        &self,
        field: crate::tokens::Field,
        secret: &Secret,
    ) -> Result<(Tx, Sealed), StoreError> {
        loop {
            let ring = self.ring().await?;
            let key = ring.active()?;
            let bytes = seal::seal(key, field.as_sealed(), secret);
            let sealed = Sealed { key_id: key.id.clone(), bytes };
            let mut tx = self.write().await?;
            let active: Option<String> = sqlx::query_scalar("SELECT id FROM keyring WHERE state = 'active'")
                .fetch_optional(&mut *tx)
                .await?;
            match active {
                Some(id) if id == sealed.key_id => return Ok((tx, sealed)),
                Some(_) => self.forget_ring(),
                None => return Err(SealError::NoActiveKey.into()),
            }
        }
    }

    /// What stands for a token in budgets and metrics: 24 hex digits that nobody can guess a token from. It
    /// changes when the keyring is rotated.
    pub async fn token_fingerprint(&self, token: &Secret) -> Result<String, StoreError> {
        let ring = self.ring().await?;
        let oldest = ring.keys.iter().find(|k| k.opened.is_ok());
        Ok(fingerprint(oldest.map_or_else(|| ring.active(), RingKey::key)?, token.expose()))
    }
}

/// A sealed secret and the key that it is sealed under.
pub(crate) struct Sealed {
    pub key_id: String,
    pub bytes: Vec<u8>,
}

fn held<T>(slot: &Mutex<Option<Arc<T>>>) -> Option<Arc<T>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn set<T>(slot: &Mutex<Option<Arc<T>>>, value: Option<Arc<T>>) {
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = value;
}
