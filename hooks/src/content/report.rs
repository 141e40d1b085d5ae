//! What is said to the pusher: each refused object with its way out, each kind of oddity once.

use coregit_check::{Finding, Severity};
use coregit_model::Oid;

use super::Type;
use crate::say;

/// Most refused objects that are named, and most kinds of oddities.
const MOST_REFUSED: usize = 10;
const MOST_NOTES: usize = 5;

/// The findings over a whole push, no longer than what will be said of them.
#[derive(Default)]
pub(crate) struct Report {
    refused: Vec<(String, &'static str)>,
    more_refused: u64,
    notes: Vec<Note>,
}

struct Note {
    rule: &'static str,
    first: String,
    more: u64,
}

impl Report {
    /// Takes up what was found in one object.
    pub(crate) fn add(&mut self, kind: Type, oid: &Oid, findings: Vec<Finding>) {
        for finding in findings {
            let known = self.notes.iter_mut().find(|note| note.rule == finding.rule);
            match (finding.severity, known) {
                (Severity::Refuse, _) if self.refused.len() < MOST_REFUSED => {
                    self.refused.push((sentence(kind, oid, &finding), finding.way_out));
                }
                (Severity::Refuse, _) => self.more_refused += 1,
                (Severity::Warn, Some(note)) => note.more += 1,
                (Severity::Warn, None) => {
                    let first = sentence(kind, oid, &finding);
                    self.notes.push(Note { rule: finding.rule, first, more: 0 });
                }
            }
        }
    }

    /// Whether anything in it refuses the push.
    pub(crate) fn refuses(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Says it. Returns whether the push passes.
    pub(crate) fn tell(&self) -> bool {
        match self.refuses() {
            true => self.tell_refusal(),
            false => self.tell_notes(),
        }
        !self.refuses()
    }

    fn tell_refusal(&self) {
        say::line("refused: this push holds objects that could harm whoever checks them out or reads them");
        for (sentence, way_out) in &self.refused {
            say::more(sentence);
            say::more(&format!("  way out: {way_out}"));
        }
        if self.more_refused > 0 {
            say::more(&format!("and {} more", self.more_refused));
        }
    }

    fn tell_notes(&self) {
        for note in self.notes.iter().take(MOST_NOTES) {
            let more = match note.more {
                0 => String::new(),
                more => format!("; {more} more like it"),
            };
            say::line(&format!("note: {}{more}", note.first));
        }
        if self.notes.len() > MOST_NOTES {
            say::line(&format!("note: and {} other oddities", self.notes.len() - MOST_NOTES));
        }
    }
}

fn sentence(kind: Type, oid: &Oid, finding: &Finding) -> String {
    let place = finding.path.as_ref().map(|path| format!(": \"{path}\"")).unwrap_or_default();
    let more = match finding.times {
        1 => String::new(),
        times => format!(" and {} more", times - 1),
    };
    format!("{} {oid} {}{place}{more} ({})", kind.as_str(), finding.sentence, finding.rule)
}
