//! Proof after the fact: the far side is listed again, and a receipt is made of what it says.

use std::collections::BTreeMap;
use std::time::Duration;

use coregit_model::{ErrorClass, Oid, Plan, Receipt, ReceiptRef, RefName, RefResult, Timestamp};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::run::Run;

/// More refs than this are listed by namespace instead of by name.
const MOST_PREFIXES: usize = 50;

impl Run<'_> {
    /// Where these refs stand there now.
    pub(super) async fn listed<'n>(
        &self,
        names: impl Iterator<Item = &'n RefName>,
    ) -> Result<BTreeMap<RefName, Oid>, Error> {
        let names: Vec<&[u8]> = names.map(RefName::as_bytes).collect();
        let all: [&[u8]; 1] = [b"refs/"];
        let prefixes = if names.len() > MOST_PREFIXES { &all[..] } else { &names[..] };
        let remote = self.there().await?;
        Ok(remote.ls_refs(prefixes).await?.refs)
    }

    /// Lists the written refs until they stand as planned. A host that still shows the old state is asked
    /// again for a while (it has replicas); one that shows a third state is told at once.
    pub(super) async fn proved(
        &self,
        written: &[RefResult],
        theirs: &mut BTreeMap<RefName, Oid>,
    ) -> Result<(), Error> {
        if written.is_empty() {
            return Ok(());
        }
        let deadline = tokio::time::Instant::now() + self.engine.settings().verify_patience();
        let mut wait = Duration::from_millis(100);
        loop {
            let now = self.listed(written.iter().map(|r| &r.name)).await?;
            let wrong = written.iter().find(|r| now.get(&r.name) != r.new.as_ref());
            let Some(wrong) = wrong else {
                written.iter().for_each(|r| stand(theirs, &r.name, r.new));
                return Ok(());
            };
            let still_old = now.get(&wrong.name) == wrong.old.as_ref();
            if !still_old || tokio::time::Instant::now() + wait > deadline {
                return Err(not_as_written(wrong, now.get(&wrong.name)));
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(5));
        }
    }

    /// The proof that every planned ref stands there as here.
    pub(super) fn receipt(&self, plan: &Plan, theirs: &BTreeMap<RefName, Oid>) -> Receipt {
        let row = |r: &coregit_model::PlannedRef| ReceiptRef {
            local: r.local.clone(),
            local_oid: r.new,
            remote: r.remote.clone(),
            remote_oid: theirs.get(&r.remote).copied(),
        };
        let fingerprint = fingerprint(plan.refs.iter().map(|r| (&r.remote, theirs.get(&r.remote))));
        let refs = plan.refs.iter().filter(|r| r.action.writes()).map(row).collect();
        Receipt { run_id: Some(self.id.clone()), verified_at: Timestamp::now(), refs, fingerprint }
    }

    /// Files changed (created or updated) and deleted between two commits.
    pub(super) fn count_changes(&self, old: Option<&Oid>, new: &Oid) -> Result<(u64, u64), Error> {
        let tree = |commit: &Oid| Ok::<_, Error>(self.git.commit(commit)?.tree);
        let old = old.map(tree).transpose()?;
        let changes = self.git.diff_trees(old.as_ref(), Some(&tree(new)?), super::snapshot::MOST_CHANGES)?;
        let deleted = changes.iter().filter(|c| c.new.is_none()).count() as u64;
        Ok((changes.len() as u64 - deleted, deleted))
    }
}

fn stand(theirs: &mut BTreeMap<RefName, Oid>, name: &RefName, oid: Option<Oid>) {
    match oid {
        Some(oid) => drop(theirs.insert(name.clone(), oid)),
        None => drop(theirs.remove(name)),
    }
}

fn not_as_written(wrong: &RefResult, now: Option<&Oid>) -> Error {
    let oid = |oid: Option<&Oid>| oid.map_or("absent".to_owned(), Oid::short);
    let sentence = format!(
        "the host took the push, but {} is {} there instead of {}",
        wrong.name.short(),
        oid(now),
        oid(wrong.new.as_ref())
    );
    Error { effect_unknown: true, ..Error::failed(sentence) }.class(ErrorClass::Transient)
}

/// SHA-256 over `<remote ref> SP <remote oid> LF`, in hex.
pub(crate) fn fingerprint<'r>(refs: impl Iterator<Item = (&'r RefName, Option<&'r Oid>)>) -> String {
    let mut hash = Sha256::new();
    for (name, oid) in refs {
        hash.update(name.as_bytes());
        hash.update(format!(" {}\n", oid.map_or_else(|| "-".to_owned(), Oid::to_string)).as_bytes());
    }
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}
