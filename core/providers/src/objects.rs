//! Git objects as they go to a provider's API and come from it.

use coregit_http::{Effect, HttpError};
use coregit_model::{ErrorClass, Oid};

/// One change to a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeEntry {
    /// The whole path, with slashes.
    pub path: String,
    /// git's mode: `0o100644`, `0o100755`, `0o120000` or `0o160000`.
    pub mode: u32,
    /// What stands there.
    pub content: Content,
}

/// A tree to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewTree {
    /// The tree that the entries change, which the host has; `None`: the entries are all there is.
    pub base: Option<Oid>,
    /// The changes, in any order.
    pub entries: Vec<TreeEntry>,
    /// The oid that it must get; another answer is `Invalid`.
    pub expected: Option<Oid>,
}

/// What a path holds afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing: the path goes.
    Deleted,
    /// An object that the host has, or a submodule's commit.
    Known(Oid),
    /// These bytes, and the oid of the blob that they make.
    Bytes(Vec<u8>, Oid),
}

/// A commit to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCommit {
    /// The message, exactly.
    pub message: String,
    /// Its tree, which the host has.
    pub tree: Oid,
    /// Its parents, in order.
    pub parents: Vec<Oid>,
    /// Who wrote the change.
    pub author: Person,
    /// Who made the commit.
    pub committer: Person,
    /// The oid that it must get; another answer is `Invalid`.
    pub expected: Option<Oid>,
}

/// Who, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// Seconds since 1970.
    pub seconds: i64,
    /// The offset as git writes it, such as `+0130`.
    pub offset: String,
}

impl Person {
    /// The time in ISO 8601 with its offset; an error for what ISO 8601 cannot say (`-0000`, `+9999`, years
    /// of more than four digits).
    pub(crate) fn date(&self) -> Result<String, HttpError> {
        let wrong = || {
            let text = format!("the time {} {} cannot be said in ISO 8601", self.seconds, self.offset);
            HttpError::new(ErrorClass::Invalid, Effect::NotSent, text)
        };
        let minutes = offset_minutes(&self.offset).ok_or_else(wrong)?;
        let local = self.seconds.checked_add(minutes * 60).ok_or_else(wrong)?;
        let local = jiff::Timestamp::from_second(local).map_err(|_| wrong())?;
        let local = local.strftime("%Y-%m-%dT%H:%M:%S").to_string();
        if local.len() != 19 {
            return Err(wrong());
        }
        Ok(format!("{local}{}:{}", &self.offset[..3], &self.offset[3..]))
    }
}

/// The minutes that `+0130` stands for.
fn offset_minutes(offset: &str) -> Option<i64> {
    let (sign, digits) = match offset.as_bytes() {
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] if digits != b"0000" => (-1, digits),
        _ => return None,
    };
    if digits.len() != 4 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0'));
    let (hours, minutes) = (number / 100, number % 100);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// A commit as its host shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteCommit {
    /// Its oid.
    pub oid: Oid,
    /// Its tree.
    pub tree: Oid,
    /// Its parents, in order.
    pub parents: Vec<Oid>,
    /// The message.
    pub message: String,
}

/// One level of a tree at its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteTree {
    /// Its oid.
    pub oid: Oid,
    /// What stands in it.
    pub entries: Vec<RemoteEntry>,
    /// Whether the host left entries out.
    pub truncated: bool,
}

/// One entry of a tree at its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteEntry {
    /// The path from the tree that was asked for.
    pub path: String,
    /// git's mode.
    pub mode: u32,
    /// The object.
    pub oid: Oid,
}

impl RemoteEntry {
    /// Whether this is a tree itself.
    pub fn is_tree(&self) -> bool {
        self.mode == 0o040000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(seconds: i64, offset: &str) -> Option<String> {
        let person = Person { name: "a".into(), email: "b".into(), seconds, offset: offset.into() };
        person.date().ok()
    }

    #[test]
    fn times_keep_their_offset() {
        assert_eq!(date(1_775_390_400, "+0130").unwrap(), "2026-04-05T13:30:00+01:30");
        assert_eq!(date(1_775_390_400, "-0800").unwrap(), "2026-04-05T04:00:00-08:00");
        assert_eq!(date(0, "+0000").unwrap(), "1970-01-01T00:00:00+00:00");
        assert_eq!(date(-1, "+0000").unwrap(), "1969-12-31T23:59:59+00:00");
    }

    #[test]
    fn what_iso_8601_cannot_say_is_refused() {
        for offset in ["-0000", "+9999", "+0160", "0130", "+130", "+01:30", "", "+é00"] {
            assert_eq!(date(0, offset), None, "{offset:?}");
        }
        assert_eq!(date(i64::MAX, "+0100"), None);
        assert_eq!(date(300_000_000_000, "+0000"), None);
    }
}
