//! What git's send-pack asks: shallow lines, commands, push options; the pack stays in the pipe.
//!
//! Format: gitprotocol-pack(5), "Reference Update Request".

use std::io::BufRead;

use crate::framing::{self, Line};
use crate::trouble::Trouble;

/// A push as git asks for it, its pack left out.
#[derive(Debug, Default)]
pub struct Asked {
    /// Everything before the pack, byte for byte.
    pub raw: Vec<u8>,
    /// Whether there is a command at all: a dry run and a push of nothing have none.
    pub commands: usize,
    /// Whether a pack follows: not when refs are only deleted.
    pub pack: bool,
    /// Whether the report comes in a sideband.
    pub sideband: bool,
}

impl Asked {
    /// Reads up to the pack. `None`: git has nothing to push.
    pub fn read(input: &mut dyn BufRead) -> Result<Option<Self>, Trouble> {
        let mut asked = Self::default();
        let mut options = false;
        while let Some(line) = framing::read_line(input)? {
            match line {
                Line::Special(special) => {
                    asked.raw.extend_from_slice(&special);
                    if asked.commands == 0 {
                        return Ok(None);
                    }
                    if !std::mem::take(&mut options) {
                        return Ok(Some(asked));
                    }
                }
                Line::Data(line) => {
                    options |= asked.take(&line[4..]);
                    asked.raw.extend_from_slice(&line);
                }
            }
        }
        match asked.raw.is_empty() {
            true => Ok(None),
            false => Err(Trouble::GitIsGone),
        }
    }

    /// Takes one line; `true` when push options will follow.
    fn take(&mut self, line: &[u8]) -> bool {
        let (line, words) = match line.iter().position(|b| *b == 0) {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (line, &[][..]),
        };
        let has = |word: &[u8]| words.trim_ascii_end().split(|b| *b == b' ').any(|w| w == word);
        self.sideband |= has(b"side-band-64k");
        if let Some(new) = new_oid(line) {
            self.commands += 1;
            self.pack |= new.iter().any(|digit| *digit != b'0');
        }
        has(b"push-options")
    }
}

/// The new oid of `<old> SP <new> SP <ref>`, a line of a push certificate included. Other lines (`shallow`,
/// `push-cert`, `pusher` …) have none.
fn new_oid(line: &[u8]) -> Option<&[u8]> {
    let mut words = line.splitn(3, |b| *b == b' ');
    let (old, new, _name) = (words.next()?, words.next()?, words.next()?);
    let is_oid = |w: &[u8]| matches!(w.len(), 40 | 64) && w.iter().all(u8::is_ascii_hexdigit);
    (is_oid(old) && is_oid(new)).then_some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pkt(text: &str) -> String {
        format!("{:04x}{text}", text.len() + 4)
    }

    fn command(new: char, rest: &str) -> String {
        let oid = |c: char| c.to_string().repeat(40);
        pkt(&format!("{} {} refs/heads/main{rest}", oid('1'), oid(new)))
    }

    #[test]
    fn everything_before_the_pack_is_taken_and_nothing_of_it() {
        let words = "\0 report-status side-band-64k agent=git/2";
        let sent = [
            pkt(&format!("shallow {}", "2".repeat(40))),
            command('3', words),
            command('0', ""),
            "0000".into(),
        ];
        let mut input = [sent.concat(), "PACK…".into()].concat().into_bytes();
        let mut reader = &input[..];
        let asked = Asked::read(&mut reader).unwrap().unwrap();
        assert_eq!((asked.commands, asked.pack, asked.sideband), (2, true, true));
        assert_eq!((asked.raw, reader), (sent.concat().into_bytes(), "PACK…".as_bytes()));
        input.clear();
    }

    #[test]
    fn push_options_follow_where_they_were_agreed_on() {
        let sent = [command('3', "\0 push-options"), "0000".into(), pkt("ci.skip"), "0000".into()].concat();
        let mut input = [sent.as_bytes(), b"PACK"].concat();
        let mut reader = &input[..];
        assert_eq!(Asked::read(&mut reader).unwrap().unwrap().raw, sent.as_bytes());
        assert_eq!(reader, b"PACK");
        input.clear();
    }

    #[test]
    fn deletions_have_no_pack_and_certificates_are_commands_too() {
        let asked =
            Asked::read(&mut [command('0', "\0 x"), "0000".into()].concat().as_bytes()).unwrap().unwrap();
        assert!(!asked.pack && asked.commands == 1);
        let lines = [pkt("push-cert\0 push-options"), pkt("certificate version 0.1\n"), pkt("nonce a b c\n")];
        let sent = [
            lines.concat(),
            command('3', "\n"),
            pkt("push-cert-end\n"),
            "0000".into(),
            pkt("o"),
            "0000".into(),
        ];
        let asked = Asked::read(&mut sent.concat().as_bytes()).unwrap().unwrap();
        assert!(asked.pack && asked.commands == 1 && asked.raw == sent.concat().as_bytes());
    }

    #[test]
    fn a_push_of_nothing_asks_nothing() {
        for nothing in ["", "0000", &format!("{}0000", pkt(&format!("shallow {}", "2".repeat(40))))] {
            assert!(Asked::read(&mut nothing.as_bytes()).unwrap().is_none(), "{nothing}");
        }
        assert!(Asked::read(&mut command('3', "").as_bytes()).is_err());
    }
}
