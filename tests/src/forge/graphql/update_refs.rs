//! `updateRefs`: several refs at once, all or none, each with what it expects.

use serde_json::{Value, json};

use super::super::judge::{Judge, RefChange};
use super::super::refs::ZERO;
use super::super::rest::shapes::node_id;
use super::super::world::Repo;
use super::{Asked, Resolved, Trouble, trouble};

fn unprocessable(words: impl Into<String>) -> Trouble {
    trouble("UNPROCESSABLE", words)
}

impl Asked {
    /// `updateRefs(input: {repositoryId, refUpdates: [{name, afterOid, beforeOid?, force?}], clientMutationId?})`
    pub(super) fn update_refs(&self, input: &Value) -> Resolved {
        let id = input["repositoryId"].as_str().unwrap_or("");
        let named = |r: &&Repo| node_id("R", r.id) == id;
        let found = self.shared.world().repos.values().find(named).cloned();
        let repo = self.writable(found)?;
        let updates = input["refUpdates"].as_array().filter(|u| !u.is_empty());
        let updates =
            updates.ok_or_else(|| trouble("argumentNotAccepted", "refUpdates must not be empty"))?;
        if self.shared.bare(&repo).is_empty() {
            return Err(unprocessable("Git Repository is empty."));
        }
        let changes: Result<Vec<RefChange>, Trouble> =
            updates.iter().map(|u| self.change(&repo, u)).collect();
        let changes: Vec<RefChange> = changes?.into_iter().filter(|c| c.old != c.new).collect();
        self.apply(&repo, &changes)?;
        Ok(json!({"__typename": "UpdateRefsPayload", "clientMutationId": input["clientMutationId"]}))
    }

    /// One update, held against what stands there now.
    fn change(&self, repo: &Repo, update: &Value) -> Result<RefChange, Trouble> {
        let name = update["name"].as_str().unwrap_or("").to_owned();
        let bare = self.shared.bare(repo);
        let well = name.starts_with("refs/") && bare.ask(&["check-ref-format", &name]).is_some();
        if !well || name.starts_with("refs/pull/") {
            return Err(unprocessable(format!("'{name}' is not a valid ref name.")));
        }
        let after = self.after_oid(repo, update)?;
        let old = bare.find_ref(&name);
        let before = update["beforeOid"].as_str().map(str::to_lowercase);
        if let Some(before) = before.filter(|b| *b != old.clone().unwrap_or_else(|| ZERO.to_owned())) {
            let words =
                format!("Expected '{name}' to point to \"{before}\" but it did not. Pull and try again.");
            return Err(trouble("STALE_DATA", words));
        }
        let new = (after != ZERO).then_some(after);
        let forced = update["force"].as_bool().unwrap_or(false);
        let forward = |old: &str, new: &str| bare.ask(&["merge-base", "--is-ancestor", old, new]).is_some();
        if old.as_deref().zip(new.as_deref()).is_some_and(|(old, new)| !forced && !forward(old, new)) {
            return Err(unprocessable("Update is not a fast forward"));
        }
        if old.is_none() && new.is_none() {
            return Err(unprocessable("Reference does not exist"));
        }
        Ok(RefChange { name, old, new })
    }

    fn after_oid(&self, repo: &Repo, update: &Value) -> Result<String, Trouble> {
        let after = update["afterOid"].as_str().unwrap_or("").to_lowercase();
        let objects = super::super::objects::Objects(self.shared.bare(repo).open());
        let now = self.shared.clock.now_ms();
        let known = || objects.kind(&after).is_some() && !self.shared.replicas.unknown(repo.id, &after, now);
        match after == ZERO || known() {
            true => Ok(after),
            false => Err(unprocessable("Object does not exist")),
        }
    }

    /// Judges and makes the changes.
    pub(super) fn apply(&self, repo: &Repo, changes: &[RefChange]) -> Result<(), Trouble> {
        let default = format!("refs/heads/{}", repo.default_branch);
        if changes.iter().any(|c| c.new.is_none() && c.name == default) {
            return Err(unprocessable("Cannot delete the default branch"));
        }
        if let Some(refusal) = Judge::new(&self.shared, repo, &self.caller).refusals(changes).first() {
            return Err(trouble("UNPROCESSABLE", refusal.message.clone()));
        }
        self.shared.before_change(repo);
        let moved = self.shared.bare(repo).move_refs(changes);
        moved.map_err(|words| trouble("STALE_DATA", format!("Something changed underway: {words}")))?;
        self.shared.after_change(repo, self.caller.login(), changes);
        Ok(())
    }
}
