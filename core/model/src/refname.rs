//! Names of refs and branches, updates of refs, and refspecs that choose among them.

use serde::{Deserialize, Serialize};

use crate::Oid;

/// A name that git would not take for a ref.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{name:?} is not a ref name: {why}")]
pub struct RefNameError {
    /// The name, made printable.
    pub name: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// A full ref name such as `refs/heads/main`: any bytes that `git check-ref-format` allows.
///
/// Its text form is lossless: bytes that are not UTF-8 are written `\xff`, which cannot clash because
/// git allows no backslash in a ref name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefName(Vec<u8>);

impl RefName {
    /// Checks a name by the rules of `git check-ref-format`.
    pub fn new(name: impl Into<Vec<u8>>) -> Result<Self, RefNameError> {
        let name = name.into();
        match flaw(&name) {
            None => Ok(Self(name)),
            Some(why) => Err(RefNameError { name: escape(&name), why }),
        }
    }

    /// `refs/heads/<branch>`.
    pub fn of_branch(branch: &BranchName) -> Self {
        Self([b"refs/heads/", branch.as_bytes()].concat())
    }

    /// The name's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The name as UTF-8, where it is.
    pub fn as_utf8(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The branch, when this is one.
    pub fn branch(&self) -> Option<BranchName> {
        self.0.strip_prefix(b"refs/heads/").map(|b| BranchName(b.to_vec()))
    }

    /// The name without `refs/heads/` or `refs/tags/`, for people.
    pub fn short(&self) -> String {
        let cut = [&b"refs/heads/"[..], b"refs/tags/"].iter().find_map(|p| self.0.strip_prefix(*p));
        crate::printable(&escape(cut.unwrap_or(&self.0)))
    }

    /// Whether the name begins with these bytes.
    pub fn starts_with(&self, prefix: &[u8]) -> bool {
        self.0.starts_with(prefix)
    }

    /// Reads the text form that `Display` writes.
    pub fn parse(text: &str) -> Result<Self, RefNameError> {
        Self::new(unescape(text))
    }
}

/// The rules of `git check-ref-format`, for names below `refs/`.
fn flaw(name: &[u8]) -> Option<&'static str> {
    if !name.starts_with(b"refs/") {
        return Some("it does not begin with refs/");
    }
    if name.iter().any(|b| *b < 0x20 || *b == 0x7f || b" ~^:?*[\\".contains(b)) {
        return Some("it holds a control character, a space or one of ~ ^ : ? * [ \\");
    }
    if name.windows(2).any(|w| w == b".." || w == b"@{") {
        return Some("it holds .. or @{");
    }
    if name.ends_with(b".") {
        return Some("it ends with a dot");
    }
    for part in name.split(|b| *b == b'/') {
        if part.is_empty() || part.starts_with(b".") || part.ends_with(b".lock") {
            return Some("a part of it is empty, begins with a dot or ends with .lock");
        }
    }
    None
}

fn escape(raw: &[u8]) -> String {
    let mut out = String::new();
    for chunk in raw.utf8_chunks() {
        out.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|b| out.push_str(&format!("\\x{b:02x}")));
    }
    out
}

fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\\x") {
        let byte = rest.get(at + 2..at + 4).and_then(|h| u8::from_str_radix(h, 16).ok());
        out.extend_from_slice(&rest.as_bytes()[..at]);
        match byte {
            Some(byte) => out.push(byte),
            None => out.extend_from_slice(b"\\x"),
        }
        rest = &rest[at + if byte.is_some() { 4 } else { 2 }..];
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

macro_rules! textual {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&escape(&self.0))
            }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&escape(&self.0))
            }
        }
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(d)?).map_err(serde::de::Error::custom)
            }
        }
    };
}
textual!(RefName);
textual!(BranchName);

/// A branch's short name such as `main`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchName(Vec<u8>);

impl BranchName {
    /// Checks a short name; `refs/heads/` in front of it is not expected.
    pub fn new(name: impl Into<Vec<u8>>) -> Result<Self, RefNameError> {
        let name = name.into();
        if name.starts_with(b"-") {
            return Err(RefNameError { name: escape(&name), why: "a branch cannot begin with a dash" });
        }
        RefName::new([b"refs/heads/", &name[..]].concat()).map(|_| Self(name))
    }

    /// Reads the text form that `Display` writes.
    pub fn parse(text: &str) -> Result<Self, RefNameError> {
        Self::new(unescape(text))
    }

    /// The name's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// One change of one ref, with what it expects to replace. The zero oid stands for "absent".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefUpdate {
    /// The ref that moves.
    pub name: RefName,
    /// Where it must stand now.
    pub expected: Oid,
    /// Where it shall stand.
    pub new: Oid,
}

/// Text that is not a refspec.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{spec:?} is not a refspec: {why}")]
pub struct RefspecError {
    /// What was given.
    pub spec: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// One refspec: `refs/heads/*`, `^refs/heads/tmp/*` or `refs/heads/main:refs/heads/stable`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Refspec {
    exclude: bool,
    source: String,
    target: String,
}

impl Refspec {
    /// Reads a refspec: at most one `*` on each side, on both or on none.
    pub fn parse(spec: &str) -> Result<Self, RefspecError> {
        let wrong = |why| RefspecError { spec: crate::printable(spec), why };
        let (exclude, body) = spec.strip_prefix('^').map_or((false, spec), |b| (true, b));
        let body = body.strip_prefix('+').unwrap_or(body);
        let (source, target) = body.split_once(':').unwrap_or((body, body));
        if exclude && body.contains(':') {
            return Err(wrong("an exclude has no target"));
        }
        if source.matches('*').count() > 1 || source.matches('*').count() != target.matches('*').count() {
            return Err(wrong("expected at most one * on each side, on both or on none"));
        }
        for side in [source, target] {
            RefName::new(side.replacen('*', "x", 1)).map_err(|e| wrong(e.why))?;
        }
        Ok(Self { exclude, source: source.to_owned(), target: target.to_owned() })
    }

    fn matched<'a>(&self, name: &'a [u8]) -> Option<&'a [u8]> {
        match self.source.split_once('*') {
            None => (name == self.source.as_bytes()).then_some(&[]),
            Some((head, tail)) => name.strip_prefix(head.as_bytes())?.strip_suffix(tail.as_bytes()),
        }
    }
}

impl std::fmt::Display for Refspec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mark = if self.exclude { "^" } else { "" };
        match self.source == self.target {
            true => write!(f, "{mark}{}", self.source),
            false => write!(f, "{mark}{}:{}", self.source, self.target),
        }
    }
}

impl TryFrom<String> for Refspec {
    type Error = RefspecError;
    fn try_from(text: String) -> Result<Self, RefspecError> {
        Self::parse(&text)
    }
}

impl From<Refspec> for String {
    fn from(spec: Refspec) -> String {
        spec.to_string()
    }
}

/// The refspecs of a sync: which refs go, and under which names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Refspecs(pub Vec<Refspec>);

impl Default for Refspecs {
    /// All branches and all tags.
    fn default() -> Self {
        let all = |s| Refspec::parse(s).expect("a constant refspec");
        Self(vec![all("refs/heads/*"), all("refs/tags/*")])
    }
}

impl Refspecs {
    /// The name that a ref has on the other side; `None` when it does not go.
    /// A list of excludes alone excludes from the default of branches and tags.
    pub fn target_of(&self, name: &RefName) -> Option<RefName> {
        let raw = name.as_bytes();
        if self.0.iter().any(|s| s.exclude && s.matched(raw).is_some()) {
            return None;
        }
        let default = Self::default();
        let include = if self.0.iter().all(|s| s.exclude) { &default.0 } else { &self.0 };
        let spec = include.iter().find(|s| !s.exclude && s.matched(raw).is_some())?;
        let middle = spec.matched(raw)?;
        let target = match spec.target.split_once('*') {
            None => spec.target.clone().into_bytes(),
            Some((head, tail)) => [head.as_bytes(), middle, tail.as_bytes()].concat(),
        };
        RefName::new(target).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> RefName {
        RefName::parse(text).unwrap()
    }

    #[test]
    fn names_that_git_refuses_are_refused() {
        for bad in [
            "main",
            "refs/heads/a b",
            "refs/heads/a..b",
            "refs/heads/.a",
            "refs/heads/a.lock",
            "refs/heads/a/",
            "refs/heads//a",
            "refs/heads/a.",
            "refs/heads/a@{b",
            "refs/heads/a\nb",
        ] {
            assert!(RefName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn odd_names_that_git_allows_round_trip() {
        for raw in [
            &b"refs/heads/-x"[..],
            b"refs/heads/$(id)",
            b"refs/heads/\xff\xfe",
            b"refs/heads/@",
            "refs/heads/été".as_bytes(),
            b"refs/heads/%2e%2e%2fx",
        ] {
            let name = RefName::new(raw).unwrap();
            assert_eq!(RefName::parse(&name.to_string()).unwrap(), name);
        }
    }

    #[test]
    fn refspecs_include_exclude_and_rename() {
        let specs = ["refs/heads/*", "^refs/heads/tmp/*", "refs/tags/v1:refs/tags/first"];
        let specs = Refspecs(specs.iter().map(|s| Refspec::parse(s).unwrap()).collect());
        assert_eq!(specs.target_of(&name("refs/heads/main")), Some(name("refs/heads/main")));
        assert_eq!(specs.target_of(&name("refs/heads/tmp/x")), None);
        assert_eq!(specs.target_of(&name("refs/tags/v1")), Some(name("refs/tags/first")));
        assert_eq!(specs.target_of(&name("refs/notes/commits")), None);
        assert!(Refspec::parse("refs/heads/*:refs/heads/x").is_err());
    }
}
