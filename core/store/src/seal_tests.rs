use std::collections::HashSet;

use super::*;

fn key() -> DataKey {
    DataKey { id: "key_test".to_owned(), bytes: Zeroizing::new(std::array::from_fn(|i| i as u8)) }
}

const FIELD: SealedField<'_> =
    SealedField { table: "connections", row_id: "conn_1", column: "token", origin: "https://github.com" };

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

#[derive(serde::Deserialize)]
struct Vector {
    key: String,
    key_id: String,
    nonce: String,
    table: String,
    row_id: String,
    column: String,
    origin: String,
    secret: String,
    associated_data: String,
    sealed: String,
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn the_published_vectors_seal_and_open() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../tests/vectors/seal.json")).unwrap();
    assert!(vectors.len() >= 3);
    for v in vectors {
        let bytes = Zeroizing::new(unhex(&v.key).try_into().unwrap());
        let key = DataKey { id: v.key_id.clone(), bytes };
        let field = SealedField { table: &v.table, row_id: &v.row_id, column: &v.column, origin: &v.origin };
        assert_eq!(hex(&associated_data(&key.id, field)), v.associated_data);
        let sealed = seal_with_nonce(&key, field, &secret(&v.secret), unhex(&v.nonce).try_into().unwrap());
        assert_eq!(hex(&sealed), v.sealed);
        assert_eq!(open(&key, field, &unhex(&v.sealed)).unwrap().expose(), v.secret);
        assert_eq!(other_implementation(&v), v.secret.as_bytes());
    }
}

/// The same by the letter of `FORMAT.md`, with another library.
fn other_implementation(v: &Vector) -> Vec<u8> {
    use ring::aead;
    let key = aead::UnboundKey::new(&aead::AES_256_GCM, &unhex(&v.key)).unwrap();
    let nonce = aead::Nonce::try_assume_unique_for_key(&unhex(&v.nonce)).unwrap();
    let sealed = unhex(&v.sealed);
    let mut ciphertext = sealed[2 + usize::from(sealed[1]) + 12..].to_vec();
    let data = aead::Aad::from(unhex(&v.associated_data));
    aead::LessSafeKey::new(key).open_in_place(nonce, data, &mut ciphertext).unwrap().to_vec()
}

#[test]
fn a_changed_byte_anywhere_does_not_open() {
    let sealed = seal(&key(), FIELD, &secret("ghp_token"));
    for i in 0..sealed.len() {
        for bit in [0x01, 0x80] {
            let mut changed = sealed.clone();
            changed[i] ^= bit;
            assert!(open(&key(), FIELD, &changed).is_err(), "byte {i}");
        }
    }
}

#[test]
fn a_truncated_or_longer_field_does_not_open() {
    let sealed = seal(&key(), FIELD, &secret("ghp_token"));
    for n in 0..sealed.len() {
        assert!(open(&key(), FIELD, &sealed[..n]).is_err(), "{n} bytes");
        assert!(open(&key(), FIELD, &sealed[n + 1..]).is_err(), "without the first {}", n + 1);
    }
    assert!(open(&key(), FIELD, &[&sealed[..], b"x"].concat()).is_err());
    assert_eq!(open(&key(), FIELD, &sealed).unwrap().expose(), "ghp_token");
    let empty = seal(&key(), FIELD, &secret(""));
    assert_eq!(open(&key(), FIELD, &empty).unwrap().expose(), "");
}

#[test]
fn a_field_that_is_moved_or_used_for_another_origin_does_not_open() {
    let sealed = seal(&key(), FIELD, &secret("ghp_token"));
    for field in [
        SealedField { table: "webhooks", ..FIELD },
        SealedField { row_id: "conn_2", ..FIELD },
        SealedField { column: "cached_token", ..FIELD },
        SealedField { origin: "https://github.com.evil", ..FIELD },
        SealedField { origin: "http://github.com", ..FIELD },
        // The same letters, cut elsewhere: the lengths keep them apart.
        SealedField { row_id: "conn_1t", column: "oken", ..FIELD },
        SealedField { table: "connectionsconn_1", row_id: "", ..FIELD },
    ] {
        let error = open(&key(), field, &sealed).unwrap_err();
        assert!(matches!(error, SealError::NotAuthentic(_)), "{field}");
    }
}

#[test]
fn another_key_does_not_open_it_even_under_the_same_id() {
    let sealed = seal(&key(), FIELD, &secret("ghp_token"));
    let mut other = key();
    other.bytes[31] ^= 1;
    assert!(open(&other, FIELD, &sealed).is_err());
    let renamed = DataKey { id: "key_tesu".to_owned(), ..key() };
    assert!(open(&renamed, FIELD, &sealed).is_err());
    assert_eq!(key_id(FIELD, &sealed).unwrap(), "key_test");
}

#[test]
fn nonces_do_not_repeat_in_a_million() {
    let mut seen = HashSet::with_capacity(1_000_000);
    assert!((0..1_000_000).all(|_| seen.insert(random::<NONCE_LEN>())));
    let (a, b) = (seal(&key(), FIELD, &secret("x")), seal(&key(), FIELD, &secret("x")));
    assert_ne!(a, b);
}
