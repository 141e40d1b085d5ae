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

/// A fetch: what to bring, and how much may come.
#[derive(Clone, Debug)]
pub struct Fetch<'a> {
    /// What to bring, with everything below it.
    pub wants: &'a [Oid],
    /// What the target has with everything below it; what these lead to is not sent again.
    pub haves: &'a [Oid],
    /// How much history.
    pub depth: Depth,
    /// `Some`: objects are checked as by `git fsck --strict`; the text names exceptions in the form of
    /// `index-pack --strict=…` (`zeroPaddedFilemode=ignore,missingEmail=warn`), or is empty.
    pub strict: Option<String>,
    /// The most bytes that arrive, in all; above it the fetch ends in [`GitError::TooLarge`]. 10 GiB.
    pub limit: u64,
    /// The most memory that `git index-pack` may take, in bytes of address space. 4 GiB.
    pub memory: Option<u64>,
}

impl<'a> Fetch<'a> {
    /// A fetch of these with all their history, unchecked.
    pub fn of(wants: &'a [Oid]) -> Self {
        Self { wants, haves: &[], depth: Depth::Full, strict: None, limit: 10 << 30, memory: Some(4 << 30) }
    }
}

/// The body of the request. With `done` in it the server sends the pack at once.
/// `shallow` is where the target's history is cut off already.
pub(crate) fn request(ask: &Fetch<'_>, shallow: &[Oid], format: ObjectFormat) -> Result<Vec<u8>, GitError> {
    let mut out = Vec::new();
    pkt::write(&mut out, b"command=fetch")?;
    pkt::write(&mut out, AGENT.as_bytes())?;
    pkt::write(&mut out, format!("object-format={}", format.as_str()).as_bytes())?;
    out.extend_from_slice(pkt::DELIMITER);
    for word in ["thin-pack", "ofs-delta", "no-progress"] {
        pkt::write(&mut out, word.as_bytes())?;
    }
    for oid in shallow {
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
            (_, Packet::Data(line)) => match pkt::error_of(&line) {
                Some(error) => Err(error),
                None => self.data(line),
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

    fn data(&mut self, mut line: Bytes) -> Result<Option<Bytes>, GitError> {
        match (&self.section, line.first()) {
            (Section::None, _) => self.section = section(pkt::text(&line))?,
            (Section::ShallowInfo, _) => self.shallow_line(pkt::text(&line))?,
            (Section::Skipped, _) | (Section::Pack, Some(2)) => {}
            (Section::Pack, Some(1)) => return Ok(Some(line.split_off(1))),
            (Section::Pack, Some(3)) => {
                let text = String::from_utf8_lossy(&line[1..line.len().min(1000)]);
                return Err(GitError::Remote(printable(text.trim())));
            }
            (Section::Pack, _) => return Err(GitError::Protocol("a sideband without a band".into())),
        }
        Ok(None)
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

fn section(line: &[u8]) -> Result<Section, GitError> {
    match line {
        b"shallow-info" => Ok(Section::ShallowInfo),
        b"packfile" => Ok(Section::Pack),
        b"acknowledgments" | b"wanted-refs" => Ok(Section::Skipped),
        _ => Err(GitError::Protocol("an unknown section in its answer".into())),
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
        let oids = [oid];
        let ask = Fetch { haves: &oids, depth: Depth::Commits(1), ..Fetch::of(&oids) };
        let text = String::from_utf8(request(&ask, &oids, ObjectFormat::Sha1).unwrap()).unwrap();
        let oids = ["shallow", "want", "have"].map(|word| format!("{word} {oid}"));
        for part in oids.iter().map(String::as_str).chain(["deepen 1", "done\n0000"]) {
            assert!(text.contains(part), "{part} in {text}");
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
