//! What to ask a host, what it costs, and whether it may be asked twice.

use std::sync::Mutex;

use bytes::Bytes;
use futures_util::stream::{BoxStream, Stream, StreamExt};
use reqwest::Method;
use serde::Serialize;

use crate::Credential;

/// A request. Made by [`Request::get`] and its likes, then shaped by the methods named after its fields.
pub struct Request {
    /// The method.
    pub method: Method,
    /// The whole address; `http` only to loopback, no user information, no fragment.
    pub url: String,
    /// Headers besides those that the client sets itself.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Body,
    /// The token; it must be bound to the origin of `url`.
    pub credential: Option<Credential>,
    /// What it takes from the budget.
    pub cost: Cost,
    /// Whether it may be sent again.
    pub retry: Retry,
}

/// The body of a request.
#[derive(Default)]
pub enum Body {
    /// None.
    #[default]
    Empty,
    /// Bytes with a `Content-Length`; can be sent again.
    Bytes(Bytes),
    /// A stream of unknown length; sent once. Made by [`Request::stream`].
    Stream(OnceStream),
}

/// A stream that becomes a body.
pub struct OnceStream(
    /// The lock is never waited for: it makes the request `Sync`.
    pub(crate) Mutex<BoxStream<'static, std::io::Result<Bytes>>>,
);

/// What a request takes from a token's budget at a host (`facts/providers.md`, 2.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Points of the host's budget per minute.
    pub points: u32,
    /// Whether it makes something that users see: the host counts those apart.
    pub content: bool,
    /// Whether it is git's own protocol, which no API limit counts.
    pub git: bool,
    /// Whether it asks for a change; for counting.
    pub writes: bool,
}

impl Cost {
    /// A REST read: 1 point.
    pub const READ: Cost = Cost { points: 1, content: false, git: false, writes: false };
    /// A REST write: 5 points.
    pub const WRITE: Cost = Cost { points: 5, content: false, git: false, writes: true };
    /// A REST write that makes content: 5 points, and the limits on content.
    pub const CONTENT: Cost = Cost { content: true, ..Cost::WRITE };
    /// git's protocol, reading.
    pub const GIT_READ: Cost = Cost { points: 0, content: false, git: true, writes: false };
    /// git's protocol, a push.
    pub const GIT_WRITE: Cost = Cost { writes: true, ..Cost::GIT_READ };
}

/// Whether a request may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Twice is as good as once.
    Idempotent,
    /// Only when the first one certainly had no effect.
    IfNoEffect,
    /// Not at all; the caller decides. Bodies that stream are never sent again.
    Never,
}

impl Request {
    /// A request that costs what its method costs at REST APIs; `GET` and `HEAD` may be repeated, others
    /// only while they had no effect.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        let reads = method == Method::GET || method == Method::HEAD;
        Self {
            url: url.into(),
            headers: Vec::new(),
            body: Body::Empty,
            credential: None,
            cost: if reads { Cost::READ } else { Cost::WRITE },
            retry: if reads { Retry::Idempotent } else { Retry::IfNoEffect },
            method,
        }
    }

    /// A `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::GET, url)
    }

    /// A `POST`.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new(Method::POST, url)
    }

    /// Adds a header. A value that HTTP does not allow is an error of `send`.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Asks for the answer only if it is another than the one with this `ETag`, else for a 304.
    pub fn if_none_match(self, etag: &str) -> Self {
        self.header("if-none-match", etag)
    }

    /// Sets the token.
    pub fn credential(mut self, credential: &Credential) -> Self {
        self.credential = Some(credential.clone());
        self
    }

    /// Sets the body to bytes.
    pub fn bytes(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Body::Bytes(body.into());
        self
    }

    /// Sets the body to JSON, and says so in a header. A value that JSON cannot hold is an error of `send`.
    pub fn json(self, value: &impl Serialize) -> Self {
        let typed = self.header("content-type", "application/json");
        match serde_json::to_vec(value) {
            Ok(body) => typed.bytes(body),
            Err(flaw) => typed.stream(futures_util::stream::once(async { Err(std::io::Error::other(flaw)) })),
        }
    }

    /// Sets the body to a stream.
    pub fn stream(mut self, body: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static) -> Self {
        self.body = Body::Stream(OnceStream(Mutex::new(body.boxed())));
        self
    }

    /// Sets what it costs.
    pub fn cost(mut self, cost: Cost) -> Self {
        self.cost = cost;
        self
    }

    /// Sets whether it may be sent again.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    pub(crate) fn asked_if_changed(&self) -> bool {
        self.headers.iter().any(|(name, _)| *name == "if-none-match" || *name == "if-modified-since")
    }

    /// The same request for another try; `None` when its body is a stream that went.
    pub(crate) fn copy(&self) -> Option<Self> {
        let body = match &self.body {
            Body::Empty => Body::Empty,
            Body::Bytes(bytes) => Body::Bytes(bytes.clone()),
            Body::Stream(_) => return None,
        };
        Some(Self {
            method: self.method.clone(),
            url: self.url.clone(),
            headers: self.headers.clone(),
            body,
            credential: self.credential.clone(),
            cost: self.cost,
            retry: self.retry,
        })
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, coregit_model::RedactedUrl::new(&self.url))
    }
}
