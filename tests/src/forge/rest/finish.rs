//! The headers that every answer of the REST face carries, and 304.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response};
use ring::digest::{SHA256, digest};

use super::super::auth::Caller;
use super::super::hex;
use super::super::reply::{Content, Reply, empty};
use super::super::shared::Shared;
use super::{Needs, Op};

/// The answer as it goes out.
pub(super) fn finish(shared: &Shared, op: &Op, asked: (&Parts, &Caller), mut reply: Reply) -> Response<Body> {
    let (parts, caller) = asked;
    if op.method == "GET" && reply.status == 200 {
        let tag = etag(parts, &reply);
        let known = parts.headers.get("if-none-match").and_then(|v| v.to_str().ok()).unwrap_or("");
        if known.split(", ").any(|k| k == tag) {
            let link = std::mem::take(&mut reply.headers);
            reply = empty(304);
            reply.headers = link;
            shared.meter.refund(&caller.label());
        }
        reply = reply.header("etag", tag).header("cache-control", "private, max-age=60, s-maxage=60");
        reply = reply.header("vary", "Accept, Authorization, Cookie, X-GitHub-OTP");
    }
    let reply = limits(shared, caller, token_headers(op, caller, reply));
    let mut response = reply.header("date", http_date(shared.clock.now())).into_response();
    let version = parts.headers.get("x-github-api-version").cloned();
    let version = version.unwrap_or_else(|| HeaderValue::from_static("2022-11-28"));
    response.headers_mut().insert("x-github-api-version-selected", version);
    response
}

/// A weak tag over what was asked, by whom, and what is answered.
fn etag(parts: &Parts, reply: &Reply) -> String {
    let mut all = Vec::new();
    for name in ["authorization", "accept"] {
        all.extend_from_slice(parts.headers.get(name).map_or(&[][..], HeaderValue::as_bytes));
        all.push(0);
    }
    match &reply.content {
        Content::Empty => {}
        Content::Json(value) => all.extend_from_slice(value.to_string().as_bytes()),
        Content::Raw(_, bytes) => all.extend_from_slice(bytes),
    }
    format!("W/\"{}\"", hex(digest(&SHA256, &all).as_ref()))
}

fn token_headers(op: &Op, caller: &Caller, reply: Reply) -> Reply {
    let Some(token) = caller.token() else { return reply };
    let mut reply = reply;
    if token.kind.has_scopes() {
        let wanted = if matches!(op.needs, Needs::Repo(..)) { "repo" } else { "" };
        reply =
            reply.header("x-oauth-scopes", token.scopes.join(", ")).header("x-accepted-oauth-scopes", wanted);
    }
    match token.expires.filter(|_| token.installation.is_none()) {
        Some(at) => reply.header("github-authentication-token-expiration", expiry(at)),
        None => reply,
    }
}

/// `2026-11-20 11:22:33 UTC`.
fn expiry(at: i64) -> String {
    let time = jiff::Timestamp::from_second(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn http_date(at: i64) -> String {
    let time = jiff::Timestamp::from_second(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn limits(shared: &Shared, caller: &Caller, reply: Reply) -> Reply {
    let standing = shared.meter.standing(&caller.label(), shared.clock.now_ms());
    let real_reset =
        shared.clock.now() + shared.clock.real_seconds((standing.reset - shared.clock.now()) * 1000);
    reply
        .header("x-github-request-id", request_id())
        .header("x-github-media-type", "github.v3; format=json")
        .header("x-ratelimit-limit", standing.limit.to_string())
        .header("x-ratelimit-remaining", standing.remaining().to_string())
        .header("x-ratelimit-used", standing.used.to_string())
        .header("x-ratelimit-reset", real_reset.to_string())
        .header("x-ratelimit-resource", "core")
}

/// An id such as `C0DE:1F:2A:3B:00000001`, never the same twice in a forge.
fn request_id() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("C0DE:1F:2A:3B:{:08X}", NEXT.fetch_add(1, Ordering::Relaxed))
}
