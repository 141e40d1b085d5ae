//! A push: one request that carries commands, expected old oids and the pack; one report.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, atomic::AtomicU64};

use bytes::{BufMut, Bytes, BytesMut};
use coregit_http::{Request, Retry};
use coregit_model::Oid;
use futures_util::stream::{StreamExt, once};

use crate::pack::{self, Failure, Pack};
use crate::packets::Packets;
use crate::remote::{RESULT, expect_type};
use crate::wire::advertisement::Advertisement;
use crate::wire::commands::{Push, commands};
use crate::wire::pkt;
use crate::wire::report::{self, PushReport, RefOutcome};
use crate::{GitError, Remote, Repo};

/// What leaves, and what became of it on the way.
struct Outgoing {
    request: Request,
    failure: Failure,
    bytes: Arc<AtomicU64>,
}

impl Remote {
    /// Moves refs there, with everything that they need from `repo`. One request.
    ///
    /// Each update is done only where its ref still stands at the expected oid: the server compares. The
    /// report says what became of each; that it tells the truth, only listing the refs again can show. An
    /// error with [`GitError::effect_unknown`] means that refs may have moved.
    pub async fn push(
        &self,
        repo: &Repo,
        there: &Advertisement,
        push: &Push<'_>,
    ) -> Result<PushReport, GitError> {
        if repo.format() != there.format {
            return Err(GitError::Unsupported(format!(
                "objects here are named by {}, there by {}; git cannot bring one to the other",
                repo.format().as_str(),
                there.format.as_str()
            )));
        }
        let deletes = there.has("delete-refs");
        let (asked, kept): (Vec<_>, Vec<_>) =
            push.updates.iter().cloned().partition(|u| deletes || !u.new.is_zero());
        let mut report = match asked.is_empty() {
            true => PushReport::default(),
            false => self.push_asked(repo, there, &Push { updates: &asked, ..push.clone() }).await?,
        };
        let refused = RefOutcome::Rejected("the host deletes no refs".into());
        report.refs.extend(kept.into_iter().map(|u| (u.name, refused.clone())));
        Ok(report)
    }

    async fn push_asked(
        &self,
        repo: &Repo,
        there: &Advertisement,
        push: &Push<'_>,
    ) -> Result<PushReport, GitError> {
        let commands = commands(push, &there.capabilities)?;
        let (sideband, atomic) = (commands.sideband, commands.atomic);
        let pack = match commands.pack {
            true => pack_of(repo, there, push).await?,
            false => Pack::Whole(Bytes::new()),
        };
        let Outgoing { request, failure, bytes } = self.outgoing(commands.body, pack).await?;
        match self.report(request, sideband, push).await {
            Ok(report) => Ok(PushReport { bytes_sent: bytes.load(Relaxed), atomic, ..report }),
            // Without its end no pack is taken, and without a pack no ref is moved.
            Err(error) => Err(failure.take().unwrap_or(error)),
        }
    }

    /// The request with commands and pack in it.
    async fn outgoing(&self, commands: Vec<u8>, pack: Pack) -> Result<Outgoing, GitError> {
        let (failure, bytes) = (Failure::default(), Arc::new(AtomicU64::new(0)));
        let mut body = BytesMut::from(commands.as_slice());
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

    async fn report(
        &self,
        request: Request,
        sideband: bool,
        push: &Push<'_>,
    ) -> Result<PushReport, GitError> {
        let response = self.client.send(request).await.map_err(|e| self.refused(e).after_sending())?;
        let read = async {
            expect_type(&response, RESULT)?;
            let mut packets = Packets::new(response.stream(), self.longest);
            let mut reader = report::Reader::new(sideband);
            while let Some(packet) = packets.next().await? {
                reader.take(packet)?;
            }
            reader.finish(push.updates.iter().map(|u| &u.name))
        };
        read.await.map_err(GitError::after_sending)
    }
}

async fn pack_of(repo: &Repo, there: &Advertisement, push: &Push<'_>) -> Result<Pack, GitError> {
    let new: Vec<Oid> = push.updates.iter().map(|u| u.new).filter(|oid| !oid.is_zero()).collect();
    if let (Some(tree), [new]) = (&push.onto_tree, &new[..]) {
        // With its parent here, git looks only at the folders that changed.
        if !repo.commit(new)?.parents.iter().all(|parent| repo.has(parent)) {
            return pack::of_commit(repo, new, tree).await;
        }
    }
    let known: Vec<Oid> = there.refs.values().chain(&there.have).copied().collect();
    pack::of_history(repo, &new, &known).await
}
