//! Opening and creating bare repositories. Nothing of the user's configuration is read or run.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use coregit_model::{BranchName, ObjectFormat};

use crate::{GitError, child, convert};

/// A bare repository, open for reading (and for writing objects).
///
/// Cheap to share between threads; packs and refs that arrive later are seen.
pub struct Repo {
    inner: gix::ThreadSafeRepository,
    path: PathBuf,
    format: ObjectFormat,
}

impl std::fmt::Debug for Repo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Repo({})", self.path.display())
    }
}

impl Repo {
    /// Opens the bare repository in exactly this folder; a work tree around it is not looked for.
    ///
    /// Only the repository's own `config` is read, without its includes. It is trusted whoever owns it:
    /// gix runs nothing from it, and would otherwise cap objects at 16 MiB. Whose repositories may be opened
    /// is decided where they are adopted ([`crate::Adoption`]).
    pub fn open(path: impl AsRef<Path>) -> Result<Self, GitError> {
        let path = std::path::absolute(path.as_ref()).map_err(|e| GitError::open(path.as_ref(), e))?;
        if let Some(flaw) = crate::inspect::inspect(&path)?.flaw() {
            return Err(GitError::open(&path, flaw));
        }
        let options = gix::open::Options::isolated()
            .open_path_as_is(true)
            .with(gix::sec::Trust::Full)
            // Anybody who may push refs/replace/* could change what is read (threats.md, B8).
            .config_overrides(["core.useReplaceRefs=false"]);
        let inner = options.open(&path).map_err(|e| GitError::open(&path, e))?;
        let format = convert::format_of(inner.to_thread_local().object_hash());
        Ok(Self { inner, path, format })
    }

    /// Creates a bare repository whose HEAD is this (unborn) branch. Nothing must be at `path`.
    pub fn create_bare(path: impl AsRef<Path>, head: &BranchName) -> Result<Self, GitError> {
        create(path.as_ref(), ObjectFormat::Sha1, Some(head), |_| Ok(()))?;
        Self::open(path)
    }

    /// The folder, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The hash that names its objects.
    pub fn format(&self) -> ObjectFormat {
        self.format
    }

    /// A handle of gix's for one thread, with object replacement off.
    pub(crate) fn local(&self) -> gix::Repository {
        let mut local = self.inner.to_thread_local();
        local.objects.ignore_replacements = true;
        local
    }

    /// gix's word for the format.
    pub(crate) fn hash_kind(&self) -> gix::hash::Kind {
        match self.format {
            ObjectFormat::Sha1 => gix::hash::Kind::Sha1,
            ObjectFormat::Sha256 => gix::hash::Kind::Sha256,
        }
    }
}

/// Creates a bare repository beside its place, lets `fill` add to it and moves it there: one that is half
/// made is never found under its name.
pub(crate) fn create(
    path: &Path,
    format: ObjectFormat,
    head: Option<&BranchName>,
    fill: impl FnOnce(&Path) -> Result<(), GitError>,
) -> Result<(), GitError> {
    let io = |e| GitError::io(format!("creating {}", path.display()), e);
    let parent = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(parent).map_err(io)?;
    let scratch = tempfile::Builder::new().prefix(".new-").tempdir_in(parent).map_err(io)?;
    let made = scratch.path().join("git");
    let mut init = child::git(None);
    // No template: sample hooks and whatever the machine's template holds stay out.
    init.args(["init", "--quiet", "--bare", "--template="]);
    init.arg(format!("--object-format={}", format.as_str()));
    if let Some(head) = head {
        init.arg(child::option("--initial-branch", OsStr::from_bytes(head.as_bytes())));
    }
    child::run(
        {
            init.arg("--").arg(&made);
            init
        },
        b"",
    )?;
    fill(&made)?;
    std::fs::rename(&made, path).map_err(io)?;
    std::fs::File::open(parent).and_then(|dir| dir.sync_all()).map_err(io)
}
