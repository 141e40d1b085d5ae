//! Questions about history: who descends from whom, how many commits lie between.

use std::collections::{BinaryHeap, HashMap, HashSet};

use coregit_model::Oid;
use gix::commitgraph::{GENERATION_NUMBER_INFINITY, Graph};
use gix::objs::Kind;

use crate::commit::split_headers;
use crate::convert::{from_gix, to_gix};
use crate::{CommitParts, GitError, Repo};

/// A walk over more commits than this ends in an error; the largest public histories have about 1.5 million.
const MOST_COMMITS: usize = 10_000_000;

/// Reached from the old side.
const OLD: u8 = 1;
/// Reached from the new side.
const NEW: u8 = 2;

impl Repo {
    /// Whether `old` is `new` or one of its ancestors. Tags are followed. What is not here, or is no commit,
    /// is nobody's ancestor.
    pub fn is_ancestor(&self, old: &Oid, new: &Oid) -> Result<bool, GitError> {
        if old == new {
            return Ok(self.has(old));
        }
        let (Some(old), Some(new)) = (self.as_commit(old), self.as_commit(new)) else { return Ok(false) };
        let mut walk = Walk::new(self)?;
        let generation = walk.facts(&old)?.generation;
        if generation == GENERATION_NUMBER_INFINITY {
            walk.paint(old, OLD)?;
        } else {
            // The commit-graph says how deep `old` lies: nothing that lies as deep or deeper leads to it.
            walk.floor = generation;
        }
        walk.paint(new, NEW)?;
        while walk.open > 0 && !walk.is_painted(&old, NEW) {
            walk.step()?;
        }
        Ok(walk.is_painted(&old, NEW))
    }

    /// How many commits `new` has that `old` has not; all of them without `old`. Commits whose dates run
    /// backwards by days can make it a little too high.
    pub fn count_between(&self, old: Option<&Oid>, new: &Oid) -> Result<u64, GitError> {
        let mut walk = Walk::new(self)?;
        if let Some(old) = old.and_then(|old| self.as_commit(old)) {
            walk.paint(old, OLD)?;
        }
        let new = self.as_commit(new).ok_or_else(|| self.missing(new))?;
        walk.paint(new, NEW)?;
        while walk.open > 0 || walk.may_lead_to_new() {
            walk.step()?;
        }
        Ok(walk.seen.values().filter(|s| s.paint == NEW).count() as u64)
    }

    /// The tip, when it is the only commit that came after `base`: a child of it, and a merge only of what
    /// `base` has already.
    pub fn only_commit_between(&self, base: &Oid, tip: &Oid) -> Result<Option<Oid>, GitError> {
        let (Some(base), Some(tip)) = (self.as_commit(base), self.as_commit(tip)) else { return Ok(None) };
        let parents = self.commit(&tip)?.parents;
        if !parents.contains(&base) {
            return Ok(None);
        }
        for parent in parents.iter().filter(|p| **p != base) {
            if !self.is_ancestor(parent, &base)? {
                return Ok(None);
            }
        }
        Ok(Some(tip))
    }
}

/// What a walk needs of a commit.
struct Facts {
    parents: Vec<Oid>,
    generation: u32,
    date: i64,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    paint: u8,
    queued: bool,
}

/// Paints histories downwards from two sides, youngest first.
struct Walk<'r> {
    repo: &'r Repo,
    local: gix::Repository,
    graph: Option<Graph>,
    shallow: HashSet<Oid>,
    seen: HashMap<Oid, Seen>,
    /// Generation, date, oid and parents.
    queue: BinaryHeap<(u32, i64, Oid, Vec<Oid>)>,
    /// Queued commits that only the new side has reached. As long as there is one, it may lead to `old`; a
    /// commit that both sides have reached cannot, or it would be its own ancestor.
    open: usize,
    /// Commits of this generation or a lower one are not entered.
    floor: u32,
    /// Generation and date of the deepest commit that the new side has reached.
    deepest_new: (u32, i64),
}

impl<'r> Walk<'r> {
    fn new(repo: &'r Repo) -> Result<Self, GitError> {
        let local = repo.local();
        let shallow = local.shallow_commits().map_err(|e| GitError::open(repo.path(), e))?;
        let shallow: HashSet<_> = shallow.iter().flat_map(|s| s.iter().map(|id| from_gix(id))).collect();
        // A commit-graph may have been written before history was cut off.
        let usable = shallow.is_empty();
        // An unreadable commit-graph only costs time.
        let graph = usable.then(|| local.commit_graph_if_enabled().ok().flatten()).flatten();
        let (seen, queue) = (HashMap::new(), BinaryHeap::new());
        Ok(Self {
            repo,
            local,
            graph,
            shallow,
            seen,
            queue,
            open: 0,
            floor: 0,
            deepest_new: (u32::MAX, i64::MAX),
        })
    }

    fn facts(&self, oid: &Oid) -> Result<Facts, GitError> {
        let id = to_gix(oid);
        let Some(commit) = self.graph.as_ref().and_then(|g| g.commit_by_id(id)) else {
            return self.read(oid);
        };
        let graph = self.graph.as_ref().expect("the commit came out of it");
        let parents = commit.iter_parents().map(|p| p.map(|p| from_gix(graph.id_at(p))));
        let parents = parents.collect::<Result<_, _>>().map_err(|e| GitError::bad(*oid, e))?;
        // Zero: written by a git so old that it knew no generations.
        let generation = Some(commit.generation()).filter(|g| *g > 0).unwrap_or(GENERATION_NUMBER_INFINITY);
        Ok(Facts { parents, generation, date: commit.committer_timestamp().cast_signed() })
    }

    fn read(&self, oid: &Oid) -> Result<Facts, GitError> {
        let found = self.local.try_find_object(to_gix(oid)).map_err(|e| GitError::bad(*oid, e))?;
        let object = found.ok_or_else(|| self.repo.missing(oid))?;
        if object.kind != Kind::Commit {
            return Err(GitError::bad(*oid, "it is the parent of a commit, and no commit"));
        }
        let parts = CommitParts::parse(split_headers(&object.data).0).map_err(|e| GitError::bad(*oid, e))?;
        let parents = if self.shallow.contains(oid) { Vec::new() } else { parts.parents };
        Ok(Facts { parents, generation: GENERATION_NUMBER_INFINITY, date: parts.committer.seconds })
    }

    fn is_painted(&self, oid: &Oid, paint: u8) -> bool {
        self.seen.get(oid).is_some_and(|s| s.paint & paint != 0)
    }

    fn paint(&mut self, oid: Oid, paint: u8) -> Result<(), GitError> {
        let mut seen = self.seen.get(&oid).copied().unwrap_or_default();
        if seen.paint & paint == paint {
            return Ok(());
        }
        if seen.queued && seen.paint == NEW {
            self.open -= 1;
        }
        seen.paint |= paint;
        if !seen.queued {
            let facts = self.facts(&oid)?;
            if facts.generation > self.floor {
                if paint == NEW {
                    self.deepest_new = self.deepest_new.min((facts.generation, facts.date));
                }
                self.queue.push((facts.generation, facts.date, oid, facts.parents));
                seen.queued = true;
            }
        }
        if seen.queued && seen.paint == NEW {
            self.open += 1;
        }
        self.seen.insert(oid, seen);
        match self.seen.len() > MOST_COMMITS {
            true => Err(GitError::TooLarge {
                what: "the history".into(),
                limit: format!("{MOST_COMMITS} commits"),
            }),
            false => Ok(()),
        }
    }

    /// Whether the old side may still come to a commit that only the new side has reached: children are
    /// not older than their parents, but often made in the same second.
    fn may_lead_to_new(&self) -> bool {
        self.queue.peek().is_some_and(|(generation, date, ..)| (*generation, *date) >= self.deepest_new)
    }

    fn step(&mut self) -> Result<(), GitError> {
        let Some((_, _, oid, parents)) = self.queue.pop() else { return Ok(()) };
        let seen = self.seen.get_mut(&oid).expect("everything queued was seen");
        seen.queued = false;
        let paint = seen.paint;
        if paint == NEW {
            self.open -= 1;
        }
        for parent in parents {
            self.paint(parent, paint)?;
        }
        Ok(())
    }
}
