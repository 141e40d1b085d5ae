//! Repositories: looked at, made, changed, deleted.

use serde_json::{Value, json};

use super::super::access;
use super::super::reply::{Outcome, Reply, empty, not_found, refuse, reply, validation};
use super::super::world::{Repo, Role};
use super::call::Call;
use super::shapes;

fn shown(call: &Call, repo: &Repo) -> Value {
    let role = access::role(&call.shared.world(), &call.caller, repo);
    shapes::full_repository(&call.shared, repo, role)
}

/// `GET /repos/{owner}/{repo}`
pub(super) fn get(call: &Call) -> Outcome {
    Ok(reply(200, shown(call, call.repo())))
}

/// `PATCH /repos/{owner}/{repo}`
pub(super) fn update(call: &Call) -> Outcome {
    let mut repo = call.repo().clone();
    if let Some(name) = call.text("name").filter(|n| *n != repo.name) {
        if call.shared.world().repo(&repo.owner, name).is_some() {
            return Err(name_taken());
        }
        repo = call.shared.rename(&repo, name);
    }
    let mut world = call.shared.world();
    let kept = world.repos.get_mut(&repo.id).ok_or_else(not_found)?;
    if let Some(branch) = call.text("default_branch") {
        kept.default_branch = branch.to_owned();
    }
    if let Some(private) = call.body["private"].as_bool().or(call.text("visibility").map(|v| v != "public")) {
        kept.private = private;
    }
    kept.archived = call.body["archived"].as_bool().unwrap_or(kept.archived);
    kept.description = call.text("description").map(str::to_owned).or(kept.description.take());
    let kept = kept.clone();
    drop(world);
    if let Some(branch) = call.text("default_branch") {
        call.bare().ask(&["symbolic-ref", "HEAD", &format!("refs/heads/{branch}")]);
    }
    Ok(reply(200, shown(call, &kept)))
}

/// `DELETE /repos/{owner}/{repo}`
pub(super) fn delete(call: &Call) -> Outcome {
    call.shared.delete(call.repo());
    Ok(empty(204))
}

fn name_taken() -> Reply {
    let message = "name already exists on this account";
    validation(json!({"resource": "Repository", "code": "custom", "field": "name", "message": message}))
}

/// `POST /user/repos`
pub(super) fn create_own(call: &Call) -> Outcome {
    create(call, call.caller.login().to_owned())
}

/// `POST /orgs/{org}/repos`
pub(super) fn create_org(call: &Call) -> Outcome {
    let world = call.shared.world();
    let org = world.users.get(&call.param("org").to_lowercase()).filter(|o| o.organization).cloned();
    drop(world);
    let org = org.ok_or_else(not_found)?;
    match org.members.contains_key(call.caller.login()) {
        true => create(call, org.login),
        false => {
            Err(refuse(403, "You need admin access to the organization before adding a repository to it."))
        }
    }
}

fn create(call: &Call, owner: String) -> Outcome {
    let name = call.required("Repository", "name")?.to_owned();
    let private = call.flag("private") || call.text("visibility").is_some_and(|v| v != "public");
    may_create(call, private)?;
    if call.shared.world().repo(&owner, &name).is_some() {
        return Err(name_taken());
    }
    let description = call.text("description").map(str::to_owned);
    let repo = call.shared.put_repo(Repo { owner, name, private, description, ..Repo::default() });
    let shown = shapes::full_repository(&call.shared, &repo, Some(Role::Admin));
    let url = format!("{}/repos/{}", call.shared.api(), repo.full_name());
    Ok(reply(201, shown).header("location", url))
}

fn may_create(call: &Call, private: bool) -> Result<(), Reply> {
    let Some(token) = call.caller.token() else { return Err(not_found()) };
    let has = |scope: &str| token.scopes.iter().any(|s| s == scope);
    if token.kind.has_scopes() {
        return if has("repo") || (!private && has("public_repo")) { Ok(()) } else { Err(not_found()) };
    }
    match token.permissions.get("administration").map(String::as_str) {
        Some("write" | "admin") => Ok(()),
        _ => Err(refuse(403, "Resource not accessible by personal access token")
            .header("x-accepted-github-permissions", "administration=write")),
    }
}

/// `GET /user/repos`
pub(super) fn list_own(call: &Call) -> Outcome {
    let world = call.shared.world();
    let mine =
        |r: &&Repo| world.role(call.caller.login(), r).is_some() && access::visible(&world, &call.caller, r);
    let found: Vec<Repo> = world.repos.values().filter(mine).cloned().collect();
    drop(world);
    list(call, &found)
}

/// `GET /orgs/{org}/repos`
pub(super) fn list_org(call: &Call) -> Outcome {
    let world = call.shared.world();
    let org = call.param("org");
    let theirs = |r: &&Repo| r.owner.eq_ignore_ascii_case(org) && access::visible(&world, &call.caller, r);
    let found: Vec<Repo> = world.repos.values().filter(theirs).cloned().collect();
    drop(world);
    list(call, &found)
}

fn list(call: &Call, found: &[Repo]) -> Outcome {
    let shown = found.iter().map(|r| {
        let role = access::role(&call.shared.world(), &call.caller, r);
        shapes::repository(&call.shared, r, role)
    });
    Ok(call.page(shown.collect()))
}
