//! Reading objects: kinds, sizes, blobs, commits, the entries of trees.

use coregit_model::Oid;
use gix::objs::Kind;

use crate::convert::{from_gix, to_gix};
use crate::{CommitParts, GitError, Repo};

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A commit.
    Commit,
    /// A tree.
    Tree,
    /// A file's content, or a symlink's target.
    Blob,
    /// An annotated tag.
    Tag,
}

/// What stands at a path: a mode as git writes it and an oid.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// `0o100644`, `0o100755`, `0o120000` (symlink), `0o160000` (submodule) or `0o40000` (tree).
    pub mode: u32,
    /// The blob, tree, or the submodule's commit.
    pub oid: Oid,
}

/// One entry of one tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeEntry {
    /// Its name; any bytes.
    pub name: Vec<u8>,
    /// What it is.
    pub entry: Entry,
}

/// Chains of tags longer than this are taken for an attack.
const PEEL_LIMIT: usize = 100;

impl Repo {
    /// Whether the object is here. A miss looks at the folder of packs again.
    pub fn has(&self, oid: &Oid) -> bool {
        oid.format() == self.format() && self.local().has_object(to_gix(oid))
    }

    /// Those of these objects that are here: the folder of packs is read at most once more.
    pub(crate) fn present<'a>(&self, oids: impl IntoIterator<Item = &'a Oid>) -> Vec<Oid> {
        let mut local = self.local();
        let mut oids = oids.into_iter().filter(|o| o.format() == self.format());
        let mut present = Vec::new();
        // The first miss may be a pack that has just arrived; after that, misses are misses.
        for oid in oids.by_ref() {
            if local.has_object(to_gix(oid)) {
                present.push(*oid);
            } else {
                break;
            }
        }
        local.objects.refresh_never();
        present.extend(oids.filter(|o| local.has_object(to_gix(o))));
        present
    }

    /// What an object is.
    pub fn kind(&self, oid: &Oid) -> Result<ObjectKind, GitError> {
        Ok(match self.header(oid)?.0 {
            Kind::Commit => ObjectKind::Commit,
            Kind::Tree => ObjectKind::Tree,
            Kind::Blob => ObjectKind::Blob,
            Kind::Tag => ObjectKind::Tag,
        })
    }

    fn header(&self, oid: &Oid) -> Result<(Kind, u64), GitError> {
        let found = self.local().try_find_header(to_gix(oid)).map_err(|e| GitError::bad(*oid, e))?;
        let header = found.ok_or_else(|| self.missing(oid))?;
        Ok((header.kind(), header.size()))
    }

    pub(crate) fn missing(&self, oid: &Oid) -> GitError {
        GitError::Missing { oid: *oid, path: self.path().to_owned() }
    }

    /// An object's bytes, when it is of this kind.
    pub(crate) fn read(&self, oid: &Oid, kind: Kind) -> Result<Vec<u8>, GitError> {
        let (found, data) = self.read_any(oid)?;
        match found == kind {
            true => Ok(data),
            false => Err(GitError::bad(*oid, format_args!("it is a {found}, not a {kind}"))),
        }
    }

    fn read_any(&self, oid: &Oid) -> Result<(Kind, Vec<u8>), GitError> {
        let local = self.local();
        let found = local.try_find_object(to_gix(oid)).map_err(|e| GitError::bad(*oid, e))?;
        let mut object = found.ok_or_else(|| self.missing(oid))?;
        Ok((object.kind, std::mem::take(&mut object.data)))
    }

    /// A commit, taken apart; an annotated tag is followed to it.
    pub fn commit(&self, oid: &Oid) -> Result<CommitParts, GitError> {
        let (oid, raw) = self.peel(oid, Kind::Commit)?;
        CommitParts::parse(&raw).map_err(|e| GitError::bad(oid, e))
    }

    /// A blob's bytes. One of more than `limit` bytes is refused before it is inflated.
    pub fn blob(&self, oid: &Oid, limit: u64) -> Result<Vec<u8>, GitError> {
        let size = self.blob_size(oid)?;
        if size > limit {
            let what = format!("blob {oid} of {size} bytes");
            return Err(GitError::TooLarge { what, limit: format!("{limit} bytes") });
        }
        self.read(oid, Kind::Blob)
    }

    /// A blob's size in bytes, without inflating it.
    pub fn blob_size(&self, oid: &Oid) -> Result<u64, GitError> {
        match self.header(oid)? {
            (Kind::Blob, size) => Ok(size),
            (kind, _) => Err(GitError::bad(*oid, format_args!("it is a {kind}, not a blob"))),
        }
    }

    /// The tree of a commit or of a tag on one; a tree is its own.
    pub fn tree_of(&self, oid: &Oid) -> Result<Oid, GitError> {
        self.peel(oid, Kind::Tree).map(|(tree, _)| tree)
    }

    /// The entries of one tree (or of a commit's), as they stand in it; folders are not entered.
    pub fn tree_entries(&self, oid: &Oid) -> Result<Vec<TreeEntry>, GitError> {
        let (oid, raw) = self.peel(oid, Kind::Tree)?;
        let entries = gix::objs::TreeRefIter::from_bytes(&raw, self.hash_kind());
        entries
            .map(|e| {
                let e = e.map_err(|e| GitError::bad(oid, e))?;
                let entry = Entry { mode: canonical(e.mode), oid: from_gix(e.oid) };
                Ok(TreeEntry { name: e.filename.to_vec(), entry })
            })
            .collect()
    }

    /// The commit that an oid names, through annotated tags; `None` for trees, blobs and what is not here.
    pub(crate) fn as_commit(&self, oid: &Oid) -> Option<Oid> {
        self.peel(oid, Kind::Commit).ok().map(|(oid, _)| oid)
    }

    /// Follows tags (and, towards a tree, a commit) to an object of this kind.
    pub(crate) fn peel(&self, oid: &Oid, kind: Kind) -> Result<(Oid, Vec<u8>), GitError> {
        let mut at = *oid;
        for _ in 0..PEEL_LIMIT {
            let (found, data) = self.read_any(&at)?;
            let header: &[u8] = match found {
                found if found == kind => return Ok((at, data)),
                Kind::Tag => b"object ",
                Kind::Commit if kind == Kind::Tree => b"tree ",
                found => {
                    return Err(GitError::bad(*oid, format_args!("it leads to a {found}, not to a {kind}")));
                }
            };
            let line = data.split(|b| *b == b'\n').next().and_then(|l| l.strip_prefix(header));
            let line = line.ok_or_else(|| GitError::bad(at, "its first line names no object"))?;
            at = Oid::from_hex(line).map_err(|e| GitError::bad(at, e))?;
        }
        Err(GitError::bad(*oid, "its tags go on and on"))
    }
}

/// A mode as git shows it: old tools wrote `100664` and others, which git reads as `100644`.
pub(crate) fn canonical(mode: gix::objs::tree::EntryMode) -> u32 {
    u32::from(gix::objs::tree::EntryMode::from(mode.kind()).value())
}
