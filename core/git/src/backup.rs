//! Backups: what a forced update or a deletion takes away, kept whole in a repository of its own.
//!
//! It borrows no objects: one that did would die at the next collection of the lender.

use std::path::Path;

use coregit_model::{ObjectFormat, Oid, RefName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::child::{self, Talking, git};
use crate::{GitError, Repo, repo};

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

    /// Copies an object with everything below it out of `from` and keeps it under `name`
    /// (`refs/backup/<run>/…`). Keeping the same again is nothing; another oid under a name that is taken
    /// is an error, and so is history that is not whole in `from`. When this returns, it is on disk.
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
        let mut revisions = format!("{oid}\n");
        from.present(&kept).iter().for_each(|oid| revisions.push_str(&format!("^{oid}\n")));
        let mut command = git(Some(from.path()));
        // Not thin: nothing of the pack may stand on objects elsewhere.
        command.args(["pack-objects", "--revs", "--stdout", "-q", "--delta-base-offset"]);
        let mut packing = Talking::start(command, None)?;
        let mut stdin = packing.stdin.take().expect("stdin is piped");
        let fed = stdin.write_all(revisions.as_bytes()).await;
        drop(stdin);
        let mut head = [0; 12];
        let read = match fed {
            Ok(()) => packing.stdout.read_exact(&mut head).await.map(drop),
            broken => broken,
        };
        if read.is_ok() && head[8..12] != [0; 4] {
            self.index(&head, &mut packing).await?;
        }
        packing.finish().await?;
        read.map_err(|e| GitError::io("reading from git pack-objects", e))
    }

    async fn index(&self, head: &[u8], packing: &mut Talking) -> Result<(), GitError> {
        let mut command = git(Some(self.repo.path()));
        command.args(["index-pack", "--stdin"]);
        let mut indexing = Talking::start(command, None)?;
        let stdin = indexing.stdin.as_mut().expect("stdin is piped");
        let mut copied = stdin.write_all(head).await;
        if copied.is_ok() {
            copied = tokio::io::copy(&mut packing.stdout, stdin).await.map(drop);
        }
        indexing.finish().await?;
        copied.map_err(|e| GitError::io("copying a pack into the backup", e))
    }

    /// Walks everything below the object that no other backup has.
    fn check_whole(&self, oid: &Oid) -> Result<(), GitError> {
        let mut command = git(Some(self.repo.path()));
        command.args(["rev-list", "--objects", "--quiet", "--stdin"]);
        child::run(command, format!("{oid}\n--not\n--all\n").as_bytes()).map(drop).map_err(|e| {
            GitError::Unwritable(format!("{oid} cannot be backed up, it is not whole here: {e}"))
        })
    }
}
