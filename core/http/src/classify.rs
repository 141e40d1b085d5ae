//! What a refusal means (`facts/providers.md`, 2.1, 2.6, 2.11). Pure: status, headers and the body's beginning.

use std::time::Duration;

use coregit_model::{ErrorClass, Timestamp};
use serde_json::Value;

use crate::budget::Told;
use crate::redact::redact_with;
use crate::response::{Head, http_date, looks_like_html};
use crate::{Credential, Effect, HttpError};

/// How much of a refusal's body is looked at.
pub(crate) const LOOKED_AT: usize = 64 << 10;

/// Classifies an answer that is not a success. `wait` is what the budget makes of a limit's refusal.
pub(crate) fn classify(
    head: &Head,
    body: &[u8],
    credential: Option<&Credential>,
    wait: Option<Duration>,
) -> HttpError {
    // What calls itself a web page is for browsers, whatever it begins with.
    let said = if is_page(head) { None } else { words(body) };
    let class = class_of(head, &said);
    let message = redact_with(&said.unwrap_or_else(|| unsaid(head, body)), credential);
    let effect = if head.status >= 500 || head.status == 408 { Effect::Unknown } else { Effect::Refused };
    let error = HttpError::new(class, effect, message)
        .with_status(head.status)
        .with_request_id(head.request_id().map(|id| redact_with(&id, credential)))
        .with_host_time(head.date())
        .with_location(location(head).map(|to| redact_with(&to, credential)));
    let error = hint(head, class).into_iter().fold(error, HttpError::with_hint);
    let wait = wait.or_else(|| (class == ErrorClass::Transient).then(|| retry_after(head)).flatten());
    wait.into_iter().fold(error, HttpError::with_wait)
}

fn location(head: &Head) -> Option<String> {
    Some(head.header("location")?.chars().take(2000).collect())
}

/// What the headers and the body say about limits.
pub(crate) fn limits_told(head: &Head, body: &[u8]) -> Told {
    let spent = head.header("x-ratelimit-remaining") == Some("0");
    let refused = matches!(head.status, 403 | 429) && is_rate(head, &words(body));
    let spent_for = if spent { until_reset(head) } else { None };
    Told {
        resource: head.header("x-ratelimit-resource").map(|r| r.chars().take(40).collect()),
        spent_for,
        refused_for: refused.then(|| retry_after(head).or(spent_for)),
    }
}

fn is_rate(head: &Head, said: &Option<String>) -> bool {
    let says = |word: &str| said.as_deref().is_some_and(|text| text.to_ascii_lowercase().contains(word));
    head.status == 429
        || head.header("retry-after").is_some()
        || head.header("x-ratelimit-remaining") == Some("0")
        || says("rate limit")
        || says("abuse detection")
}

/// `Retry-After`, in seconds or as a date by the host's own clock; a day at most.
fn retry_after(head: &Head) -> Option<Duration> {
    let text = head.header("retry-after")?.trim();
    let seconds = match text.parse::<i64>() {
        Ok(seconds) => seconds,
        Err(_) => (http_date(text)?.as_millis() - host_now(head).as_millis()) / 1000 + 1,
    };
    plausible(seconds)
}

/// The wait until `x-ratelimit-reset` by the host's own clock, and a second more.
fn until_reset(head: &Head) -> Option<Duration> {
    let reset: i64 = head.header("x-ratelimit-reset")?.trim().parse().ok()?;
    plausible(reset.checked_sub(host_now(head).as_millis() / 1000)?.checked_add(1)?)
}

/// A time in the past or days ahead is a defect, not an instruction.
fn plausible(seconds: i64) -> Option<Duration> {
    (1..=25 * 3600).contains(&seconds).then(|| Duration::from_secs(seconds as u64))
}

fn host_now(head: &Head) -> Timestamp {
    head.date().unwrap_or_else(Timestamp::now)
}

fn class_of(head: &Head, said: &Option<String>) -> ErrorClass {
    let text = said.as_deref().unwrap_or("");
    match head.status {
        401 => ErrorClass::Auth,
        403 | 429 if is_rate(head, said) => ErrorClass::Rate,
        403 => forbidden(head, said),
        404 | 410 => ErrorClass::NotFound,
        301 | 302 | 307 | 308 => ErrorClass::Moved,
        409 | 412 => ErrorClass::Conflict,
        413 => ErrorClass::TooLarge,
        422 => class_of_words(text),
        423 | 451 => ErrorClass::RejectedByRule,
        408 | 425 | 500 | 502..=504 | 507..=599 => ErrorClass::Transient,
        _ => ErrorClass::Invalid,
    }
}

fn forbidden(head: &Head, said: &Option<String>) -> ErrorClass {
    if head.header("x-github-sso").is_some() {
        return ErrorClass::Sso;
    }
    match said.as_deref() {
        Some(text) if text.contains("archived") || text.contains("access blocked") => {
            ErrorClass::RejectedByRule
        }
        // A web page: a firewall or portal refused, and the host was never asked.
        None if head.request_id().is_none() && is_page(head) => ErrorClass::Invalid,
        _ => ErrorClass::Scope,
    }
}

fn is_page(head: &Head) -> bool {
    head.header("content-type").is_some_and(|kind| kind.starts_with("text/html"))
}

/// What a host's words about a refused change mean, where its status does not tell: REST's 422 and GraphQL.
pub fn class_of_words(text: &str) -> ErrorClass {
    const CONFLICT: [&str; 4] =
        ["not a fast forward", "Reference does not exist", "Reference already exists", "already_exists"];
    const RULE: [&str; 7] = [
        "rule violations",
        "rotected branch",
        "Required status check",
        "protected tag",
        "Changes must be made through",
        "Cannot delete",
        "was archived",
    ];
    const LARGE: [&str; 3] = ["too large", "request timed out", "exceeds the maximum"];
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match () {
        () if says(&CONFLICT) => ErrorClass::Conflict,
        () if says(&RULE) => ErrorClass::RejectedByRule,
        () if says(&LARGE) => ErrorClass::TooLarge,
        () => ErrorClass::Invalid,
    }
}

/// The host's own words: `message` and `errors` of JSON, or plain text. `None` for web pages and silence.
fn words(body: &[u8]) -> Option<String> {
    if looks_like_html(body) {
        return None;
    }
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(json) => from_json(&json)?,
        Err(_) => String::from_utf8_lossy(&body[..body.len().min(1000)]).trim().to_owned(),
    };
    let odd = text.contains('\0') || text.contains('\u{fffd}') || text.starts_with('<');
    (!text.is_empty() && !odd).then_some(text)
}

fn from_json(json: &Value) -> Option<String> {
    let field = |name: &str| json.get(name)?.as_str();
    let message = field("message").or_else(|| field("error_description")).or_else(|| field("error"));
    let details = json.get("errors").and_then(Value::as_array).into_iter().flatten().take(5);
    let details: Vec<_> = details.filter_map(detail).collect();
    match (message, details.is_empty()) {
        (None, true) => None,
        (Some(message), true) => Some(message.to_owned()),
        (message, false) => Some(format!("{}: {}", message.unwrap_or("refused"), details.join("; "))),
    }
}

/// One of `errors`: a string, or an object whose `message` or `code` says what is wrong with which field.
fn detail(error: &Value) -> Option<String> {
    if let Some(text) = error.as_str() {
        return Some(text.to_owned());
    }
    if let Some(text) = error.get("message").and_then(Value::as_str) {
        return Some(text.to_owned());
    }
    let field = error.get("field").and_then(Value::as_str).unwrap_or("a field");
    error.get("code").and_then(Value::as_str).map(|code| format!("{field} is {code}"))
}

/// Our words where the host has none.
fn unsaid(head: &Head, body: &[u8]) -> String {
    let page = if looks_like_html(body) { ", as a web page" } else { "" };
    let reason = reqwest::StatusCode::from_u16(head.status).ok().and_then(|s| s.canonical_reason());
    let status = format!("{} {}", head.status, reason.unwrap_or("without a reason"));
    match head.status {
        300..=399 => format!("the host points to another address ({status})"),
        407 => format!("the proxy asks for a user name and a password ({status})"),
        _ => format!("the host answered {}{page}", status.trim_end()),
    }
}

fn hint(head: &Head, class: ErrorClass) -> Option<String> {
    match class {
        ErrorClass::Sso => {
            let url = head.header("x-github-sso")?.split_once("url=")?.1;
            let url = url.split([';', ' ']).next().filter(|url| url.starts_with("https://"))?;
            Some(format!("authorise the token for the organisation: {url}"))
        }
        ErrorClass::Scope => {
            let wanted =
                head.header("x-accepted-github-permissions").or(head.header("x-accepted-oauth-scopes"));
            wanted.filter(|w| !w.is_empty()).map(|w| format!("the token needs: {}", w.replace("; ", " or ")))
        }
        ErrorClass::Invalid if head.status == 407 => {
            Some("http.proxy may be http://USER:PASSWORD@HOST:PORT".into())
        }
        ErrorClass::Invalid if is_page(head) => {
            Some("a proxy or a login portal may stand between; check the address and http.proxy".into())
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
