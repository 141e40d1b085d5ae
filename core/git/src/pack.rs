//! The pack of a push: made by `git pack-objects`, never whole in memory.

use std::collections::HashSet;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use coregit_model::{ObjectFormat, Oid};
use futures_util::stream::{BoxStream, StreamExt, unfold};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::child::{Talking, git};
use crate::{CommitParts, GitError, Repo, Signature};

/// Packs up to this size go out with a length and can be sent again.
const WHOLE: usize = 1 << 20;
/// A pipe holds this much.
const PIECE: usize = 64 << 10;

/// A pack on its way.
pub(crate) enum Pack {
    /// All of it.
    Whole(Bytes),
    /// Its beginning, and git that makes the rest.
    Streamed(BytesMut, Box<Talking>),
}

/// The pack without objects: what a push carries whose objects are all there.
fn empty(format: ObjectFormat) -> Option<Bytes> {
    // `PACK`, version 2, no objects, and the SHA-1 of these 12 bytes.
    const EMPTY: &[u8; 32] = b"PACK\0\0\0\x02\0\0\0\0\
        \x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e";
    (format == ObjectFormat::Sha1).then(|| Bytes::from_static(EMPTY))
}

fn pack_objects(repo: &Repo) -> Command {
    let mut command = git(Some(repo.path()));
    command.args(["pack-objects", "--revs", "--stdout", "-q"]);
    // Deltas may stand on objects that the server has, and name those in the pack by their place.
    command.args(["--thin", "--delta-base-offset"]);
    command
}

/// Starts the pack of everything that `new` leads to and `there` does not. `there` may name objects that
/// are not here.
pub(crate) async fn of_history(repo: &Repo, new: &[Oid], there: &[Oid]) -> Result<Pack, GitError> {
    let there: HashSet<_> = there.iter().collect();
    let new: Vec<_> = new.iter().filter(|oid| !there.contains(oid)).collect();
    if let Some(empty) = empty(repo.format()).filter(|_| new.is_empty()) {
        return Ok(Pack::Whole(empty));
    }
    if let Some(absent) = new.iter().find(|oid| !repo.has(oid)) {
        return Err(repo.missing(absent));
    }
    begin(pack_objects(repo), &revisions(new, &repo.present(there))).await
}

/// Starts the pack of one commit on top of a tree that is there, as if it had no parent.
pub(crate) async fn of_commit(repo: &Repo, new: &Oid, onto_tree: &Oid) -> Result<Pack, GitError> {
    let nobody =
        Signature { name: b"coregit".into(), email: b"coregit".into(), seconds: 0, offset: b"+0000".into() };
    let stand_in = repo.write_commit(&CommitParts {
        tree: repo.tree_of(onto_tree)?,
        parents: Vec::new(),
        author: nobody.clone(),
        committer: nobody,
        message: b"stands for a commit that is only known by its tree\n".into(),
        extra_headers: Vec::new(),
    })?;
    let mut command = pack_objects(repo);
    // As upload-pack does it for shallow clients: the history of `new` ends with itself, and git looks for
    // bases of deltas in the commits that are left out although nothing leads to them.
    command.arg("--shallow");
    let input = [format!("--shallow {new}\n").into_bytes(), revisions([new], &[stand_in])].concat();
    begin(command, &input).await
}

/// What `pack-objects --revs` reads: these, without what those lead to.
pub(crate) fn revisions<'a>(new: impl IntoIterator<Item = &'a Oid>, without: &[Oid]) -> Vec<u8> {
    let new = new.into_iter().map(|oid| format!("{oid}\n"));
    new.chain(without.iter().map(|oid| format!("^{oid}\n"))).collect::<String>().into_bytes()
}

async fn begin(command: Command, input: &[u8]) -> Result<Pack, GitError> {
    let mut child = Talking::start(command, None)?;
    child.tell(input).await?;
    let mut head = BytesMut::with_capacity(PIECE);
    while head.len() <= WHOLE {
        if child.stdout.read_buf(&mut head).await.map_err(read_failed)? == 0 {
            child.finish().await?;
            return Ok(Pack::Whole(head.freeze()));
        }
    }
    Ok(Pack::Streamed(head, Box::new(child)))
}

impl Talking {
    /// Gives `git pack-objects` all that it reads; it writes nothing before its end. A child that stops
    /// reading is found out by what it writes and by its status.
    pub(crate) async fn tell(&mut self, input: &[u8]) -> Result<(), GitError> {
        let Some(mut stdin) = self.stdin.take() else { return Ok(()) };
        match stdin.write_all(input).await {
            Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(GitError::io("writing to git pack-objects", e))
            }
            _ => Ok(()),
        }
    }
}

pub(crate) fn read_failed(source: std::io::Error) -> GitError {
    GitError::io("reading from git pack-objects", source)
}

/// Where a stream leaves the error that ended it: the HTTP client sees only that its body failed.
#[derive(Clone, Default)]
pub(crate) struct Failure(Arc<Mutex<Option<GitError>>>);

impl Failure {
    fn set(&self, error: GitError) -> std::io::Error {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        std::io::Error::other("the pack could not be made")
    }

    /// The error, once.
    pub fn take(&self) -> Option<GitError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What git still writes, piece by piece. It ends well only if git did: a pack that breaks off must not
/// look like a whole one.
pub(crate) fn rest(child: Box<Talking>, failure: Failure) -> BoxStream<'static, std::io::Result<Bytes>> {
    unfold(Some(child), move |child| {
        let failure = failure.clone();
        async move {
            let mut child = child?;
            let mut piece = BytesMut::with_capacity(PIECE);
            match child.stdout.read_buf(&mut piece).await {
                Ok(0) => match child.finish().await {
                    Ok(()) => None,
                    Err(error) => Some((Err(failure.set(error)), None)),
                },
                Ok(_) => Some((Ok(piece.freeze()), Some(child))),
                Err(error) => Some((Err(failure.set(read_failed(error))), None)),
            }
        }
    })
    .boxed()
}
