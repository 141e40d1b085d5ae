//! The two roads of a snapshot: through the provider's API, and as a push of the commit made here.

use coregit_git::{CommitParts, Depth, Fetch, Push, Signature, TreeChange};
use coregit_model::{Oid, RefUpdate, Via};
use coregit_providers::{Content, NewCommit, NewTree, Person, TreeEntry};

use super::snapshot::{MOST_CHANGES, Snapshot};
use crate::run::Run;
use crate::{Error, fail_point};

/// A blob larger than this does not go through the API: 40 MB.
const MOST_BLOB: u64 = 40_000_000;

impl Run<'_> {
    /// Whether the API can say every change faithfully: UTF-8 paths and git's usual modes.
    pub(super) fn can_say(&self, snapshot: &Snapshot) -> Result<bool, Error> {
        let usual = |mode: u32| matches!(mode, 0o100644 | 0o100755 | 0o120000 | 0o160000);
        let fits = |c: &TreeChange| {
            std::str::from_utf8(&c.path).is_ok_and(|p| !p.chars().any(char::is_control))
                && c.new.as_ref().is_none_or(|e| usual(e.mode))
        };
        Ok(snapshot.changes.iter().all(fits))
    }

    /// Objects, commit and ref through REST and GraphQL; the ref moves by compare-and-swap.
    pub(super) async fn apply_by_api(&mut self, snapshot: &Snapshot) -> Result<Oid, Error> {
        let Some(made) = &snapshot.commit else { return Err(nothing_planned()) };
        let remote = self.sync.remote.clone();
        if !self.can_say(snapshot)? {
            return Err(Error::failed("a path or mode of this snapshot cannot be said in JSON")
                .hint("give --via git or --via auto"));
        }
        let (base, expected) = (snapshot.head_tree, Some(made.parts.tree));
        let tree = NewTree { base, entries: self.entries(snapshot)?, expected };
        let tree = self.link.provider.put_tree(&remote, tree).await?;
        fail_point("snapshot.tree");
        let commit = new_commit(&made.parts, tree, made.oid);
        let oid = self.link.provider.put_commit(&remote, &commit).await?;
        fail_point("snapshot.commit");
        self.intend_commit(snapshot, oid).await?;
        fail_point("snapshot.intended");
        let zero = Oid::zero(oid.format());
        let update = RefUpdate { name: self.branch_ref(), expected: snapshot.head.unwrap_or(zero), new: oid };
        self.link.provider.update_refs(&remote, &[update]).await?;
        fail_point("snapshot.moved");
        Ok(oid)
    }

    fn entries(&self, snapshot: &Snapshot) -> Result<Vec<TreeEntry>, Error> {
        let objects = self.objects()?;
        let mut entries = Vec::with_capacity(snapshot.changes.len());
        for change in &snapshot.changes {
            let path = String::from_utf8_lossy(&change.path).into_owned();
            let content = match &change.new {
                None => Content::Deleted,
                Some(entry) if entry.mode == 0o160000 => Content::Known(entry.oid),
                Some(entry) => Content::Bytes(objects.blob(&entry.oid, MOST_BLOB)?, entry.oid),
            };
            let mode = change.new.as_ref().or(change.old.as_ref()).map_or(0o100644, |e| e.mode);
            entries.push(TreeEntry { path, mode, content });
        }
        Ok(entries)
    }

    /// The commit made here, pushed with its expected old oid; only what the change made new is sent.
    pub(super) async fn apply_by_git(&mut self, snapshot: &Snapshot) -> Result<Oid, Error> {
        let Some(made) = &snapshot.commit else { return Err(nothing_planned()) };
        self.intend_commit(snapshot, made.oid).await?;
        fail_point("snapshot.intended");
        let remote = self.there().await?;
        let advertisement = remote.receive_pack_advertisement().await?;
        let zero = Oid::zero(made.oid.format());
        let update =
            RefUpdate { name: self.branch_ref(), expected: snapshot.head.unwrap_or(zero), new: made.oid };
        let objects = self.objects()?;
        let push = Push { onto_tree: snapshot.head_tree, ..Push::of(std::slice::from_ref(&update)) };
        let pushed = remote.push(&objects, &advertisement, &push).await;
        fail_point("snapshot.moved");
        let report = match pushed.map_err(Error::from) {
            Ok(report) => report,
            Err(error) if error.effect_unknown && self.stands_there(made.oid).await => return Ok(made.oid),
            Err(error) => return Err(error),
        };
        match super::refusal(&report, &update.name) {
            None => Ok(made.oid),
            Some((class, sentence, hint)) => {
                let error = Error::new(crate::error::kind_of(class), sentence).class(class);
                Err(hint.into_iter().fold(error, Error::hint))
            }
        }
    }

    /// Whether a commit arrived although no answer did.
    async fn stands_there(&mut self, commit: Oid) -> bool {
        self.head_there().await.is_ok_and(|head| head == Some(commit))
    }

    /// The tree of their head, asked for where we do not have that commit.
    pub(super) async fn their_tree(&mut self, head: &Oid) -> Result<Oid, Error> {
        let objects = self.objects()?;
        if objects.has(head) {
            return Ok(objects.commit(head)?.tree);
        }
        if self.sync.via == Via::Git {
            self.fetch_theirs(&[*head]).await?;
            return Ok(self.objects()?.commit(head)?.tree);
        }
        match self.link.provider.commit_tree(&self.sync.remote, head).await {
            Ok(tree) => Ok(tree),
            Err(error) if self.sync.via == Via::Api => Err(error.into()),
            Err(_) => {
                self.fetch_theirs(&[*head]).await?;
                Ok(self.objects()?.commit(head)?.tree)
            }
        }
    }

    /// The tree of their head, with its objects here.
    pub(super) async fn their_tree_here(&mut self, head: &Oid) -> Result<Oid, Error> {
        let tree = self.their_tree(head).await?;
        if !self.objects()?.has(&tree) {
            self.fetch_theirs(&[*head]).await?;
        }
        Ok(tree)
    }

    /// What changed there since the last common state; everything, where there is none.
    pub(super) async fn their_changes(
        &mut self,
        before: Option<&Oid>,
        head: &Oid,
    ) -> Result<Vec<TreeChange>, Error> {
        let now = self.their_tree_here(head).await?;
        let old = match before {
            None => None,
            Some(before) => Some(self.their_tree_here(before).await?),
        };
        Ok(self.objects()?.diff_trees(old.as_ref(), Some(&now), MOST_CHANGES)?)
    }

    /// Fetches these commits of theirs, one deep, into the repository that is never served.
    async fn fetch_theirs(&mut self, wants: &[Oid]) -> Result<(), Error> {
        let remote = self.there().await?;
        let objects = self.objects()?;
        let haves: Vec<_> = self.git.ref_oid(&self.branch_ref())?.into_iter().collect();
        let fetch = Fetch { depth: Depth::Commits(1), haves: &haves, ..Fetch::of(wants) };
        remote.fetch(&objects, &fetch).await?;
        Ok(())
    }
}

fn nothing_planned() -> Error {
    Error::new(crate::ErrorKind::Bug, "a snapshot without changes was to be applied")
}

fn new_commit(parts: &CommitParts, tree: Oid, expected: Oid) -> NewCommit {
    let text = |raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
    let person = |s: &Signature| Person {
        name: text(&s.name),
        email: text(&s.email),
        seconds: s.seconds,
        offset: text(&s.offset),
    };
    NewCommit {
        message: text(&parts.message),
        tree,
        parents: parts.parents.clone(),
        author: person(&parts.author),
        committer: person(&parts.committer),
        expected: Some(expected),
    }
}
