//! pkt-lines out of an answer's body, bounded.

use coregit_http::BodyStream;

use crate::GitError;
use crate::wire::pkt::{Decoder, Packet};

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
