//! The door of the REST face: what every call must bring, who is let in, and what it costs.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::RawPathParams;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::super::access::{self, Level};
use super::super::auth::Caller;
use super::super::front::Passport;
use super::super::limits::Cost;
use super::super::reply::{Content, Outcome, Reply, not_found, refuse};
use super::super::schema;
use super::super::shared::Shared;
use super::super::world::Repo;
use super::call::Call;
use super::finish::finish;
use super::{GRAPHQL, Needs, Op};

/// github.com's largest request body, and a little.
const MOST_BYTES: usize = 160 * 1024 * 1024;
/// The versions that GitHub answers to.
const VERSIONS: [&str; 2] = ["2022-11-28", "2026-03-10"];
const USER_AGENT: &str = "Request forbidden by administrative rules. Please make sure your request has a User-Agent \
                          header (https://docs.github.com/rest/overview/resources-in-the-rest-api#user-agent-required).";

/// Answers one call of an operation.
pub(super) async fn answer(
    shared: Arc<Shared>,
    op: &'static Op,
    (params, request): (RawPathParams, Request<Body>),
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let passport = parts.extensions.get::<Passport>().cloned().expect("the front gives every request one");
    let Ok(body) = to_bytes(body, MOST_BYTES).await else {
        return refuse(413, "Payload too large").into_response();
    };
    passport.entry.set_body(&body);
    let params = params.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let job = move || {
        check_request(&shared, op, (&parts, &body));
        let outcome = enter(&shared, op, (&parts, params, &body), &passport);
        let reply = outcome.unwrap_or_else(|refusal| refusal);
        check_answer(&shared, op, &reply);
        finish(&shared, op, (&parts, &passport.caller), reply)
    };
    let done = tokio::task::spawn_blocking(job).await;
    done.unwrap_or_else(|panic| refuse(500, &format!("Server Error: {panic}")).into_response())
}

/// Holds a request against GitHub's description; what the forge refuses is held too.
fn check_request(shared: &Shared, op: &Op, (parts, body): (&Parts, &Bytes)) {
    let Some(description) = shared.description.filter(|_| op.path != GRAPHQL) else { return };
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let agent = header(&parts.headers, "user-agent");
    let mut wrong = description.request(&schema::Request {
        method: op.method,
        path: op.path,
        query: &pairs(parts.uri.query().unwrap_or("")),
        body: json.as_ref(),
    });
    if json.is_none() && !body.is_empty() {
        wrong.push("a body that is not JSON".to_owned());
    }
    let told = |w| format!("request {} {} by {agent:?}: {w}", op.method, op.path);
    shared.violations.add(wrong.into_iter().map(told));
}

fn check_answer(shared: &Shared, op: &Op, reply: &Reply) {
    let raw = matches!(reply.content, Content::Raw(..));
    let Some(description) = shared.description.filter(|_| op.path != GRAPHQL && !raw) else { return };
    let wrong = description.answer((op.method, op.path), reply.status, reply.json());
    let told = |w| format!("answer {} {} {}: {w}", op.method, op.path, reply.status);
    shared.violations.add(wrong.into_iter().map(told));
}

fn enter(
    shared: &Arc<Shared>,
    op: &Op,
    (parts, params, body): (&Parts, Vec<(String, String)>, &Bytes),
    passport: &Passport,
) -> Outcome {
    let caller = &passport.caller;
    preliminaries(&parts.headers)?;
    identified(op, caller)?;
    spend(shared, caller, (op, body))?;
    let target = parts.uri.path_and_query().map_or("", |p| p.as_str()).to_owned();
    let mut call = Call {
        shared: shared.clone(),
        caller: caller.clone(),
        entry: passport.entry.clone(),
        repo: None,
        params,
        query: pairs(parts.uri.query().unwrap_or("")),
        body: json!({}),
        bytes: body.len(),
        accept: header(&parts.headers, "accept").to_owned(),
        target,
    };
    if let Needs::Repo(permission, level) = op.needs {
        call.repo = Some(admit(&call, (permission, level))?);
    }
    call.body = object(body)?;
    (op.run)(&call)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("")
}

fn preliminaries(headers: &HeaderMap) -> Result<(), Reply> {
    if header(headers, "user-agent").is_empty() {
        return Err(refuse(403, USER_AGENT));
    }
    let version = header(headers, "x-github-api-version");
    match version.is_empty() || VERSIONS.contains(&version) {
        true => Ok(()),
        false => Err(refuse(400, &format!("'{version}' is not a supported version."))),
    }
}

fn identified(op: &Op, caller: &Caller) -> Result<(), Reply> {
    match (op.needs, caller) {
        (_, Caller::Unknown) => Err(refuse(401, "Bad credentials")),
        (_, Caller::RefusedJwt(words)) => Err(refuse(401, words)),
        (Needs::Nothing, _) | (Needs::Jwt, Caller::App(_)) => Ok(()),
        (Needs::Jwt, Caller::Token(_)) => Err(refuse(401, "A JSON web token could not be decoded")),
        (Needs::Repo(_, Level::Read), Caller::Anonymous) => Ok(()),
        (_, Caller::Anonymous) => Err(refuse(401, "Requires authentication")),
        (Needs::User, _) if caller.is_installation() => Err(by_integration()),
        (Needs::Installation, Caller::Token(_)) if !caller.is_installation() => Err(refuse(
            403,
            "You must authenticate with an installation access token in order to list repositories.",
        )),
        (_, Caller::App(_)) => Err(refuse(401, "Requires authentication")),
        _ => Ok(()),
    }
}

fn by_integration() -> Reply {
    refuse(403, "Resource not accessible by integration")
}

fn spend(shared: &Shared, caller: &Caller, (op, body): (&Op, &Bytes)) -> Result<(), Reply> {
    if op.path == "/rate_limit" {
        return Ok(());
    }
    let mutates = || body.windows(8).any(|w| w == b"mutation");
    let reads = op.method == "GET" || (op.path == GRAPHQL && !mutates());
    let cost = Cost {
        now_ms: shared.clock.now_ms(),
        in_flight: shared.log.in_flight(),
        creates: !reads && op.method != "DELETE",
        points: if reads { 1 } else { 5 },
    };
    shared.meter.spend(&caller.label(), cost).map_err(|limited| match limited.wait_ms {
        Some(wait) => limited.reply.header("retry-after", shared.clock.real_seconds(wait).to_string()),
        None => limited.reply,
    })
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let parts = query.split('&').filter(|p| !p.is_empty());
    parts.map(|p| p.split_once('=').unwrap_or((p, ""))).map(|(n, v)| (decoded(n), decoded(v))).collect()
}

fn object(body: &Bytes) -> Result<Value, Reply> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    match serde_json::from_slice(body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(refuse(400, "Body should be a JSON object")),
        Err(_) => Err(refuse(400, "Problems parsing JSON")),
    }
}

/// The repository of the path, when the caller may do this there.
fn admit(call: &Call, asked: (&'static str, Level)) -> Result<Repo, Reply> {
    let (owner, name) = (call.param("owner"), call.param("repo"));
    let world = call.shared.world();
    let Some(repo) = world.repo(owner, name) else {
        return match world.moved_repo(owner, name) {
            Some(repo) if access::visible(&world, &call.caller, repo) => Err(moved(call, repo)),
            _ => Err(not_found()),
        };
    };
    if !access::visible(&world, &call.caller, repo) {
        return Err(not_found());
    }
    if access::sso_missing(&world, &call.caller, repo) {
        return Err(sso(&repo.owner));
    }
    if !access::may(&world, &call.caller, repo, asked) {
        return Err(denied(&call.caller, asked));
    }
    // An archived repository may still be brought back or deleted.
    match repo.archived && asked.1 == Level::Write && !matches!(asked.0, "administration" | "delete") {
        true => Err(refuse(403, "Repository was archived so is read-only.")),
        false => Ok(repo.clone()),
    }
}

fn moved(call: &Call, repo: &Repo) -> Reply {
    let old = format!("/api/v3/repos/{}/{}", call.param("owner"), call.param("repo"));
    let rest = call.target.strip_prefix(&old).unwrap_or("");
    let to = format!("{}/repositories/{}{rest}", call.shared.api(), repo.id);
    let mut reply = refuse(301, "Moved Permanently").header("location", to.clone());
    if let Content::Json(body) = &mut reply.content {
        body["url"] = json!(to);
    }
    reply
}

fn sso(organization: &str) -> Reply {
    let words = "Resource protected by organization SAML enforcement. You must grant your Personal Access token \
                 access to this organization.";
    let url = format!("required; url=https://github.com/orgs/{organization}/sso?authorization_request=A1");
    refuse(403, words).header("x-github-sso", url)
}

/// Without a scope, what is missing looks absent; without a permission, it is named.
fn denied(caller: &Caller, (permission, level): (&str, Level)) -> Reply {
    let Some(token) = caller.token().filter(|t| !t.kind.has_scopes()) else { return not_found() };
    let permission = if permission == "delete" { "administration" } else { permission };
    let wanted = format!("{permission}={}", level.word());
    let reply = match token.installation {
        Some(_) => by_integration(),
        None => refuse(403, "Resource not accessible by personal access token"),
    };
    reply.header("x-accepted-github-permissions", wanted)
}
