//! Rules over one annotated tag.

use coregit_model::{Oid, RefName};

use crate::commit::{Lines, header};
use crate::finding::{Finding, Findings};
use crate::{ident, rules};

/// What is wrong with a raw tag.
pub fn tag(raw: &[u8]) -> Vec<Finding> {
    let mut found = Findings::default();
    if let Some(mut header) = header(raw, &mut found) {
        judge(&mut header.lines, &mut found);
    }
    found.finish()
}

fn judge(lines: &mut Lines<'_>, found: &mut Findings) {
    match lines.take(b"object ") {
        None => return found.add(&rules::MISSING_OBJECT, None),
        Some(hex) if Oid::from_hex(hex).is_err() => found.add(&rules::BAD_OBJECT_OID, Some(hex)),
        Some(_) => {}
    }
    match lines.take(b"type ") {
        Some(b"commit" | b"tree" | b"blob" | b"tag") => {}
        other => return found.add(&rules::BAD_TYPE, other),
    }
    match lines.take(b"tag ") {
        None => return found.add(&rules::MISSING_TAG, None),
        Some(name) if RefName::new([b"refs/tags/", name].concat()).is_err() => {
            found.add(&rules::BAD_TAG_NAME, Some(name));
        }
        Some(_) => {}
    }
    match lines.take(b"tagger ") {
        None => found.add(&rules::MISSING_TAGGER, None),
        Some(line) => ident::ident(line, found),
    }
}

/// The object that a raw tag names, where it names one.
pub fn target_of_tag(raw: &[u8]) -> Option<Oid> {
    let line = raw.split(|b| *b == b'\n').next()?;
    Oid::from_hex(line.strip_prefix(b"object ")?).ok()
}
