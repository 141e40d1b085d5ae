//! Every new object under the rules, and what trees say about blobs: which are `.gitmodules`,
//! `.gitattributes` and symbolic links.

use std::collections::HashSet;

use coregit_check::{self as check, DotFile, Entries, Kind, MAX_GITMODULES, MAX_TARGET};
use coregit_model::{ObjectFormat, Oid};

use super::quarantine::Visitor;
use super::report::Report;
use super::unfold::unfold;
use super::{Declared, MAX_READ, Quarantine, ReadError, Type};

/// Most blobs that are remembered at a time.
const MOST_REMEMBERED: usize = 20_000;

/// Judges all objects of a push, and how large its tips unfold.
pub(crate) fn judge(quarantine: &mut Quarantine, tips: &[Oid]) -> Result<Report, ReadError> {
    let mut judge = Judge { format: quarantine.format, report: Report::default(), blobs: Blobs::default() };
    quarantine.visit(&mut judge)?;
    judge.pause(quarantine)?;
    let mut report = judge.report;
    if !report.refuses() {
        unfold(quarantine, tips, &mut report)?;
    }
    Ok(report)
}

struct Judge {
    format: ObjectFormat,
    report: Report,
    blobs: Blobs,
}

/// Blobs that trees give a meaning to, not yet read.
#[derive(Default)]
struct Blobs {
    modules: HashSet<Oid>,
    attributes: HashSet<Oid>,
    links: HashSet<Oid>,
    /// Those that were judged: most commits of a history have the same ones.
    judged: HashSet<Oid>,
    too_many: bool,
}

impl Visitor for Judge {
    fn object(&mut self, oid: &Oid, declared: Declared, raw: Option<&[u8]>) {
        let findings = match (declared.kind, raw) {
            (Type::Blob, _) => check::blob_size(declared.size).into_iter().collect(),
            (_, None) => vec![check::too_large()],
            (Type::Tree, Some(raw)) => {
                self.blobs.note(raw, self.format);
                check::tree(raw, self.format)
            }
            (Type::Commit, Some(raw)) => check::commit(raw),
            (Type::Tag, Some(raw)) => check::tag(raw),
        };
        self.report.add(declared.kind, oid, findings);
    }

    fn pause(&mut self, quarantine: &mut Quarantine) -> Result<(), ReadError> {
        if self.blobs.too_many {
            return Err(ReadError::Malformed("more .gitmodules and .gitattributes than any history has"));
        }
        if self.blobs.judged.len() > MOST_REMEMBERED {
            self.blobs.judged.clear();
        }
        let blobs = std::mem::take(&mut self.blobs);
        let mut judged = blobs.judged;
        for oid in blobs.modules {
            if judged.insert(oid) {
                modules(&oid, quarantine, &mut self.report)?;
            }
        }
        // An old one was judged when it came in, by git's own checks at least.
        for oid in blobs.attributes {
            if judged.insert(oid) && quarantine.is_new(&oid)? {
                attributes(&oid, quarantine, &mut self.report)?;
            }
        }
        for oid in blobs.links {
            if judged.insert(oid) && quarantine.is_new(&oid)? {
                link(&oid, quarantine, &mut self.report)?;
            }
        }
        self.blobs.judged = judged;
        Ok(())
    }
}

/// Judged even when the blob is not new: it may have come in under another name.
fn modules(oid: &Oid, quarantine: &mut Quarantine, report: &mut Report) -> Result<(), ReadError> {
    let Some(object) = quarantine.read(oid, MAX_GITMODULES)? else { return Ok(()) };
    let findings = match object.raw {
        Some(raw) => check::gitmodules(&raw),
        None => vec![check::too_large()],
    };
    report.add(object.declared.kind, oid, findings);
    Ok(())
}

fn attributes(oid: &Oid, quarantine: &mut Quarantine, report: &mut Report) -> Result<(), ReadError> {
    let Some(object) = quarantine.read(oid, MAX_READ)? else { return Ok(()) };
    let findings = match object.raw {
        Some(raw) => check::gitattributes(&raw),
        None => vec![check::too_large()],
    };
    report.add(object.declared.kind, oid, findings);
    Ok(())
}

fn link(oid: &Oid, quarantine: &mut Quarantine, report: &mut Report) -> Result<(), ReadError> {
    let limit = 2 * MAX_TARGET as u64;
    let Some(object) = quarantine.read(oid, limit)? else { return Ok(()) };
    let target = object.raw.unwrap_or_else(|| vec![b'x'; MAX_TARGET + 1]);
    report.add(object.declared.kind, oid, check::symlink(&target));
    Ok(())
}

impl Blobs {
    fn note(&mut self, tree: &[u8], format: ObjectFormat) {
        for entry in Entries::of(tree, format).map_while(Result::ok) {
            let set = match (entry.kind(), check::dot_file(entry.name)) {
                (Kind::Symlink, _) if self.links.len() < MOST_REMEMBERED => &mut self.links,
                (Kind::File, Some(DotFile::Gitmodules)) => &mut self.modules,
                (Kind::File, Some(DotFile::Gitattributes)) => &mut self.attributes,
                _ => continue,
            };
            match set.len() < MOST_REMEMBERED {
                true => _ = set.insert(entry.oid),
                false => self.too_many = true,
            }
        }
    }
}
