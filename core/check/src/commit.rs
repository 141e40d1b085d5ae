//! Rules over one commit.

use coregit_model::Oid;

use crate::finding::{Finding, Findings, Rule};
use crate::{ident, rules};

/// The header of a commit or tag, and what follows its empty line.
pub(crate) struct Header<'a> {
    /// The lines that were not taken yet.
    pub(crate) lines: Lines<'a>,
    /// The message.
    pub(crate) body: &'a [u8],
}

/// Lines of a header, taken from the front.
pub(crate) struct Lines<'a>(&'a [u8]);

impl<'a> Lines<'a> {
    /// What follows `word` in the next line, when that begins so; the line is then gone.
    pub(crate) fn take(&mut self, word: &[u8]) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|b| *b == b'\n');
        let value = self.0[..end.unwrap_or(self.0.len())].strip_prefix(word)?;
        self.0 = end.map_or(&[], |end| &self.0[end + 1..]);
        Some(value)
    }
}

/// Splits an object; a NUL in the header, or a header without an end, is a finding and ends the judgement.
pub(crate) fn header<'a>(raw: &'a [u8], found: &mut Findings) -> Option<Header<'a>> {
    let end = raw.windows(2).position(|w| w == b"\n\n");
    let (head, body) = match end {
        Some(at) => (&raw[..at], &raw[at + 2..]),
        None => (raw.strip_suffix(b"\n").unwrap_or(raw), &[][..]),
    };
    if head.contains(&0) {
        found.add(&rules::NUL_IN_HEADER, None);
        return None;
    }
    if end.is_none() && !raw.ends_with(b"\n") {
        found.add(&rules::UNTERMINATED_HEADER, None);
        return None;
    }
    Some(Header { lines: Lines(head), body })
}

/// What is wrong with a raw commit.
pub fn commit(raw: &[u8]) -> Vec<Finding> {
    let mut found = Findings::default();
    if let Some(mut header) = header(raw, &mut found) {
        judge(&mut header.lines, &mut found);
        if header.body.contains(&0) {
            found.add(&rules::NUL_IN_COMMIT, None);
        }
    }
    found.finish()
}

/// The header's fixed order: tree, parents, author, committer; then whatever tools add.
fn judge(lines: &mut Lines<'_>, found: &mut Findings) {
    match lines.take(b"tree ") {
        None => return found.add(&rules::MISSING_TREE, None),
        Some(hex) => oid(hex, &rules::BAD_TREE_OID, found),
    }
    while let Some(hex) = lines.take(b"parent ") {
        oid(hex, &rules::BAD_PARENT_OID, found);
    }
    match lines.take(b"author ") {
        None => found.add(&rules::MISSING_AUTHOR, None),
        Some(line) => ident::ident(line, found),
    }
    while lines.take(b"author ").is_some() {
        found.add(&rules::MULTIPLE_AUTHORS, None);
    }
    match lines.take(b"committer ") {
        None => found.add(&rules::MISSING_COMMITTER, None),
        Some(line) => ident::ident(line, found),
    }
    let fixed: [&[u8]; 4] = [b"tree ", b"parent ", b"author ", b"committer "];
    let mut rest = lines.0.split(|b| *b == b'\n');
    if let Some(line) = rest.find(|line| fixed.iter().any(|f| line.starts_with(f))) {
        found.add(&rules::MISPLACED_HEADER, Some(line));
    }
}

fn oid(hex: &[u8], rule: &Rule, found: &mut Findings) {
    if Oid::from_hex(hex).is_err() {
        found.add(rule, Some(hex));
    }
}

/// The tree that a raw commit names, where it names one.
pub fn tree_of_commit(raw: &[u8]) -> Option<Oid> {
    let line = raw.split(|b| *b == b'\n').next()?;
    Oid::from_hex(line.strip_prefix(b"tree ")?).ok()
}
