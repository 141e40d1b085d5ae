//! Backups: what a forced update or a deletion takes away, kept whole in a repository of its own.
//!
//! It borrows no objects: one that did would die at the next collection of the lender.

use std::path::Path;

use coregit_model::{ObjectFormat, Oid, RefName, RunId};
use tokio::io::AsyncReadExt;

use crate::child::{self, Talking, git};
use crate::indexing::{Indexing, Looks};
use crate::pack::{read_failed, revisions};
use crate::{Fetch, GitError, Remote, Repo, repo};

/// The backup repository of one repository of ours.
#[derive(Debug)]
pub struct Backup {
    repo: Repo,
}

impl Backup {
    /// Opens the backup at `path`, creating it where it is missing.
    pub fn open_or_create(path: impl AsRef<Path>, format: ObjectFormat) -> Result<Self, GitError> {
        let path = path.as_ref();
        if !path.exists() {
            match repo::create(path, format, None, |_| Ok(())) {
                // Two workers at once: the other one has made it.
                Err(_) if path.join("HEAD").exists() => {}
                made => made?,
            }
        }
        Ok(Self { repo: Repo::open(path)? })
    }

    /// The repository, for reading and for pushing from it.
    pub fn repo(&self) -> &Repo {
        &self.repo
    }

    /// The name under which a run keeps what a ref held: `refs/backup/<run>/heads/main`.
    pub fn name(run: &RunId, of: &RefName) -> RefName {
        let of = of.as_bytes().strip_prefix(b"refs/").unwrap_or(of.as_bytes());
        let name = [b"refs/backup/", run.as_str().as_bytes(), b"/", of].concat();
        RefName::new(name).expect("the parts of a run's id and of a ref's name are those of a ref's name")
    }

    /// Copies an object with everything below it out of `from` and keeps it under `name`
    /// (`refs/backup/…`). Keeping the same again is nothing; another oid under a name that is taken is an
    /// error, and so is history that is not whole in `from`. When this returns, it is on disk.
    pub async fn keep(&self, from: &Repo, oid: &Oid, name: &RefName) -> Result<(), GitError> {
        if !name.starts_with(b"refs/backup/") {
            return Err(GitError::Unwritable(format!("{name} is no name of a backup")));
        }
        match self.repo.ref_oid(name)? {
            Some(kept) if kept == *oid => return Ok(()),
            Some(_) => return Err(GitError::Unwritable(format!("{name} keeps another object already"))),
            None => {}
        }
        if !from.has(oid) {
            return Err(from.missing(oid));
        }
        self.copy(from, oid).await?;
        self.check_whole(oid)?;
        let create = [b"create ", name.as_bytes(), b"\0", oid.to_string().as_bytes(), b"\0"].concat();
        self.update_refs(&create)
    }

    /// Keeps what stands in a remote repository: out of `from` where it is there, else fetched (all in one
    /// request; what `from` has of it is not sent).
    pub async fn keep_theirs(
        &self,
        from: &Repo,
        remote: &Remote,
        theirs: &[(Oid, RefName)],
    ) -> Result<(), GitError> {
        let (here, there): (Vec<_>, Vec<_>) = theirs.iter().partition(|(oid, _)| from.has(oid));
        for (oid, name) in here {
            self.keep(from, oid, name).await?;
        }
        if there.is_empty() {
            return Ok(());
        }
        let io = |e| GitError::io("making a place to fetch into", e);
        // A shadow of its own: the repository's usual one may have histories that are cut off.
        let parent = self.repo.path().parent().unwrap_or(Path::new("/"));
        let place = tempfile::Builder::new().prefix(".fetch-").tempdir_in(parent).map_err(io)?;
        let shadow = Repo::open_or_create_shadow(place.path().join("git"), from.path())?;
        let wants: Vec<Oid> = there.iter().map(|(oid, _)| *oid).collect();
        let mut haves: Vec<Oid> = from.refs()?.into_iter().map(|(_, oid)| oid).collect();
        haves.sort();
        haves.dedup();
        remote.fetch(&shadow, &Fetch { haves: &haves, ..Fetch::of(&wants) }).await?;
        for (oid, name) in there {
            self.keep(&shadow, oid, name).await?;
        }
        Ok(())
    }

    /// Lets go of backups; their objects go at the next [`Backup::collect`].
    pub fn forget(&self, names: &[RefName]) -> Result<(), GitError> {
        let lines: Vec<u8> =
            names.iter().flat_map(|n| [b"delete ", n.as_bytes(), b"\0\0"].concat()).collect();
        self.update_refs(&lines)
    }

    /// Deletes objects that no backup needs any more and that are older than a day. Slow.
    pub fn collect(&self) -> Result<(), GitError> {
        let mut command = git(Some(self.repo.path()));
        // A backup that is being made has objects and no ref yet: a day is longer than that takes.
        command.args(["gc", "--quiet", "--prune=1.day.ago"]);
        child::run(command, b"").map(drop)
    }

    fn update_refs(&self, lines: &[u8]) -> Result<(), GitError> {
        let mut command = git(Some(self.repo.path()));
        command.args(["update-ref", "--stdin", "-z"]);
        child::run(command, lines).map(drop)
    }

    async fn copy(&self, from: &Repo, oid: &Oid) -> Result<(), GitError> {
        let kept: Vec<Oid> = self.repo.refs()?.into_iter().map(|(_, oid)| oid).collect();
        let mut command = git(Some(from.path()));
        // Not thin: nothing of the pack may stand on objects elsewhere.
        command.args(["pack-objects", "--revs", "--stdout", "-q", "--delta-base-offset"]);
        let mut packing = Talking::start(command, None)?;
        packing.tell(&revisions([oid], &from.present(&kept))).await?;
        let mut head = [0; 12];
        let read = packing.stdout.read_exact(&mut head).await;
        // A pack without objects would be kept for nothing.
        if read.is_ok() && head[8..12] != [0; 4] {
            self.index(&head, &mut packing).await?;
        }
        packing.finish().await?;
        read.map(drop).map_err(read_failed)
    }

    async fn index(&self, head: &[u8], packing: &mut Talking) -> Result<(), GitError> {
        let mut indexing = Indexing::start(&self.repo, &Looks::default())?;
        let mut copied = indexing.feed(head).await;
        let mut piece = vec![0; 64 << 10];
        while copied.is_ok() {
            let n = packing.stdout.read(&mut piece).await.map_err(read_failed)?;
            if n == 0 {
                break;
            }
            copied = indexing.feed(&piece[..n]).await;
        }
        indexing.finish().await?;
        copied
    }

    /// Walks everything below the object that no other backup has.
    fn check_whole(&self, oid: &Oid) -> Result<(), GitError> {
        let mut command = git(Some(self.repo.path()));
        command.args(["rev-list", "--objects", "--quiet", "--stdin"]);
        let walked = child::run(command, format!("{oid}\n--not\n--all\n").as_bytes());
        walked.map(drop).map_err(|e| {
            GitError::Unwritable(format!(
                "{oid} cannot be kept, because it is not whole where it comes from: {e}"
            ))
        })
    }
}
