//! Rules over one tree: names, modes, order.

use coregit_model::{ObjectFormat, Oid};

use crate::finding::{Finding, Findings};
use crate::name::{self, DotFile, dot_file, folded, is_dotgit};
use crate::rules;

/// Most folders in each other: git's own `core.maxTreeDepth`.
const MAX_DEPTH: u32 = 2048;
/// Most paths that one tree may unfold into; the largest known repositories have about a million.
const MAX_PATHS: u64 = 10_000_000;
/// Bytes that most file systems allow in one name.
const MAX_NAME: usize = 255;

/// What an entry is, by the type bits of its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A file, executable or not.
    File,
    /// A symbolic link.
    Symlink,
    /// A folder.
    Tree,
    /// A submodule's commit.
    Gitlink,
    /// None of these.
    Unknown,
}

/// One entry of a tree, as it stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its mode as a number.
    pub mode: u32,
    /// Whether the mode is written with a zero in front.
    pub zero_padded: bool,
    /// Its name, any bytes but NUL.
    pub name: &'a [u8],
    /// The object it names.
    pub oid: Oid,
}

impl Entry<'_> {
    /// What it is.
    pub fn kind(&self) -> Kind {
        match self.mode & 0o170_000 {
            0o100_000 => Kind::File,
            0o120_000 => Kind::Symlink,
            0o040_000 => Kind::Tree,
            0o160_000 => Kind::Gitlink,
            _ => Kind::Unknown,
        }
    }
}

/// A tree that is cut short, or has something other than a mode in a mode's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tree is malformed")]
pub struct MalformedTree;

/// The entries of a raw tree, in its order; ends after the first malformed one.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    rest: &'a [u8],
    oid_len: usize,
}

impl<'a> Entries<'a> {
    /// The entries of this raw tree.
    pub fn of(raw: &'a [u8], format: ObjectFormat) -> Self {
        Self { rest: raw, oid_len: format.byte_len() }
    }

    fn take(&mut self) -> Option<Entry<'a>> {
        // `100644 name NUL oid`; seven digits are a zero-padded file.
        let space = self.rest.iter().take(8).position(|b| *b == b' ')?;
        let (digits, after) = (&self.rest[..space], &self.rest[space + 1..]);
        let mode = digits.iter().try_fold(0, |mode: u32, b| match b {
            b'0'..=b'7' => Some(mode << 3 | u32::from(b - b'0')),
            _ => None,
        })?;
        let end = after.iter().position(|b| *b == 0)?;
        let oid = Oid::from_bytes(after.get(end + 1..end + 1 + self.oid_len)?)?;
        self.rest = &after[end + 1 + self.oid_len..];
        let zero_padded = *digits.first()? == b'0';
        Some(Entry { mode, zero_padded, name: &after[..end], oid })
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, MalformedTree>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = self.take();
        if entry.is_none() {
            self.rest = &[];
        }
        Some(entry.ok_or(MalformedTree))
    }
}

/// What is wrong with a raw tree of this object format.
pub fn tree(raw: &[u8], format: ObjectFormat) -> Vec<Finding> {
    let mut found = Findings::default();
    if u32::try_from(raw.len()).is_err() {
        return vec![rules::too_large()];
    }
    let mut names: Vec<(u32, u32)> = Vec::new();
    let mut before: Option<Entry<'_>> = None;
    for entry in Entries::of(raw, format) {
        let Ok(entry) = entry else {
            found.add(&rules::BAD_TREE, None);
            break;
        };
        one_entry(&entry, &mut found);
        if before.is_some_and(|b| order(&b, &entry) == std::cmp::Ordering::Greater) {
            found.add(&rules::NOT_SORTED, Some(entry.name));
        }
        let at = entry.name.as_ptr() as usize - raw.as_ptr() as usize;
        names.push((fingerprint(entry.name), at as u32));
        before = Some(entry);
    }
    same_names(raw, names, &mut found);
    found.finish()
}

fn one_entry(entry: &Entry<'_>, found: &mut Findings) {
    if entry.oid.is_zero() {
        found.add(&rules::NULL_OID, Some(entry.name));
    }
    one_mode(entry, found);
    hostile_name(entry.name, found);
    odd_name(entry.name, found);
    match (dot_file(entry.name), entry.kind()) {
        (None, _) | (_, Kind::File) => {}
        (Some(DotFile::Gitmodules), Kind::Symlink) => found.add(&rules::GITMODULES_SYMLINK, Some(entry.name)),
        (Some(DotFile::Gitmodules), _) => found.add(&rules::GITMODULES_NOT_A_FILE, Some(entry.name)),
        (Some(_), Kind::Symlink) => found.add(&rules::DOTFILE_SYMLINK, Some(entry.name)),
        _ => {}
    }
}

fn one_mode(entry: &Entry<'_>, found: &mut Findings) {
    if entry.zero_padded {
        found.add(&rules::ZERO_PADDED_MODE, Some(entry.name));
    }
    match (entry.kind(), entry.mode) {
        (Kind::Unknown, _) => found.add(&rules::BAD_FILE_TYPE, Some(entry.name)),
        (_, 0o100_644 | 0o100_755 | 0o120_000 | 0o040_000 | 0o160_000) => {}
        _ => found.add(&rules::BAD_FILEMODE, Some(entry.name)),
    }
}

fn hostile_name(name: &[u8], found: &mut Findings) {
    match name {
        b"" => found.add(&rules::EMPTY_NAME, None),
        b"." => found.add(&rules::HAS_DOT, Some(name)),
        b".." => found.add(&rules::HAS_DOTDOT, Some(name)),
        _ if name.contains(&b'/') => found.add(&rules::FULL_PATHNAME, Some(name)),
        _ => {}
    }
    if name.split(|b| *b == b'\\').any(is_dotgit) {
        found.add(&rules::HAS_DOTGIT, Some(name));
    }
    let mut windows_parts = name.split(|b| *b == b'\\');
    if name.contains(&b'\\') && windows_parts.any(|part| part.trim_ascii_end() == b"..") {
        found.add(&rules::BACKSLASH_TRAVERSAL, Some(name));
    }
}

fn odd_name(name: &[u8], found: &mut Findings) {
    if name.len() > MAX_NAME {
        found.add(&rules::LONG_NAME, Some(name));
    }
    if name::has_control(name) {
        found.add(&rules::CONTROL_CHARACTER, Some(name));
    }
    if !name.is_ascii() && std::str::from_utf8(name).is_err() {
        found.add(&rules::NOT_UTF8, Some(name));
    }
    if name::has_bidi(name) {
        found.add(&rules::BIDI, Some(name));
    }
    if name != b"." && name != b".." && name::is_windows_trouble(name) {
        found.add(&rules::WINDOWS_NAME, Some(name));
    }
    match name.first() {
        Some(b'-') => found.add(&rules::LEADING_DASH, Some(name)),
        Some(b':') => found.add(&rules::PATHSPEC_MAGIC, Some(name)),
        _ => {}
    }
}

/// git's order: bytes, folders as if a slash followed their name.
fn order(a: &Entry<'_>, b: &Entry<'_>) -> std::cmp::Ordering {
    let end = |e: &Entry<'_>| (e.kind() == Kind::Tree).then_some(b'/');
    let (left, right) = (a.name.iter().copied().chain(end(a)), b.name.iter().copied().chain(end(b)));
    left.cmp(right)
}

/// Equal for names that fold to the same; small, because a tree can have a million entries.
fn fingerprint(name: &[u8]) -> u32 {
    // FNV-1a. Collisions cost a comparison, no more.
    let step = |sum: u32, b: &u8| (sum ^ u32::from(*b)).wrapping_mul(0x0100_0193);
    match name.is_ascii() {
        true => name.iter().fold(0x811c_9dc5, |sum, b| step(sum, &b.to_ascii_lowercase())),
        false => folded(name).iter().fold(0x811c_9dc5, step),
    }
}

/// Finds equal names, which git's order does not always put side by side (`a`, `a.b`, `a/`), and twins.
/// `names` are fingerprints and places in `raw`.
fn same_names(raw: &[u8], mut names: Vec<(u32, u32)>, found: &mut Findings) {
    let name = |at: u32| raw[at as usize..].split(|b| *b == 0).next().unwrap_or_default();
    names.sort_unstable_by(|(sum_a, a), (sum_b, b)| {
        let by_name = || folded(name(*a)).cmp(&folded(name(*b))).then_with(|| name(*a).cmp(name(*b)));
        sum_a.cmp(sum_b).then_with(by_name)
    });
    for pair in names.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        let (a, b) = (name(pair[0].1), name(pair[1].1));
        if a == b {
            found.add(&rules::DUPLICATE_ENTRIES, Some(a));
        } else if folded(a) == folded(b) {
            found.add(&rules::TWINS, Some(b));
        }
    }
}

/// What is wrong with a tree that unfolds into this many paths and this deep.
pub fn budget(paths: u64, depth: u32) -> Option<Finding> {
    match (paths, depth) {
        (paths, _) if paths > MAX_PATHS => Some(rules::TREE_BUDGET.broken(None)),
        (_, depth) if depth > MAX_DEPTH => Some(rules::TREE_DEPTH.broken(None)),
        _ => None,
    }
}
