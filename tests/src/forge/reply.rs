//! Answers of the API, and refusals in GitHub's form.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response};
use serde_json::{Value, json};

/// The address that GitHub's errors point to.
const DOCS: &str = "https://docs.github.com/rest";

/// An answer of the API.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) content: Content,
}

/// The body of an answer.
#[derive(Debug)]
pub(super) enum Content {
    Empty,
    Json(Value),
    /// Bytes of this media type.
    Raw(&'static str, Vec<u8>),
}

/// An answer, or a refusal that ends the work at once.
pub(super) type Outcome = Result<Reply, Reply>;

/// A JSON answer.
pub(super) fn reply(status: u16, body: Value) -> Reply {
    Reply { status, headers: Vec::new(), content: Content::Json(body) }
}

/// An answer without a body.
pub(super) fn empty(status: u16) -> Reply {
    Reply { status, headers: Vec::new(), content: Content::Empty }
}

/// An answer of raw bytes.
pub(super) fn raw(media_type: &'static str, bytes: Vec<u8>) -> Reply {
    Reply { status: 200, headers: Vec::new(), content: Content::Raw(media_type, bytes) }
}

/// A refusal with its message.
pub(super) fn refuse(status: u16, message: &str) -> Reply {
    reply(status, json!({"message": message, "documentation_url": DOCS, "status": status.to_string()}))
}

/// 404, which also hides what exists.
pub(super) fn not_found() -> Reply {
    refuse(404, "Not Found")
}

/// 422 `Validation Failed` with one error in it.
pub(super) fn invalid(resource: &str, field: &str, code: &str) -> Reply {
    validation(json!({"resource": resource, "field": field, "code": code}))
}

/// 422 `Validation Failed` with this error in it.
pub(super) fn validation(error: Value) -> Reply {
    let message = "Validation Failed";
    reply(422, json!({"message": message, "errors": [error], "documentation_url": DOCS, "status": "422"}))
}

impl Reply {
    /// Adds a header.
    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The JSON in it.
    pub(super) fn json(&self) -> Option<&Value> {
        match &self.content {
            Content::Json(value) => Some(value),
            _ => None,
        }
    }

    /// The bytes of the body and their media type.
    pub(super) fn bytes(self) -> (Option<&'static str>, Vec<u8>) {
        match self.content {
            Content::Empty => (None, Vec::new()),
            Content::Json(value) => (Some("application/json; charset=utf-8"), value.to_string().into_bytes()),
            Content::Raw(media_type, bytes) => (Some(media_type), bytes),
        }
    }

    /// The HTTP answer.
    pub(super) fn into_response(mut self) -> Response<Body> {
        let (status, headers) = (self.status, std::mem::take(&mut self.headers));
        let (media_type, bytes) = self.bytes();
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() = status.try_into().expect("the forge's statuses are valid");
        for (name, value) in headers {
            let value = HeaderValue::from_str(&value).expect("the forge's header values are printable");
            response.headers_mut().append(HeaderName::from_static(name), value);
        }
        if let Some(media_type) = media_type {
            response.headers_mut().insert("content-type", HeaderValue::from_static(media_type));
        }
        response
    }
}
