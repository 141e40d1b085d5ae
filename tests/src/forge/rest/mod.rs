//! The REST face: which operations there are, what each needs, and the common way through all of them.

mod account;
mod apps;
mod branches;
mod call;
mod contents;
mod deliveries;
mod door;
mod finish;
mod git_objects;
mod git_refs;
mod git_trees;
mod history;
mod hooks;
mod page;
mod repos;
pub(super) mod shapes;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::RawPathParams;
use axum::http::{Request, Uri};
use axum::routing::{MethodFilter, MethodRouter, on};

use super::access::Level::{self, Read, Write};
use super::reply::{Outcome, not_found};
use super::shared::Shared;
use call::Call;
pub(super) use git_objects::decoded;
pub(super) use git_trees::malformed;

/// What an operation asks of its caller.
#[derive(Clone, Copy)]
enum Needs {
    /// Nothing.
    Nothing,
    /// Any token.
    Token,
    /// A user.
    User,
    /// An App's JWT.
    Jwt,
    /// An installation's token.
    Installation,
    /// A permission in the repository of the path.
    Repo(&'static str, Level),
}

/// One operation of the REST face.
struct Op {
    method: &'static str,
    /// The path as the OpenAPI description writes it.
    path: &'static str,
    needs: Needs,
    run: fn(&Call) -> Outcome,
}

const fn op(method: &'static str, path: &'static str, needs: Needs, run: fn(&Call) -> Outcome) -> Op {
    Op { method, path, needs, run }
}

/// Not a REST path: it goes through the same door.
const GRAPHQL: &str = "/graphql";
const METADATA: Needs = Needs::Repo("metadata", Read);
const ADMIN: Needs = Needs::Repo("administration", Write);

static ACCOUNT: &[Op] = &[
    op("POST", GRAPHQL, Needs::Token, account::graphql),
    op("GET", "/user", Needs::User, account::user),
    op("PATCH", "/user", Needs::User, account::update_user),
    op("GET", "/rate_limit", Needs::Nothing, account::rate_limit),
    op("GET", "/meta", Needs::Nothing, account::meta),
    op("GET", "/app", Needs::Jwt, apps::app),
    op("GET", "/installation/repositories", Needs::Installation, apps::repositories),
    op("GET", "/repos/{owner}/{repo}/installation", Needs::Jwt, apps::installation),
    op("POST", "/app/installations/{installation_id}/access_tokens", Needs::Jwt, apps::mint),
];

static REPOS: &[Op] = &[
    op("GET", "/repos/{owner}/{repo}", METADATA, repos::get),
    op("PATCH", "/repos/{owner}/{repo}", ADMIN, repos::update),
    op("DELETE", "/repos/{owner}/{repo}", Needs::Repo("delete", Write), repos::delete),
    op("GET", "/user/repos", Needs::User, repos::list_own),
    op("POST", "/user/repos", Needs::User, repos::create_own),
    op("GET", "/orgs/{org}/repos", Needs::Nothing, repos::list_org),
    op("POST", "/orgs/{org}/repos", Needs::User, repos::create_org),
];

const READ: Needs = Needs::Repo("contents", Read);
const WRITE: Needs = Needs::Repo("contents", Write);

static GIT: &[Op] = &[
    op("POST", "/repos/{owner}/{repo}/git/blobs", WRITE, git_objects::create_blob),
    op("GET", "/repos/{owner}/{repo}/git/blobs/{file_sha}", READ, git_objects::get_blob),
    op("POST", "/repos/{owner}/{repo}/git/trees", WRITE, git_trees::create),
    op("GET", "/repos/{owner}/{repo}/git/trees/{tree_sha}", READ, git_trees::get),
    op("POST", "/repos/{owner}/{repo}/git/commits", WRITE, git_objects::create_commit),
    op("GET", "/repos/{owner}/{repo}/git/commits/{commit_sha}", READ, git_objects::get_commit),
    op("POST", "/repos/{owner}/{repo}/git/tags", WRITE, git_objects::create_tag),
    op("POST", "/repos/{owner}/{repo}/git/refs", WRITE, git_refs::create),
    op("GET", "/repos/{owner}/{repo}/git/ref/{ref}", READ, git_refs::get),
    op("GET", "/repos/{owner}/{repo}/git/matching-refs/{ref}", READ, git_refs::matching),
    op("PATCH", "/repos/{owner}/{repo}/git/refs/{ref}", WRITE, git_refs::update),
    op("DELETE", "/repos/{owner}/{repo}/git/refs/{ref}", WRITE, git_refs::delete),
];

static HISTORY: &[Op] = &[
    op("GET", "/repos/{owner}/{repo}/branches", READ, branches::list),
    op("GET", "/repos/{owner}/{repo}/branches/{branch}", READ, branches::get),
    op("GET", "/repos/{owner}/{repo}/rules/branches/{branch}", METADATA, branches::rules),
    op("GET", "/repos/{owner}/{repo}/commits", READ, history::list),
    op("GET", "/repos/{owner}/{repo}/commits/{ref}", READ, history::get),
    op("GET", "/repos/{owner}/{repo}/compare/{basehead}", READ, history::compare),
    op("GET", "/repos/{owner}/{repo}/contents/{path}", READ, contents::get),
    op("PUT", "/repos/{owner}/{repo}/contents/{path}", WRITE, contents::put),
    op("DELETE", "/repos/{owner}/{repo}/contents/{path}", WRITE, contents::delete),
    op("GET", "/repos/{owner}/{repo}/tarball/{ref}", READ, contents::tarball),
];

const HOOKS_READ: Needs = Needs::Repo("repository_hooks", Read);
const HOOKS_WRITE: Needs = Needs::Repo("repository_hooks", Write);
const DELIVERY: &str = "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}";
const ATTEMPTS: &str = "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}/attempts";

static HOOKS: &[Op] = &[
    op("GET", "/repos/{owner}/{repo}/hooks", HOOKS_READ, hooks::list),
    op("POST", "/repos/{owner}/{repo}/hooks", HOOKS_WRITE, hooks::create),
    op("GET", "/repos/{owner}/{repo}/hooks/{hook_id}", HOOKS_READ, hooks::get),
    op("PATCH", "/repos/{owner}/{repo}/hooks/{hook_id}", HOOKS_WRITE, hooks::update),
    op("DELETE", "/repos/{owner}/{repo}/hooks/{hook_id}", HOOKS_WRITE, hooks::delete),
    op("GET", "/repos/{owner}/{repo}/hooks/{hook_id}/config", HOOKS_READ, hooks::config),
    op("PATCH", "/repos/{owner}/{repo}/hooks/{hook_id}/config", HOOKS_WRITE, hooks::update_config),
    op("POST", "/repos/{owner}/{repo}/hooks/{hook_id}/pings", HOOKS_READ, hooks::ping),
    op("POST", "/repos/{owner}/{repo}/hooks/{hook_id}/tests", HOOKS_READ, deliveries::test),
    op("GET", "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries", HOOKS_READ, deliveries::list),
    op("GET", DELIVERY, HOOKS_READ, deliveries::get),
    op("POST", ATTEMPTS, HOOKS_WRITE, deliveries::redeliver),
];

/// All operations.
fn operations() -> impl Iterator<Item = &'static Op> {
    [ACCOUNT, REPOS, GIT, HISTORY, HOOKS].into_iter().flatten()
}

/// The router of everything below `/api`.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    let mut router = Router::new();
    for op in operations() {
        for path in addresses(op.path) {
            router = router.route(&path, entrance(shared.clone(), op));
        }
    }
    router.fallback(async move |request: Request<Body>| {
        let words = format!("request {} {}: no such operation", request.method(), request.uri().path());
        shared.violations.add([words]);
        not_found().into_response()
    })
}

/// A path of the OpenAPI description as addresses of the router: its last parameter may hold slashes where it
/// names a ref, a path or a pair of refs; the contents of the root have no path at all.
fn addresses(path: &str) -> Vec<String> {
    if path == GRAPHQL {
        return vec!["/api/graphql".to_owned()];
    }
    let wide = ["{ref}", "{branch}", "{path}", "{basehead}"].into_iter().find_map(|p| path.strip_suffix(p));
    let Some(head) = wide else { return vec![format!("/api/v3{path}")] };
    let tail = &path[head.len() + 1..];
    let mut addresses = vec![format!("/api/v3{head}{{*{tail}")];
    if tail == "path}" {
        addresses.push(format!("/api/v3{head}"));
        addresses.push(format!("/api/v3{}", head.trim_end_matches('/')));
    }
    addresses
}

fn entrance(shared: Arc<Shared>, op: &'static Op) -> MethodRouter {
    let filter = MethodFilter::try_from(op.method.parse::<axum::http::Method>().expect("a constant method"));
    let answer = move |params: RawPathParams, request: Request<Body>| {
        let shared = shared.clone();
        async move { door::answer(shared, op, (params, request)).await }
    };
    on(filter.expect("a constant method"), answer)
}

/// Turns `/repositories/{id}/…`, where renames lead, into the address by name.
pub(super) fn by_id(shared: &Shared, request: &mut Request<Body>) {
    let path = request.uri().path_and_query().map_or("", |p| p.as_str());
    let Some(rest) = path.strip_prefix("/api/v3/repositories/") else { return };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let id = rest[..end].parse().ok();
    let name = id.and_then(|id: u64| shared.world().repos.get(&id).map(|r| r.full_name()));
    let target = name.and_then(|name| format!("/api/v3/repos/{name}{}", &rest[end..]).parse::<Uri>().ok());
    if let Some(target) = target {
        *request.uri_mut() = target;
    }
}
