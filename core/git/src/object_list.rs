//! The objects of one commit on top of a tree that is there: for a push whose parent commit is not here.

use std::collections::HashSet;

use coregit_model::Oid;

use crate::{GitError, Repo, TreeChange};

/// Objects to pack, with the paths that they stand at: git finds deltas by them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectList {
    /// A tree that the server has; its files serve as bases of deltas.
    base: Option<Oid>,
    objects: Vec<(Oid, Vec<u8>)>,
}

impl ObjectList {
    /// How many objects it names.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether it names none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// What `git pack-objects` reads: `-<base>`, then oids with paths.
    pub(crate) fn to_lines(&self) -> Vec<u8> {
        let mut out: Vec<u8> = self.base.iter().flat_map(|base| format!("-{base}\n").into_bytes()).collect();
        for (oid, path) in &self.objects {
            out.extend_from_slice(format!("{oid} ").as_bytes());
            // A path is only a hint here; a line feed in it would end the line.
            out.extend(path.iter().map(|b| if *b == b'\n' { b'?' } else { *b }));
            out.push(b'\n');
        }
        out
    }
}

impl Repo {
    /// The objects that a commit has and a tree has not: the commit, its new trees, the new blobs. `changes`
    /// are those that made the commit's tree out of `base`; an object that only moved is not named again.
    pub fn objects_of_change(
        &self,
        base: Option<&Oid>,
        commit: &Oid,
        changes: &[TreeChange],
    ) -> Result<ObjectList, GitError> {
        let root = self.commit(commit)?.tree;
        let base = base.map(|base| self.tree_of(base)).transpose()?;
        let (old, new) = self.differing_folders(base.as_ref(), &root)?;
        let mut known: HashSet<Oid> = changes.iter().filter_map(|c| Some(c.old.as_ref()?.oid)).collect();
        known.extend(old.into_iter().chain(base));
        // A submodule's commit is in another repository.
        let files = changes.iter().filter_map(|c| Some((c.new.as_ref()?, &c.path)));
        let files =
            files.filter(|(entry, _)| entry.mode != 0o160000).map(|(entry, path)| (entry.oid, path.clone()));
        let all = [(*commit, Vec::new()), (root, Vec::new())].into_iter().chain(new).chain(files);
        Ok(ObjectList { base, objects: all.filter(|(oid, _)| known.insert(*oid)).collect() })
    }
}
