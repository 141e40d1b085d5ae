//! Commits taken apart and put together again, byte for byte. Pure.

use coregit_model::{Oid, OidError};

/// Who did something, and when: an `author` or `committer` line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// The name; any bytes but `<` and line feed.
    pub name: Vec<u8>,
    /// The address between the angle brackets.
    pub email: Vec<u8>,
    /// Seconds since 1970; 0 where the line has no readable date.
    pub seconds: i64,
    /// The offset as written, such as `+0130` or `-0000`.
    pub offset: Vec<u8>,
}

impl Signature {
    /// Reads `name <email> seconds offset`. What a malformed line lacks is empty, 0 or `+0000`: old tools
    /// wrote such lines, and reading must not stop at them.
    pub fn parse(line: &[u8]) -> Self {
        let open = line.iter().position(|b| *b == b'<');
        let close = line.iter().rposition(|b| *b == b'>');
        let (Some(open), Some(close)) = (open, close.filter(|c| open.is_some_and(|o| o < *c))) else {
            return Self { name: line.to_vec(), offset: b"+0000".to_vec(), ..Self::default() };
        };
        let name = line[..open].strip_suffix(b" ").unwrap_or(&line[..open]);
        let mut when = line[close + 1..].split(|b| *b == b' ').filter(|part| !part.is_empty());
        let number = |part: &[u8]| std::str::from_utf8(part).ok()?.parse().ok();
        Self {
            name: name.to_vec(),
            email: line[open + 1..close].to_vec(),
            seconds: when.next().and_then(number).unwrap_or(0),
            offset: when.next().unwrap_or(b"+0000").to_vec(),
        }
    }

    /// The line, as it stands behind `author ` in a commit.
    pub fn to_line(&self) -> Vec<u8> {
        let when = format!("> {} ", self.seconds);
        [&self.name[..], b" <", &self.email, when.as_bytes(), &self.offset].concat()
    }
}

/// The parts of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitParts {
    /// Its tree.
    pub tree: Oid,
    /// Its parents, in order.
    pub parents: Vec<Oid>,
    /// Who wrote the change.
    pub author: Signature,
    /// Who made the commit.
    pub committer: Signature,
    /// The message: all bytes behind the first empty line.
    pub message: Vec<u8>,
    /// Other headers in order, such as `gpgsig` or `encoding`; line feeds in a value continue it.
    pub extra_headers: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A commit without what every commit has.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CommitFlaw {
    /// No `tree` header.
    #[error("it has no tree")]
    NoTree,
    /// A `tree` or `parent` that is no oid.
    #[error(transparent)]
    Oid(#[from] OidError),
    /// A name, address or offset that would end its line early.
    #[error("a name, address or offset in it holds a line feed, NUL or angle bracket")]
    Line,
}

impl CommitParts {
    /// Takes the bytes of a commit object apart.
    pub fn parse(raw: &[u8]) -> Result<Self, CommitFlaw> {
        let (mut tree, mut parents, mut extra) = (None, Vec::new(), Vec::new());
        let (mut author, mut committer) = (None, None);
        let (headers, message) = split_headers(raw);
        for (key, value) in Headers(headers) {
            match key {
                b"tree" if tree.is_none() => tree = Some(Oid::from_hex(&value)?),
                b"parent" => parents.push(Oid::from_hex(&value)?),
                b"author" if author.is_none() => author = Some(Signature::parse(&value)),
                b"committer" if committer.is_none() => committer = Some(Signature::parse(&value)),
                key => extra.push((key.to_vec(), value)),
            }
        }
        Ok(Self {
            tree: tree.ok_or(CommitFlaw::NoTree)?,
            parents,
            author: author.unwrap_or_default(),
            committer: committer.unwrap_or_default(),
            message: message.to_vec(),
            extra_headers: extra,
        })
    }

    /// The bytes of the commit object. Refused: signatures that would break out of their line.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CommitFlaw> {
        let breaks = |part: &[u8]| part.iter().any(|b| b"\n\0<>".contains(b));
        for who in [&self.author, &self.committer] {
            if breaks(&who.name) || breaks(&who.email) || breaks(&who.offset) {
                return Err(CommitFlaw::Line);
            }
        }
        let mut out = format!("tree {}\n", self.tree).into_bytes();
        self.parents.iter().for_each(|p| out.extend_from_slice(format!("parent {p}\n").as_bytes()));
        let author = (b"author".to_vec(), self.author.to_line());
        let committer = (b"committer".to_vec(), self.committer.to_line());
        for (key, value) in [&author, &committer].into_iter().chain(&self.extra_headers) {
            out.extend_from_slice(key);
            for line in value.split(|b| *b == b'\n') {
                out.push(b' ');
                out.extend_from_slice(line);
                out.push(b'\n');
            }
        }
        out.push(b'\n');
        out.extend_from_slice(&self.message);
        Ok(out)
    }
}

/// Headers with their last line feed, and the message.
pub(crate) fn split_headers(raw: &[u8]) -> (&[u8], &[u8]) {
    match raw.windows(2).position(|w| w == b"\n\n") {
        Some(at) => (&raw[..at + 1], &raw[at + 2..]),
        None => (raw, &[]),
    }
}

/// Iterates over headers; values are joined with their continuation lines.
struct Headers<'a>(&'a [u8]);

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a [u8], Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        let first = self.line()?;
        let space = first.iter().position(|b| *b == b' ').unwrap_or(first.len());
        let mut value = first.get(space + 1..).unwrap_or(&[]).to_vec();
        while self.0.first() == Some(&b' ') {
            value.push(b'\n');
            value.extend_from_slice(&self.line()?[1..]);
        }
        Some((&first[..space], value))
    }
}

impl<'a> Headers<'a> {
    fn line(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = self.0.iter().position(|b| *b == b'\n').unwrap_or(self.0.len());
        let line = &self.0[..end];
        self.0 = self.0.get(end + 1..).unwrap_or(&[]);
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: &[u8] = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n\
        parent 7f3b7f3b7f3b7f3b7f3b7f3b7f3b7f3b7f3b7f3b\n\
        author A U Thor <a@example.com> 1700000000 -0000\n\
        committer  <> -1 +0130\n\
        encoding latin1\n\
        gpgsig -----BEGIN-----\n \n x\n -----END-----\n \n\
        \nTitle\n\nBody \xff\n\n";

    #[test]
    fn a_commit_is_put_together_as_it_was() {
        let parts = CommitParts::parse(SIGNED).unwrap();
        assert_eq!(parts.parents.len(), 1);
        assert_eq!(parts.author.offset, b"-0000");
        assert_eq!((parts.committer.name.as_slice(), parts.committer.seconds), (&b""[..], -1));
        assert_eq!(parts.extra_headers[1].1, b"-----BEGIN-----\n\nx\n-----END-----\n");
        assert_eq!(parts.message, b"Title\n\nBody \xff\n\n");
        assert_eq!(parts.to_bytes().unwrap(), SIGNED);
    }

    #[test]
    fn malformed_authors_are_read_as_far_as_they_go() {
        for (line, name, email, seconds) in [
            (&b"only a name"[..], &b"only a name"[..], &b""[..], 0),
            (b"A<a@b> 5 +0000", b"A", b"a@b", 5),
            (b"A <a@b>", b"A", b"a@b", 0),
            (b"A <a <x>> 99999999999999999999 +9", b"A", b"a <x>", 0),
            (b"A >x<", b"A >x<", b"", 0),
        ] {
            let read = Signature::parse(line);
            assert_eq!((read.name.as_slice(), read.email.as_slice(), read.seconds), (name, email, seconds));
        }
    }

    #[test]
    fn a_name_cannot_smuggle_a_header() {
        let mut parts = CommitParts::parse(SIGNED).unwrap();
        parts.author.name = b"x\nparent 0000".to_vec();
        assert_eq!(parts.to_bytes(), Err(CommitFlaw::Line));
        assert_eq!(CommitParts::parse(b"author x\n\n"), Err(CommitFlaw::NoTree));
        assert_eq!(CommitParts::parse(b""), Err(CommitFlaw::NoTree));
    }
}
