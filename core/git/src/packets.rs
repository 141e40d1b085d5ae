//! pkt-lines out of an answer's body, bounded.

use std::time::Duration;

use coregit_http::BodyStream;

use crate::GitError;
use crate::wire::pkt::{Decoder, Packet};

/// How long the end of a body is waited for after its last line.
const END_PATIENCE: Duration = Duration::from_millis(200);

/// Reads pkt-lines from the body of an answer.
pub(crate) struct Packets {
    body: BodyStream,
    decoder: Decoder,
    left: u64,
    limit: u64,
}

impl Packets {
    /// Reads at most `limit` bytes.
    pub fn new(body: BodyStream, limit: u64) -> Self {
        Self { body, decoder: Decoder::default(), left: limit, limit }
    }

    /// Reads on to the end of the body, which follows the last line at once: a connection whose answer was not
    /// read to its end serves no other request. A server that goes on talking is not listened to for long.
    pub async fn finish(mut self) {
        let rest = async {
            while let Ok(Some(piece)) = self.body.next_piece().await {
                self.left = self.left.saturating_sub(piece.len() as u64);
                if self.left == 0 {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(END_PATIENCE, rest).await;
    }

    /// The next line; `None` where the body ends between two lines.
    pub async fn next(&mut self) -> Result<Option<Packet>, GitError> {
        loop {
            if let Some(packet) = self.decoder.next()? {
                return Ok(Some(packet));
            }
            let Some(piece) = self.body.next_piece().await? else {
                return match self.decoder.is_empty() {
                    true => Ok(None),
                    false => Err(GitError::Protocol("it ends in the middle of a line".into())),
                };
            };
            let Some(left) = self.left.checked_sub(piece.len() as u64) else {
                let limit = format!("{} MiB", self.limit >> 20);
                return Err(GitError::TooLarge { what: "the host's answer".into(), limit });
            };
            self.left = left;
            self.decoder.feed(&piece);
        }
    }
}
