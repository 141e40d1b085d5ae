//! pkt-lines as they pass through: requests of git taken up to their flush, answers of a host checked on
//! their way without being kept.
//!
//! Format: gitprotocol-common(5).

use std::borrow::Cow;
use std::io::{BufRead, Read};

use crate::screen;
use crate::trouble::Trouble;

/// The end of a request, a list or an answer.
pub const FLUSH: &[u8] = b"0000";

/// One pkt-line of git's, its four digits included.
pub enum Line {
    /// Four digits and a payload.
    Data(Vec<u8>),
    /// `0000`, `0001` or `0002`.
    Special([u8; 4]),
}

/// The next line that git sends; `None` when it has closed its end before one.
pub fn read_line(input: &mut dyn BufRead) -> Result<Option<Line>, Trouble> {
    let io = |e| Trouble::io("git's request cannot be read", &e);
    if input.fill_buf().map_err(io)?.is_empty() {
        return Ok(None);
    }
    let mut digits = [0; 4];
    input.read_exact(&mut digits).map_err(io)?;
    match length(digits).ok_or_else(|| Trouble::new("git's request is no pkt-line"))? {
        0..=2 => Ok(Some(Line::Special(digits))),
        whole => {
            let mut line = digits.to_vec();
            input.take(whole as u64 - 4).read_to_end(&mut line).map_err(io)?;
            match line.len() == whole {
                true => Ok(Some(Line::Data(line))),
                false => Err(Trouble::GitIsGone),
            }
        }
    }
}

/// The number that four digits give; `3` and what is above the longest line are none.
fn length(digits: [u8; 4]) -> Option<usize> {
    let text = std::str::from_utf8(&digits).ok().filter(|t| t.bytes().all(|b| b.is_ascii_hexdigit()))?;
    usize::from_str_radix(text, 16).ok().filter(|n| *n != 3 && *n <= 65_520)
}

/// One request: all lines up to and with the flush. `None`: git has nothing more to ask.
pub fn read_request(input: &mut dyn BufRead) -> Result<Option<Vec<u8>>, Trouble> {
    let mut request = Vec::new();
    while let Some(line) = read_line(input)? {
        match line {
            Line::Data(line) => request.extend_from_slice(&line),
            Line::Special(special) => {
                request.extend_from_slice(&special);
                if special == *FLUSH {
                    // A flush by itself is git's goodbye.
                    return Ok((request.len() > FLUSH.len()).then_some(request));
                }
            }
        }
    }
    match request.is_empty() {
        true => Ok(None),
        false => Err(Trouble::GitIsGone),
    }
}

/// Where in an answer the sideband is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sideband {
    /// Nowhere.
    Never,
    /// Behind the line `packfile` (protocol version 2).
    BehindPackfile,
    /// In every line (what receive-pack and upload-archive answer).
    Everywhere,
}

/// Follows an answer line by line while it passes. Keeps a few bytes whatever the length.
#[derive(Debug)]
pub struct Watch {
    sideband: Sideband,
    /// The digits of a line that has begun.
    digits: Vec<u8>,
    /// The first bytes of its payload, as far as they are needed.
    start: Vec<u8>,
    /// Bytes of it that are still to come.
    left: usize,
    at_flush: bool,
}

const PACKFILE: &[u8] = b"packfile\n";
const MESSAGES: u8 = 2;
const FATAL: u8 = 3;

impl Watch {
    /// Before the first byte.
    pub fn new(sideband: Sideband) -> Self {
        Self { sideband, digits: Vec::new(), start: Vec::new(), left: 0, at_flush: false }
    }

    /// Whether the answer could end here: it stands behind a flush.
    pub fn is_complete(&self) -> bool {
        self.at_flush && self.digits.is_empty() && self.left == 0
    }

    /// Takes the next bytes and gives them as git may see them: messages for the terminal without
    /// control characters, everything else as it is. An error for what is no pkt-line.
    pub fn pass<'a>(&mut self, piece: &'a [u8]) -> Result<Cow<'a, [u8]>, &'static str> {
        let mut out = Cow::Borrowed(piece);
        let mut at = 0;
        while at < piece.len() {
            at += match self.left {
                0 => self.take_digit(piece[at])?,
                _ => self.take_payload(&mut out, at),
            };
        }
        Ok(out)
    }

    fn take_digit(&mut self, digit: u8) -> Result<usize, &'static str> {
        self.digits.push(digit);
        if let Ok(digits) = <[u8; 4]>::try_from(&self.digits[..]) {
            let length = length(digits).ok_or("a line with an impossible length")?;
            self.digits.clear();
            self.start.clear();
            self.left = length.saturating_sub(4);
            self.at_flush = length == 0;
        }
        Ok(1)
    }

    fn take_payload(&mut self, out: &mut Cow<'_, [u8]>, at: usize) -> usize {
        let end = out.len().min(at + self.left);
        let lead = PACKFILE.len().saturating_sub(self.start.len()).min(end - at);
        let first = self.start.is_empty();
        self.start.extend_from_slice(&out[at..at + lead]);
        let band = self.start[0];
        if self.sideband == Sideband::Everywhere && (band == MESSAGES || band == FATAL) {
            screen::messages(out, at + usize::from(first)..end);
        }
        self.left -= end - at;
        if self.left == 0 && self.sideband == Sideband::BehindPackfile && self.start == PACKFILE {
            self.sideband = Sideband::Everywhere;
        }
        end - at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(sideband: Sideband, raw: &[u8]) -> Result<(Vec<u8>, bool), &'static str> {
        let mut watch = Watch::new(sideband);
        let out = watch.pass(raw)?.into_owned();
        Ok((out, watch.is_complete()))
    }

    #[test]
    fn requests_end_at_their_flush_and_a_lone_flush_is_goodbye() {
        let mut input = &b"0014command=ls-refs\n00010000000a12345600000000"[..];
        assert_eq!(read_request(&mut input).unwrap().unwrap(), b"0014command=ls-refs\n00010000");
        assert_eq!(read_request(&mut input).unwrap().unwrap(), b"000a1234560000");
        assert!(read_request(&mut input).unwrap().is_none());
        assert!(read_request(&mut input).unwrap().is_none());
        assert!(read_request(&mut &b"000a12"[..]).is_err());
        assert!(read_request(&mut &b"0003"[..]).is_err());
    }

    #[test]
    fn an_answer_is_complete_behind_a_flush_only() {
        for (raw, complete) in [
            (&b"0006a\n0000"[..], true),
            (b"0006a\n", false),
            (b"0006a\n000000", false),
            (b"", false),
            (b"0008ab", false),
        ] {
            assert_eq!(whole(Sideband::Never, raw).unwrap().1, complete, "{raw:?}");
        }
        for bad in [&b"0003"[..], b"zzzz", b"fff1", b"<htm", b"-001", b"+fff"] {
            assert!(whole(Sideband::Never, bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn messages_lose_their_control_characters_however_they_are_cut_and_packs_lose_nothing() {
        let raw = b"000dpackfile\n000b\x02a\x1b]0;x0009\x01\x1bPAC000b\x02\x1b[31mx0000";
        let shown = b"000dpackfile\n000b\x02a?]0;x0009\x01\x1bPAC000b\x02\x1b[31mx0000";
        assert_eq!(whole(Sideband::BehindPackfile, raw).unwrap(), (shown.to_vec(), true));
        let mut watch = Watch::new(Sideband::BehindPackfile);
        let one_by_one: Vec<u8> =
            raw.iter().flat_map(|b| watch.pass(std::slice::from_ref(b)).unwrap().into_owned()).collect();
        assert_eq!(one_by_one, String::from_utf8_lossy(shown).replace("\x02\x1b", "\x02?").into_bytes());
        assert!(watch.is_complete());
    }
}
