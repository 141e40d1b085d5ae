//! Objects of a bare repository, read and written in process; trees edited path by path.

use std::collections::BTreeMap;

use gix::ObjectId;
use gix::objs::tree::{Entry, EntryKind, EntryMode};
use gix::objs::{Kind, Tree, TreeRef, Write as _};

/// The objects of one repository.
pub(super) struct Objects(pub(super) gix::Repository);

/// What happens to one path of a tree.
#[derive(Clone, Copy, Debug)]
pub(super) enum Put {
    /// This entry stands there.
    Entry(EntryKind, ObjectId),
    /// Nothing stands there any more.
    Nothing,
}

/// A path that should go and is not there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Missing(pub(super) String);

impl Objects {
    /// Reads an object.
    pub(super) fn read(&self, oid: &str) -> Option<(Kind, Vec<u8>)> {
        let id = ObjectId::from_hex(oid.as_bytes()).ok()?;
        let object = self.0.try_find_object(id).ok()??;
        Some((object.kind, object.detach().data))
    }

    /// The kind of an object.
    pub(super) fn kind(&self, oid: &str) -> Option<Kind> {
        let id = ObjectId::from_hex(oid.as_bytes()).ok()?;
        Some(self.0.try_find_header(id).ok()??.kind())
    }

    /// Reads an object of this kind.
    pub(super) fn read_as(&self, oid: &str, kind: Kind) -> Option<Vec<u8>> {
        self.read(oid).filter(|(k, _)| *k == kind).map(|(_, data)| data)
    }

    /// The size of an object.
    pub(super) fn size(&self, id: ObjectId) -> u64 {
        self.0.find_header(id).map_or(0, |h| h.size())
    }

    /// Writes an object, unless it is there.
    pub(super) fn write(&self, kind: Kind, data: &[u8]) -> ObjectId {
        self.0.objects.write_buf(kind, data).expect("the forge's folder is writable")
    }

    /// The entries of a tree.
    pub(super) fn tree(&self, id: ObjectId) -> Vec<Entry> {
        let Some(data) = self.read_as(&id.to_string(), Kind::Tree) else { return Vec::new() };
        let tree = TreeRef::from_bytes(&data, gix::hash::Kind::Sha1);
        tree.map_or_else(|_| Vec::new(), |t| t.entries.into_iter().map(Entry::from).collect())
    }

    /// The tree of a commit.
    pub(super) fn tree_of(&self, commit: &str) -> Option<ObjectId> {
        let data = self.read_as(commit, Kind::Commit)?;
        ObjectId::from_hex(data.strip_prefix(b"tree ")?.get(..40)?).ok()
    }

    /// What stands at a path of a tree; the empty path is the tree itself.
    pub(super) fn at(&self, tree: ObjectId, path: &str) -> Option<(EntryMode, ObjectId)> {
        let mut found = (EntryMode::from(EntryKind::Tree), tree);
        for part in path.split('/').filter(|p| !p.is_empty()) {
            if !found.0.is_tree() {
                return None;
            }
            let entry = self.tree(found.1).into_iter().find(|e| e.filename == part)?;
            found = (entry.mode, entry.oid);
        }
        Some(found)
    }

    /// The tree with these paths changed, later ones over earlier ones; `None` when nothing is left in it.
    pub(super) fn edit(
        &self,
        base: Option<ObjectId>,
        puts: &[(Vec<&str>, Put)],
    ) -> Result<Option<ObjectId>, Missing> {
        let mut entries: BTreeMap<Vec<u8>, Entry> = BTreeMap::new();
        for entry in base.map_or_else(Vec::new, |b| self.tree(b)) {
            entries.insert(entry.filename.to_vec(), entry);
        }
        let mut below: BTreeMap<&str, Vec<(Vec<&str>, Put)>> = BTreeMap::new();
        for (path, put) in puts {
            match (&path[..], put) {
                ([], _) => {}
                ([name], Put::Entry(kind, oid)) => {
                    let entry = Entry { mode: (*kind).into(), filename: (*name).into(), oid: *oid };
                    entries.insert(name.as_bytes().to_vec(), entry);
                }
                ([name], Put::Nothing) => {
                    entries.remove(name.as_bytes()).ok_or_else(|| Missing((*name).to_owned()))?;
                }
                ([name, rest @ ..], put) => below.entry(name).or_default().push((rest.to_vec(), *put)),
            }
        }
        self.edit_below(&mut entries, &below)?;
        Ok(self.write_tree(entries))
    }

    fn edit_below(
        &self,
        entries: &mut BTreeMap<Vec<u8>, Entry>,
        below: &BTreeMap<&str, Vec<(Vec<&str>, Put)>>,
    ) -> Result<(), Missing> {
        for (name, puts) in below {
            let sub = entries.get(name.as_bytes()).filter(|e| e.mode.is_tree()).map(|e| e.oid);
            let edited = self.edit(sub, puts).map_err(|m| Missing(format!("{name}/{}", m.0)))?;
            match edited {
                Some(oid) => {
                    let entry = Entry { mode: EntryKind::Tree.into(), filename: (*name).into(), oid };
                    entries.insert(name.as_bytes().to_vec(), entry);
                }
                None => drop(entries.remove(name.as_bytes())),
            }
        }
        Ok(())
    }

    fn write_tree(&self, entries: BTreeMap<Vec<u8>, Entry>) -> Option<ObjectId> {
        if entries.is_empty() {
            return None;
        }
        let mut entries: Vec<Entry> = entries.into_values().collect();
        entries.sort();
        let id = self.0.write_object(Tree { entries }).expect("the forge's folder is writable");
        Some(id.detach())
    }
}

/// The kind of entry that a mode of the API means.
pub(super) fn entry_kind(mode: &str) -> Option<EntryKind> {
    match mode {
        "100644" => Some(EntryKind::Blob),
        "100755" => Some(EntryKind::BlobExecutable),
        "120000" => Some(EntryKind::Link),
        "160000" => Some(EntryKind::Commit),
        "040000" => Some(EntryKind::Tree),
        _ => None,
    }
}

/// The mode of an entry as the API writes it, and its type.
pub(super) fn mode_words(mode: EntryMode) -> (String, &'static str) {
    let kind = match mode.kind() {
        EntryKind::Tree => "tree",
        EntryKind::Commit => "commit",
        _ => "blob",
    };
    (format!("{:06o}", mode.value()), kind)
}
