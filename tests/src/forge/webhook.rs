//! Webhooks: what is registered, what was sent, what came back. Sent once, never retried, as GitHub does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::clock::rfc3339;
use super::outgoing;
use super::shared::Shared;

/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Larger payloads are not sent at all.
const MOST_BYTES: usize = 25 * 1024 * 1024;
/// Delivery ids of github.com have outgrown what a double holds exactly.
const FIRST_DELIVERY: u64 = 9_007_199_254_740_993;

/// A registered webhook.
#[derive(Clone, Debug, Default)]
pub(super) struct Hook {
    pub(super) id: u64,
    pub(super) repo_id: u64,
    pub(super) active: bool,
    pub(super) events: Vec<String>,
    pub(super) url: String,
    /// `json` or `form`.
    pub(super) content_type: String,
    pub(super) insecure_ssl: String,
    pub(super) secret: Option<String>,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    pub(super) deliveries: Vec<Delivery>,
}

/// One webhook request and its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// The numeric id.
    pub id: u64,
    /// `X-GitHub-Delivery`; the same when redelivered.
    pub guid: String,
    /// The hook that it was for.
    pub hook_id: u64,
    /// `push`, `ping` …
    pub event: String,
    /// Whether it repeats an earlier one.
    pub redelivery: bool,
    /// When, seconds since the epoch on the forge's clock.
    pub delivered_at: i64,
    /// How long the receiver took, in seconds.
    pub duration: f64,
    /// The receiver's status; 0 without an answer.
    pub status_code: u16,
    /// `OK`, or what went wrong.
    pub status: String,
    /// The headers sent.
    pub headers: BTreeMap<String, String>,
    /// The payload sent.
    pub payload: Value,
    /// The receiver's body, at most 64 KiB of it.
    pub answer: String,
}

/// What goes wrong between the forge and receivers.
#[derive(Default)]
pub(super) struct Post {
    lost: AtomicU32,
    next: AtomicU32,
}

impl Post {
    /// Loses so many of the next deliveries without a trace.
    pub(super) fn lose(&self, deliveries: u32) {
        self.lost.store(deliveries, Ordering::Relaxed);
    }

    fn loses_this(&self) -> bool {
        self.lost.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok()
    }
}

impl Shared {
    /// The active hooks of a repository that want an event.
    pub(super) fn wanting(&self, repo_id: u64, event: &str) -> Vec<Hook> {
        let wants =
            |h: &&Hook| h.repo_id == repo_id && h.active && h.events.iter().any(|e| e == event || e == "*");
        self.world().hooks.values().filter(wants).cloned().collect()
    }

    /// Sends an event in the background. Must be called within the forge's runtime.
    pub(super) fn send_event(self: &Arc<Self>, hook: Hook, event: &str, payload: Value) {
        let guid = fresh_guid(self.post.next.fetch_add(1, Ordering::Relaxed));
        self.deliver(hook, (event.to_owned(), guid, false), payload);
    }

    /// The same under a GUID that was used before.
    pub(super) fn deliver(self: &Arc<Self>, hook: Hook, about: (String, String, bool), payload: Value) {
        if self.post.loses_this() {
            return;
        }
        let shared = self.clone();
        tokio::runtime::Handle::current().spawn(async move {
            let (hook_id, delivery) = (hook.id, post(&shared, hook, about, payload).await);
            if let (Some(delivery), Some(kept)) = (delivery, shared.world().hooks.get_mut(&hook_id)) {
                kept.deliveries.push(delivery);
            }
        });
    }
}

async fn post(
    shared: &Shared,
    hook: Hook,
    (event, guid, redelivery): (String, String, bool),
    payload: Value,
) -> Option<Delivery> {
    let body = encode(&hook, &payload);
    if body.len() > MOST_BYTES {
        return None;
    }
    let headers = headers(&hook, (&event, &guid), &body);
    let started = Instant::now();
    let (status_code, status, answer) = exchange(&hook, &headers, body).await;
    let duration = started.elapsed().as_secs_f64();
    let id = FIRST_DELIVERY + shared.world().fresh_id();
    let (delivered_at, hook_id) = (shared.clock.now(), hook.id);
    Some(Delivery {
        id,
        guid,
        hook_id,
        event,
        redelivery,
        delivered_at,
        duration,
        status_code,
        status,
        headers,
        payload,
        answer,
    })
}

/// Sends the body; the receiver's status, what became of it in words, and the beginning of its answer.
async fn exchange(hook: &Hook, headers: &BTreeMap<String, String>, body: String) -> (u16, String, String) {
    let sent: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let answered = outgoing::send("POST", &hook.url, &sent, body.into());
    let answer = match tokio::time::timeout(PATIENCE, answered).await {
        Err(_) => return (0, "timed out".to_owned(), String::new()),
        Ok(Err(error)) => return (0, format!("failed to connect to host: {error}"), String::new()),
        Ok(Ok(answer)) => answer,
    };
    let said = String::from_utf8_lossy(&answer.body[..answer.body.len().min(64 * 1024)]).into_owned();
    match answer.status {
        200..300 => (answer.status, "OK".to_owned(), said),
        status => (status, format!("Invalid HTTP Response: {status}"), said),
    }
}

fn encode(hook: &Hook, payload: &Value) -> String {
    match hook.content_type.as_str() {
        "json" => payload.to_string(),
        _ => format!("payload={}", utf8_percent_encode(&payload.to_string(), NON_ALPHANUMERIC)),
    }
}

fn headers(hook: &Hook, (event, guid): (&str, &str), body: &str) -> BTreeMap<String, String> {
    let media_type =
        if hook.content_type == "json" { "application/json" } else { "application/x-www-form-urlencoded" };
    let mut headers = vec![
        ("Accept", "*/*".to_owned()),
        ("Content-Type", media_type.to_owned()),
        ("User-Agent", "GitHub-Hookshot/c0de1f2".to_owned()),
        ("X-GitHub-Delivery", guid.to_owned()),
        ("X-GitHub-Event", event.to_owned()),
        ("X-GitHub-Hook-ID", hook.id.to_string()),
        ("X-GitHub-Hook-Installation-Target-ID", hook.repo_id.to_string()),
        ("X-GitHub-Hook-Installation-Target-Type", "repository".to_owned()),
    ];
    if let Some(secret) = &hook.secret {
        let sign = |algorithm| {
            super::hex(hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), body.as_bytes()).as_ref())
        };
        headers.push(("X-Hub-Signature", format!("sha1={}", sign(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY))));
        headers.push(("X-Hub-Signature-256", format!("sha256={}", sign(hmac::HMAC_SHA256))));
    }
    headers.into_iter().map(|(n, v)| (n.to_owned(), v)).collect()
}

fn fresh_guid(number: u32) -> String {
    format!("c0de1f2a-{:04x}-11f0-8000-{:012x}", number & 0xffff, u64::from(number) + 1)
}

impl Hook {
    /// The hook as the API shows it; its secret never comes back.
    pub(super) fn json(&self, base: &str) -> Value {
        let url = format!("{base}/hooks/{}", self.id);
        let last = self.deliveries.last();
        let last_response = match last {
            Some(d) if d.status_code > 0 => {
                json!({"code": d.status_code, "status": if d.status == "OK" { "active" } else { "unused" }, "message": d.status})
            }
            Some(d) => json!({"code": null, "status": "unused", "message": d.status}),
            None => json!({"code": null, "status": "unused", "message": null}),
        };
        json!({
            "type": "Repository", "id": self.id, "name": "web", "active": self.active, "events": self.events,
            "config": self.config(), "url": url, "test_url": format!("{url}/tests"),
            "ping_url": format!("{url}/pings"), "deliveries_url": format!("{url}/deliveries"),
            "created_at": rfc3339(self.created_at), "updated_at": rfc3339(self.updated_at),
            "last_response": last_response,
        })
    }

    /// Its `config`.
    pub(super) fn config(&self) -> Value {
        let mut config =
            json!({"url": self.url, "content_type": self.content_type, "insecure_ssl": self.insecure_ssl});
        if self.secret.is_some() {
            config["secret"] = json!("********");
        }
        config
    }
}

impl Delivery {
    /// The delivery in lists.
    pub(super) fn json(&self, repo_id: u64) -> Value {
        json!({
            "id": self.id, "guid": self.guid, "delivered_at": rfc3339(self.delivered_at),
            "redelivery": self.redelivery, "duration": self.duration, "status": self.status,
            "status_code": self.status_code, "event": self.event, "action": null, "installation_id": null,
            "repository_id": repo_id, "throttled_at": null,
        })
    }
}
