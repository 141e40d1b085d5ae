//! Between our nouns and gix's: object ids and formats.

use coregit_model::{ObjectFormat, Oid};
use gix::ObjectId;

/// gix's id of ours.
pub(crate) fn to_gix(oid: &Oid) -> ObjectId {
    ObjectId::from_bytes_or_panic(oid.as_bytes())
}

/// Our id of gix's.
pub(crate) fn from_gix(id: &gix::oid) -> Oid {
    Oid::from_bytes(id.as_bytes()).expect("an object id has 20 or 32 bytes")
}

/// Our word for gix's hash.
pub(crate) fn format_of(kind: gix::hash::Kind) -> ObjectFormat {
    match kind.len_in_bytes() {
        32 => ObjectFormat::Sha256,
        _ => ObjectFormat::Sha1,
    }
}
