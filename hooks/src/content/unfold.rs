//! How many paths, and how deep, the tips of a push unfold into: thirteen small trees can name ten
//! thousand million paths.
//!
//! Only new trees are read. A tree that was here before counts as one path, which is right as long as
//! nothing new names it twice; where something does, the count starts again and goes through the old
//! trees too. So no row of harmless pushes adds up to a bomb.

use std::collections::{HashMap, HashSet};

use coregit_check::{self as check, Entries, Kind};
use coregit_model::{ObjectFormat, Oid};

use super::report::Report;
use super::{MAX_READ, Quarantine, ReadError, Type};

/// Most trees that are remembered; a push beyond that is not counted to its end.
const MOST_TREES: usize = 200_000;
/// Most folders that wait on the way down to one tree.
const MOST_WAITING: usize = 300_000;
/// As many tips are counted each by itself.
const FEW_TIPS: usize = 16;
/// Most tags on tags on the way to a commit.
const MOST_TAGS: usize = 100;

/// What a tree unfolds into.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    paths: u64,
    depth: u32,
    /// Whether an old tree stands in it, counted as one path.
    cut: bool,
}

/// An old tree, as long as nothing new names it twice.
const ONE_OLD: Size = Size { paths: 1, depth: 1, cut: true };

/// A tree whose folders are still being counted.
struct Open {
    oid: Oid,
    folders: Vec<Oid>,
    size: Size,
}

impl Open {
    fn add(&mut self, folder: Size) {
        self.size.paths = self.size.paths.saturating_add(folder.paths);
        self.size.depth = self.size.depth.max(folder.depth.saturating_add(1));
        self.size.cut |= folder.cut;
    }
}

/// Why the count ended early.
enum Stop {
    /// An old tree counts more than once.
    Twice,
    /// There are more trees than are remembered.
    TooMany,
    /// More folders wait than any checkout has.
    TooWide,
    Read(ReadError),
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Stop::Read(error)
    }
}

/// Counts the trees of these tips and reports those over the budget.
pub(crate) fn unfold(
    quarantine: &mut Quarantine,
    tips: &[Oid],
    report: &mut Report,
) -> Result<(), ReadError> {
    match count(quarantine, tips, report, Through::New) {
        Err(Stop::Twice) => end(count(quarantine, tips, report, Through::Old)),
        other => end(other),
    }
}

fn end(counted: Result<(), Stop>) -> Result<(), ReadError> {
    match counted {
        Err(Stop::Read(error)) => Err(error),
        Err(Stop::TooWide) => Err(ReadError::Malformed("a tree with more folders than any checkout holds")),
        // Whoever unfolds trees later has a budget of its own.
        Err(Stop::TooMany | Stop::Twice) | Ok(()) => Ok(()),
    }
}

fn count(
    quarantine: &mut Quarantine,
    tips: &[Oid],
    report: &mut Report,
    through: Through,
) -> Result<(), Stop> {
    let mut count = Count::new(quarantine.format, through);
    for tip in tips {
        // Two tips may well name the same old folder. With few of them each is counted by itself; with
        // many, together, which at worst reads the old trees for nothing.
        if tips.len() <= FEW_TIPS {
            count = Count::new(quarantine.format, through);
        }
        let Some(root) = root_of(quarantine, *tip)? else { continue };
        let size = count.tree(quarantine, root)?;
        if let Some(finding) = check::budget(size.paths, size.depth) {
            report.add(Type::Tree, &root, vec![finding]);
        }
    }
    Ok(())
}

/// The tree that a tip leads to.
fn root_of(quarantine: &mut Quarantine, tip: Oid) -> Result<Option<Oid>, ReadError> {
    let mut oid = tip;
    for _ in 0..MOST_TAGS {
        let Some(object) = quarantine.read(&oid, MAX_READ)? else { return Ok(None) };
        let next = match (object.declared.kind, object.raw) {
            (Type::Tree, _) => return Ok(Some(oid)),
            (Type::Commit, Some(raw)) => return Ok(check::tree_of_commit(&raw)),
            (Type::Tag, Some(raw)) => check::target_of_tag(&raw),
            _ => None,
        };
        match next {
            Some(target) => oid = target,
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// Whether trees that were here before are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Through {
    New,
    Old,
}

struct Count {
    format: ObjectFormat,
    through: Through,
    known: HashMap<Oid, Size>,
    /// Old trees that something new names.
    old: HashSet<Oid>,
}

impl Count {
    fn new(format: ObjectFormat, through: Through) -> Self {
        Self { format, through, known: HashMap::new(), old: HashSet::new() }
    }

    /// What this tree unfolds into. Goes down with a list of its own: nesting may be hostile.
    fn tree(&mut self, quarantine: &mut Quarantine, root: Oid) -> Result<Size, Stop> {
        if let Some(size) = self.known.get(&root) {
            return Ok(*size);
        }
        let mut path = vec![self.open(quarantine, root)?];
        let mut waiting = path[0].folders.len();
        loop {
            let Some(top) = path.last_mut() else { return Ok(Size::default()) };
            let Some(folder) = top.folders.pop() else {
                let size = top.size;
                self.known.insert(top.oid, size);
                path.pop();
                match path.last_mut() {
                    None => return Ok(size),
                    Some(parent) => parent.add(size),
                }
                continue;
            };
            waiting -= 1;
            if let Some(size) = self.known_or_old(quarantine, &folder)? {
                top.add(size);
                continue;
            }
            let open = self.open(quarantine, folder)?;
            waiting += open.folders.len();
            path.push(open);
            self.in_bounds(path.len(), waiting)?;
        }
    }

    fn in_bounds(&self, depth: usize, waiting: usize) -> Result<(), Stop> {
        match (self.known.len() + depth > MOST_TREES, waiting > MOST_WAITING) {
            (true, _) => Err(Stop::TooMany),
            (_, true) => Err(Stop::TooWide),
            _ => Ok(()),
        }
    }

    /// The size of a folder that need not be read.
    fn known_or_old(&mut self, quarantine: &Quarantine, folder: &Oid) -> Result<Option<Size>, Stop> {
        match self.known.get(folder) {
            Some(size) if size.cut => return Err(Stop::Twice),
            Some(size) => return Ok(Some(*size)),
            None => {}
        }
        if self.through == Through::Old || quarantine.is_new(folder)? {
            return Ok(None);
        }
        match self.old.insert(*folder) {
            true => Ok(Some(ONE_OLD)),
            false => Err(Stop::Twice),
        }
    }

    fn open(&self, quarantine: &mut Quarantine, oid: Oid) -> Result<Open, Stop> {
        let mut open = Open { oid, folders: Vec::new(), size: Size { paths: 0, depth: 1, cut: false } };
        // What is not there, or too large, is one path: a new one was refused already.
        let raw = quarantine.read(&oid, MAX_READ)?.and_then(|object| object.raw).unwrap_or_default();
        for entry in Entries::of(&raw, self.format).map_while(Result::ok) {
            match entry.kind() {
                Kind::Tree => open.folders.push(entry.oid),
                _ => open.size.paths += 1,
            }
        }
        Ok(open)
    }
}
