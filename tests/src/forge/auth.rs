//! Who is asking: the `Authorization` header turned into a caller.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::Shared;
use super::app::App;
use super::jwt;
use super::token::{Token, TokenKind};

/// Who sent a request.
#[derive(Clone)]
pub(super) enum Caller {
    /// No credentials.
    Anonymous,
    /// Credentials that fit nothing, or no longer.
    Unknown,
    /// A JWT that was refused, with GitHub's words for it.
    RefusedJwt(String),
    /// A live token.
    Token(Box<Token>),
    /// An App, by its JWT.
    App(Box<App>),
}

impl Caller {
    /// What the request log calls it.
    pub(super) fn label(&self) -> String {
        match self {
            Caller::Anonymous => String::new(),
            Caller::Unknown | Caller::RefusedJwt(_) => "?".to_owned(),
            Caller::Token(token) => token.label.clone(),
            Caller::App(app) => format!("app {}", app.slug),
        }
    }

    /// The token, where there is one.
    pub(super) fn token(&self) -> Option<&Token> {
        match self {
            Caller::Token(token) => Some(token),
            _ => None,
        }
    }

    /// The login that acts; empty without one.
    pub(super) fn login(&self) -> &str {
        self.token().map_or("", |t| &t.login)
    }

    /// Whether this is an installation, which is no user.
    pub(super) fn is_installation(&self) -> bool {
        self.token().is_some_and(|t| t.kind == TokenKind::Installation)
    }
}

/// The secret of an `Authorization` header and the scheme that carried it, in lower case.
fn credential(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get("authorization")?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    let scheme = scheme.to_lowercase();
    if scheme != "basic" {
        return Some((scheme, rest.trim().to_owned()));
    }
    let raw = STANDARD.decode(rest.trim()).or_else(|_| STANDARD_NO_PAD.decode(rest.trim())).ok()?;
    let pair = String::from_utf8(raw).ok()?;
    Some((scheme, pair.split_once(':').map_or("", |p| p.1).to_owned()))
}

/// Who sends these headers to the API: `Bearer`, `token` or Basic with the token as password.
pub(super) fn api_caller(shared: &Shared, headers: &HeaderMap) -> Caller {
    let Some((scheme, secret)) = credential(headers) else {
        return if headers.contains_key("authorization") { Caller::Unknown } else { Caller::Anonymous };
    };
    if scheme == "bearer" && secret.starts_with("eyJ") {
        return match jwt::verify(shared, &secret) {
            Ok(app) => Caller::App(Box::new(app)),
            Err(words) => Caller::RefusedJwt(words),
        };
    }
    by_secret(shared, &secret)
}

/// Who sends these headers to a git address: Basic, any username, the token as password.
pub(super) fn git_caller(shared: &Shared, headers: &HeaderMap) -> Caller {
    match credential(headers) {
        None if headers.contains_key("authorization") => Caller::Unknown,
        None => Caller::Anonymous,
        Some((scheme, secret)) if scheme == "basic" => by_secret(shared, &secret),
        Some(_) => Caller::Unknown,
    }
}

fn by_secret(shared: &Shared, secret: &str) -> Caller {
    let now = shared.clock.now();
    let world = shared.world();
    let live = |t: &&Token| t.value == secret && !t.revoked && t.expires.is_none_or(|e| e > now);
    match world.tokens.iter().find(live) {
        Some(token) if !secret.is_empty() => Caller::Token(Box::new(token.clone())),
        _ => Caller::Unknown,
    }
}
