//! GitHub Apps: what they are, where they are installed, and their tokens.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::app::{App, Installation};
use super::super::auth::Caller;
use super::super::clock::rfc3339;
use super::super::reply::{Outcome, Reply, not_found, refuse, reply};
use super::super::token::{Token, TokenKind};
use super::super::world::{Repo, Role};
use super::call::Call;
use super::shapes;

fn caller(call: &Call) -> &App {
    match &call.caller {
        Caller::App(app) => app,
        _ => unreachable!("the operation's Needs ask for an App"),
    }
}

/// `GET /app`
pub(super) fn app(call: &Call) -> Outcome {
    let app = caller(call);
    let owner = call.shared.world().user("github");
    Ok(reply(
        200,
        json!({
            "id": app.id, "slug": app.slug, "client_id": app.client_id, "node_id": shapes::node_id("A", app.id),
            "owner": shapes::user(&call.shared, &owner), "name": app.slug, "description": null,
            "external_url": call.shared.url, "html_url": format!("{}/apps/{}", call.shared.url, app.slug),
            "created_at": rfc3339(1_300_000_000), "updated_at": rfc3339(1_300_000_000),
            "permissions": app.permissions, "events": ["push"], "installations_count": app.installations.len(),
        }),
    ))
}

fn chosen(installation: &Installation, repo: &Repo) -> bool {
    let of_account = repo.owner.eq_ignore_ascii_case(&installation.account);
    let list = installation.repositories.as_ref();
    of_account && list.is_none_or(|l| l.iter().any(|r| r.eq_ignore_ascii_case(&repo.full_name())))
}

/// `GET /repos/{owner}/{repo}/installation`
pub(super) fn installation(call: &Call) -> Outcome {
    let app = caller(call);
    let found = call.shared.world().repo(call.param("owner"), call.param("repo")).cloned();
    let repo = found.ok_or_else(not_found)?;
    let installation = app.installations.iter().find(|i| chosen(i, &repo)).ok_or_else(not_found)?;
    Ok(reply(200, shape(call, app, installation)))
}

fn shape(call: &Call, app: &App, installation: &Installation) -> Value {
    let (api, id) = (call.shared.api(), installation.id);
    let account = call.shared.world().user(&installation.account);
    let suspended = installation.suspended.then(|| rfc3339(call.shared.clock.now()));
    json!({
        "id": id, "app_id": app.id, "app_slug": app.slug, "client_id": app.client_id, "target_id": account.id,
        "target_type": if account.organization { "Organization" } else { "User" }, "single_file_name": null,
        "repository_selection": selection(installation.repositories.is_some()),
        "access_tokens_url": format!("{api}/app/installations/{id}/access_tokens"),
        "html_url": format!("{}/settings/installations/{id}", call.shared.url),
        "repositories_url": format!("{api}/installation/repositories"), "events": ["push"],
        "account": shapes::user(&call.shared, &account), "permissions": app.permissions,
        "created_at": rfc3339(1_300_000_000), "updated_at": rfc3339(1_300_000_000),
        "suspended_by": suspended.is_some().then(|| shapes::user(&call.shared, &account)),
        "suspended_at": suspended,
    })
}

fn selection(some: bool) -> &'static str {
    if some { "selected" } else { "all" }
}

/// `POST /app/installations/{installation_id}/access_tokens`: a token for one hour.
pub(super) fn mint(call: &Call) -> Outcome {
    let app = caller(call);
    let id = call.param("installation_id").parse().unwrap_or(0);
    let installation = app.installations.iter().find(|i| i.id == id).ok_or_else(not_found)?;
    if installation.suspended {
        return Err(refuse(403, "This installation has been suspended"));
    }
    let permissions = permissions(call, app)?;
    let repositories = repositories_of(call, installation)?;
    let selected = repositories.is_some();
    let token = call.shared.world().put_token(Token {
        kind: TokenKind::Installation,
        login: format!("{}[bot]", app.slug),
        permissions: permissions.clone(),
        repositories,
        expires: Some(call.shared.clock.now() + 3600),
        installation: Some(id),
        ..Token::default()
    });
    let expires_at = rfc3339(call.shared.clock.now() + 3600);
    let selection = selection(selected);
    Ok(reply(
        201,
        json!({
            "token": token.value, "expires_at": expires_at, "permissions": permissions,
            "repository_selection": selection,
        }),
    ))
}

/// The permissions asked for, none above what was granted; all of those without a wish.
fn permissions(call: &Call, app: &App) -> Result<BTreeMap<String, String>, Reply> {
    let Some(wished) = call.body["permissions"].as_object() else { return Ok(app.permissions.clone()) };
    let mut given = BTreeMap::new();
    for (name, level) in wished {
        let level = level.as_str().unwrap_or("");
        let granted = app.permissions.get(name).map_or("", String::as_str);
        if granted != level && !(granted == "write" && level == "read") {
            return Err(refuse(422, "The permissions requested are not granted to this installation."));
        }
        given.insert(name.clone(), level.to_owned());
    }
    given.entry("metadata".to_owned()).or_insert_with(|| "read".to_owned());
    Ok(given)
}

/// The repositories that the token is for: those of the account that were chosen and asked for.
fn repositories_of(call: &Call, installation: &Installation) -> Result<Option<Vec<String>>, Reply> {
    let world = call.shared.world();
    let reached: Vec<&Repo> = world.repos.values().filter(|r| chosen(installation, r)).collect();
    let wishes = |name: &str| call.body[name].as_array().cloned().unwrap_or_default();
    let (names, ids) = (wishes("repositories"), wishes("repository_ids"));
    if names.is_empty() && ids.is_empty() {
        let all = reached.iter().map(|r| r.full_name()).collect();
        return Ok(installation.repositories.is_some().then_some(all).or(account_wide(&reached)));
    }
    let wished = |r: &&&Repo| names.contains(&json!(r.name)) || ids.contains(&json!(r.id));
    let given: Vec<String> = reached.iter().filter(wished).map(|r| r.full_name()).collect();
    match given.len() == names.len() + ids.len() {
        true => Ok(Some(given)),
        false => Err(refuse(
            422,
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
        )),
    }
}

/// An installation on a whole account reaches that account's repositories, not everybody's.
fn account_wide(reached: &[&Repo]) -> Option<Vec<String>> {
    Some(reached.iter().map(|r| r.full_name()).collect())
}

/// `GET /installation/repositories`
pub(super) fn repositories(call: &Call) -> Outcome {
    let world = call.shared.world();
    let names = call.caller.token().and_then(|t| t.repositories.clone()).unwrap_or_default();
    let found: Vec<Repo> = world.repos.values().filter(|r| names.contains(&r.full_name())).cloned().collect();
    drop(world);
    let shown = found.iter().map(|r| shapes::repository(&call.shared, r, Some(Role::Push)));
    let repositories: Vec<Value> = shown.collect();
    Ok(reply(200, json!({"total_count": repositories.len(), "repositories": repositories})))
}
