//! Bodies that are counted as they pass, and cut where a fault says so.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::Notify;

use super::log::{Entry, Underway};

/// Which way a body goes.
pub(super) enum Way {
    /// From the client.
    In(Arc<Entry>),
    /// To the client; the request is under way until it is out.
    Out(Underway),
}

/// Where to cut: after so many bytes.
pub(super) struct Cut {
    pub(super) after: u64,
    pub(super) connection: Arc<Notify>,
}

/// A body on its way.
struct Counted {
    inner: Body,
    way: Way,
    cut: Option<Cut>,
    seen: u64,
}

/// The same body, counted and perhaps cut.
pub(super) fn counted(inner: Body, way: Way, cut: Option<Cut>) -> Body {
    Body::new(Counted { inner, way, cut, seen: 0 })
}

impl Counted {
    /// Counts a chunk; of one that reaches the cut only the bytes before it are left.
    fn pass(&mut self, mut chunk: Bytes) -> Bytes {
        if let Some(cut) = &self.cut {
            chunk.truncate(cut.after.saturating_sub(self.seen).min(chunk.len() as u64) as usize);
        }
        self.seen += chunk.len() as u64;
        match &self.way {
            Way::In(entry) => entry.add_in(chunk.len() as u64),
            Way::Out(underway) => underway.entry.add_out(chunk.len() as u64),
        }
        chunk
    }

    /// Whether the cut is reached; then the connection dies as soon as what was sent is out.
    fn reached(&mut self) -> bool {
        match &self.cut {
            Some(cut) if self.seen >= cut.after => {
                let connection = cut.connection.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    connection.notify_one();
                });
                self.cut = None;
                self.inner = Body::new(Stuck);
                true
            }
            _ => false,
        }
    }
}

/// A body that never goes on.
struct Stuck;

impl HttpBody for Stuck {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Poll::Pending
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        if this.reached() {
            return Poll::Pending;
        }
        match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
            Some(Ok(frame)) => Poll::Ready(Some(Ok(frame.map_data(|chunk| this.pass(chunk))))),
            other => Poll::Ready(other),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.cut.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
