//! Paths as JSON text without loss: JSON has no bytes, paths are bytes.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serializer};

/// Bytes that are not UTF-8, and backslashes, become `\xHH`.
fn escape(path: &Path) -> String {
    let mut out = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        out.push_str(&chunk.valid().replace('\\', "\\x5c"));
        chunk.invalid().iter().for_each(|b| out.push_str(&format!("\\x{b:02x}")));
    }
    out
}

fn unescape(text: &str) -> Option<PathBuf> {
    let mut parts = text.split("\\x");
    let mut raw = parts.next()?.as_bytes().to_vec();
    for part in parts {
        raw.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        raw.extend_from_slice(&part.as_bytes()[2..]);
    }
    Some(PathBuf::from(OsString::from_vec(raw)))
}

pub(crate) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&escape(path))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
    let text = String::deserialize(from)?;
    unescape(&text).ok_or_else(|| serde::de::Error::custom("expected a path with \\xHH escapes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_path_round_trips() {
        for raw in [&b"/srv/git/a.git"[..], b"/a\xff\xfe/b\\x41", "/été \n".as_bytes(), b""] {
            let path = PathBuf::from(OsString::from_vec(raw.to_vec()));
            assert_eq!(unescape(&escape(&path)), Some(path));
        }
    }
}
