//! Keyring administration: rotation while others work, recipients, the check and the export.

use coregit_model::Timestamp;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::derive::recipients_proof;
use crate::files::lock_home;
use crate::keyring::{Ring, RingKey, hex, insert_active, insert_recipient, sorted, wrap_key};
use crate::recipient::{Recipient, unwrap, wrap};
use crate::seal::DataKey;
use crate::store::Tx;
use crate::{KeyringReport, Store, StoreError};

impl Store {
    /// Makes a new active key and seals every field again under it, in small batches, while others use the
    /// store; then deletes the keys that nothing uses any more. A kill in the middle loses nothing: the next
    /// rotation goes on. Fields that do not open stay as they are and are in the report.
    pub async fn rotate(&self) -> Result<KeyringReport, StoreError> {
        let _lock = lock_home(&self.inner.home).await?;
        self.forget_ring();
        let ring = self.ring().await?;
        let recipients = vouched(&ring, ring.active_row()?)?;
        let key = DataKey::random();
        let mut tx = self.write().await?;
        sqlx::query("UPDATE keyring SET state = 'retired', retired_at = $1 WHERE state = 'active'")
            .bind(Timestamp::now().as_millis())
            .execute(&mut *tx)
            .await?;
        insert_active(&mut tx, &key, &recipients).await?;
        self.still_opens(&mut tx, &key.id).await?;
        tx.commit().await?;
        self.forget_ring();
        self.seal_again(&ring, &key).await?;
        self.delete_unused_keys().await?;
        self.forget_ring();
        self.check_keyring().await
    }

    async fn delete_unused_keys(&self) -> Result<(), StoreError> {
        sqlx::query(
            "DELETE FROM keyring WHERE state = 'retired' \
             AND id NOT IN (SELECT token_key FROM connections) \
             AND id NOT IN (SELECT cached_token_key FROM connections WHERE cached_token_key IS NOT NULL)",
        )
        .execute(self.writer()?)
        .await?;
        // What stood in the log before still holds the old keys and fields.
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_all(self.writer()?).await?;
        Ok(())
    }

    /// The public keys that can open the keyring, sorted.
    pub async fn recipients(&self) -> Result<Vec<String>, StoreError> {
        let select = "SELECT recipient FROM recipients ORDER BY recipient";
        Ok(sqlx::query_scalar(select).fetch_all(self.reader()).await?)
    }

    /// Lets another key open the keyring. One that can already stays, and that is no error.
    pub async fn add_recipient(&self, recipient: &Recipient) -> Result<(), StoreError> {
        let _lock = lock_home(&self.inner.home).await?;
        let mut tx = self.write().await?;
        let ring = self.read_ring(&mut tx).await?;
        if ring.recipients.contains(&recipient.to_string()) {
            return Ok(());
        }
        let mut recipients = vouched_by_all(&ring)?;
        recipients.push(recipient.clone());
        insert_recipient(&mut tx, recipient).await?;
        self.wrap_again(tx, &ring, &recipients).await
    }

    /// Lets a key open the keyring no longer. Refused: the last one, and this identity's own. What the removed
    /// key opened before it may have kept: [`Store::rotate`] makes that worthless for what is sealed later.
    pub async fn remove_recipient(&self, recipient: &Recipient) -> Result<(), StoreError> {
        let _lock = lock_home(&self.inner.home).await?;
        let mut tx = self.write().await?;
        let ring = self.read_ring(&mut tx).await?;
        let mut recipients = vouched_by_all(&ring)?;
        let before = recipients.len();
        recipients.retain(|r| r != recipient);
        if recipients.len() == before {
            return Err(StoreError::missing("recipient", recipient));
        }
        if recipients.is_empty() {
            return Err(StoreError::Recipients("the last recipient cannot be removed".to_owned()));
        }
        sqlx::query("DELETE FROM recipients WHERE recipient = $1")
            .bind(recipient.to_string())
            .execute(&mut *tx)
            .await?;
        self.wrap_again(tx, &ring, &recipients).await
    }

    /// Wraps every key to these recipients and commits, unless this identity would be locked out.
    async fn wrap_again(&self, mut tx: Tx, ring: &Ring, recipients: &[Recipient]) -> Result<(), StoreError> {
        let sorted = sorted(recipients);
        for row in &ring.keys {
            let key = row.key()?;
            sqlx::query("UPDATE keyring SET wrapped = $1, recipients_proof = $2 WHERE id = $3")
                .bind(wrap_key(key, recipients)?)
                .bind(recipients_proof(key, &sorted).as_slice())
                .bind(&row.id)
                .execute(&mut *tx)
                .await?;
            self.still_opens(&mut tx, &row.id).await?;
        }
        tx.commit().await?;
        self.forget_ring();
        Ok(())
    }

    async fn still_opens(&self, tx: &mut Tx, key_id: &str) -> Result<(), StoreError> {
        let wrapped: String = sqlx::query_scalar("SELECT wrapped FROM keyring WHERE id = $1")
            .bind(key_id)
            .fetch_one(&mut **tx)
            .await?;
        let identities = self.identities()?;
        unwrap(&wrapped, &identities).map(drop).map_err(|_| {
            StoreError::Recipients(
                "the identity in use could not open the keyring any more; use another recipient's identity \
                 (COREGIT_IDENTITY) to remove this one"
                    .to_owned(),
            )
        })
    }

    /// All keys as one armored age file for all recipients; stock `age -d` opens it, and `FORMAT.md` says
    /// what to do with what is inside.
    pub async fn export_keyring(&self) -> Result<String, StoreError> {
        self.forget_ring();
        let ring = self.ring().await?;
        let recipients = vouched_by_all(&ring)?;
        let mut text = Zeroizing::new(String::from(r#"{"version":1,"algorithm":"AES-256-GCM","keys":["#));
        for (i, row) in ring.keys.iter().enumerate() {
            let state = if row.active { "active" } else { "retired" };
            let comma = if i == 0 { "" } else { "," };
            let key = hex(&*row.key()?.bytes);
            let (id, at) = (&row.id, row.created_at);
            // Room first: a growing string would leave copies of the keys behind in freed memory.
            text.reserve_exact(256 * (ring.keys.len() - i) + 8);
            let line = Zeroizing::new(format!(
                r#"{comma}{{"id":"{id}","state":"{state}","created_at":"{at}","key":"{}"}}"#,
                *key
            ));
            text.push_str(&line);
        }
        text.push_str("]}\n");
        wrap(&text, &recipients)
            .map_err(|e| StoreError::Recipients(format!("the keyring cannot be exported: {e}")))
    }
}

impl Ring {
    fn active_row(&self) -> Result<&RingKey, StoreError> {
        Ok(self.keys.iter().find(|k| k.active).ok_or(crate::SealError::NoActiveKey)?)
    }
}

/// Whether the key says that these are its recipients.
pub(crate) fn vouches(row: &RingKey, recipients: &[String]) -> Result<bool, StoreError> {
    let proof = recipients_proof(row.key()?, recipients);
    Ok(proof.as_slice().ct_eq(&row.proof).into())
}

/// The recipients, once a key vouches for them.
fn vouched(ring: &Ring, row: &RingKey) -> Result<Vec<Recipient>, StoreError> {
    if !vouches(row, &ring.recipients)? {
        return Err(StoreError::Recipients(
            "the list of recipients was changed by something else than coregit; nothing is wrapped to it"
                .to_owned(),
        ));
    }
    let parse = |text: &String| text.parse::<Recipient>().map_err(|e| StoreError::Recipients(e.to_string()));
    ring.recipients.iter().map(parse).collect()
}

fn vouched_by_all(ring: &Ring) -> Result<Vec<Recipient>, StoreError> {
    let mut recipients = Vec::new();
    for row in &ring.keys {
        recipients = vouched(ring, row)?;
    }
    Ok(recipients)
}
