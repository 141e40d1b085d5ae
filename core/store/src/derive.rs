//! Keys for other ends than sealing, derived from a data key: HMAC-SHA256 under it, over a label.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::seal::DataKey;

const FINGERPRINT: &[u8] = b"coregit token fingerprint v1";
const RECIPIENTS: &[u8] = b"coregit keyring recipients v1";

fn keyed(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

fn derived(key: &DataKey, label: &[u8]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(keyed(&*key.bytes, label))
}

/// 24 hex digits that stand for a token and tell nothing about it to who lacks the key.
pub(crate) fn fingerprint(key: &DataKey, token: &str) -> String {
    let mac = keyed(&*derived(key, FINGERPRINT), token.as_bytes());
    mac[..12].iter().map(|b| format!("{b:02x}")).collect()
}

/// What only a holder of the key can say: "these are my recipients". Without it, who can write to the
/// records could add a recipient and wait for the next rotation. Recipients come sorted.
pub(crate) fn recipients_proof(key: &DataKey, recipients: &[String]) -> [u8; 32] {
    keyed(&*derived(key, RECIPIENTS), recipients.join("\n").as_bytes())
}
