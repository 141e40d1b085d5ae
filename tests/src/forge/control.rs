//! The control API under `/_forge/`: what Rust tests do by method, scripts do in JSON.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::app::App;
use super::fault::Fault;
use super::lag::Lag;
use super::limits::Limits;
use super::log::summary;
use super::reply::{Outcome, Reply, empty, not_found, refuse, reply};
use super::shared::Shared;
use super::token::Token;
use super::world::{Repo, User};

/// Answers a request to the control API.
pub(super) async fn answer(shared: Arc<Shared>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, 16 * 1024 * 1024).await else {
        return refuse(413, "too much").into_response();
    };
    let body: Value = serde_json::from_slice(&body).unwrap_or(json!({}));
    let path = parts.uri.path().trim_start_matches("/_forge/").to_owned();
    let call = format!("{} {path}", parts.method);
    let job = move || act(&shared, &call, body).unwrap_or_else(|refusal| refusal);
    match tokio::task::spawn_blocking(job).await {
        Ok(reply) => reply.into_response(),
        Err(panic) => refuse(500, &panic.to_string()).into_response(),
    }
}

fn act(shared: &Shared, call: &str, body: Value) -> Outcome {
    if let Some(shown) = show(shared, call) {
        return Ok(shown);
    }
    match call {
        "DELETE requests" => shared.log.reset(),
        "DELETE violations" => shared.violations.clear(),
        "DELETE faults" => shared.faults.clear(),
        "POST users" => shared.world().put_user(read::<User>(body)?),
        "POST revoke" => shared.revoke(text(&body, "token")?),
        "POST faults" => shared.faults.add(read::<Fault>(body)?),
        "POST limits" => shared.meter.set(read::<Limits>(body)?),
        "POST lose-deliveries" => shared.post.lose(body["count"].as_u64().unwrap_or(1) as u32),
        _ => return make(shared, call, body),
    }
    Ok(empty(204))
}

fn show(shared: &Shared, call: &str) -> Option<Reply> {
    let shown = match call {
        "GET requests" => json!(shared.log.requests()),
        "GET summary" => json!(summary(&shared.log.requests())),
        "GET violations" => {
            json!({"schema_checked": shared.description.is_some(), "violations": shared.violations.list()})
        }
        _ => return None,
    };
    Some(reply(200, shown))
}

fn make(shared: &Shared, call: &str, body: Value) -> Outcome {
    match call {
        "POST tokens" => {
            let token = shared.world().put_token(read::<Token>(body)?);
            Ok(reply(201, json!({"value": token.value, "label": token.label})))
        }
        "POST apps" => Ok(reply(201, json!(shared.world().put_app(read::<App>(body)?)))),
        "POST clock" => clock(shared, &body),
        "POST repos" => Ok(reply(201, json!(shared.put_repo(read::<Repo>(body)?)))),
        _ => repos(shared, call, body),
    }
}

/// `<method> repos/<owner>/<name>`
fn repos(shared: &Shared, call: &str, body: Value) -> Outcome {
    let (method, name) = call.split_once(" repos/").ok_or_else(not_found)?;
    let (owner, name) = name.split_once('/').ok_or_else(not_found)?;
    let repo = shared.world().repo(owner, name).cloned().ok_or_else(not_found)?;
    match method {
        "GET" => return Ok(reply(200, json!(repo))),
        "POST" => return Ok(reply(200, json!(shared.rename(&repo, text(&body, "rename")?)))),
        "DELETE" => shared.delete(&repo),
        "PUT" => shared.replicas.set(repo.id, read::<Lag>(body)?),
        // Any field of a repository: its protections, its flags, its collaborators.
        "PATCH" => {
            let changed = read::<Repo>(super::rest::shapes::merged(json!(repo), body))?;
            let changed = Repo { id: repo.id, owner: repo.owner, name: repo.name, ..changed };
            shared.world().repos.insert(repo.id, changed);
        }
        _ => return Err(not_found()),
    }
    Ok(empty(204))
}

fn clock(shared: &Shared, body: &Value) -> Outcome {
    if let Some(ms) = body["advance_ms"].as_u64() {
        shared.clock.advance(Duration::from_millis(ms));
    }
    if let Some(speed) = body["speed"].as_f64() {
        shared.clock.set_speed(speed);
    }
    Ok(reply(200, json!({"now_ms": shared.clock.now_ms()})))
}

fn read<T: DeserializeOwned>(body: Value) -> Result<T, Reply> {
    serde_json::from_value(body).map_err(|e| refuse(422, &e.to_string()))
}

fn text<'a>(body: &'a Value, name: &str) -> Result<&'a str, Reply> {
    body[name].as_str().ok_or_else(|| refuse(422, &format!("{name} is missing")))
}
