//! Request bodies that count what leaves and keep the idle clock going; and that clock.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::Instant;

use crate::request::OnceStream;
use crate::{Body, Meter};

/// When something last moved.
#[derive(Clone, Debug)]
pub(crate) struct Pulse(Arc<Mutex<Instant>>);

impl Pulse {
    pub(crate) fn now() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    pub(crate) fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the future gives, or `None` once nothing has moved for `idle`.
    pub(crate) async fn guard<F: Future>(&self, idle: Duration, future: F) -> Option<F::Output> {
        let mut future = std::pin::pin!(future);
        loop {
            tokio::select! {
                biased;
                done = &mut future => return Some(done),
                () = tokio::time::sleep_until(self.last() + idle) => {}
            }
            if self.last().elapsed() >= idle {
                return None;
            }
        }
    }
}

/// Bytes go out in pieces of this size, so that a slow upload is seen to move.
const PIECE: usize = 64 << 10;

/// A body on its way out.
pub(crate) struct Outgoing {
    source: Source,
    pulse: Pulse,
    meters: Vec<Arc<Meter>>,
}

enum Source {
    Bytes(Bytes),
    Stream(OnceStream),
}

impl Outgoing {
    pub(crate) fn new(body: Body, pulse: Pulse, meters: Vec<Arc<Meter>>) -> Option<Self> {
        let source = match body {
            Body::Empty => return None,
            Body::Bytes(bytes) => Source::Bytes(bytes),
            Body::Stream(stream) => Source::Stream(stream),
        };
        Some(Self { source, pulse, meters })
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let next = match &mut self.source {
            Source::Bytes(rest) if rest.is_empty() => None,
            Source::Bytes(rest) => Some(Ok(rest.split_to(rest.len().min(PIECE)))),
            Source::Stream(stream) => {
                let stream = stream.0.get_mut().unwrap_or_else(PoisonError::into_inner);
                ready!(stream.as_mut().poll_next(context))
            }
        };
        self.pulse.beat();
        if let Some(Ok(piece)) = &next {
            self.meters.iter().for_each(|meter| meter.sent(piece.len()));
        }
        Poll::Ready(next.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.source, Source::Bytes(rest) if rest.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Bytes(rest) => SizeHint::with_exact(rest.len() as u64),
            Source::Stream(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_silence_ends_the_wait() {
        let pulse = Pulse::now();
        let (beating, idle) = (pulse.clone(), Duration::from_secs(10));
        let slow = async {
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_secs(9)).await;
                beating.beat();
            }
        };
        assert!(pulse.guard(idle, slow).await.is_some());
        assert!(pulse.guard(idle, std::future::pending::<()>()).await.is_none());
    }
}
