//! What a server says about a push: `unpack`, one line for each ref, and lines for people.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use coregit_model::{RefName, RefUpdate, printable};

use super::pkt::{self, Decoder, Packet};
use crate::GitError;

/// Lines for people are kept up to this many bytes in all.
const MESSAGES_KEPT: usize = 64 * 1024;

/// What became of one ref of a push, as the server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefOutcome {
    /// It stands as asked.
    Ok,
    /// It was refused; the reason is printable. [`crate::classify_rejection`] says what it means.
    Rejected(String),
}

/// A server's report of a push: a word about each ref that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushReport {
    /// What became of each ref.
    pub refs: BTreeMap<RefName, RefOutcome>,
    /// What the server says to people, line by line, printable and bounded.
    pub messages: Vec<String>,
    /// Bytes of the request's body.
    pub bytes_sent: u64,
    /// Whether the server was asked for all or nothing.
    pub atomic: bool,
}

impl PushReport {
    /// The report of a push that was found to have worked although its own report was lost.
    pub fn all_ok(updates: &[RefUpdate]) -> Self {
        let refs = updates.iter().map(|u| (u.name.clone(), RefOutcome::Ok)).collect();
        Self { refs, ..Self::default() }
    }

    /// Whether every ref stands as asked.
    pub fn is_ok(&self) -> bool {
        self.refs.values().all(|o| *o == RefOutcome::Ok)
    }

    /// What became of a ref. One that was not asked for was not moved.
    pub fn outcome(&self, name: &RefName) -> &RefOutcome {
        static NOT_ASKED: LazyLock<RefOutcome> =
            LazyLock::new(|| RefOutcome::Rejected("it was not part of the push".to_owned()));
        self.refs.get(name).unwrap_or(&NOT_ASKED)
    }

    /// Whether a ref was refused only because the push was all or nothing; by itself it may pass. git gives
    /// this reason to the ref that had moved there, too.
    pub fn dragged_down(&self, name: &RefName) -> bool {
        let all_or_nothing =
            |reason: &str| reason.contains("atomic") || reason.contains("transaction failed");
        matches!(self.outcome(name), RefOutcome::Rejected(reason) if all_or_nothing(reason))
    }
}

/// Reads a report line by line.
pub(crate) struct Reader {
    sideband: bool,
    inner: Decoder,
    said: Messages,
    unpack: Option<Result<(), String>>,
    refs: BTreeMap<RefName, RefOutcome>,
    done: bool,
}

impl Reader {
    /// Expects a report, in a sideband or bare.
    pub fn new(sideband: bool) -> Self {
        let (inner, said) = (Decoder::default(), Messages::default());
        Self { sideband, inner, said, unpack: None, refs: BTreeMap::new(), done: false }
    }

    /// Takes one pkt-line of the answer.
    pub fn take(&mut self, packet: Packet) -> Result<(), GitError> {
        let line = match packet {
            Packet::Data(line) => line,
            Packet::Flush if self.sideband => return Ok(()),
            packet => return self.report(packet),
        };
        if !self.sideband {
            return self.report(Packet::Data(line));
        }
        match line.split_first() {
            Some((1, report)) => {
                self.inner.feed(report);
                while let Some(packet) = self.inner.next()? {
                    self.report(packet)?;
                }
                Ok(())
            }
            Some((2, text)) => {
                self.said.take(text);
                Ok(())
            }
            Some((3, text)) => {
                self.said.take(text);
                self.said.end();
                Err(GitError::Remote(printable(
                    String::from_utf8_lossy(&text[..text.len().min(1000)]).trim(),
                )))
            }
            _ => Err(pkt::error_of(&line)
                .unwrap_or_else(|| GitError::Protocol("a sideband without a band".into()))),
        }
    }

    fn report(&mut self, packet: Packet) -> Result<(), GitError> {
        let Packet::Data(line) = packet else {
            self.done = true;
            return Ok(());
        };
        let line = pkt::text(&line);
        if let Some(error) = pkt::error_of(line) {
            return Err(error);
        }
        let (word, rest) = split(line);
        match word {
            b"unpack" if rest == b"ok" => self.unpack = Some(Ok(())),
            b"unpack" => self.unpack = Some(Err(shown(rest))),
            b"ok" => self.outcome(rest, RefOutcome::Ok),
            b"ng" => {
                let (name, reason) = split(rest);
                self.outcome(name, RefOutcome::Rejected(shown(reason)));
            }
            // `option …` tells how a proc-receive hook changed a command; the verify looks anyway.
            b"option" => {}
            _ => return Err(GitError::protocol(format_args!("{:?} in the report", shown(line)))),
        }
        Ok(())
    }

    fn outcome(&mut self, name: &[u8], outcome: RefOutcome) {
        if let Ok(name) = RefName::new(name) {
            self.refs.insert(name, outcome);
        }
    }

    /// The report about these refs, when it came whole and tells of each.
    pub fn finish<'a>(
        mut self,
        asked: impl IntoIterator<Item = &'a RefName>,
    ) -> Result<PushReport, GitError> {
        let Some(unpack) = self.unpack.take().filter(|_| self.done && self.inner.is_empty()) else {
            return Err(GitError::Protocol("its report of the push breaks off".into()));
        };
        let mut refs = BTreeMap::new();
        for name in asked {
            let outcome = match (self.refs.remove(name), &unpack) {
                (Some(outcome), _) => outcome,
                (None, Err(why)) => RefOutcome::Rejected(format!("unpacker error: {why}")),
                (None, Ok(())) => {
                    return Err(GitError::protocol(format_args!(
                        "its report of the push does not mention {name}"
                    )));
                }
            };
            refs.insert(name.clone(), outcome);
        }
        self.said.end();
        Ok(PushReport { refs, messages: self.said.lines, ..PushReport::default() })
    }
}

fn split(line: &[u8]) -> (&[u8], &[u8]) {
    let space = line.iter().position(|b| *b == b' ').unwrap_or(line.len());
    (&line[..space], line.get(space + 1..).unwrap_or(&[]))
}

fn shown(text: &[u8]) -> String {
    printable(&String::from_utf8_lossy(&text[..text.len().min(1000)]))
}

/// Lines for people. What a carriage return ends is progress that the next one overwrites.
#[derive(Default)]
struct Messages {
    lines: Vec<String>,
    begun: Vec<u8>,
    kept: usize,
}

impl Messages {
    fn take(&mut self, text: &[u8]) {
        for byte in text {
            match byte {
                b'\n' => self.end(),
                b'\r' => self.begun.clear(),
                _ if self.begun.len() < 1000 => self.begun.push(*byte),
                _ => {}
            }
        }
    }

    fn end(&mut self) {
        let raw = std::mem::take(&mut self.begun);
        let line = printable(String::from_utf8_lossy(&raw).trim_end());
        self.kept += line.len() + 1;
        if self.kept <= MESSAGES_KEPT && !line.is_empty() {
            self.lines.push(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(lines: &[&str]) -> Vec<u8> {
        let mut raw = Vec::new();
        lines.iter().for_each(|l| pkt::write(&mut raw, l.as_bytes()).unwrap());
        raw.extend_from_slice(pkt::FLUSH);
        raw
    }

    fn name(text: &str) -> RefName {
        RefName::parse(text).unwrap()
    }

    fn read(raw: &[u8], sideband: bool) -> Result<PushReport, GitError> {
        let mut reader = Reader::new(sideband);
        pkt::all(raw)?.into_iter().try_for_each(|p| reader.take(p))?;
        reader.finish(&[name("refs/heads/a"), name("refs/heads/b")])
    }

    #[test]
    fn a_report_tells_what_became_of_each_ref() {
        let inner = packets(&[
            "unpack ok\n",
            "ok refs/heads/a\n",
            "option forced-update\n",
            "ng refs/heads/b non-fast-forward\n",
        ]);
        let mut raw = Vec::new();
        for piece in inner.chunks(7) {
            pkt::write(&mut raw, &[b"\x01", piece].concat()).unwrap();
            pkt::write(&mut raw, b"\x02Resolving 10%\rResolving 20%\r").unwrap();
        }
        pkt::write(&mut raw, b"\x02error: GH001:").unwrap();
        pkt::write(&mut raw, b"\x02 Large \x1b[2Jfile\nsee\n").unwrap();
        raw.extend_from_slice(pkt::FLUSH);
        for report in [read(&inner, false).unwrap(), read(&raw, true).unwrap()] {
            assert_eq!(report.refs[&name("refs/heads/a")], RefOutcome::Ok);
            assert_eq!(
                report.outcome(&name("refs/heads/b")),
                &RefOutcome::Rejected("non-fast-forward".into())
            );
            assert!(!report.is_ok() && !report.dragged_down(&name("refs/heads/b")));
        }
        assert_eq!(read(&raw, true).unwrap().messages, ["error: GH001: Large \\x1b[2Jfile", "see"]);
    }

    #[test]
    fn a_report_that_breaks_off_anywhere_is_an_error() {
        let inner = packets(&["unpack ok\n", "ok refs/heads/a\n"]);
        for cut in 0..inner.len() {
            assert!(read(&inner[..cut], false).is_err(), "{cut}");
        }
        assert!(read(b"", true).is_err() && read(b"0000", true).is_err() && read(b"0000", false).is_err());
        assert!(read(&packets(&["ok refs/heads/a"]), false).is_err(), "without unpack");
        assert!(read(&packets(&["what is this"]), false).is_err());
        let silent = read(&packets(&["unpack ok", "ok refs/heads/a"]), false).unwrap_err().to_string();
        assert!(silent.contains("does not mention refs/heads/b"), "{silent}");
    }

    #[test]
    fn a_fatal_end_is_the_hosts_own_text() {
        let mut raw = Vec::new();
        pkt::write(&mut raw, b"\x03pack exceeds maximum allowed size\n").unwrap();
        assert_eq!(
            read(&raw, true).unwrap_err().to_string(),
            "the host says: pack exceeds maximum allowed size"
        );
        assert!(matches!(read(&packets(&["ERR no\n"]), true), Err(GitError::Remote(_))));
        let lines = ["unpack index-pack abnormal exit\n", "ng refs/heads/a unpacker error\n"];
        let failed = read(&packets(&lines), false).unwrap();
        let reason = RefOutcome::Rejected("unpacker error: index-pack abnormal exit".into());
        assert_eq!(failed.outcome(&name("refs/heads/b")), &reason);
    }

    #[test]
    fn endless_messages_are_cut() {
        let mut said = Messages::default();
        (0..10_000).for_each(|_| said.take(b"0123456789012345678901234567890123456789\n"));
        assert!(said.lines.len() < 2000);
    }
}
