//! `fetch` of version 2: one request with wants and haves and `done`, and its answer section by section.

use bytes::Bytes;
use coregit_model::{ObjectFormat, Oid, printable};

use super::AGENT;
use super::pkt::{self, Packet};
use crate::GitError;

/// How much history to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// All that is missing.
    Full,
    /// This many commits from each tip; the rest is cut off (and marked so in `shallow`).
    Commits(u32),
}

/// What to ask for.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub wants: &'a [Oid],
    pub haves: &'a [Oid],
    /// Where our history is cut off already.
    pub shallow: &'a [Oid],
    pub depth: Depth,
    pub format: ObjectFormat,
}

/// The body of the request. With `done` in it the server sends the pack at once.
pub(crate) fn request(ask: &Ask<'_>) -> Result<Vec<u8>, GitError> {
    let mut out = Vec::new();
    pkt::write(&mut out, b"command=fetch")?;
    pkt::write(&mut out, AGENT.as_bytes())?;
    pkt::write(&mut out, format!("object-format={}", ask.format.as_str()).as_bytes())?;
    out.extend_from_slice(pkt::DELIMITER);
    for word in ["thin-pack", "ofs-delta", "no-progress"] {
        pkt::write(&mut out, word.as_bytes())?;
    }
    for oid in ask.shallow {
        pkt::write(&mut out, format!("shallow {oid}").as_bytes())?;
    }
    if let Depth::Commits(n) = ask.depth {
        pkt::write(&mut out, format!("deepen {n}").as_bytes())?;
    }
    for (word, oids) in [("want", ask.wants), ("have", ask.haves)] {
        for oid in oids {
            pkt::write(&mut out, format!("{word} {oid}\n").as_bytes())?;
        }
    }
    pkt::write(&mut out, b"done\n")?;
    out.extend_from_slice(pkt::FLUSH);
    Ok(out)
}

/// Reads the answer; the bytes of the pack come out as they arrive.
#[derive(Default)]
pub(crate) struct Reader {
    section: Section,
    /// Commits whose parents were not sent.
    pub shallow: Vec<Oid>,
    /// Commits whose parents were sent now.
    pub unshallow: Vec<Oid>,
    done: bool,
}

#[derive(Default, PartialEq)]
enum Section {
    #[default]
    None,
    ShallowInfo,
    Skipped,
    Pack,
}

impl Reader {
    /// Takes one pkt-line; returns a piece of the pack when it is one.
    pub fn take(&mut self, packet: Packet) -> Result<Option<Bytes>, GitError> {
        match (&self.section, packet) {
            (_, Packet::Data(line)) if line.starts_with(b"ERR ") => {
                Err(pkt::error_of(&line).expect("it is an ERR line"))
            }
            (Section::None, Packet::Data(line)) => {
                self.section = match pkt::text(&line) {
                    b"shallow-info" => Section::ShallowInfo,
                    b"packfile" => Section::Pack,
                    b"acknowledgments" | b"wanted-refs" => Section::Skipped,
                    _ => return Err(GitError::Protocol("an unknown section in its answer".into())),
                };
                Ok(None)
            }
            (Section::ShallowInfo, Packet::Data(line)) => self.shallow_line(pkt::text(&line)).map(|()| None),
            (Section::Skipped, Packet::Data(_)) => Ok(None),
            (Section::Pack, Packet::Data(mut line)) => match line.first() {
                Some(1) => Ok(Some(line.split_off(1))),
                Some(2) => Ok(None),
                Some(3) => Err(GitError::Remote(printable(
                    String::from_utf8_lossy(&line[1..line.len().min(1000)]).trim(),
                ))),
                _ => Err(GitError::Protocol("a sideband without a band".into())),
            },
            (Section::Pack, Packet::Flush) => {
                self.done = true;
                Ok(None)
            }
            (Section::ShallowInfo | Section::Skipped, Packet::Delimiter) => {
                self.section = Section::None;
                Ok(None)
            }
            (_, Packet::ResponseEnd) => Ok(None),
            (_, packet) => {
                Err(GitError::protocol(format_args!("an unexpected line in its answer: {packet:?}")))
            }
        }
    }

    fn shallow_line(&mut self, line: &[u8]) -> Result<(), GitError> {
        let oid = |hex: &[u8]| Oid::from_hex(hex).map_err(GitError::protocol);
        match (line.strip_prefix(b"shallow "), line.strip_prefix(b"unshallow ")) {
            (Some(hex), _) => self.shallow.push(oid(hex)?),
            (_, Some(hex)) => self.unshallow.push(oid(hex)?),
            _ => return Err(GitError::Protocol("an unknown line about cut-off history".into())),
        }
        Ok(())
    }

    /// Whether the pack came to its end.
    pub fn is_done(&self) -> bool {
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &[u8]) -> Result<(Reader, Vec<u8>), GitError> {
        let (mut reader, mut pack) = (Reader::default(), Vec::new());
        for packet in pkt::all(raw)? {
            pack.extend(reader.take(packet)?.into_iter().flatten());
        }
        Ok((reader, pack))
    }

    #[test]
    fn the_request_names_wants_haves_and_depth() {
        let oid = Oid::from_bytes(&[7; 20]).unwrap();
        let ask = Ask {
            wants: &[oid],
            haves: &[oid],
            shallow: &[oid],
            depth: Depth::Commits(1),
            format: ObjectFormat::Sha1,
        };
        let text = String::from_utf8(request(&ask).unwrap()).unwrap();
        for part in [
            format!("shallow {oid}"),
            format!("want {oid}\n"),
            format!("have {oid}\n"),
            "deepen 1".into(),
            "done\n0000".into(),
        ] {
            assert!(text.contains(&part), "{part} in {text}");
        }
    }

    #[test]
    fn the_pack_comes_out_between_progress_and_sections() {
        let mut raw = Vec::new();
        pkt::write(&mut raw, b"shallow-info\n").unwrap();
        pkt::write(&mut raw, format!("shallow {}", "07".repeat(20)).as_bytes()).unwrap();
        raw.extend_from_slice(pkt::DELIMITER);
        pkt::write(&mut raw, b"packfile\n").unwrap();
        for line in [&b"\x01PA"[..], b"\x02counting", b"\x01CK"] {
            pkt::write(&mut raw, line).unwrap();
        }
        let (reader, _) = read(&raw).unwrap();
        assert!(!reader.is_done());
        raw.extend_from_slice(pkt::FLUSH);
        let (reader, pack) = read(&raw).unwrap();
        assert_eq!((pack.as_slice(), reader.shallow.len(), reader.is_done()), (&b"PACK"[..], 1, true));
    }

    #[test]
    fn other_answers_are_errors() {
        for (lines, means) in [
            (&[&b"ERR upload-pack: not our ref 07"[..]][..], "the host says: upload-pack: not our ref 07"),
            (&[b"packfile\n", b"\x03out of \x1bmemory\n"], "the host says: out of \\x1bmemory"),
            (&[b"packfile\n", b"PACK"], "sideband"),
            (&[b"bundle-uri\n"], "unknown section"),
            (&[b"shallow-info\n", b"deep x"], "cut-off history"),
        ] {
            let mut raw = Vec::new();
            lines.iter().for_each(|l| pkt::write(&mut raw, l).unwrap());
            let error = read(&raw).err().expect("it is no answer").to_string();
            assert!(error.contains(means), "{error}");
        }
    }
}
