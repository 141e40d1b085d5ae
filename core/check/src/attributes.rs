//! Rules over `.gitattributes` files, and over the size of blobs.

use crate::finding::{Finding, Findings};
use crate::rules;

/// git's own limits since CVE-2022-23521: longer lines overflowed a counter before.
const MAX_LINE: usize = 2048;
const MAX_SIZE: usize = 100 << 20;
/// GitHub's limit for one file (`facts` of the provider: pushes with a larger one are refused).
const GITHUB_MAX_BLOB: u64 = 100 << 20;

/// What is wrong with the content of a `.gitattributes`.
pub fn gitattributes(raw: &[u8]) -> Vec<Finding> {
    let mut found = Findings::default();
    if raw.len() > MAX_SIZE {
        found.add(&rules::ATTRIBUTES_LARGE, None);
    }
    if raw.split(|b| *b == b'\n').any(|line| line.len() >= MAX_LINE) {
        found.add(&rules::ATTRIBUTES_LINE, None);
    }
    found.finish()
}

/// What is odd about a blob of this many bytes.
pub fn blob_size(bytes: u64) -> Option<Finding> {
    (bytes > GITHUB_MAX_BLOB).then(|| rules::LARGE_BLOB.broken(None))
}
