//! The ref advertisement of versions 0 and 1, and the capabilities behind its first line.

use std::collections::BTreeMap;

use coregit_model::{ObjectFormat, Oid, RefName};
use gix_protocol::transport::client;

use super::pkt::{self, Packet};
use crate::GitError;

/// What a server said it can do.
#[derive(Clone, Debug, Default)]
pub struct Capabilities(Option<client::Capabilities>);

impl Capabilities {
    /// Whether the word is among them.
    pub fn has(&self, name: &str) -> bool {
        self.0.as_ref().is_some_and(|c| c.contains(name))
    }

    /// The value behind `name=`.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        Some(self.0.as_ref()?.iter().find(|c| c.name() == name)?.value()?.as_ref())
    }

    /// From the bytes of a first line: name, NUL, words.
    fn of_first_line(line: &[u8]) -> Self {
        Self(client::Capabilities::from_bytes(line).ok().map(|(capabilities, _)| capabilities))
    }

    /// The branch that HEAD names, where it is told (`symref=HEAD:refs/heads/main`).
    fn head(&self) -> Option<RefName> {
        let symrefs = self.0.iter().flat_map(|c| c.iter().filter(|c| c.name() == "symref"));
        let mut targets = symrefs.filter_map(|c| c.value()?.strip_prefix(b"HEAD:").map(<[u8]>::to_vec));
        targets.find_map(|t| RefName::new(t).ok())
    }
}

/// What a repository holds and its server can do.
#[derive(Clone, Debug)]
pub struct Advertisement {
    /// Its refs, unpeeled. Names that git itself would not take are left out.
    pub refs: BTreeMap<RefName, Oid>,
    /// Objects that the server has besides (`.have`: those of repositories that it borrows from).
    pub have: Vec<Oid>,
    /// What the server can do.
    pub capabilities: Capabilities,
    /// The hash that names its objects.
    pub format: ObjectFormat,
    /// The ref that HEAD names, where the server tells it.
    pub head: Option<RefName>,
}

impl Advertisement {
    /// Whether the server can do this.
    pub fn has(&self, capability: &str) -> bool {
        self.capabilities.has(capability)
    }
}

/// Reads an advertisement line by line.
pub(crate) struct Reader {
    service: &'static str,
    state: State,
    found: Advertisement,
}

#[derive(PartialEq)]
enum State {
    Service,
    ServiceEnd,
    First,
    Refs,
    Done,
}

impl Reader {
    /// Expects the answer to `info/refs?service=…`.
    pub fn new(service: &'static str) -> Self {
        let found = Advertisement {
            refs: BTreeMap::new(),
            have: Vec::new(),
            capabilities: Capabilities::default(),
            format: ObjectFormat::Sha1,
            head: None,
        };
        Self { service, state: State::Service, found }
    }

    /// Takes one line; `true` when the list is complete.
    pub fn take(&mut self, packet: Packet) -> Result<bool, GitError> {
        match (&self.state, packet) {
            (_, Packet::Data(line)) if line.starts_with(b"ERR ") => {
                return Err(pkt::error_of(&line).expect("it is an ERR line"));
            }
            (State::Service, Packet::Data(line)) => {
                let service = pkt::text(&line).strip_prefix(b"# service=");
                if service != Some(self.service.as_bytes()) {
                    return Err(GitError::Protocol(format!("its list does not begin with {}", self.service)));
                }
                self.state = State::ServiceEnd;
            }
            (State::ServiceEnd, Packet::Flush) => self.state = State::First,
            (State::First, Packet::Data(line)) if pkt::text(&line) == b"version 1" => {}
            (State::First, Packet::Data(line)) => self.first(pkt::text(&line))?,
            (State::Refs, Packet::Data(line)) => self.line(pkt::text(&line))?,
            // A repository without refs and without capabilities: an old server's empty one.
            (State::First | State::Refs, Packet::Flush) => self.state = State::Done,
            (_, packet) => {
                return Err(GitError::protocol(format_args!("an unexpected line in its list: {packet:?}")));
            }
        }
        Ok(self.state == State::Done)
    }

    fn first(&mut self, line: &[u8]) -> Result<(), GitError> {
        self.found.capabilities = Capabilities::of_first_line(line);
        self.found.head = self.found.capabilities.head();
        self.found.format = match self.found.capabilities.value("object-format") {
            Some(b"sha256") => ObjectFormat::Sha256,
            _ => ObjectFormat::Sha1,
        };
        self.state = State::Refs;
        self.line(line.split(|b| *b == 0).next().unwrap_or(line))
    }

    fn line(&mut self, line: &[u8]) -> Result<(), GitError> {
        if line.starts_with(b"shallow ") {
            return Ok(());
        }
        let (oid, name) = oid_and_name(line, self.found.format)?;
        match name {
            b".have" => self.found.have.push(oid),
            name if name.ends_with(b"^{}") => {}
            name => {
                if let Ok(name) = RefName::new(name) {
                    self.found.refs.insert(name, oid);
                }
            }
        }
        Ok(())
    }

    /// The list, when it was complete.
    pub fn finish(self) -> Result<Advertisement, GitError> {
        match self.state {
            State::Done => Ok(self.found),
            _ => Err(GitError::Protocol("its list of refs breaks off".into())),
        }
    }
}

/// `<oid> SP <name>`; oids of another length than the format's are an error.
pub(crate) fn oid_and_name(line: &[u8], format: ObjectFormat) -> Result<(Oid, &[u8]), GitError> {
    let wrong = || {
        let shown = String::from_utf8_lossy(&line[..line.len().min(120)]).into_owned();
        GitError::protocol(format_args!("{shown:?} is no ref"))
    };
    let space = line.iter().position(|b| *b == b' ').ok_or_else(wrong)?;
    let oid = Oid::from_hex(&line[..space]).map_err(|_| wrong())?;
    match oid.format() == format && space + 1 < line.len() {
        true => Ok((oid, &line[space + 1..])),
        false => Err(wrong()),
    }
}

/// Parses a whole advertisement.
#[cfg(test)]
pub(crate) fn parse(service: &'static str, raw: &[u8]) -> Result<Advertisement, GitError> {
    let mut reader = Reader::new(service);
    for packet in pkt::all(raw)? {
        if reader.take(packet)? {
            break;
        }
    }
    reader.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OID: &str = "7f3b7f3b7f3b7f3b7f3b7f3b7f3b7f3b7f3b7f3b";

    fn list(lines: &[&[u8]]) -> Vec<u8> {
        let mut raw = Vec::new();
        pkt::write(&mut raw, b"# service=git-receive-pack\n").unwrap();
        raw.extend_from_slice(pkt::FLUSH);
        lines.iter().for_each(|l| pkt::write(&mut raw, l).unwrap());
        raw.extend_from_slice(pkt::FLUSH);
        raw
    }

    fn read(lines: &[&[u8]]) -> Result<Advertisement, GitError> {
        parse("git-receive-pack", &list(lines))
    }

    #[test]
    fn refs_haves_and_capabilities_are_read() {
        let first =
            format!("{OID} refs/heads/main\0report-status atomic symref=HEAD:refs/heads/main agent=git/2\n");
        let odd = [OID.as_bytes(), b" refs/heads/\xff\n"].concat();
        let have = format!("{OID} .have\n");
        let read = read(&[first.as_bytes(), &odd, have.as_bytes(), b"shallow 0\n"]).unwrap();
        assert_eq!((read.refs.len(), read.have.len()), (2, 1));
        assert!(read.capabilities.has("atomic") && !read.capabilities.has("atom"));
        assert_eq!(read.capabilities.value("agent"), Some(&b"git/2"[..]));
        assert_eq!(read.head, Some(RefName::parse("refs/heads/main").unwrap()));
    }

    #[test]
    fn an_empty_repository_has_capabilities_and_no_refs() {
        let line = format!("{} capabilities^{{}}\0report-status object-format=sha256\n", "0".repeat(64));
        let read = read(&[line.as_bytes()]).unwrap();
        assert_eq!((read.refs.len(), read.format), (0, ObjectFormat::Sha256));
        assert!(parse("git-receive-pack", &list(&[])).unwrap().refs.is_empty());
    }

    #[test]
    fn names_that_are_no_refs_are_left_out_and_peeled_ones_too() {
        let lines = [" HEAD\0a", " refs/heads/a..b", " refs/tags/v1", " refs/tags/v1^{}", " refs/heads/x y"];
        let lines: Vec<_> = lines.iter().map(|l| format!("{OID}{l}\n").into_bytes()).collect();
        let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
        let names: Vec<_> = read(&lines).unwrap().refs.into_keys().map(|n| n.to_string()).collect();
        assert_eq!(names, ["refs/tags/v1"]);
    }

    #[test]
    fn what_is_no_advertisement_is_an_error() {
        let wrong_length = format!("{} refs/heads/main\0x", "0".repeat(64));
        for lines in [&[&b"x"[..]][..], &[b"zz refs/heads/a\0x"], &[wrong_length.as_bytes()], &[b" \0"]] {
            assert!(read(lines).is_err(), "{lines:?}");
        }
        let cut = list(&[format!("{OID} refs/heads/main\0x\n").as_bytes()]);
        assert!(parse("git-receive-pack", &cut[..cut.len() - 4]).is_err());
        assert!(parse("git-upload-pack", &cut).is_err());
        assert!(parse("git-receive-pack", b"").is_err());
        assert!(parse("git-receive-pack", b"<!DOCTYPE html>").is_err());
        let told = parse("git-receive-pack", &list(&[b"ERR access denied \x1b[2J\n"])).unwrap_err();
        assert_eq!(told.to_string(), "the host says: access denied \\x1b[2J");
    }
}
