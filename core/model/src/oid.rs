//! Object names: SHA-1 (20 bytes) and SHA-256 (32 bytes).

use serde::{Deserialize, Serialize};

/// The hash that a repository names its objects with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectFormat {
    /// 40 hex digits.
    Sha1,
    /// 64 hex digits.
    Sha256,
}

impl ObjectFormat {
    /// Bytes in an oid of this format.
    pub fn byte_len(self) -> usize {
        match self {
            ObjectFormat::Sha1 => 20,
            ObjectFormat::Sha256 => 32,
        }
    }

    /// git's word for it, as in `object-format=sha1`.
    pub fn as_str(self) -> &'static str {
        match self {
            ObjectFormat::Sha1 => "sha1",
            ObjectFormat::Sha256 => "sha256",
        }
    }
}

/// Text that is not an oid.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected 40 or 64 hex digits, got {0:?}")]
pub struct OidError(pub String);

/// The name of a git object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid {
    len: u8,
    bytes: [u8; 32],
}

impl Oid {
    /// The oid of these 20 or 32 bytes; `None` for any other length.
    pub fn from_bytes(raw: &[u8]) -> Option<Self> {
        if raw.len() != 20 && raw.len() != 32 {
            return None;
        }
        let mut bytes = [0; 32];
        bytes[..raw.len()].copy_from_slice(raw);
        Some(Self { len: raw.len() as u8, bytes })
    }

    /// Reads 40 or 64 hex digits.
    pub fn from_hex(hex: &[u8]) -> Result<Self, OidError> {
        let wrong = || OidError(String::from_utf8_lossy(&hex[..hex.len().min(80)]).into_owned());
        if hex.len() != 40 && hex.len() != 64 {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (i, pair) in hex.chunks_exact(2).enumerate() {
            let digit = |b: u8| (b as char).to_digit(16).ok_or_else(wrong);
            bytes[i] = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
        }
        Ok(Self { len: (hex.len() / 2) as u8, bytes })
    }

    /// The oid that stands for "does not exist" in ref updates.
    pub fn zero(format: ObjectFormat) -> Self {
        Self { len: format.byte_len() as u8, bytes: [0; 32] }
    }

    /// Whether this is the zero oid.
    pub fn is_zero(&self) -> bool {
        self.as_bytes().iter().all(|b| *b == 0)
    }

    /// The raw bytes, 20 or 32.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len as usize]
    }

    /// The format that the length tells.
    pub fn format(&self) -> ObjectFormat {
        if self.len == 20 { ObjectFormat::Sha1 } else { ObjectFormat::Sha256 }
    }

    /// The first seven hex digits, for people.
    pub fn short(&self) -> String {
        self.to_string()[..7].to_owned()
    }
}

impl std::fmt::Display for Oid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_bytes().iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl std::fmt::Debug for Oid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl std::str::FromStr for Oid {
    type Err = OidError;
    fn from_str(s: &str) -> Result<Self, OidError> {
        Self::from_hex(s.as_bytes())
    }
}

impl Serialize for Oid {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Oid {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oids_of_both_formats_round_trip() {
        for hex in ["7f3b".repeat(10), "7f3b".repeat(16)] {
            let oid: Oid = hex.parse().unwrap();
            assert_eq!(oid.to_string(), hex);
            assert_eq!(Oid::from_bytes(oid.as_bytes()), Some(oid));
        }
        assert!("7f3".parse::<Oid>().is_err());
        assert!("zz".repeat(20).parse::<Oid>().is_err());
        assert!(Oid::zero(ObjectFormat::Sha1).is_zero());
    }
}
