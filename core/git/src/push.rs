//! A push: one request that carries commands, expected old oids and the pack; one report.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, atomic::AtomicU64};

use bytes::{BufMut, Bytes, BytesMut};
use coregit_http::{Request, Retry};
use coregit_model::{Oid, RefName, RefUpdate};
use futures_util::stream::{StreamExt, once};

use crate::pack::{self, Failure, Pack};
use crate::packets::Packets;
use crate::remote::{RESULT, expect_type};
use crate::wire::advertisement::Advertisement;
use crate::wire::commands::{Commands, PushOptions, commands};
use crate::wire::pkt;
use crate::wire::report::{self, PushOutcome, PushReport};
use crate::{GitError, Remote, Repo};

/// The longest report that is read: a million refs.
const LONGEST_REPORT: u64 = 256 << 20;

/// What leaves, and what became of it on the way.
struct Outgoing {
    request: Request,
    failure: Failure,
    bytes: Arc<AtomicU64>,
}

impl Remote {
    /// Moves refs there, with everything that they need from `repo`. One request.
    ///
    /// Each update is done only where its ref still stands at the expected oid: the server compares. A
    /// report says what became of each; that it tells the truth, only listing the refs again can show. An
    /// error with [`GitError::effect_unknown`] means that refs may have moved.
    pub async fn push(
        &self,
        repo: &Repo,
        there: &Advertisement,
        updates: &[RefUpdate],
        options: &PushOptions,
    ) -> Result<PushReport, GitError> {
        if repo.format() != there.format {
            return Err(GitError::Unsupported(format!(
                "objects here are named by {}, there by {}; git cannot bring one to the other",
                repo.format().as_str(),
                there.format.as_str()
            )));
        }
        let deletes = there.capabilities.has("delete-refs");
        let (asked, kept): (Vec<_>, Vec<_>) =
            updates.iter().cloned().partition(|u| deletes || !u.new.is_zero());
        let refused =
            kept.into_iter().map(|u| (u.name, PushOutcome::Rejected("the host deletes no refs".into())));
        let refused: Vec<_> = refused.collect();
        let mut report = match asked.is_empty() {
            true => PushReport::default(),
            false => self.push_asked(repo, there, &asked, options).await?,
        };
        report.refs.extend(refused);
        Ok(report)
    }

    async fn push_asked(
        &self,
        repo: &Repo,
        there: &Advertisement,
        updates: &[RefUpdate],
        options: &PushOptions,
    ) -> Result<PushReport, GitError> {
        let commands = commands(updates, &there.capabilities, repo.format(), options)?;
        let (sideband, atomic) = (commands.sideband, commands.atomic);
        let out = self.outgoing(repo, there, updates, commands).await?;
        let (failure, bytes) = (out.failure, out.bytes);
        let names = updates.iter().map(|u| &u.name);
        match self.report(out.request, sideband, names).await {
            Ok(report) => Ok(PushReport { bytes_sent: bytes.load(Relaxed), atomic, ..report }),
            // Without its end no pack is taken, and without a pack no ref is moved.
            Err(error) => Err(failure.take().unwrap_or(error)),
        }
    }

    /// The request with commands and pack in it.
    async fn outgoing(
        &self,
        repo: &Repo,
        there: &Advertisement,
        updates: &[RefUpdate],
        commands: Commands,
    ) -> Result<Outgoing, GitError> {
        let new: Vec<Oid> = updates.iter().map(|u| u.new).filter(|oid| !oid.is_zero()).collect();
        let known: Vec<Oid> = there.refs.values().chain(&there.have).copied().collect();
        let pack = match commands.pack {
            true => pack::begin(repo, &new, &known).await?,
            false => Pack::Whole(Bytes::new()),
        };
        let (failure, bytes) = (Failure::default(), Arc::new(AtomicU64::new(0)));
        let mut body = BytesMut::from(commands.body.as_slice());
        let request = match pack {
            Pack::Whole(pack) => {
                body.put(pack);
                bytes.store(body.len() as u64, Relaxed);
                self.receive_pack().bytes(body).retry(Retry::IfNoEffect)
            }
            Pack::Streamed(head, child) => {
                self.probe().await?;
                body.put(head);
                let counted = bytes.clone();
                let pieces = once(async { Ok(body.freeze()) }).chain(pack::rest(child, failure.clone()));
                let pieces = pieces.inspect(move |piece| {
                    counted.fetch_add(piece.as_ref().map_or(0, Bytes::len) as u64, Relaxed);
                });
                self.receive_pack().stream(pieces)
            }
        };
        Ok(Outgoing { request, failure, bytes })
    }

    /// Asks with an empty request whether a push may come, before a stream that cannot be sent twice. Not
    /// needed where the host has just answered the same credential.
    async fn probe(&self) -> Result<(), GitError> {
        if self.proved.load(Relaxed) {
            return Ok(());
        }
        let request = self.receive_pack().bytes(pkt::FLUSH).retry(Retry::Idempotent);
        self.client.send(request).await.map_err(|e| self.refused(e))?;
        self.proved.store(true, Relaxed);
        Ok(())
    }

    async fn report<'a>(
        &self,
        request: Request,
        sideband: bool,
        names: impl Iterator<Item = &'a RefName>,
    ) -> Result<PushReport, GitError> {
        let response = self.client.send(request).await.map_err(|e| self.refused(e).after_sending())?;
        let read = async {
            expect_type(&response, RESULT)?;
            let mut packets = Packets::new(response.stream(), LONGEST_REPORT);
            let mut reader = report::Reader::new(sideband);
            while let Some(packet) = packets.next().await? {
                reader.take(packet)?;
            }
            reader.finish(names)
        };
        read.await.map_err(GitError::after_sending)
    }
}
