//! Reading refs: names as bytes, oids unpeeled, loose and packed.

use std::path::Path;

use coregit_model::{BranchName, Oid, RefName};
use gix::refs::TargetRef;

use crate::{GitError, Repo, convert};

/// A listing that is overtaken by a `pack-refs` is made again, this often: that takes 8 s in all, enough for
/// the deletion of 100,000 loose refs.
const RETRIES: u32 = 25;

impl Repo {
    /// The branch that HEAD names, born or not; `None` when HEAD is detached or names no branch.
    pub fn head_branch(&self) -> Option<BranchName> {
        let head = self.local().head_name().ok().flatten()?;
        RefName::new(head.as_bstr().to_vec()).ok()?.branch()
    }

    /// All refs below `refs/` in order of name. Symbolic refs are followed; those that lead nowhere are left out.
    ///
    /// A ref that cannot be read is an error: left out, it would look deleted.
    pub fn refs(&self) -> Result<Vec<(RefName, Oid)>, GitError> {
        for attempt in 0..RETRIES {
            let before = packed_state(&self.path().join("packed-refs"));
            let listed = self.list_once();
            // gix reads packed refs first. A ref that `git pack-refs` moves from loose to packed meanwhile is
            // in neither half of the listing, and would look deleted.
            if packed_state(&self.path().join("packed-refs")) != before {
                pause(attempt);
                continue;
            }
            match listed {
                // A loose ref that was deleted between its name and its content.
                Err(e) if e.is_not_found() => pause(attempt),
                Err(e) => return Err(self.broken(e)),
                Ok(refs) => return Ok(refs),
            }
        }
        Err(self.broken("they do not stand still"))
    }

    fn broken(&self, why: impl std::fmt::Display) -> GitError {
        GitError::BrokenRef { path: self.path().to_owned(), why: coregit_model::printable(&why.to_string()) }
    }

    fn list_once(&self) -> Result<Vec<(RefName, Oid)>, gix::Error> {
        let local = self.local();
        let (mut direct, mut symbolic) = (Vec::new(), Vec::new());
        for found in local.references()?.all()? {
            let found = found?;
            // Names that git itself does not take, such as those of lock files, are not refs.
            let Ok(name) = RefName::new(found.name().as_bstr().to_vec()) else { continue };
            match found.target() {
                TargetRef::Object(id) => direct.push((name, convert::from_gix(id))),
                TargetRef::Symbolic(_) => symbolic.push(name),
            }
        }
        for name in symbolic {
            if let Some(oid) = resolve(&local, &name)? {
                direct.push((name, oid));
            }
        }
        direct.sort();
        Ok(direct)
    }

    /// Where a ref stands, unpeeled; `None` when it does not exist.
    pub fn ref_oid(&self, name: &RefName) -> Result<Option<Oid>, GitError> {
        resolve(&self.local(), name).map_err(|e| self.broken(e))
    }
}

/// Follows symbolic refs to an object, without peeling tags.
fn resolve(local: &gix::Repository, name: &RefName) -> Result<Option<Oid>, gix::Error> {
    let full = gix::refs::FullName::try_from(gix::bstr::BString::from(name.as_bytes()))
        .map_err(gix::Error::from_error)?;
    let Some(mut at) = local.try_find_reference(full.as_ref())? else { return Ok(None) };
    // git's own limit on chains of symbolic refs.
    for _ in 0..5 {
        match at.target() {
            TargetRef::Object(id) => return Ok(Some(convert::from_gix(id))),
            TargetRef::Symbolic(next) => match local.try_find_reference(next)? {
                None => return Ok(None),
                Some(next) => at = next,
            },
        }
    }
    Ok(None)
}

/// 1 ms, then twice as long each time, up to half a second.
fn pause(attempt: u32) {
    std::thread::sleep(std::time::Duration::from_millis((1 << attempt.min(9)).min(500)));
}

/// What changes when `packed-refs` is replaced.
fn packed_state(path: &Path) -> Option<(u64, u64, i64, i64)> {
    use std::os::unix::fs::MetadataExt;
    let meta = path.metadata().ok()?;
    Some((meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()))
}
