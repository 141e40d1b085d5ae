//! `ls-refs` of version 2: the request, and the answer line by line.

use std::collections::BTreeMap;

use coregit_model::{ObjectFormat, Oid, RefName};

use super::advertisement::oid_and_name;
use super::{AGENT, pkt};
use crate::GitError;

/// With more prefixes than this, everything is listed and filtered here.
const MOST_PREFIXES: usize = 500;

/// The refs of a remote repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The refs, unpeeled.
    pub refs: BTreeMap<RefName, Oid>,
    /// The ref that HEAD names, where the server tells it and it is born.
    pub head: Option<RefName>,
}

impl Listing {
    /// Keeps what begins with one of the prefixes; none keep everything.
    pub(crate) fn keep(&mut self, prefixes: &[&[u8]]) {
        if !prefixes.is_empty() {
            self.refs.retain(|name, _| prefixes.iter().any(|p| name.starts_with(p)));
        }
    }
}

/// The body of the request. A server without version 2 takes it for garbage.
pub(crate) fn request(prefixes: &[&[u8]], format: ObjectFormat) -> Result<Vec<u8>, GitError> {
    let mut out = Vec::new();
    pkt::write(&mut out, b"command=ls-refs\n")?;
    pkt::write(&mut out, AGENT.as_bytes())?;
    pkt::write(&mut out, format!("object-format={}", format.as_str()).as_bytes())?;
    out.extend_from_slice(pkt::DELIMITER);
    pkt::write(&mut out, b"symrefs\n")?;
    if !prefixes.is_empty() && prefixes.len() <= MOST_PREFIXES {
        for prefix in prefixes.iter().chain([&&b"HEAD"[..]]) {
            pkt::write(&mut out, &[b"ref-prefix ", *prefix, b"\n"].concat())?;
        }
    }
    out.extend_from_slice(pkt::FLUSH);
    Ok(out)
}

/// Takes one line of the answer.
pub(crate) fn take(listing: &mut Listing, line: &[u8], format: ObjectFormat) -> Result<(), GitError> {
    let line = pkt::text(line);
    if line.starts_with(b"unborn ") {
        return Ok(());
    }
    let (oid, rest) = oid_and_name(line, format)?;
    let mut words = rest.split(|b| *b == b' ');
    let name = words.next().unwrap_or(&[]);
    if name == b"HEAD" {
        let target = words.find_map(|w| w.strip_prefix(b"symref-target:"));
        listing.head = target.and_then(|t| RefName::new(t).ok());
    } else if let Ok(name) = RefName::new(name) {
        listing.refs.insert(name, oid);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_one_that_git_takes() {
        let raw = request(&[b"refs/heads/main"], ObjectFormat::Sha1).unwrap();
        let text = String::from_utf8(raw).unwrap();
        assert!(text.starts_with("0014command=ls-refs\n"), "{text}");
        assert!(
            text.contains("object-format=sha10001000csymrefs\n001fref-prefix refs/heads/main\n"),
            "{text}"
        );
        assert!(text.ends_with("0014ref-prefix HEAD\n0000"), "{text}");
    }

    #[test]
    fn refs_and_where_head_points_are_read() {
        let oid = "7f".repeat(20);
        let mut listing = Listing::default();
        for line in ["HEAD symref-target:refs/heads/main", "refs/heads/main", "refs/tags/v1 peeled:00"] {
            take(&mut listing, format!("{oid} {line}\n").as_bytes(), ObjectFormat::Sha1).unwrap();
        }
        take(&mut listing, b"unborn HEAD symref-target:refs/heads/x", ObjectFormat::Sha1).unwrap();
        assert_eq!(listing.head, Some(RefName::parse("refs/heads/main").unwrap()));
        assert_eq!(listing.refs.len(), 2);
        listing.keep(&[b"refs/tags/"]);
        assert_eq!(listing.refs.len(), 1);
        for bad in [&b"x"[..], b"7f7f refs/heads/a", b"<html>"] {
            assert!(take(&mut listing, bad, ObjectFormat::Sha1).is_err());
        }
    }
}
