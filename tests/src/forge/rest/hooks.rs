//! Webhooks of a repository: made, listed, changed, taken away.

use serde_json::{Value, json};

use super::super::payload;
use super::super::reply::{Outcome, Reply, empty, not_found, reply, validation};
use super::super::webhook::Hook;
use super::call::Call;

/// Most hooks that want the same event.
const MOST_HOOKS: usize = 20;

impl Call {
    /// The hook of the path.
    pub(super) fn hook(&self) -> Result<Hook, Reply> {
        let id = self.param("hook_id").parse().map_err(|_| not_found())?;
        let found = self.shared.world().hooks.get(&id).filter(|h| h.repo_id == self.repo().id).cloned();
        found.ok_or_else(not_found)
    }

    fn keep(&self, mut hook: Hook) -> Hook {
        hook.updated_at = self.shared.clock.now();
        self.shared.world().hooks.insert(hook.id, hook.clone());
        hook
    }
}

fn custom(message: &str) -> Reply {
    validation(json!({"resource": "Hook", "code": "custom", "message": message}))
}

fn texts(list: &Value) -> Vec<String> {
    let all = list.as_array().map_or(&[][..], Vec::as_slice);
    all.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

/// Takes over a `config`. What it does not name falls back to the default; that takes the secret away.
fn configure(hook: &mut Hook, config: &Value) -> Result<(), Reply> {
    let url = config["url"].as_str().filter(|u| u.starts_with("http://") || u.starts_with("https://"));
    hook.url = url.ok_or_else(|| custom("Config must contain URL for webhooks"))?.to_owned();
    hook.content_type = config["content_type"].as_str().unwrap_or("form").to_owned();
    let insecure = &config["insecure_ssl"];
    hook.insecure_ssl =
        insecure.as_str().map_or_else(|| insecure.as_i64().unwrap_or(0).to_string(), str::to_owned);
    hook.secret = config["secret"].as_str().filter(|s| !s.is_empty()).map(str::to_owned);
    Ok(())
}

/// `GET …/hooks`
pub(super) fn list(call: &Call) -> Outcome {
    let of_repo = |h: &&Hook| h.repo_id == call.repo().id;
    let found: Vec<Hook> = call.shared.world().hooks.values().filter(of_repo).cloned().collect();
    Ok(call.page_of(&found, |h| h.json(&call.repo_url())))
}

/// `POST …/hooks`: a ping follows.
pub(super) fn create(call: &Call) -> Outcome {
    let mut hook = Hook { repo_id: call.repo().id, active: call.body["active"] != false, ..Hook::default() };
    if call.text("name").is_some_and(|n| n != "web") {
        return Err(validation(json!({"resource": "Hook", "code": "invalid", "field": "name"})));
    }
    configure(&mut hook, &call.body["config"])?;
    let events = texts(&call.body["events"]);
    hook.events = if events.is_empty() { vec!["push".to_owned()] } else { events };
    let mut world = call.shared.world();
    let others: Vec<&Hook> = world.hooks.values().filter(|h| h.repo_id == hook.repo_id).collect();
    if others.iter().any(|h| h.url == hook.url && h.events == hook.events) {
        return Err(custom("Hook already exists on this repository"));
    }
    let crowded = |e: &&String| others.iter().filter(|h| h.events.contains(e)).count() >= MOST_HOOKS;
    if let Some(event) = hook.events.iter().find(crowded) {
        return Err(custom(&format!("The \"{event}\" event cannot have more than {MOST_HOOKS} hooks")));
    }
    hook.id = world.fresh_id();
    hook.created_at = call.shared.clock.now();
    drop(world);
    let hook = call.keep(hook);
    ping_it(call, &hook);
    let shown = hook.json(&call.repo_url());
    let url = shown["url"].as_str().unwrap_or("").to_owned();
    Ok(reply(201, shown).header("location", url))
}

fn ping_it(call: &Call, hook: &Hook) {
    let payload = payload::ping(&call.shared, call.repo(), hook);
    call.shared.send_event(hook.clone(), "ping", payload);
}

/// `GET …/hooks/{hook_id}`
pub(super) fn get(call: &Call) -> Outcome {
    Ok(reply(200, call.hook()?.json(&call.repo_url())))
}

/// `PATCH …/hooks/{hook_id}`
pub(super) fn update(call: &Call) -> Outcome {
    let mut hook = call.hook()?;
    if call.body["config"].is_object() {
        configure(&mut hook, &call.body["config"])?;
    }
    if call.body["events"].is_array() {
        hook.events = texts(&call.body["events"]);
    }
    hook.events.extend(texts(&call.body["add_events"]));
    let removed = texts(&call.body["remove_events"]);
    hook.events.retain(|e| !removed.contains(e));
    hook.active = call.body["active"].as_bool().unwrap_or(hook.active);
    Ok(reply(200, call.keep(hook).json(&call.repo_url())))
}

/// `DELETE …/hooks/{hook_id}`
pub(super) fn delete(call: &Call) -> Outcome {
    let hook = call.hook()?;
    call.shared.world().hooks.remove(&hook.id);
    Ok(empty(204))
}

/// `GET …/hooks/{hook_id}/config`
pub(super) fn config(call: &Call) -> Outcome {
    Ok(reply(200, call.hook()?.config()))
}

/// `PATCH …/hooks/{hook_id}/config`: what is not named stays.
pub(super) fn update_config(call: &Call) -> Outcome {
    let mut hook = call.hook()?;
    let mut config = hook.config();
    config["secret"] = json!(hook.secret);
    configure(&mut hook, &super::shapes::merged(config, call.body.clone()))?;
    Ok(reply(200, call.keep(hook).config()))
}

/// `POST …/hooks/{hook_id}/pings`
pub(super) fn ping(call: &Call) -> Outcome {
    ping_it(call, &call.hook()?);
    Ok(empty(204))
}
