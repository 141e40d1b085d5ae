//! The two ends of a push on the wire: the commands that go in, the report that comes out.

use std::collections::BTreeMap;

use super::judge::RefChange;

/// Collects the commands at the head of a receive-pack request as its bytes pass.
#[derive(Default)]
pub(super) struct Commands {
    pending: Vec<u8>,
    complete: bool,
    changes: Vec<RefChange>,
}

impl Commands {
    /// Looks at the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        if self.complete {
            return;
        }
        self.pending.extend_from_slice(bytes);
        while let Some((line, len)) = packet(&self.pending) {
            match line {
                Some(line) => self.changes.extend(command(line)),
                None => self.complete = true,
            }
            self.pending.drain(..len);
            if self.complete {
                self.pending = Vec::new();
            }
        }
    }

    /// The commands seen so far.
    pub(super) fn changes(&self) -> &[RefChange] {
        &self.changes
    }
}

/// The first pkt-line and its length; the line is `None` for a flush. Bytes that are no pkt-line end it too.
fn packet(bytes: &[u8]) -> Option<(Option<&[u8]>, usize)> {
    let digits = std::str::from_utf8(bytes.get(..4)?).ok();
    let len = digits.and_then(|d| usize::from_str_radix(d, 16).ok()).unwrap_or(0);
    match len {
        0..4 => Some((None, 4)),
        len => Some((Some(bytes.get(4..len)?), len)),
    }
}

/// `<old> <new> <name>` with capabilities behind a NUL.
fn command(line: &[u8]) -> Option<RefChange> {
    let line = line.split(|b| *b == 0).next()?;
    let text = String::from_utf8_lossy(line);
    let mut parts = text.trim_end_matches('\n').splitn(3, ' ');
    let oid = |text: &str| (!text.bytes().all(|b| b == b'0')).then(|| text.to_owned());
    let (old, new) = (parts.next()?, parts.next()?);
    (old.len() >= 40 && new.len() >= 40).then_some(())?;
    Some(RefChange { old: oid(old), new: oid(new), name: parts.next()?.to_owned() })
}

/// Passes a push's answer on, all but the report, which it keeps until the end to put reasons right.
#[derive(Default)]
pub(super) struct Rewriter {
    pending: Vec<u8>,
    report: Vec<u8>,
    sideband: bool,
}

impl Rewriter {
    /// Takes bytes of the answer and returns those that may go out at once: progress and `remote:` lines.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.pending.extend_from_slice(bytes);
        let mut out = Vec::new();
        while let Some((line, len)) = packet(&self.pending) {
            match line {
                Some([1, data @ ..]) => {
                    self.sideband = true;
                    self.report.extend_from_slice(data);
                }
                Some([2 | 3, ..]) => out.extend_from_slice(&self.pending[..len]),
                // Without sideband the packets are the report; its flush is written anew at the end.
                Some(_) => self.report.extend_from_slice(&self.pending[..len]),
                None => {}
            }
            self.pending.drain(..len);
        }
        out
    }

    /// The report with these reasons for the refs that a hook declined, and the end of the answer.
    pub(super) fn finish(self, reasons: &BTreeMap<String, String>) -> Vec<u8> {
        let mut report = Vec::new();
        let mut rest = &self.report[..];
        while let Some((Some(line), len)) = packet(rest) {
            packed(&mut report, &reworded(line, reasons));
            rest = &rest[len..];
        }
        if report.is_empty() {
            return if self.report.is_empty() { Vec::new() } else { self.report };
        }
        report.extend_from_slice(b"0000");
        if !self.sideband {
            return report;
        }
        let mut out = Vec::new();
        for piece in report.chunks(65_000) {
            packed(&mut out, &[&[1], piece].concat());
        }
        out.extend_from_slice(b"0000");
        out
    }
}

fn packed(out: &mut Vec<u8>, data: &[u8]) {
    out.extend_from_slice(format!("{:04x}", data.len() + 4).as_bytes());
    out.extend_from_slice(data);
}

/// `ng <ref> hook declined` in GitHub's words.
fn reworded(line: &[u8], reasons: &BTreeMap<String, String>) -> Vec<u8> {
    let text = String::from_utf8_lossy(line);
    let refused = text.strip_prefix("ng ").and_then(|r| r.trim_end_matches('\n').split_once(' '));
    match refused {
        Some((name, "hook declined")) if reasons.contains_key(name) => {
            format!("ng {name} {}\n", reasons[name]).into_bytes()
        }
        Some((name, "deletion of the current branch prohibited")) => {
            format!("ng {name} refusing to delete the current branch: {name}\n").into_bytes()
        }
        _ => line.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZERO: &str = "0000000000000000000000000000000000000000";
    const ONE: &str = "1111111111111111111111111111111111111111";

    fn packets(lines: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        lines.iter().for_each(|l| packed(&mut out, l.as_bytes()));
        out.extend_from_slice(b"0000");
        out
    }

    #[test]
    fn commands_are_read_from_pieces_of_any_size() {
        let mut wire = packets(&[
            &format!("{ZERO} {ONE} refs/heads/main\0report-status"),
            &format!("{ONE} {ZERO} refs/heads/old"),
        ]);
        wire.extend_from_slice(b"PACK0000");
        let mut commands = Commands::default();
        wire.chunks(3).for_each(|c| commands.feed(c));
        let names: Vec<&str> = commands.changes().iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["refs/heads/main", "refs/heads/old"]);
        assert_eq!(
            commands.changes()[1],
            RefChange { name: "refs/heads/old".to_owned(), old: Some(ONE.to_owned()), new: None }
        );
    }

    #[test]
    fn reasons_are_put_into_the_report_and_progress_passes() {
        let report = packets(&["unpack ok\n", "ng refs/heads/main hook declined\n", "ok refs/heads/x\n"]);
        let mut wire = Vec::new();
        packed(&mut wire, b"\x02remote says\n");
        packed(&mut wire, &[&[1], &report[..]].concat());
        wire.extend_from_slice(b"0000");
        let mut rewriter = Rewriter::default();
        let early: Vec<u8> = wire.chunks(7).flat_map(|c| rewriter.pass(c)).collect();
        assert!(early.ends_with(b"\x02remote says\n"));
        let reasons = BTreeMap::from([("refs/heads/main".to_owned(), "no".to_owned())]);
        let last = rewriter.finish(&reasons);
        let expected = packets(&["unpack ok\n", "ng refs/heads/main no\n", "ok refs/heads/x\n"]);
        assert_eq!(packet(&last).unwrap().0.unwrap()[1..], expected[..]);
    }
}
