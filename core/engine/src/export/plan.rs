//! The plan of a history export: pure, from refs on both sides and what both had in common.

use std::collections::{BTreeMap, BTreeSet};

use coregit_model::{Action, Oid, OnDivergence, Plan, PlannedRef, Prune, RefName, SyncConfig};

/// The namespaces that hosts keep for themselves; a push to them is refused and sinks the rest.
const HIDDEN: [&[u8]; 10] = [
    b"refs/pull/",
    b"refs/merge-requests/",
    b"refs/pipelines/",
    b"refs/environments/",
    b"refs/keep-around/",
    b"refs/tmp/",
    b"refs/remotes/",
    b"refs/replace/",
    b"refs/coregit/",
    b"refs/backup/",
];

/// What both sides had in common for one ref when they were last equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Common {
    /// Ours.
    pub ours: Oid,
    /// Theirs.
    pub theirs: Oid,
    /// Whether this sync created or updated their ref.
    pub managed: bool,
}

/// Everything that the plan is made from. Maps are keyed by the ref on the receiving side.
pub struct Sides<'a> {
    /// The sync's settings.
    pub sync: &'a SyncConfig,
    /// Our ref and where it stands.
    pub ours: BTreeMap<RefName, (RefName, Oid)>,
    /// Where theirs stands.
    pub theirs: &'a BTreeMap<RefName, Oid>,
    /// The last common state.
    pub common: &'a BTreeMap<RefName, (RefName, Common)>,
    /// What earlier runs were about to make stand there and may have.
    pub intended: &'a BTreeSet<(RefName, Oid)>,
}

/// Chooses the refs that go, and their names there.
pub fn outgoing(sync: &SyncConfig, refs: Vec<(RefName, Oid)>) -> BTreeMap<RefName, (RefName, Oid)> {
    let mut out = BTreeMap::new();
    for (name, oid) in refs {
        let target = sync.refs.target_of(&name);
        if let Some(target) = target.filter(|t| !HIDDEN.iter().any(|h| t.starts_with(h))) {
            out.insert(target, (name, oid));
        }
    }
    out
}

/// Decides every ref. `is_ancestor(old, new)` answers from our objects; an oid that we do not have is
/// nobody's ancestor.
pub fn plan(sides: &Sides<'_>, is_ancestor: &mut dyn FnMut(&Oid, &Oid) -> bool) -> Plan {
    let mut refs: Vec<_> = sides.ours.keys().map(|name| outgoing_ref(sides, name, is_ancestor)).collect();
    refs.extend(sides.common.iter().filter_map(|(name, common)| gone_ref(sides, name, common)));
    refs.sort_by(|a, b| a.remote.cmp(&b.remote));
    Plan { refs }
}

fn outgoing_ref(
    sides: &Sides<'_>,
    remote: &RefName,
    is_ancestor: &mut dyn FnMut(&Oid, &Oid) -> bool,
) -> PlannedRef {
    let (local, new) = &sides.ours[remote];
    let old = sides.theirs.get(remote);
    let (action, reason) = match old {
        None => (Action::Create, "it does not exist there yet".to_owned()),
        Some(old) if old == new => (Action::Unchanged, "both sides are equal".to_owned()),
        Some(old) if remote.starts_with(b"refs/tags/") => moved_tag(sides, remote, old),
        Some(old) if is_ancestor(old, new) => (Action::FastForward, "our history goes on".to_owned()),
        Some(old) => diverged(sides, remote, old, is_ancestor(new, old)),
    };
    PlannedRef {
        local: local.clone(),
        remote: remote.clone(),
        action,
        old: old.copied(),
        new: Some(*new),
        reason,
    }
}

/// Whether the head there is one that we left, or were about to leave, there.
fn left_by_us(sides: &Sides<'_>, remote: &RefName, there: &Oid) -> bool {
    let common = sides.common.get(remote).is_some_and(|(_, c)| c.theirs == *there);
    common || sides.intended.contains(&(remote.clone(), *there))
}

fn moved_tag(sides: &Sides<'_>, remote: &RefName, old: &Oid) -> (Action, String) {
    if !sides.sync.accept_tag_move {
        let way = format!(
            "the tag {} is another there ({}); a tag does not move by itself: `coregit sync update {} \
             --accept-tag-move` lets it",
            remote.short(),
            old.short(),
            sides.sync.label
        );
        return (Action::Blocked, way);
    }
    match left_by_us(sides, remote, old) || sides.sync.on_divergence == OnDivergence::Overwrite {
        true => (Action::Force, "the tag moved here".to_owned()),
        false => (Action::Blocked, format!("the tag {} moved there too, to {}", remote.short(), old.short())),
    }
}

fn diverged(sides: &Sides<'_>, remote: &RefName, old: &Oid, behind: bool) -> (Action, String) {
    if left_by_us(sides, remote, old) {
        return (Action::Force, "our history was rewritten; theirs is what we left there".to_owned());
    }
    if sides.sync.on_divergence == OnDivergence::Overwrite {
        return (
            Action::Force,
            "both sides moved; ours replaces theirs, which is kept in the backup".to_owned(),
        );
    }
    let what = if behind { "has commits that are not here" } else { "moved there and here" };
    let way = format!(
        "{} {what} (theirs is {}): bring them in with `git fetch` and merge, or let ours win with `coregit sync \
         update {} --on-divergence overwrite`",
        remote.short(),
        old.short(),
        sides.sync.label
    );
    (Action::Blocked, way)
}

/// A ref that both had and that is gone here now.
fn gone_ref(sides: &Sides<'_>, remote: &RefName, (local, common): &(RefName, Common)) -> Option<PlannedRef> {
    if sides.ours.contains_key(remote) || sides.sync.prune != Prune::Managed || !common.managed {
        return None;
    }
    let old = sides.theirs.get(remote)?;
    let (action, reason) = match left_by_us(sides, remote, old) {
        true => (Action::Delete, "it was deleted here".to_owned()),
        false => (Action::Blocked, format!("{} was deleted here but moved there", remote.short())),
    };
    Some(PlannedRef {
        local: local.clone(),
        remote: remote.clone(),
        action,
        old: Some(*old),
        new: None,
        reason,
    })
}

/// Stops a run that would delete or force more refs than the sync allows.
pub fn guard(sync: &SyncConfig, plan: &Plan) -> Result<(), String> {
    let destructive = plan.refs.iter().filter(|r| matches!(r.action, Action::Force | Action::Delete)).count();
    match destructive <= sync.guard.refs as usize {
        true => Ok(()),
        false => Err(format!(
            "this run would force or delete {destructive} refs; the guard of {} lets {} go at once",
            sync.label, sync.guard.refs
        )),
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
