//! What can be asked: who one is, what is left, what a repository is.

use serde_json::{Value, json};

use super::super::access;
use super::super::bare::Bare;
use super::super::clock::rfc3339;
use super::super::rest::shapes::node_id;
use super::{Asked, Field, Resolved, trouble};

impl Asked {
    /// `viewer`: also the way for an installation to learn its name.
    pub(super) fn viewer(&self) -> Resolved {
        let user = self.shared.world().user(self.caller.login());
        Ok(json!({
            "__typename": "User", "login": user.login, "id": node_id("U", user.id), "databaseId": user.id,
            "name": null, "url": format!("{}/{}", self.shared.url, user.login),
        }))
    }

    /// `rateLimit`
    pub(super) fn rate_limit(&self) -> Resolved {
        let standing = self.shared.meter.standing(&self.caller.label(), self.shared.clock.now_ms());
        Ok(json!({
            "__typename": "RateLimit", "limit": standing.limit, "cost": 1, "remaining": standing.remaining(),
            "used": standing.used, "resetAt": rfc3339(standing.reset),
        }))
    }

    /// `repository(owner, name)`, with `ref(qualifiedName)` in it.
    pub(super) fn repository(&self, field: &Field) -> Resolved {
        let text = |name: &str| field.arguments[name].as_str().unwrap_or("").to_owned();
        let (owner, name) = (text("owner"), text("name"));
        let world = self.shared.world();
        let found = world.repo(&owner, &name).or_else(|| world.moved_repo(&owner, &name));
        let repo = found.filter(|r| access::visible(&world, &self.caller, r)).cloned();
        let role = repo.as_ref().and_then(|r| access::role(&world, &self.caller, r));
        drop(world);
        let words = format!("Could not resolve to a Repository with the name '{owner}/{name}'.");
        let repo = repo.ok_or_else(|| trouble("NOT_FOUND", words))?;
        let bare = self.shared.bare_to_read(&repo);
        let shown = |name: &str| branch(&bare, repo.id, name);
        let asked_ref = field.fields.iter().find(|f| f.name == "ref");
        let named = asked_ref.and_then(|f| f.arguments["qualifiedName"].as_str());
        let permission =
            role.map(|r| format!("{r:?}").to_uppercase().replace("PUSH", "WRITE").replace("PULL", "READ"));
        Ok(json!({
            "__typename": "Repository", "id": node_id("R", repo.id), "databaseId": repo.id, "name": repo.name,
            "nameWithOwner": repo.full_name(), "isPrivate": repo.private, "isArchived": repo.archived,
            "isEmpty": bare.is_empty(), "viewerPermission": permission,
            "url": format!("{}/{}", self.shared.url, repo.full_name()),
            "defaultBranchRef": shown(&format!("refs/heads/{}", repo.default_branch)),
            "ref": named.and_then(shown),
        }))
    }
}

/// A `Ref`, where it exists.
fn branch(bare: &Bare, repo_id: u64, name: &str) -> Option<Value> {
    let oid = bare.find_ref(name)?;
    let short = name.splitn(3, '/').nth(2).unwrap_or(name);
    let prefix = &name[..name.len() - short.len()];
    let id = node_id("REF", format!("{repo_id}:{name}"));
    Some(json!({"id": id, "name": short, "prefix": prefix, "target": {"oid": oid, "id": node_id("C", &oid)}}))
}
