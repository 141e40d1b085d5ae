//! What differs between two trees: files only, by path, at a cost that grows with the changes.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use coregit_model::Oid;
use gix::bstr::BStr;
use gix::diff::tree::{Error, State, Visit, visit};
use gix::objs::tree::EntryMode;
use gix::objs::{Kind, TreeRefIter};

use crate::convert::from_gix;
use crate::objects::canonical;
use crate::{Entry, GitError, Repo};

/// One path that differs. Folders do not appear, only what is in them; a file that became a folder is its
/// deletion and the additions below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeChange {
    /// The path from the root; any bytes, parts separated by `/`.
    pub path: Vec<u8>,
    /// What stood there.
    pub old: Option<Entry>,
    /// What stands there now.
    pub new: Option<Entry>,
}

impl Repo {
    /// The changes from one tree to another, in order of path. Commits and tags stand for their trees, `None`
    /// for the empty tree. More than `budget` files, or more than `budget` folders entered, end in
    /// [`GitError::DiffTooLarge`]: 13 objects can hold 10^10 paths (threats.md, B7).
    pub fn diff_trees(
        &self,
        old: Option<&Oid>,
        new: Option<&Oid>,
        budget: usize,
    ) -> Result<Vec<TreeChange>, GitError> {
        let mut seen = Collector { budget, ..Collector::default() };
        self.walk_both(old, new, &mut seen)?;
        let mut changes = seen.changes;
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(joined(changes))
    }

    fn walk_both(&self, old: Option<&Oid>, new: Option<&Oid>, seen: &mut Collector) -> Result<(), GitError> {
        let raw = |side: Option<&Oid>| match side {
            Some(oid) => self.peel(oid, Kind::Tree).map(|(_, raw)| raw),
            None => Ok(Vec::new()),
        };
        let (from, to) = (raw(old)?, raw(new)?);
        if from == to {
            return Ok(());
        }
        let walked = gix::diff::tree(
            TreeRefIter::from_bytes(&from, self.hash_kind()),
            TreeRefIter::from_bytes(&to, self.hash_kind()),
            State::default(),
            &self.local().objects,
            seen,
        );
        walked.map_err(|why| match (why, old.or(new)) {
            (Error::Failure(why), Some(oid)) => {
                GitError::bad(*oid, format_args!("its tree cannot be walked: {why}"))
            }
            _ => GitError::DiffTooLarge { budget: seen.budget },
        })
    }
}

/// A deletion and an addition of one path are one change; gix tells them apart where trees are not sorted.
fn joined(changes: Vec<TreeChange>) -> Vec<TreeChange> {
    let mut out: Vec<TreeChange> = Vec::with_capacity(changes.len());
    for change in changes {
        match out.last_mut().filter(|last| last.path == change.path) {
            Some(last) => {
                last.old = last.old.take().or(change.old);
                last.new = change.new.or(last.new.take());
            }
            None => out.push(change),
        }
    }
    // What only old tools' spelling of a mode told apart.
    out.retain(|c| c.old != c.new);
    out
}

#[derive(Default)]
struct Collector {
    changes: Vec<TreeChange>,
    path: Vec<u8>,
    /// The paths of folders that gix will enter, in its order.
    ahead: VecDeque<Vec<u8>>,
    folders: usize,
    budget: usize,
}

type Side = Option<(EntryMode, gix::ObjectId)>;

impl Collector {
    fn record(&mut self, old: Side, new: Side) -> visit::Action {
        let entry = |side: Side| {
            side.filter(|(mode, _)| mode.is_no_tree())
                .map(|(mode, id)| Entry { mode: canonical(mode), oid: from_gix(&id) })
        };
        let (old, new) = (entry(old), entry(new));
        match old.is_none() && new.is_none() {
            true => self.folders += 1,
            false => self.changes.push(TreeChange { path: self.path.clone(), old, new }),
        }
        match self.folders.max(self.changes.len()) > self.budget {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

impl Visit for Collector {
    fn pop_front_tracked_path_and_set_current(&mut self) {
        self.path = self.ahead.pop_front().unwrap_or_default();
    }

    fn push_back_tracked_path_component(&mut self, component: &BStr) {
        self.push_path_component(component);
        self.ahead.push_back(self.path.clone());
    }

    fn push_path_component(&mut self, component: &BStr) {
        if !self.path.is_empty() {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(component);
    }

    fn pop_path_component(&mut self) {
        let end = self.path.iter().rposition(|b| *b == b'/').unwrap_or(0);
        self.path.truncate(end);
    }

    fn visit(&mut self, change: visit::Change) -> visit::Action {
        match change {
            visit::Change::Addition { entry_mode, oid, .. } => self.record(None, Some((entry_mode, oid))),
            visit::Change::Deletion { entry_mode, oid, .. } => self.record(Some((entry_mode, oid)), None),
            visit::Change::Modification { previous_entry_mode, previous_oid, entry_mode, oid } => {
                self.record(Some((previous_entry_mode, previous_oid)), Some((entry_mode, oid)))
            }
        }
    }
}
