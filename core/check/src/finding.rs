//! A finding: which rule an object breaks, said so that its author can mend it.

use coregit_model::Oid;

/// Whether a finding stops a push or an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It passes and is told.
    Warn,
    /// It is not let in.
    Refuse,
}

/// One rule; all of them stand in one table.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its id: stable, in `git fsck`'s words where it has one.
    pub id: &'static str,
    /// Whether it stops.
    pub severity: Severity,
    /// What is wrong, as the rest of a sentence about the object.
    pub sentence: &'static str,
    /// What its author can do.
    pub way_out: &'static str,
}

/// An object or name that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether it stops.
    pub severity: Severity,
    /// The rule's id.
    pub rule: &'static str,
    /// The object; filled in by the caller, who knows it.
    pub oid: Option<Oid>,
    /// The entry, submodule or ref in question, printable.
    pub path: Option<String>,
    /// What is wrong.
    pub sentence: &'static str,
    /// What its author can do.
    pub way_out: &'static str,
    /// How often the object breaks the rule; `path` is the first.
    pub times: u32,
}

impl Rule {
    /// The finding that this rule is broken, at `path` where there is one.
    pub fn broken(&self, path: Option<&[u8]>) -> Finding {
        Finding {
            severity: self.severity,
            rule: self.id,
            oid: None,
            path: path.map(escaped),
            sentence: self.sentence,
            way_out: self.way_out,
            times: 1,
        }
    }
}

/// Whether any of these stops a push or an import.
pub fn refuses(findings: &[Finding]) -> bool {
    findings.iter().any(|f| f.severity == Severity::Refuse)
}

/// Bytes of unknown origin as one printable line of at most 200 characters: control characters,
/// invisible and bidirectional ones, and what is not UTF-8 are shown as escapes.
pub fn escaped(raw: &[u8]) -> String {
    let mut out = String::new();
    for chunk in raw[..raw.len().min(MOST_SHOWN)].utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\u{200b}'..='\u{200d}' | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{61c}' => {
                    out.extend(c.escape_unicode());
                }
                c => out.push_str(&coregit_model::printable(c.encode_utf8(&mut [0; 4]))),
            }
        }
        chunk.invalid().iter().for_each(|b| out.push_str(&format!("\\x{b:02x}")));
    }
    if raw.len() > MOST_SHOWN {
        out.push_str(&format!("… ({} bytes)", raw.len()));
    }
    out
}

const MOST_SHOWN: usize = 200;

/// Collects findings of one object: each rule once, with the first place and a count, so that a hostile
/// object cannot make a long list.
#[derive(Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    pub(crate) fn add(&mut self, rule: &Rule, path: Option<&[u8]>) {
        match self.0.iter_mut().find(|f| f.rule == rule.id) {
            Some(known) => known.times = known.times.saturating_add(1),
            None => self.0.push(rule.broken(path)),
        }
    }

    /// The findings, those that refuse first.
    pub(crate) fn finish(mut self) -> Vec<Finding> {
        self.0.sort_by_key(|f| std::cmp::Reverse(f.severity));
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_one_printable_line() {
        assert_eq!(escaped(b"a\x1b]0;\n\xff b"), "a\\x1b]0;\\x0a\\xff b");
        assert_eq!(escaped(".g\u{200c}it".as_bytes()), ".g\\u{200c}it");
        assert_eq!(escaped("a\u{202e}b".as_bytes()), "a\\u{202e}b");
        let long = escaped(&[b'x'; 5000]);
        assert!(long.ends_with("… (5000 bytes)") && long.len() < 250);
    }
}
