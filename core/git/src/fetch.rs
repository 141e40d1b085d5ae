//! A fetch: one request, the pack streamed into `git index-pack`, and where history was cut off.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use coregit_http::Retry;
use coregit_model::Oid;

use crate::indexing::{Indexing, Looks};
use crate::packets::Packets;
use crate::wire::fetch::{Fetch, Reader, request};
use crate::{GitError, Remote, Repo};

/// What a fetch brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Bytes of the pack.
    pub pack_bytes: u64,
    /// Commits at which history was cut off now.
    pub shallow: Vec<Oid>,
}

impl Remote {
    /// Brings objects into `target` (a shadow or a backup, never a served repository: what arrives here was
    /// checked by nobody). Moves no ref. The server must speak version 2.
    pub async fn fetch(&self, target: &Repo, fetch: &Fetch<'_>) -> Result<Fetched, GitError> {
        if fetch.wants.is_empty() {
            return Ok(Fetched::default());
        }
        let shallow: Vec<_> = read_shallow(target.path())?.into_iter().collect();
        let body = request(fetch, &shallow, target.format())?;
        let response = self.upload_pack(body, Retry::Idempotent).await?;
        let mut arriving = Arriving::new(target, fetch, shallow);
        let taken = arriving.take_all(Packets::new(response.stream(), fetch.limit)).await;
        let bytes = arriving.finish(taken).await?;
        let cut = mark_shallow(target, &arriving.reader).await?;
        Ok(Fetched { pack_bytes: bytes, shallow: cut })
    }
}

/// A pack that arrives.
struct Arriving<'a> {
    target: &'a Repo,
    fetch: &'a Fetch<'a>,
    shallow: Vec<Oid>,
    reader: Reader,
    head: BytesMut,
    /// The indexer, and the list of cut-off commits that it reads.
    indexing: Option<(Indexing, tempfile::NamedTempFile)>,
    bytes: u64,
}

impl<'a> Arriving<'a> {
    fn new(target: &'a Repo, fetch: &'a Fetch<'a>, shallow: Vec<Oid>) -> Self {
        let (reader, head) = (Reader::default(), BytesMut::new());
        Self { target, fetch, shallow, reader, head, indexing: None, bytes: 0 }
    }

    async fn take_all(&mut self, mut packets: Packets) -> Result<(), GitError> {
        while let Some(packet) = packets.next().await? {
            if let Some(piece) = self.reader.take(packet)? {
                self.take(piece).await?;
            }
        }
        match self.reader.is_done() {
            true => Ok(()),
            false => Err(GitError::Protocol("its pack breaks off".into())),
        }
    }

    async fn take(&mut self, piece: Bytes) -> Result<(), GitError> {
        self.bytes += piece.len() as u64;
        if let Some((indexing, _)) = &mut self.indexing {
            return indexing.feed(&piece).await;
        }
        self.head.extend_from_slice(&piece);
        // `PACK`, a version and the number of objects. A pack without any would be kept for nothing.
        if self.head.len() >= 12 && self.head[8..12] != [0; 4] {
            let head = std::mem::take(&mut self.head);
            let started = self.start()?;
            self.indexing.insert(started).0.feed(&head).await?;
        }
        Ok(())
    }

    fn start(&self) -> Result<(Indexing, tempfile::NamedTempFile), GitError> {
        let io = |e| GitError::io("writing the list of cut-off commits", e);
        let mut cut: BTreeSet<_> = self.shallow.iter().chain(&self.reader.shallow).collect();
        cut.retain(|oid| !self.reader.unshallow.contains(oid));
        // The repository's own list is changed only when the pack is in.
        let mut list = tempfile::NamedTempFile::new_in(self.target.path()).map_err(io)?;
        cut.iter().try_for_each(|oid| writeln!(list, "{oid}")).map_err(io)?;
        let (strict, memory) = (self.fetch.strict.as_deref(), self.fetch.memory);
        let looks = Looks { strict, memory, shallow: Some(list.path()) };
        Ok((Indexing::start(self.target, &looks)?, list))
    }

    /// Ends the indexing. Where git gave up before the pack ended, its own words tell most.
    async fn finish(&mut self, taken: Result<(), GitError>) -> Result<u64, GitError> {
        match (self.indexing.take(), taken) {
            (Some((indexing, _list)), Ok(())) => indexing.finish().await?,
            (Some((indexing, _list)), Err(GitError::Io { .. })) => indexing.finish().await?,
            (_, taken) => taken?,
        }
        Ok(self.bytes)
    }
}

/// The commits at which a repository's history is cut off.
fn read_shallow(path: &Path) -> Result<BTreeSet<Oid>, GitError> {
    let file = path.join("shallow");
    let listed = match std::fs::read(&file) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        read => read.map_err(|e| GitError::io(format!("reading {}", file.display()), e))?,
    };
    let lines = listed.split(|b| *b == b'\n').filter(|l| !l.is_empty());
    lines.map(|line| Oid::from_hex(line).map_err(|e| GitError::open(path, e))).collect()
}

/// Marks where history is cut off now, under git's own lock. A commit whose parents are here after all
/// (the served repository has them) is not marked. Returns what was marked.
async fn mark_shallow(target: &Repo, told: &Reader) -> Result<Vec<Oid>, GitError> {
    let whole = |oid: &Oid| target.commit(oid).is_ok_and(|c| c.parents.iter().all(|p| target.has(p)));
    let cut: Vec<Oid> = told.shallow.iter().filter(|oid| !whole(oid)).copied().collect();
    if cut.is_empty() && told.unshallow.is_empty() {
        return Ok(cut);
    }
    let lock = lock(&target.path().join("shallow.lock")).await?;
    let io = |e| GitError::io(format!("writing {}", lock.display()), e);
    let write = || {
        let mut all = read_shallow(target.path())?;
        all.extend(&cut);
        all.retain(|oid| !told.unshallow.contains(oid));
        let text: String = all.iter().map(|oid| format!("{oid}\n")).collect();
        std::fs::write(&lock, text).and_then(|()| std::fs::File::open(&lock)?.sync_all()).map_err(io)?;
        std::fs::rename(&lock, target.path().join("shallow")).map_err(io)
    };
    let written = write();
    if written.is_err() {
        let _ = std::fs::remove_file(&lock);
    }
    written.map(|()| cut)
}

/// Takes a lock file, waiting a second for another process.
async fn lock(path: &Path) -> Result<std::path::PathBuf, GitError> {
    for _ in 0..100 {
        match std::fs::File::create_new(path) {
            Ok(_) => return Ok(path.to_owned()),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(e) => return Err(GitError::io(format!("creating {}", path.display()), e)),
        }
    }
    let held = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
    Err(GitError::io(
        format!("{} is held by another process, or left by one that died", path.display()),
        held,
    ))
}
