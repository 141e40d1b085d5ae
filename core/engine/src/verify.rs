//! Proving later that both sides are still equal, and naming what moved.

use std::collections::BTreeMap;

use coregit_model::{Mode, Oid, Receipt, ReceiptRef, RefName, RunId, SyncConfig, Timestamp};

use crate::export::{fingerprint, outgoing_refs};
use crate::{Engine, Error};

/// One ref that does not stand as it was left.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// Our ref.
    pub local: RefName,
    /// Where it stands here now.
    pub local_oid: Option<Oid>,
    /// Their ref.
    pub remote: RefName,
    /// Where it stands there now.
    pub remote_oid: Option<Oid>,
    /// What moved since both were last proved equal: `here`, `there` or `both`.
    pub moved: &'static str,
}

/// What a verify found.
#[derive(Debug, serde::Serialize)]
pub struct Verified {
    /// Whether both sides are equal.
    pub equal: bool,
    /// How many refs were compared.
    pub refs: usize,
    /// Those that differ.
    pub differences: Vec<Difference>,
    /// The proof of this moment.
    pub fingerprint: String,
    /// The fingerprint of the last receipt.
    pub last_fingerprint: Option<String>,
    /// When both sides were last proved equal before.
    pub last_verified_at: Option<Timestamp>,
}

/// What stood for the same state on both sides: ours and theirs.
type Pairs = BTreeMap<RefName, (RefName, Oid, Oid)>;

impl Engine {
    /// Lists both sides again. Equal sides give a new receipt; nothing else is written.
    pub async fn verify(&self, sync: &SyncConfig) -> Result<Verified, Error> {
        let repo = self.repo_of(sync).await?;
        let git = coregit_git::Repo::open(&repo.path)?;
        let ours = self.compared(sync, git.refs()?);
        let link = self.link(sync).await?;
        let theirs = link.git(&sync.remote).await?.ls_refs(&[b"refs/"]).await?.refs;
        let key = self.remote_key_of(sync).await?;
        let bases = self.store.bases(&repo.id, &key).await?;
        let pairs: Pairs =
            bases.into_iter().map(|b| (b.theirs, (b.ours, b.ours_oid, b.theirs_oid))).collect();
        let differences = differences(sync, &ours, &theirs, &pairs);
        let fingerprint = fingerprint(ours.keys().map(|name| (name, theirs.get(name))));
        let last = self.store.last_receipt(&sync.id).await?;
        if differences.is_empty() {
            self.store.put_receipt(&sync.id, &receipt(&ours, &theirs, &fingerprint)).await?;
        }
        Ok(Verified {
            equal: differences.is_empty(),
            refs: ours.len(),
            differences,
            fingerprint,
            last_fingerprint: last.as_ref().map(|r| r.fingerprint.clone()),
            last_verified_at: last.map(|r| r.verified_at),
        })
    }

    fn compared(&self, sync: &SyncConfig, refs: Vec<(RefName, Oid)>) -> BTreeMap<RefName, (RefName, Oid)> {
        match sync.mode {
            Mode::History => outgoing_refs(sync, refs),
            Mode::Snapshot => {
                let name = RefName::of_branch(&sync.branch);
                refs.into_iter().filter(|(n, _)| *n == name).map(|(n, oid)| (n.clone(), (n, oid))).collect()
            }
        }
    }
}

fn differences(
    sync: &SyncConfig,
    ours: &BTreeMap<RefName, (RefName, Oid)>,
    theirs: &BTreeMap<RefName, Oid>,
    pairs: &Pairs,
) -> Vec<Difference> {
    let mut found = Vec::new();
    for (remote, (local, here)) in ours {
        let there = theirs.get(remote);
        let pair = pairs.get(remote);
        let equal = match sync.mode {
            Mode::History => there == Some(here),
            Mode::Snapshot => pair.is_some_and(|(_, o, t)| o == here && there == Some(t)),
        };
        if equal {
            continue;
        }
        let here_moved = pair.is_none_or(|(_, o, _)| o != here);
        let there_moved = pair.is_none_or(|(_, _, t)| there != Some(t));
        let moved = match (here_moved, there_moved) {
            (true, false) => "here",
            (false, true) => "there",
            _ => "both",
        };
        found.push(Difference {
            local: local.clone(),
            local_oid: Some(*here),
            remote: remote.clone(),
            remote_oid: there.copied(),
            moved,
        });
    }
    found
}

fn receipt(
    ours: &BTreeMap<RefName, (RefName, Oid)>,
    theirs: &BTreeMap<RefName, Oid>,
    fingerprint: &str,
) -> Receipt {
    let row = |(remote, (local, oid)): (&RefName, &(RefName, Oid))| ReceiptRef {
        local: local.clone(),
        local_oid: Some(*oid),
        remote: remote.clone(),
        remote_oid: theirs.get(remote).copied(),
    };
    let run_id = None::<RunId>;
    let refs = ours.iter().take(1000).map(row).collect();
    Receipt { run_id, verified_at: Timestamp::now(), refs, fingerprint: fingerprint.to_owned() }
}
