//! Sealing: AES-256-GCM over one field of one row, bound to where it lies and what it is for.
//!
//! A sealed field, byte by byte (`FORMAT.md` has a worked example and test vectors):
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version, `0x01` |
//! | 1 | length `n` of the key id |
//! | n | key id, ASCII: the row of the table `keyring` |
//! | 12 | nonce, random for every seal |
//! | m | ciphertext, as long as the secret |
//! | 16 | tag |
//!
//! The associated data are six strings, each with its length before it as 4 bytes, big-endian: the version
//! byte, the key id, the table, the id of the row, the column, the origin (`https://github.com`) that the
//! secret is for. So a field that was moved to another row, column or table, or is used for another host,
//! does not open.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use coregit_model::Secret;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;

/// Why a sealed field does not open.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SealError {
    /// It is too short, or of another version.
    #[error("the sealed field {0} is damaged or of a newer version")]
    Malformed(String),
    /// Its key is not in the keyring.
    #[error("the sealed field {field} needs the key {key}, which is not in the keyring")]
    KeyMissing {
        /// `table.column of row`.
        field: String,
        /// The key's id.
        key: String,
    },
    /// Its key is there, but the identity does not open it.
    #[error("the key {key} does not open with this identity: {why}")]
    KeyClosed {
        /// The key's id.
        key: String,
        /// What age said.
        why: String,
    },
    /// It was changed, moved to another row or column, or is used for another origin.
    #[error("the sealed field {0} does not open: it was changed, moved, or is for another address")]
    NotAuthentic(String),
    /// There is no active key to seal with.
    #[error("the keyring holds no active key")]
    NoActiveKey,
}

impl SealError {
    /// What mends it, as one line.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::KeyClosed { .. } => {
                "use the identity that this home was made with (COREGIT_IDENTITY); `coregit keyring check` shows more"
            }
            Self::NoActiveKey => "restore the last `coregit backup`",
            _ => {
                "give the token again: `coregit connections update ID --token-stdin`; `coregit keyring check` \
                 shows all such fields"
            }
        };
        Some(text.to_owned())
    }
}

/// Where a sealed secret lies and what it is for: all of it is authenticated.
#[derive(Clone, Copy, Debug)]
pub struct SealedField<'a> {
    /// The table.
    pub table: &'a str,
    /// The id of its row.
    pub row_id: &'a str,
    /// The column.
    pub column: &'a str,
    /// The origin that the secret may be sent to.
    pub origin: &'a str,
}

impl std::fmt::Display for SealedField<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{} of {}", self.table, self.column, self.row_id)
    }
}

/// An AES-256 key and its id.
#[derive(Clone)]
pub(crate) struct DataKey {
    pub id: String,
    pub bytes: Zeroizing<[u8; 32]>,
}

impl DataKey {
    /// A new key: 32 random bytes, and an id of `key_` and 32 hex digits.
    pub fn random() -> Self {
        let id: [u8; 16] = random();
        let id = id.iter().fold("key_".to_owned(), |id, b| id + &format!("{b:02x}"));
        Self { id, bytes: Zeroizing::new(random()) }
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// Seals a secret with a fresh nonce. One key is good for 2^32 seals; random nonces would begin to meet then.
pub(crate) fn seal(key: &DataKey, field: SealedField<'_>, secret: &Secret) -> Vec<u8> {
    seal_with_nonce(key, field, secret, random())
}

fn seal_with_nonce(
    key: &DataKey,
    field: SealedField<'_>,
    secret: &Secret,
    nonce: [u8; NONCE_LEN],
) -> Vec<u8> {
    let payload = Payload { msg: secret.expose().as_bytes(), aad: &associated_data(&key.id, field) };
    let sealed = Aes256Gcm::new((&*key.bytes).into())
        .encrypt(&Nonce::from(nonce), payload)
        .expect("a secret is far below the 64 GiB that AES-GCM takes");
    let id_len = u8::try_from(key.id.len()).expect("key ids have 36 characters");
    [&[VERSION, id_len], key.id.as_bytes(), &nonce, &sealed].concat()
}

/// Opens a sealed field with the key that it names.
pub(crate) fn open(key: &DataKey, field: SealedField<'_>, sealed: &[u8]) -> Result<Secret, SealError> {
    let parts = Parts::of(sealed).ok_or_else(|| SealError::Malformed(field.to_string()))?;
    let forged = || SealError::NotAuthentic(field.to_string());
    if parts.key_id != key.id {
        return Err(forged());
    }
    let payload = Payload { msg: parts.ciphertext, aad: &associated_data(&key.id, field) };
    let plain = Aes256Gcm::new((&*key.bytes).into())
        .decrypt(&Nonce::from(*parts.nonce), payload)
        .map_err(|_| forged())?;
    String::from_utf8(plain).map(Secret::new).map_err(|e| {
        drop(Zeroizing::new(e.into_bytes()));
        SealError::Malformed(field.to_string())
    })
}

/// The id of the key that a sealed field names.
pub(crate) fn key_id<'a>(field: SealedField<'_>, sealed: &'a [u8]) -> Result<&'a str, SealError> {
    Parts::of(sealed).map(|p| p.key_id).ok_or_else(|| SealError::Malformed(field.to_string()))
}

struct Parts<'a> {
    key_id: &'a str,
    nonce: &'a [u8; NONCE_LEN],
    ciphertext: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(sealed: &'a [u8]) -> Option<Self> {
        let ([VERSION, id_len], rest) = sealed.split_first_chunk::<2>()? else { return None };
        let (id, rest) = rest.split_at_checked(usize::from(*id_len))?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>()?;
        let key_id = std::str::from_utf8(id).ok()?;
        (ciphertext.len() >= TAG_LEN).then_some(Self { key_id, nonce, ciphertext })
    }
}

fn associated_data(key_id: &str, field: SealedField<'_>) -> Vec<u8> {
    let mut data = Vec::new();
    for part in [&[VERSION], key_id.as_bytes(), field.table.as_bytes(), field.row_id.as_bytes()]
        .into_iter()
        .chain([field.column.as_bytes(), field.origin.as_bytes()])
    {
        let length = u32::try_from(part.len()).expect("names are short");
        data.extend_from_slice(&length.to_be_bytes());
        data.extend_from_slice(part);
    }
    data
}

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;
