//! What a host answered.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use coregit_model::{ErrorClass, Timestamp};
use futures_util::stream::{BoxStream, Stream, StreamExt};
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

use crate::{Effect, HttpError, Meter, transport};

/// Status and headers of an answer.
#[derive(Clone, Debug)]
pub struct Head {
    /// The status.
    pub status: u16,
    pub(crate) headers: HeaderMap,
}

impl Head {
    /// A header's value, when it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The host's name for the request: `x-github-request-id` or `x-request-id`, printable and bounded.
    pub fn request_id(&self) -> Option<String> {
        let id = self.header("x-github-request-id").or_else(|| self.header("x-request-id"))?;
        let id = crate::redact(id);
        Some(coregit_model::printable(&id.chars().take(100).collect::<String>()))
    }

    /// The `ETag` exactly as it came, weak mark included.
    pub fn etag(&self) -> Option<&str> {
        self.header("etag")
    }

    /// The host's clock, from `Date`.
    pub fn date(&self) -> Option<Timestamp> {
        http_date(self.header("date")?)
    }

    /// Whether the host answered that nothing changed.
    pub fn is_not_modified(&self) -> bool {
        self.status == 304
    }
}

/// Reads the date form of HTTP headers.
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Timestamp::from_millis(at.as_millisecond()))
}

/// An answer whose body is still to come.
pub struct Response {
    /// Status and headers.
    pub head: Head,
    pub(crate) body: BodyStream,
}

/// An answer that is here as a whole.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Status and headers.
    pub head: Head,
    /// The body.
    pub body: Bytes,
}

impl Response {
    /// The status.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// A header's value, when it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// The whole body, at most `limit` bytes; a longer one is [`ErrorClass::Invalid`].
    pub async fn bytes(self, limit: usize) -> Result<Bytes, HttpError> {
        Ok(self.whole(limit).await?.body)
    }

    /// The whole answer, its body at most `limit` bytes.
    pub async fn whole(mut self, limit: usize) -> Result<Reply, HttpError> {
        let head = self.head;
        let announced = head.header("content-length").and_then(|text| text.parse::<u64>().ok());
        if announced.is_some_and(|length| length > limit as u64) {
            return Err(too_long(limit));
        }
        let mut body = Vec::new();
        while let Some(piece) = self.body.next_piece().await? {
            if body.len() + piece.len() > limit {
                return Err(too_long(limit));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Reply { head, body: body.into() })
    }

    /// The body as JSON of at most 64 MiB.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, HttpError> {
        self.whole(LONGEST_JSON).await?.json()
    }

    /// The body piece by piece; a silent host ends it with an error.
    pub fn stream(self) -> BodyStream {
        self.body
    }

    /// As much of the body as fits, for looking at a refusal. What cannot be read is left out.
    pub(crate) async fn prefix(mut self, limit: usize) -> (Head, Vec<u8>) {
        let mut body = Vec::new();
        while let Ok(Some(piece)) = self.body.next_piece().await {
            body.extend_from_slice(&piece[..piece.len().min(limit - body.len())]);
            if body.len() >= limit {
                break;
            }
        }
        (self.head, body)
    }
}

/// The longest JSON that is taken.
pub(crate) const LONGEST_JSON: usize = 64 << 20;

impl Reply {
    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        if let Some(coding) = self.head.header("content-encoding").filter(|c| *c != "identity") {
            return Err(self.flaw(&format!("the answer is packed as {coding}, which was not asked for")));
        }
        serde_json::from_slice(&self.body).map_err(|flaw| match looks_like_html(&self.body) {
            true => self
                .flaw("a web page came instead of the API's answer")
                .with_hint("a proxy or a login portal may stand between; check the address and http.proxy"),
            false => self.flaw(&format!("the answer is not the JSON that was expected: {}", reason(&flaw))),
        })
    }

    fn flaw(&self, text: &str) -> HttpError {
        HttpError::invalid(text).with_status(self.head.status).with_request_id(self.head.request_id())
    }
}

/// What is wrong with JSON and where, without quoting it.
fn reason(flaw: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let what = match flaw.classify() {
        Category::Eof => "it breaks off",
        Category::Syntax => "it is malformed",
        Category::Data => "a field is missing or has another type",
        Category::Io => "it cannot be read",
    };
    format!("{what} at line {} column {}", flaw.line(), flaw.column())
}

pub(crate) fn looks_like_html(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    let start = &start[..start.len().min(15)];
    start.first() == Some(&b'<') && {
        let start = start.to_ascii_lowercase();
        start.starts_with(b"<!doctype html") || start.starts_with(b"<html") || start.starts_with(b"<head")
    }
}

fn too_long(limit: usize) -> HttpError {
    HttpError::invalid(format!("the answer is longer than {limit} bytes"))
}

/// The body of an answer: a stream of pieces, and a reader. Its errors carry an [`HttpError`].
pub struct BodyStream {
    source: BoxStream<'static, reqwest::Result<Bytes>>,
    piece: Bytes,
    idle: Duration,
    silence: Pin<Box<Sleep>>,
    meters: Vec<Arc<Meter>>,
    host: String,
    /// In flight until the body is read or dropped.
    _slot: Option<OwnedSemaphorePermit>,
}

impl BodyStream {
    pub(crate) fn new(response: reqwest::Response, idle: Duration, meters: Vec<Arc<Meter>>) -> Self {
        Self {
            host: response.url().host_str().unwrap_or("the host").to_owned(),
            source: response.bytes_stream().boxed(),
            piece: Bytes::new(),
            idle,
            silence: Box::pin(tokio::time::sleep(idle)),
            meters,
            _slot: None,
        }
    }

    pub(crate) fn holding(mut self, slot: OwnedSemaphorePermit) -> Self {
        self._slot = Some(slot);
        self
    }

    /// The next piece, or `None` at the end.
    pub async fn next_piece(&mut self) -> Result<Option<Bytes>, HttpError> {
        std::future::poll_fn(|context| self.poll_piece(context)).await.transpose()
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, HttpError>>> {
        if !self.piece.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.piece))));
        }
        let next = match self.source.as_mut().poll_next(context) {
            Poll::Ready(next) => next,
            Poll::Pending => {
                ready!(self.silence.as_mut().poll(context));
                return Poll::Ready(Some(Err(transport::silent(&self.host, self.idle))));
            }
        };
        let later = Instant::now() + self.idle;
        self.silence.as_mut().reset(later);
        Poll::Ready(next.map(|piece| match piece {
            Ok(piece) => {
                self.meters.iter().for_each(|meter| meter.received(piece.len()));
                Ok(piece)
            }
            Err(error) => Err(transport::broken_body(&self.host, &error)),
        }))
    }
}

fn as_io(error: HttpError) -> std::io::Error {
    let kind = match error.class() {
        ErrorClass::Transient if error.effect() == Effect::Unknown => std::io::ErrorKind::ConnectionAborted,
        _ => std::io::ErrorKind::Other,
    };
    std::io::Error::new(kind, error)
}

impl Stream for BodyStream {
    type Item = std::io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_piece(context).map(|next| next.map(|piece| piece.map_err(as_io)))
    }
}

impl AsyncBufRead for BodyStream {
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<&[u8]>> {
        let this = self.get_mut();
        while this.piece.is_empty() {
            match ready!(this.poll_piece(context)) {
                None => break,
                Some(piece) => this.piece = piece.map_err(as_io)?,
            }
        }
        Poll::Ready(Ok(&this.piece))
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        let amount = amount.min(self.piece.len());
        let _ = self.piece.split_to(amount);
    }
}

impl AsyncRead for BodyStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let piece = ready!(self.as_mut().poll_fill_buf(context))?;
        let amount = piece.len().min(buffer.remaining());
        buffer.put_slice(&piece[..amount]);
        self.consume(amount);
        Poll::Ready(Ok(()))
    }
}

impl std::fmt::Debug for BodyStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BodyStream").field("host", &self.host).finish_non_exhaustive()
    }
}
