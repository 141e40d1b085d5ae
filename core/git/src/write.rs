//! Writing trees and commits: durable, all of them or (after a crash) none that anything refers to.

use std::path::{Path, PathBuf};

use coregit_model::Oid;
use gix::bstr::{BStr, ByteSlice};
use gix::objs::tree::{Editor, EntryKind};
use gix::objs::{Kind, Tree, TreeRef, Write as _, WriteTo};

use crate::convert::{from_gix, to_gix};
use crate::{CommitParts, Entry, GitError, Repo, TreeChange};

/// From this many objects on, one flush of the file system is cheaper than one for each file.
const FLUSH_AT_ONCE: usize = 16;

impl Repo {
    /// Applies changes to a tree and writes the trees that this makes; returns the root's oid. `base` is a
    /// tree (or a commit's), `None` the empty one. What a change expects (`old`) is not looked at.
    ///
    /// Unchanged entries keep their bytes. Refused: paths that no tree may hold, and modes that git has not.
    pub fn write_tree(&self, base: Option<&Oid>, changes: &[TreeChange]) -> Result<Oid, GitError> {
        let root = match base {
            Some(base) => self.owned_tree(base)?,
            None => Tree::default(),
        };
        let local = self.local();
        let mut editor = Editor::new(root, &local.objects, self.hash_kind());
        let failed = |c: &TreeChange, e: gix::Error| GitError::Unwritable(format!("{}: {e}", shown(&c.path)));
        // Deletions first: a folder must be gone before a file takes its name, and the other way round.
        for change in changes.iter().filter(|c| c.new.is_none()) {
            let parts = components(&change.path)?;
            editor.remove_if_leaf(parts).map_err(|e| failed(change, e))?;
        }
        for change in changes {
            let Some(entry) = &change.new else { continue };
            let (parts, kind) = (components(&change.path)?, kind_of(entry, &change.path)?);
            editor.upsert(parts, kind, to_gix(&entry.oid)).map_err(|e| failed(change, e))?;
        }
        let mut made = Vec::new();
        let root = editor.write(|tree| {
            let mut raw = Vec::new();
            tree.write_to(&mut raw).map_err(|e| GitError::Unwritable(e.to_string()))?;
            let id = gix::objs::compute_hash(self.hash_kind(), Kind::Tree, &raw)
                .map_err(|e| GitError::Unwritable(e.to_string()))?;
            made.push((Kind::Tree, raw, id));
            Ok::<_, GitError>(id)
        })?;
        self.write_loose(made)?;
        Ok(from_gix(&root))
    }

    fn owned_tree(&self, oid: &Oid) -> Result<Tree, GitError> {
        let (oid, raw) = self.peel(oid, Kind::Tree)?;
        let tree = TreeRef::from_bytes(&raw, self.hash_kind()).map_err(|e| GitError::bad(oid, e))?;
        Ok(tree.into())
    }

    /// Writes a commit and returns its oid. Its tree and parents need not be here.
    pub fn write_commit(&self, commit: &CommitParts) -> Result<Oid, GitError> {
        let raw = commit.to_bytes().map_err(|e| GitError::Unwritable(format!("the commit: {e}")))?;
        self.write_one(Kind::Commit, raw)
    }

    /// Writes a blob and returns its oid.
    pub fn write_blob(&self, content: &[u8]) -> Result<Oid, GitError> {
        self.write_one(Kind::Blob, content.to_vec())
    }

    fn write_one(&self, kind: Kind, raw: Vec<u8>) -> Result<Oid, GitError> {
        let id = gix::objs::compute_hash(self.hash_kind(), kind, &raw)
            .map_err(|e| GitError::Unwritable(e.to_string()))?;
        self.write_loose(vec![(kind, raw, id)])?;
        Ok(from_gix(&id))
    }

    /// Writes objects into a folder of their own, flushes them, then moves each to its place: under its name
    /// no object is ever found half written, not even after a power cut.
    fn write_loose(&self, mut objects: Vec<(Kind, Vec<u8>, gix::ObjectId)>) -> Result<(), GitError> {
        let local = self.local();
        objects.retain(|(_, _, id)| !local.has_object(id));
        objects.sort_by_key(|(_, _, id)| *id);
        objects.dedup_by_key(|(_, _, id)| *id);
        if objects.is_empty() {
            return Ok(());
        }
        let dir = self.path().join("objects");
        let io = |e| GitError::io(format!("writing objects into {}", dir.display()), e);
        // `git prune` knows this prefix and removes what a crash has left.
        let scratch = tempfile::Builder::new().prefix("tmp_objdir-coregit-").tempdir_in(&dir).map_err(io)?;
        let store = gix::odb::loose::Store::at(scratch.path(), self.hash_kind());
        for (kind, raw, id) in &objects {
            store.write_buf(*kind, raw).map_err(|e| io(std::io::Error::other(format!("{id}: {e}"))))?;
        }
        let names: Vec<_> = objects.iter().map(|(_, _, id)| loose_name(id)).collect();
        settle(scratch.path(), &dir, &names).map_err(io)
    }
}

/// Flushes the named files below `from`, moves them in this order below `to` and flushes the folders.
pub(crate) fn settle(from: &Path, to: &Path, names: &[PathBuf]) -> std::io::Result<()> {
    if names.len() > FLUSH_AT_ONCE {
        rustix::fs::syncfs(std::fs::File::open(from)?)?;
    } else {
        names.iter().try_for_each(|name| std::fs::File::open(from.join(name))?.sync_all())?;
    }
    let mut folders = std::collections::BTreeSet::from([to.to_owned()]);
    for name in names {
        let place = to.join(name);
        let folder = place.parent().unwrap_or(to).to_owned();
        match std::fs::create_dir(&folder) {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => return Err(e),
            _ => folders.insert(folder),
        };
        std::fs::rename(from.join(name), place)?;
    }
    folders.iter().try_for_each(|folder| std::fs::File::open(folder)?.sync_all())
}

fn loose_name(id: &gix::oid) -> PathBuf {
    let hex = id.to_string();
    Path::new(&hex[..2]).join(&hex[2..])
}

/// The parts of a path. Refused is what would make a tree that no git takes; names that are merely
/// dangerous to check out are not judged here.
fn components(path: &[u8]) -> Result<Vec<&BStr>, GitError> {
    let parts: Vec<_> = path.split(|b| *b == b'/').map(|p| p.as_bstr()).collect();
    let bad = |p: &&BStr| {
        p.is_empty() || **p == "." || **p == ".." || p.eq_ignore_ascii_case(b".git") || p.contains(&0)
    };
    match parts.iter().any(bad) {
        true => Err(GitError::Unwritable(format!("{} cannot be a path in a tree", shown(path)))),
        false => Ok(parts),
    }
}

fn kind_of(entry: &Entry, path: &[u8]) -> Result<EntryKind, GitError> {
    match entry.mode {
        0o100644 => Ok(EntryKind::Blob),
        0o100755 => Ok(EntryKind::BlobExecutable),
        0o120000 => Ok(EntryKind::Link),
        0o160000 => Ok(EntryKind::Commit),
        mode => Err(GitError::Unwritable(format!("{}: {mode:o} is no mode of a file", shown(path)))),
    }
}

fn shown(path: &[u8]) -> String {
    format!("{:?}", coregit_model::printable(&String::from_utf8_lossy(path)))
}
