//! Replicas that are behind: reads that still see the refs of before a change, objects not yet known.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::bare::Bare;
use super::shared::Shared;
use super::world::Repo;

/// How far behind a repository's replicas are after a change. Both measures hold: a replica has caught up when
/// the reads are spent and the time, on the forge's clock, is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lag {
    /// Reads of refs (REST, or a fetch's request) that see the refs of before the change.
    pub ref_reads: u32,
    /// Milliseconds in which all reads do.
    pub ref_ms: u64,
    /// Uses of an object made by the API that find it unknown.
    pub object_uses: u32,
    /// Milliseconds in which all uses do.
    pub object_ms: u64,
}

/// The replicas of all repositories.
#[derive(Default)]
pub(super) struct Replicas(Mutex<BTreeMap<u64, Replica>>);

#[derive(Default)]
struct Replica {
    lag: Lag,
    stale: Option<Wait>,
    young: HashMap<String, Wait>,
}

/// What has to pass before a replica has caught up.
#[derive(Clone, Copy)]
struct Wait {
    uses: u32,
    until_ms: i64,
}

impl Wait {
    /// Takes one use; whether it was still too early.
    fn early(&mut self, now_ms: i64) -> bool {
        let early = self.uses > 0 || now_ms < self.until_ms;
        self.uses = self.uses.saturating_sub(1);
        early
    }
}

impl Replicas {
    /// Sets how far behind a repository's replicas are from now on; what waits is caught up.
    pub(super) fn set(&self, repo_id: u64, lag: Lag) {
        let fresh = Replica { lag, ..Replica::default() };
        self.0.lock().expect("no panic under this lock").insert(repo_id, fresh);
    }

    /// Notes an object made a moment ago.
    pub(super) fn made(&self, repo_id: u64, oid: &str, now_ms: i64) {
        let mut all = self.0.lock().expect("no panic under this lock");
        let Some(replica) = all.get_mut(&repo_id) else { return };
        if replica.lag.object_uses > 0 || replica.lag.object_ms > 0 {
            let wait =
                Wait { uses: replica.lag.object_uses, until_ms: now_ms + replica.lag.object_ms as i64 };
            replica.young.insert(oid.to_owned(), wait);
        }
    }

    /// Whether an object is not yet known to the replica that was asked.
    pub(super) fn unknown(&self, repo_id: u64, oid: &str, now_ms: i64) -> bool {
        let mut all = self.0.lock().expect("no panic under this lock");
        let young = all.get_mut(&repo_id).and_then(|r| r.young.get_mut(oid));
        young.is_some_and(|wait| wait.early(now_ms))
    }

    /// Whether a change must be preceded by a copy of the refs.
    fn lags(&self, repo_id: u64) -> bool {
        let all = self.0.lock().expect("no panic under this lock");
        all.get(&repo_id).is_some_and(|r| r.stale.is_none() && (r.lag.ref_reads > 0 || r.lag.ref_ms > 0))
    }

    fn begin(&self, repo_id: u64, now_ms: i64) {
        let mut all = self.0.lock().expect("no panic under this lock");
        if let Some(replica) = all.get_mut(&repo_id) {
            let until_ms = now_ms + replica.lag.ref_ms as i64;
            replica.stale = Some(Wait { uses: replica.lag.ref_reads, until_ms });
        }
    }

    /// Whether this read sees the refs of before.
    fn stale(&self, repo_id: u64, now_ms: i64) -> bool {
        let mut all = self.0.lock().expect("no panic under this lock");
        let Some(replica) = all.get_mut(&repo_id) else { return false };
        let early = replica.stale.as_mut().is_some_and(|wait| wait.early(now_ms));
        if !early {
            replica.stale = None;
        }
        early
    }
}

impl Shared {
    /// Called before refs change: keeps them for the reads that will still see them.
    pub(super) fn before_change(&self, repo: &Repo) {
        if self.replicas.lags(repo.id) {
            copy(&self.bare(repo), &self.replica(repo));
            self.replicas.begin(repo.id, self.clock.now_ms());
        }
    }

    /// What a read of refs sees: the repository, or its replica that is behind.
    pub(super) fn bare_to_read(&self, repo: &Repo) -> Bare {
        match self.replicas.stale(repo.id, self.clock.now_ms()) {
            true => self.replica(repo),
            false => self.bare(repo),
        }
    }

    fn replica(&self, repo: &Repo) -> Bare {
        Bare::at(self.root.join("replicas").join(format!("{}.git", repo.id)))
    }
}

/// A repository with the same refs and, through its alternates, the same objects.
fn copy(from: &Bare, to: &Bare) {
    to.remove();
    to.create("main");
    let alternates = format!("{}\n", from.path().join("objects").display());
    let refs: String = from.list_refs("").iter().map(|(name, oid)| format!("{oid} {name}\n")).collect();
    let head = std::fs::read(from.path().join("HEAD")).unwrap_or_default();
    let files = [
        ("objects/info/alternates", alternates.into_bytes()),
        ("packed-refs", refs.into_bytes()),
        ("HEAD", head),
    ];
    for (file, bytes) in files {
        let path = to.path().join(file);
        std::fs::create_dir_all(path.parent().expect("a file in a folder"))
            .expect("the forge's folder is writable");
        std::fs::write(path, bytes).expect("the forge's folder is writable");
    }
}
