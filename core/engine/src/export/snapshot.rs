//! Export of a snapshot: one branch, one commit per run holding all changes. The plan, and its roads.

use std::collections::{BTreeSet, VecDeque};

use coregit_git::{CommitParts, Repo as GitRepo, TreeChange};
use coregit_model::{
    Action, BranchName, ErrorClass, Oid, OnDivergence, Plan, PlannedRef, RefName, RefResult, RefStatus, Via,
};
use coregit_store::{Base, Intent};

use super::merge::merge;
use super::message::{PlanId, Source, snapshot_commit};
use super::{Exported, counted};
use crate::run::{DryRun, Run};
use crate::{Error, fail_point};

/// A tree bomb stops being planned here (`facts/threats.md`, B7).
pub(super) const MOST_CHANGES: usize = 1_000_000;
/// `auto` takes the API for at most this many files …
const API_FILES: usize = 100;
/// … of at most this many bytes in all.
const API_BYTES: u64 = 1_000_000;
/// The guard on files looks only at runs that delete more than this.
const GUARDED_DELETIONS: usize = 1_000;
/// How far back a commit of ours is looked for whose tree is the one that stands there.
const ADOPTION_DEPTH: usize = 10_000;

/// What a snapshot export is about to do.
pub(super) struct Snapshot {
    /// Our tip.
    pub tip: Oid,
    /// Their head, which the commit stands on.
    pub head: Option<Oid>,
    /// The tree of their head.
    pub head_tree: Option<Oid>,
    /// Changes to apply to that tree.
    pub changes: Vec<TreeChange>,
    /// The commit that shall stand there; `None`: theirs says the same as ours already.
    pub commit: Option<Made>,
}

/// The commit of a snapshot and its id when it is made here.
pub(super) struct Made {
    pub oid: Oid,
    pub parts: CommitParts,
}

/// Where our change begins: our commit at the last common state, and their head then.
struct Start {
    ours: Option<Oid>,
    theirs: Option<Oid>,
}

impl Run<'_> {
    pub(super) async fn plan_snapshot(&mut self) -> Result<DryRun, Error> {
        let snapshot = self.planned_snapshot().await?;
        let (files_changed, deleted) = counts(&snapshot.changes);
        Ok(DryRun { plan: Plan { refs: vec![self.planned_ref(&snapshot)] }, files_changed, deleted })
    }

    pub(super) async fn export_snapshot(&mut self) -> Result<Exported, Error> {
        let snapshot = self.planned_snapshot().await?;
        let mut exported = Exported { remote_sha: snapshot.head, ..Exported::default() };
        if snapshot.commit.is_some() {
            self.guard_files(&snapshot)?;
            let new = self.apply(&snapshot).await?;
            fail_point("snapshot.applied");
            exported.refs = vec![self.result(&snapshot, new)];
            self.proved(&exported.refs, &mut Default::default()).await?;
            exported.wrote = true;
            exported.files = counts(&snapshot.changes);
            (exported.remote_sha, exported.commit_sha) = (Some(new), Some(new));
            exported.message = told(&exported);
        }
        self.conclude_snapshot(&snapshot, &mut exported);
        Ok(exported)
    }

    pub(super) fn branch_ref(&self) -> RefName {
        RefName::of_branch(&self.sync.branch)
    }

    async fn planned_snapshot(&mut self) -> Result<Snapshot, Error> {
        let tip = self.git.ref_oid(&self.branch_ref())?.ok_or_else(|| absent(&self.sync.branch))?;
        let head = self.head_there().await?;
        self.identity_of(head.as_ref()).await?;
        let Some(head) = head else { return self.first_commit(tip) };
        let start = self.start(&tip, &head).await?;
        let changes = match start.theirs == Some(head) {
            true => self.ours_since(start.ours.as_ref(), &tip)?,
            false => self.both_moved(&start, &tip, &head).await?,
        };
        self.on_top_of(tip, head, changes).await
    }

    /// Their head: by git, which costs nothing of the API's budget, unless that road is closed or not wanted.
    pub(super) async fn head_there(&mut self) -> Result<Option<Oid>, Error> {
        let name = self.branch_ref();
        if self.sync.via == Via::Api {
            return Ok(self.link.provider.ref_oid(&self.sync.remote, &name).await?);
        }
        let error = match self.listed([&name].into_iter()).await {
            Ok(refs) => return Ok(refs.get(&name).copied()),
            Err(error) => error,
        };
        match error.class {
            Some(ErrorClass::Moved | ErrorClass::NotFound)
                if self.follow_rename(error.clone()).await.is_ok() =>
            {
                Ok(self.listed([&name].into_iter()).await?.get(&name).copied())
            }
            Some(ErrorClass::Transient | ErrorClass::Scope | ErrorClass::Invalid)
                if self.sync.via == Via::Auto =>
            {
                let head = self.link.provider.ref_oid(&self.sync.remote, &name).await;
                self.notes.push(format!("git was closed ({error}), the API was used"));
                Ok(head.map_err(|_| error)?)
            }
            _ => Err(error),
        }
    }

    async fn identity_of(&mut self, head: Option<&Oid>) -> Result<(), Error> {
        let name = self.branch_ref();
        let common = self.common().await?;
        let common = common.into_iter().filter(|(theirs, _)| *theirs == name).collect();
        let theirs = head.map(|h| (name, *h)).into_iter().collect();
        self.prove_identity(&theirs, &common).await
    }

    /// Nothing stands there yet: one commit without parents that holds everything.
    fn first_commit(&self, tip: Oid) -> Result<Snapshot, Error> {
        let changes = self.ours_since(None, &tip)?;
        let tree = self.git.commit(&tip)?.tree;
        let commit = Some(self.made(&tip, None, &tree, None)?);
        Ok(Snapshot { tip, head: None, head_tree: None, changes, commit })
    }

    /// The last common state; on the first run a head there that is one of our commits, or whose tree is the
    /// tree of one of them, is it.
    async fn start(&mut self, tip: &Oid, head: &Oid) -> Result<Start, Error> {
        let intents = self.engine.store.intents_of(&self.sync.id).await?;
        let ours_of_intent = intents.iter().find(|i| i.new == Some(*head)).and_then(|i| i.source);
        if let Some(ours) = ours_of_intent {
            return Ok(Start { ours: Some(ours), theirs: Some(*head) });
        }
        if let Some((_, common)) = self.common().await?.remove(&self.branch_ref()) {
            return Ok(Start { ours: Some(common.ours), theirs: Some(common.theirs) });
        }
        if self.git.has(head) && self.git.commit(head).is_ok() {
            return Ok(Start { ours: Some(*head), theirs: Some(*head) });
        }
        let tree = self.their_tree(head).await?;
        let adopted = self.commit_with_tree(tip, &tree)?;
        Ok(Start { ours: adopted, theirs: adopted.map(|_| *head) })
    }

    /// The nearest commit behind our tip whose tree is this one.
    fn commit_with_tree(&self, tip: &Oid, tree: &Oid) -> Result<Option<Oid>, Error> {
        let (mut seen, mut queue) = (BTreeSet::from([*tip]), VecDeque::from([*tip]));
        while let Some(oid) = queue.pop_front().filter(|_| seen.len() <= ADOPTION_DEPTH) {
            let commit = self.git.commit(&oid)?;
            if commit.tree == *tree {
                return Ok(Some(oid));
            }
            queue.extend(commit.parents.into_iter().filter(|parent| seen.insert(*parent)));
        }
        Ok(None)
    }

    fn ours_since(&self, ours: Option<&Oid>, tip: &Oid) -> Result<Vec<TreeChange>, Error> {
        let old = ours.map(|o| self.git.commit(o)).transpose()?.map(|c| c.tree);
        let new = self.git.commit(tip)?.tree;
        Ok(self.git.diff_trees(old.as_ref(), Some(&new), MOST_CHANGES)?)
    }

    /// Somebody moved their head, or this is the first export to a remote that holds something.
    async fn both_moved(&mut self, start: &Start, tip: &Oid, head: &Oid) -> Result<Vec<TreeChange>, Error> {
        let mut ours = self.ours_since(start.ours.as_ref(), tip)?;
        match self.sync.on_divergence {
            OnDivergence::Stop if start.ours.is_none() || !ours.is_empty() => Err(self.diverged(head)),
            OnDivergence::Stop => Ok(Vec::new()),
            OnDivergence::Overwrite => {
                let (tree, theirs) = (self.git.commit(tip)?.tree, self.their_tree_here(head).await?);
                Ok(self.objects()?.diff_trees(Some(&theirs), Some(&tree), MOST_CHANGES)?)
            }
            OnDivergence::Merge => {
                let theirs = self.their_changes(start.theirs.as_ref(), head).await?;
                if start.ours.is_none() {
                    ours.retain(|c| c.new.is_some());
                }
                let merged = merge(ours, &theirs, self.sync.conflict);
                match merged.conflicts.is_empty() {
                    true => Ok(merged.apply),
                    false => Err(self.conflicts(&merged.conflicts)),
                }
            }
        }
    }

    fn diverged(&self, head: &Oid) -> Error {
        let sentence = format!(
            "{} at {} moved to {}, which coregit did not put there; nothing was changed",
            self.sync.branch,
            self.sync.remote,
            head.short()
        );
        let hint = format!(
            "`coregit sync update {0} --on-divergence merge` keeps both sides, `… overwrite` makes theirs ours",
            self.sync.label
        );
        Error::refused(sentence).hint(hint).class(ErrorClass::Conflict)
    }

    fn conflicts(&self, paths: &[Vec<u8>]) -> Error {
        let shown = paths.iter().take(10).map(|p| coregit_model::printable(&String::from_utf8_lossy(p)));
        let more = paths.len().saturating_sub(10);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let sentence = format!(
            "{} changed on both sides, here and at {}: {}{more}; nothing was changed",
            counted(paths.len(), "path"),
            self.sync.remote,
            shown.collect::<Vec<_>>().join(", ")
        );
        let hint = format!(
            "make both sides equal there, or decide once with `coregit sync update {} --conflict local` (or remote)",
            self.sync.label
        );
        Error::refused(sentence).hint(hint).class(ErrorClass::Conflict)
    }

    /// The plan for a head that stands there: the target tree and the commit, made here first.
    async fn on_top_of(&mut self, tip: Oid, head: Oid, changes: Vec<TreeChange>) -> Result<Snapshot, Error> {
        if changes.is_empty() {
            return Ok(Snapshot { tip, head: Some(head), head_tree: None, changes, commit: None });
        }
        let head_tree = self.their_tree_here(&head).await?;
        let tree = self.objects()?.write_tree(Some(&head_tree), &changes)?;
        if tree == head_tree {
            return Ok(Snapshot {
                tip,
                head: Some(head),
                head_tree: None,
                changes: Vec::new(),
                commit: None,
            });
        }
        let since = self.common().await?.remove(&self.branch_ref()).map(|(_, c)| c.ours);
        let commit = Some(self.made(&tip, Some(&head), &tree, since.as_ref())?);
        Ok(Snapshot { tip, head: Some(head), head_tree: Some(head_tree), changes, commit })
    }

    fn made(&self, tip: &Oid, head: Option<&Oid>, tree: &Oid, since: Option<&Oid>) -> Result<Made, Error> {
        let commit = self.git.commit(tip)?;
        let only_commit = since.is_some_and(|s| commit.parents.as_slice() == [*s]);
        let committer = self.engine.settings().committer();
        let source = Source { slug: &self.repo.slug, tip, commit: &commit, only_commit, committer };
        let plan = PlanId { sync: &self.sync.id, base: head, source: tip, tree };
        let parts = snapshot_commit(&source, &plan);
        Ok(Made { oid: self.objects()?.write_commit(&parts)?, parts })
    }

    /// The repository that sees our objects, theirs and those made for them, and is never served.
    pub(super) fn objects(&self) -> Result<GitRepo, Error> {
        Ok(GitRepo::open_or_create_shadow(self.engine.home().shadow_dir(&self.repo.id), &self.repo.path)?)
    }

    fn guard_files(&self, snapshot: &Snapshot) -> Result<(), Error> {
        let deleted = counts(&snapshot.changes).1 as usize;
        if deleted <= GUARDED_DELETIONS {
            return Ok(());
        }
        let objects = self.objects()?;
        let all = objects.diff_trees(None, snapshot.head_tree.as_ref(), MOST_CHANGES)?.len();
        if deleted * 100 <= all * usize::from(self.sync.guard.percent) {
            return Ok(());
        }
        let sentence = format!("this run would delete {deleted} of {all} files there; nothing was changed");
        Err(Error::refused(sentence)
            .hint(format!("`coregit sync update {} --guard-percent 100` lets it", self.sync.label)))
    }

    /// Takes the better road, and the other one where that is closed to the token or too narrow.
    async fn apply(&mut self, snapshot: &Snapshot) -> Result<Oid, Error> {
        let by_api = match self.sync.via {
            Via::Git => false,
            Via::Api => true,
            Via::Auto => self.suits_api(snapshot)?,
        };
        let first = self.apply_by(snapshot, by_api).await;
        let Err(error) = first else { return first };
        let closed = matches!(
            error.class,
            Some(ErrorClass::Scope | ErrorClass::NotFound | ErrorClass::TooLarge | ErrorClass::Invalid)
        );
        let other_can = by_api || self.can_say(snapshot)?;
        if self.sync.via != Via::Auto || !closed || error.effect_unknown || !other_can {
            return Err(error);
        }
        let road = if by_api { "the API" } else { "git" };
        self.notes.push(format!("{road} was closed ({}), the other road was taken", error.sentence));
        self.apply_by(snapshot, !by_api).await.map_err(|_| error)
    }

    async fn apply_by(&mut self, snapshot: &Snapshot, by_api: bool) -> Result<Oid, Error> {
        match by_api {
            true => self.apply_by_api(snapshot).await,
            false => self.apply_by_git(snapshot).await,
        }
    }

    fn suits_api(&self, snapshot: &Snapshot) -> Result<bool, Error> {
        if snapshot.head.is_none() || snapshot.changes.len() > API_FILES || !self.can_say(snapshot)? {
            return Ok(false);
        }
        let objects = self.objects()?;
        let mut bytes = 0;
        for entry in snapshot.changes.iter().filter_map(|c| c.new.as_ref()).filter(|e| e.mode != 0o160000) {
            bytes += objects.blob_size(&entry.oid)?;
        }
        Ok(bytes <= API_BYTES)
    }

    pub(super) async fn intend_commit(&self, snapshot: &Snapshot, new: Oid) -> Result<(), Error> {
        let name = self.branch_ref();
        let intent = Intent { name, expected: snapshot.head, new: Some(new), source: Some(snapshot.tip) };
        Ok(self.engine.store.set_intents(&self.id, &self.sync.id, &[intent]).await?)
    }

    fn planned_ref(&self, snapshot: &Snapshot) -> PlannedRef {
        let name = self.branch_ref();
        let (action, reason) = match (&snapshot.commit, snapshot.head) {
            (None, _) => (Action::Unchanged, "theirs says the same as ours".to_owned()),
            (Some(_), None) => (Action::Create, "it does not exist there yet".to_owned()),
            (Some(_), Some(_)) => (Action::FastForward, "one commit holds all changes".to_owned()),
        };
        let new = snapshot.commit.as_ref().map(|c| c.oid).or(snapshot.head);
        PlannedRef { local: name.clone(), remote: name, action, old: snapshot.head, new, reason }
    }

    fn result(&self, snapshot: &Snapshot, new: Oid) -> RefResult {
        let PlannedRef { remote: name, action, old, .. } = self.planned_ref(snapshot);
        RefResult { name, action, old, new: Some(new), status: RefStatus::Ok, reason: None }
    }

    fn conclude_snapshot(&self, snapshot: &Snapshot, exported: &mut Exported) {
        let Some(theirs) = exported.remote_sha else { return };
        let name = self.branch_ref();
        exported.put_bases.push(Base {
            ours_oid: snapshot.tip,
            theirs_oid: theirs,
            managed_by: Some(self.sync.id.clone()),
            ..Base::at(self.base_key(&name, &name))
        });
        let planned = PlannedRef { new: Some(theirs), ..self.planned_ref(snapshot) };
        let standing = [(name, theirs)].into_iter().collect();
        exported.receipt = Some(self.receipt(&Plan { refs: vec![planned] }, &standing));
    }
}

fn absent(branch: &BranchName) -> Error {
    Error::not_found(format!("there is no branch {branch} here"))
        .hint("push it first, or choose another with `coregit sync update SYNC --branch B`")
}

/// Files created or updated, and files deleted.
fn counts(changes: &[TreeChange]) -> (u64, u64) {
    let deleted = changes.iter().filter(|c| c.new.is_none()).count() as u64;
    (changes.len() as u64 - deleted, deleted)
}

fn told(exported: &Exported) -> String {
    let (changed, deleted) = exported.files;
    let files = counted(changed as usize, "file");
    match deleted {
        0 => format!("Exported {files}"),
        n => format!("Exported {files}, deleted {n}"),
    }
}
