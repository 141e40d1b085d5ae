//! What a folder is before it is adopted: bare, which format, whose, and what stands against it.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use coregit_model::ObjectFormat;
use gix::config::{File, Source};

use crate::{GitError, Repo};

/// What was found in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// Whether it is a git repository at all.
    pub repository: bool,
    /// Whether it is bare.
    pub bare: bool,
    /// The hash that names its objects.
    pub format: ObjectFormat,
    /// How its refs are kept: `files` or `reftable`.
    pub ref_storage: String,
    /// Extensions of the repository format that are not known here.
    pub unknown_extensions: Vec<String>,
    /// Object folders that it borrows from. Who can write them can take its objects away.
    pub alternates: Vec<PathBuf>,
    /// Whether its history is cut off.
    pub shallow: bool,
    /// The uid that owns the folder.
    pub owner: u32,
    /// `core.sharedRepository`, where it is set.
    pub shared: Option<String>,
}

impl Adoption {
    /// Why this version cannot work with it, as the rest of a sentence; `None` when it can.
    pub fn flaw(&self) -> Option<String> {
        if !self.repository {
            return Some("it is not a git repository (no HEAD, objects and refs in it)".into());
        }
        if !self.bare {
            return Some("it is not bare; give the folder of a bare repository (`git clone --bare`)".into());
        }
        if self.ref_storage != "files" {
            return Some(format!(
                "it keeps its refs as {}, which is not supported; `git refs migrate --ref-format=files` converts it",
                self.ref_storage
            ));
        }
        if !self.unknown_extensions.is_empty() {
            return Some(format!(
                "it uses extensions that are not supported: {}",
                self.unknown_extensions.join(", ")
            ));
        }
        None
    }
}

impl Repo {
    /// Looks at a folder without opening it as a repository. Fails only where it cannot be read.
    pub fn inspect(path: impl AsRef<Path>) -> Result<Adoption, GitError> {
        inspect(path.as_ref())
    }
}

pub(crate) fn inspect(path: &Path) -> Result<Adoption, GitError> {
    let meta = std::fs::metadata(path).map_err(|e| GitError::open(path, e))?;
    let repository = path.join("HEAD").symlink_metadata().is_ok()
        && path.join("objects").is_dir()
        && path.join("refs").exists();
    let config = read_config(path)?;
    let text = |key: &str| config.string(key).map(|v| v.to_string());
    let format = match text("extensions.objectFormat").as_deref() {
        Some("sha256") => ObjectFormat::Sha256,
        _ => ObjectFormat::Sha1,
    };
    Ok(Adoption {
        repository,
        bare: config.boolean("core.bare").ok().flatten().unwrap_or(false) && !path.join("commondir").exists(),
        format,
        ref_storage: text("extensions.refStorage").unwrap_or_else(|| "files".into()),
        unknown_extensions: unknown_extensions(&config),
        alternates: alternates(path),
        shallow: path.join("shallow").metadata().is_ok_and(|m| m.len() > 0),
        owner: meta.uid(),
        shared: text("core.sharedRepository"),
    })
}

fn read_config(path: &Path) -> Result<File, GitError> {
    let file = path.join("config");
    match file.exists() {
        true => File::from_path_no_includes(file, Source::Local).map_err(|e| GitError::open(path, e)),
        false => Ok(File::default()),
    }
}

/// git refuses extensions that it does not know, from format version 1 on.
fn unknown_extensions(config: &File) -> Vec<String> {
    let known = ["objectformat", "refstorage", "noop", "preciousobjects", "partialclone", "worktreeconfig"];
    let version = config.integer("core.repositoryFormatVersion").ok().flatten().unwrap_or(0);
    let Some(sections) = config.sections_by_name("extensions").filter(|_| version > 0) else {
        return Vec::new();
    };
    let names = sections.flat_map(|s| s.value_names().map(|n| n.to_string()).collect::<Vec<_>>());
    names.filter(|n| !known.contains(&n.to_ascii_lowercase().as_str())).collect()
}

fn alternates(path: &Path) -> Vec<PathBuf> {
    let objects = path.join("objects");
    let listed = std::fs::read(objects.join("info/alternates")).unwrap_or_default();
    let lines = listed.split(|b| *b == b'\n').filter(|l| !l.is_empty() && !l.starts_with(b"#"));
    let as_path =
        |line: &[u8]| PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(line));
    lines.map(|line| objects.join(as_path(line))).collect()
}
