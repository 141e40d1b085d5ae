//! Taking a pack in: `git index-pack` works in a folder of its own, and what it made moves in when it is whole.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use tokio::io::AsyncWriteExt;

use crate::child::{Talking, git};
use crate::{GitError, Repo, write};

/// A pack that arrives in a repository. Dropped before its end, it leaves nothing.
pub(crate) struct Indexing {
    child: Talking,
    objects: PathBuf,
    place: tempfile::TempDir,
}

/// How a pack is looked at.
#[derive(Default)]
pub(crate) struct Looks<'a> {
    /// The exceptions of `--strict`, when objects are checked.
    pub strict: Option<&'a str>,
    /// The most address space, in bytes.
    pub memory: Option<u64>,
    /// A file that lists where history is cut off, instead of the repository's own.
    pub shallow: Option<&'a Path>,
}

impl Indexing {
    /// Expects a pack.
    pub fn start(target: &Repo, looks: &Looks<'_>) -> Result<Self, GitError> {
        let objects = target.path().join("objects");
        let io = |e| GitError::io(format!("writing into {}", objects.display()), e);
        // `git prune` knows this prefix and removes what a crash has left.
        let place =
            tempfile::Builder::new().prefix("tmp_objdir-coregit-").tempdir_in(&objects).map_err(io)?;
        std::fs::create_dir(place.path().join("pack")).map_err(io)?;
        let mut command = git(Some(target.path()));
        command.env("GIT_OBJECT_DIRECTORY", place.path());
        // Where the bases of a thin pack are.
        command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", quoted(&objects));
        looks.shallow.map(|list| command.arg("--shallow-file").arg(list));
        command.args(["index-pack", "--stdin", "--fix-thin"]);
        match looks.strict {
            None => {}
            Some("") => drop(command.arg("--strict")),
            Some(exceptions) => drop(command.arg(format!("--strict={exceptions}"))),
        }
        let child = Talking::start(command, looks.memory)?;
        Ok(Self { child, objects, place })
    }

    /// Adds a piece. Where git gave up, [`Indexing::finish`] says why.
    pub async fn feed(&mut self, piece: &[u8]) -> Result<(), GitError> {
        let stdin = self.child.stdin.as_mut().expect("it is taken at the end only");
        stdin.write_all(piece).await.map_err(|e| GitError::io("writing to git index-pack", e))
    }

    /// Ends the pack and moves it in; its index comes last, as without it git sees no pack.
    pub async fn finish(self) -> Result<(), GitError> {
        self.child.finish().await?;
        let io = |e| GitError::io(format!("moving a pack into {}", self.objects.display()), e);
        let made = std::fs::read_dir(self.place.path().join("pack")).map_err(io)?;
        let mut names = Vec::new();
        for made in made {
            names.push(Path::new("pack").join(made.map_err(io)?.file_name()));
        }
        names.sort_by_key(|name| name.extension() == Some(OsStr::new("idx")));
        write::settle(self.place.path(), &self.objects, &names).map_err(io)
    }
}

/// A path as git reads it in a list that is separated by colons.
fn quoted(path: &Path) -> OsString {
    let mut out = vec![b'"'];
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', *byte]),
            b'\n' => out.extend(b"\\n"),
            byte => out.push(*byte),
        }
    }
    out.push(b'"');
    OsString::from_vec(out)
}
