//! What webhooks delivered: listed, looked at, sent again.

use serde_json::{Value, json};

use super::super::judge::RefChange;
use super::super::payload;
use super::super::reply::{Outcome, Reply, empty, not_found, refuse, reply};
use super::super::webhook::{Delivery, Hook};
use super::call::Call;
use super::shapes::merged;

/// Deliveries are kept for three days.
const KEPT: i64 = 3 * 24 * 3600;

fn recent(call: &Call, hook: Hook) -> Vec<Delivery> {
    let since = call.shared.clock.now() - KEPT;
    let mut kept: Vec<Delivery> = hook.deliveries.into_iter().filter(|d| d.delivered_at >= since).collect();
    kept.reverse();
    kept
}

/// `GET …/hooks/{hook_id}/deliveries`: newest first, by cursor.
pub(super) fn list(call: &Call) -> Outcome {
    let mut found = recent(call, call.hook()?);
    match call.asked("status") {
        Some("success") => found.retain(|d| d.status == "OK"),
        Some("failure") => found.retain(|d| d.status != "OK"),
        _ => {}
    }
    let size = call.asked("per_page").and_then(|n| n.parse::<usize>().ok()).unwrap_or(30).clamp(1, 100);
    let begin = match call.asked("cursor") {
        Some(cursor) => cursor_at(&found, cursor).ok_or_else(|| refuse(400, "Invalid cursor"))?,
        None => 0,
    };
    let shown: Vec<Value> = found.iter().skip(begin).take(size).map(|d| d.json(call.repo().id)).collect();
    let answer = reply(200, Value::Array(shown));
    match found.get(begin + size) {
        Some(next) => {
            let url = format!("{}/hooks/{}/deliveries", call.repo_url(), call.param("hook_id"));
            Ok(answer.header("link", format!("<{url}?per_page={size}&cursor=v1_{}>; rel=\"next\"", next.id)))
        }
        None => Ok(answer),
    }
}

fn cursor_at(found: &[Delivery], cursor: &str) -> Option<usize> {
    let id: u64 = cursor.strip_prefix("v1_")?.parse().ok()?;
    found.iter().position(|d| d.id == id)
}

fn one(call: &Call) -> Result<(Hook, Delivery), Reply> {
    let hook = call.hook()?;
    let id: u64 = call.param("delivery_id").parse().map_err(|_| refuse(400, "Invalid delivery id"))?;
    let found = recent(call, hook.clone()).into_iter().find(|d| d.id == id);
    Ok((hook, found.ok_or_else(not_found)?))
}

/// `GET …/hooks/{hook_id}/deliveries/{delivery_id}`
pub(super) fn get(call: &Call) -> Outcome {
    let (hook, delivery) = one(call)?;
    let answer = (!delivery.answer.is_empty()).then(|| delivery.answer.clone());
    let whole = json!({
        "url": hook.url, "request": {"headers": delivery.headers, "payload": delivery.payload},
        "response": {"headers": {}, "payload": answer},
    });
    Ok(reply(200, merged(delivery.json(call.repo().id), whole)))
}

/// `POST …/hooks/{hook_id}/deliveries/{delivery_id}/attempts`: the same GUID and payload again.
pub(super) fn redeliver(call: &Call) -> Outcome {
    let (hook, delivery) = one(call)?;
    call.shared.deliver(hook, (delivery.event, delivery.guid, true), delivery.payload);
    Ok(reply(202, json!({})))
}

/// `POST …/hooks/{hook_id}/tests`: the latest push again, if the hook wants pushes.
pub(super) fn test(call: &Call) -> Outcome {
    let hook = call.hook()?;
    let name = format!("refs/heads/{}", call.repo().default_branch);
    if let Some(oid) = call.bare().find_ref(&name).filter(|_| hook.events.iter().any(|e| e == "push")) {
        let parent = call.bare().ask(&["rev-parse", "--verify", "--quiet", &format!("{oid}^")]);
        let change = RefChange { name, old: parent, new: Some(oid) };
        let payload = payload::push(&call.shared, call.repo(), (call.caller.login(), &change));
        call.shared.send_event(hook, "push", payload);
    }
    Ok(empty(204))
}
