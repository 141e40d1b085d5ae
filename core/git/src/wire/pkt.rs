//! pkt-lines: written into a buffer, read from bytes that arrive in any pieces.

use bytes::{Bytes, BytesMut};
use gix_protocol::transport::packetline::{PacketLineRef, decode};

use crate::GitError;

/// The most that fits into one line, without its four digits.
pub(crate) const LONGEST: usize = 65_516;
/// The end of a request or of a list.
pub(crate) const FLUSH: &[u8] = b"0000";
/// What parts the sections of a request (version 2).
pub(crate) const DELIMITER: &[u8] = b"0001";

/// One pkt-line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    /// Its payload.
    Data(Bytes),
    /// `0000`.
    Flush,
    /// `0001`.
    Delimiter,
    /// `0002`.
    ResponseEnd,
}

/// Appends a line. Payloads longer than [`LONGEST`] are an error.
pub(crate) fn write(out: &mut Vec<u8>, payload: &[u8]) -> Result<(), GitError> {
    if payload.len() > LONGEST {
        let what = format!("a line of {} bytes for the host", payload.len());
        return Err(GitError::TooLarge { what, limit: format!("{LONGEST} bytes") });
    }
    out.extend_from_slice(format!("{:04x}", payload.len() + 4).as_bytes());
    out.extend_from_slice(payload);
    Ok(())
}

/// Takes lines out of bytes that arrive piece by piece.
#[derive(Default)]
pub(crate) struct Decoder(BytesMut);

impl Decoder {
    /// Adds bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next whole line; `None` until more bytes come.
    pub fn next(&mut self) -> Result<Option<Packet>, GitError> {
        // git takes an empty line; gix does not.
        if self.0.starts_with(b"0004") {
            let _ = self.0.split_to(4);
            return Ok(Some(Packet::Data(Bytes::new())));
        }
        let taken = match decode::streaming(&self.0).map_err(|e| GitError::protocol(format_args!("{e}")))? {
            decode::Stream::Incomplete { .. } => return Ok(None),
            decode::Stream::Complete { line, bytes_consumed } => match line {
                PacketLineRef::Data(_) => bytes_consumed,
                special => {
                    let packet = match special {
                        PacketLineRef::Flush => Packet::Flush,
                        PacketLineRef::Delimiter => Packet::Delimiter,
                        _ => Packet::ResponseEnd,
                    };
                    let _ = self.0.split_to(bytes_consumed);
                    return Ok(Some(packet));
                }
            },
        };
        let mut line = self.0.split_to(taken).freeze();
        Ok(Some(Packet::Data(line.split_off(4))))
    }

    /// Whether nothing is left of a line that has begun.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A line without its line feed.
pub(crate) fn text(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

/// The message of an `ERR` line.
pub(crate) fn error_of(line: &[u8]) -> Option<GitError> {
    let message = text(line.strip_prefix(b"ERR ")?);
    Some(GitError::Remote(coregit_model::printable(&String::from_utf8_lossy(
        &message[..message.len().min(1000)],
    ))))
}

/// Runs a parser over a whole answer, for tests.
#[cfg(test)]
pub(crate) fn all(raw: &[u8]) -> Result<Vec<Packet>, GitError> {
    let mut decoder = Decoder::default();
    decoder.feed(raw);
    std::iter::from_fn(|| decoder.next().transpose()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_whole_however_the_bytes_arrive() {
        let raw = b"0006a\n0004000000010002000bhello\xff\n";
        let whole = all(raw).unwrap();
        assert_eq!(whole[0], Packet::Data(Bytes::from_static(b"a\n")));
        assert_eq!(whole[1], Packet::Data(Bytes::new()));
        assert_eq!(whole[2..5], [Packet::Flush, Packet::Delimiter, Packet::ResponseEnd]);
        for cut in 1..raw.len() {
            let mut decoder = Decoder::default();
            let mut got = Vec::new();
            for piece in raw.chunks(cut) {
                decoder.feed(piece);
                while let Some(packet) = decoder.next().unwrap() {
                    got.push(packet);
                }
            }
            assert_eq!(got, whole);
            assert!(decoder.is_empty());
        }
    }

    #[test]
    fn garbage_is_an_error_and_no_panic() {
        for bad in [&b"0003"[..], b"zzzz", b"fff5abc", b"ffffabc", b"-001", b"000g", b"<html>", b"\0\0\0\0"] {
            assert!(all(bad).is_err(), "{bad:?}");
        }
        for short in [&b""[..], b"00", b"0009ab"] {
            assert_eq!(all(short).unwrap(), []);
        }
    }

    #[test]
    fn a_line_that_does_not_fit_is_not_written() {
        let mut out = Vec::new();
        write(&mut out, &vec![b'x'; LONGEST]).unwrap();
        assert!(out.starts_with(b"fff0x"));
        assert!(write(&mut out, &vec![b'x'; LONGEST + 1]).is_err());
    }
}
