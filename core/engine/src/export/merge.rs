//! Three-way merge of trees by whole path: pure, from two sets of changes.

use std::collections::BTreeMap;

use coregit_git::{Entry, TreeChange};
use coregit_model::Conflict;

/// What a merge gives: what is to be applied to their tree, and the paths that both sides changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Changes to apply to their tree.
    pub apply: Vec<TreeChange>,
    /// Paths that both sides changed, each in another way.
    pub conflicts: Vec<Vec<u8>>,
}

/// Applies `ours` where `theirs` left a path alone. The same change on both sides is done already; the
/// same path changed in two ways is a conflict, and so is a file of one side where the other has a folder.
pub fn merge(ours: Vec<TreeChange>, theirs: &[TreeChange], conflict: Conflict) -> Merged {
    let changed: BTreeMap<&[u8], Option<&Entry>> =
        theirs.iter().map(|c| (c.path.as_slice(), c.new.as_ref())).collect();
    let mut merged = Merged::default();
    for change in ours {
        if changed.get(change.path.as_slice()) == Some(&change.new.as_ref()) {
            continue;
        }
        match (collides(&change, &changed), conflict) {
            (None, _) => merged.apply.push(change),
            (Some(_), Conflict::Remote) => {}
            (Some(Collision::SamePath), Conflict::Local) => merged.apply.push(TreeChange {
                old: changed.get(change.path.as_slice()).copied().flatten().cloned(),
                ..change
            }),
            (Some(_), _) => merged.conflicts.push(change.path),
        }
    }
    merged
}

enum Collision {
    SamePath,
    FolderAndFile,
}

fn collides(change: &TreeChange, theirs: &BTreeMap<&[u8], Option<&Entry>>) -> Option<Collision> {
    if theirs.contains_key(change.path.as_slice()) {
        return Some(Collision::SamePath);
    }
    change.new.as_ref()?;
    let slashes = change.path.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(at, _)| at);
    let mut parents = slashes.map(|at| &change.path[..at]);
    let folder = [change.path.as_slice(), b"/"].concat();
    let mut below = theirs.range(folder.as_slice()..).take_while(|(path, _)| path.starts_with(&folder));
    let hit = parents.any(|p| theirs.get(p).is_some_and(|new| new.is_some()))
        || below.any(|(_, new)| new.is_some());
    hit.then_some(Collision::FolderAndFile)
}

#[cfg(test)]
mod tests {
    use coregit_model::Oid;

    use super::*;

    fn change(path: &str, old: Option<u8>, new: Option<u8>) -> TreeChange {
        let entry = |n: u8| Entry { mode: 0o100644, oid: Oid::from_bytes(&[n; 20]).unwrap() };
        TreeChange { path: path.into(), old: old.map(entry), new: new.map(entry) }
    }

    #[test]
    fn changes_elsewhere_are_kept_and_equal_changes_are_done() {
        let theirs = [change("theirs", None, Some(9)), change("both", None, Some(3))];
        let merged =
            merge(vec![change("a", None, Some(1)), change("both", None, Some(3))], &theirs, Conflict::Stop);
        assert_eq!(merged, Merged { apply: vec![change("a", None, Some(1))], conflicts: vec![] });
    }

    #[test]
    fn one_path_changed_in_two_ways_is_a_conflict_unless_a_side_wins() {
        let theirs = [change("f", Some(1), Some(2))];
        let ours = || vec![change("f", Some(1), Some(3))];
        assert_eq!(merge(ours(), &theirs, Conflict::Stop).conflicts, [b"f".to_vec()]);
        assert_eq!(merge(ours(), &theirs, Conflict::Local).apply, [change("f", Some(2), Some(3))]);
        assert_eq!(merge(ours(), &theirs, Conflict::Remote), Merged::default());
    }

    #[test]
    fn a_file_here_and_a_folder_there_collide_both_ways() {
        let theirs = [change("d/x", None, Some(2)), change("f", None, Some(2))];
        let merged =
            merge(vec![change("d", None, Some(1)), change("f/y", None, Some(1))], &theirs, Conflict::Stop);
        assert_eq!(merged.conflicts, [b"d".to_vec(), b"f/y".to_vec()]);
    }
}
