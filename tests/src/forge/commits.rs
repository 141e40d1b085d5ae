//! Commits and tags as raw objects: written exactly, and taken apart for the API.

use gix::ObjectId;
use serde_json::{Value, json};

use super::clock::rfc3339;
use super::reply::{Reply, refuse};

/// A name, an address and a moment with its offset from UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) name: String,
    pub(super) email: String,
    pub(super) seconds: i64,
    /// As git writes it: `+0200`.
    pub(super) offset: String,
}

impl Signature {
    /// Reads `{name, email, date?}`; without a date it is now, in UTC. Errors: 422.
    pub(super) fn read(value: &Value, now: i64) -> Result<Self, Reply> {
        let text = |name: &str| value[name].as_str().map(str::trim).filter(|t| !t.is_empty());
        let (Some(name), Some(email)) = (text("name"), text("email")) else {
            return Err(refuse(422, "Invalid request.\n\nFor 'properties/name', nil is not a string."));
        };
        if [name, email].iter().any(|t| t.contains(['<', '>', '\n', '\0'])) {
            return Err(refuse(422, "Invalid author info"));
        }
        let (seconds, offset) = match value["date"].as_str() {
            Some(date) => {
                moment(date).ok_or_else(|| refuse(422, "Invalid request.\n\ndate is not a date-time."))?
            }
            None => (now, "+0000".to_owned()),
        };
        Ok(Self { name: name.to_owned(), email: email.to_owned(), seconds, offset })
    }

    /// Reads git's form, `Name <email> 123 +0200`.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (name, rest) = line.split_once('<')?;
        let (email, time) = rest.split_once('>')?;
        let (seconds, offset) = time.trim().split_once(' ').unwrap_or((time.trim(), "+0000"));
        let (name, email, offset) = (name.trim_end().to_owned(), email.to_owned(), offset.to_owned());
        Some(Self { name, email, seconds: seconds.parse().unwrap_or(0), offset })
    }

    fn raw(&self) -> String {
        format!("{} <{}> {} {}", self.name, self.email, self.seconds, self.offset)
    }

    /// As the API shows it: always in UTC.
    pub(super) fn json(&self) -> Value {
        json!({"name": self.name, "email": self.email, "date": rfc3339(self.seconds)})
    }
}

/// Seconds and offset of an ISO 8601 date; the offset is kept.
fn moment(date: &str) -> Option<(i64, String)> {
    let at: jiff::Timestamp = date.parse().ok()?;
    let pieces = jiff::fmt::temporal::Pieces::parse(date).ok()?;
    let seconds = pieces.to_numeric_offset().map_or(0, jiff::tz::Offset::seconds);
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    Some((at.as_second(), format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)))
}

/// A commit.
#[derive(Clone, Debug)]
pub(super) struct Commit {
    pub(super) tree: String,
    pub(super) parents: Vec<String>,
    pub(super) author: Signature,
    pub(super) committer: Signature,
    /// A detached signature, armoured.
    pub(super) signature: Option<String>,
    pub(super) message: String,
}

impl Commit {
    /// The object's bytes; the message is stored exactly.
    pub(super) fn raw(&self) -> Vec<u8> {
        let mut raw = format!("tree {}\n", self.tree);
        self.parents.iter().for_each(|p| raw.push_str(&format!("parent {p}\n")));
        raw.push_str(&format!("author {}\ncommitter {}\n", self.author.raw(), self.committer.raw()));
        if let Some(signature) = &self.signature {
            let folded = signature.trim_end_matches('\n').replace('\n', "\n ");
            raw.push_str(&format!("gpgsig {folded}\n"));
        }
        raw.push('\n');
        raw.push_str(&self.message);
        raw.into_bytes()
    }

    /// Takes an object apart; bytes that are not UTF-8 are shown by the replacement character.
    pub(super) fn parse(data: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(data);
        let (head, message) = text.split_once("\n\n").unwrap_or((&text, ""));
        let head = head.replace("\n ", "\0");
        let value = |name: &str| head.lines().find_map(|l| l.strip_prefix(name)).map(str::to_owned);
        let parents = head.lines().filter_map(|l| l.strip_prefix("parent ")).map(str::to_owned).collect();
        Some(Self {
            tree: value("tree ")?,
            parents,
            author: Signature::parse(&value("author ")?)?,
            committer: Signature::parse(&value("committer ")?)?,
            signature: value("gpgsig ").map(|s| s.replace('\0', "\n")),
            message: message.to_owned(),
        })
    }

    /// What GitHub says of the signature: it knows no keys here.
    pub(super) fn verification(&self) -> Value {
        let payload =
            || String::from_utf8_lossy(&Self { signature: None, ..self.clone() }.raw()).into_owned();
        json!({
            "verified": false, "reason": if self.signature.is_some() { "unknown_key" } else { "unsigned" },
            "signature": self.signature, "payload": self.signature.as_ref().map(|_| payload()), "verified_at": null,
        })
    }
}

/// The bytes of an annotated tag.
pub(super) fn raw_tag(
    object: &ObjectId,
    kind: &str,
    (name, tagger, message): (&str, &Signature, &str),
) -> Vec<u8> {
    format!("object {object}\ntype {kind}\ntag {name}\ntagger {}\n\n{message}", tagger.raw()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_keeps_its_offset() {
        assert_eq!(moment("2026-11-20T11:22:33+02:00"), Some((1_795_166_553, "+0200".to_owned())));
        assert_eq!(moment("2026-11-20T11:22:33Z"), Some((1_795_173_753, "+0000".to_owned())));
        assert_eq!(moment("2026-11-20T11:22:33-07:30").unwrap().1, "-0730");
        assert_eq!(moment("yesterday"), None);
    }

    #[test]
    fn a_commit_survives_being_taken_apart() {
        let by = Signature::parse("A <a@b.c> 12 -0330").unwrap();
        let commit = Commit {
            tree: "1".repeat(40),
            parents: vec!["2".repeat(40), "3".repeat(40)],
            author: by.clone(),
            committer: by,
            signature: Some("-----BEGIN\n\nx\n-----END".to_owned()),
            message: "no newline at the end".to_owned(),
        };
        assert_eq!(Commit::parse(&commit.raw()).unwrap().raw(), commit.raw());
    }
}
