//! Where coregit keeps its things: the home folder and the files in it.

use std::path::{Path, PathBuf};

use coregit_model::{RepoId, RepoSlug};

use crate::Error;

/// The home folder (`contracts/cli.md`, "Files and environment").
#[derive(Clone, Debug)]
pub struct Home(PathBuf);

impl Home {
    /// `explicit`, else `$COREGIT_HOME`, else `$XDG_DATA_HOME/coregit`, else `~/.local/share/coregit`.
    pub fn find(explicit: Option<&Path>) -> Result<Self, Error> {
        let var = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let path = explicit
            .map(Path::to_owned)
            .or_else(|| var("COREGIT_HOME"))
            .or_else(|| var("XDG_DATA_HOME").map(|d| d.join("coregit")))
            .or_else(|| var("HOME").map(|d| d.join(".local/share/coregit")))
            .ok_or_else(|| {
                Error::usage("no home folder is known").hint("set COREGIT_HOME, or give --home DIR")
            })?;
        std::path::absolute(&path)
            .map(Self)
            .map_err(|e| Error::failed(format!("{} cannot be made absolute: {e}", path.display())))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Whether `coregit init` was here.
    pub fn exists(&self) -> bool {
        self.0.join("coregit.db").exists()
    }

    /// The settings file.
    pub fn config_file(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    /// Where workers write their logs.
    pub fn log_dir(&self) -> PathBuf {
        self.0.join("log")
    }

    /// Sockets and lock files.
    pub fn run_dir(&self) -> PathBuf {
        self.0.join("run")
    }

    /// The datagram socket of a running worker.
    pub fn worker_socket(&self) -> PathBuf {
        self.run_dir().join("worker.sock")
    }

    /// Where a repository lies that coregit creates itself.
    pub fn repo_dir(&self, slug: &RepoSlug) -> PathBuf {
        let mut dir = self.0.join("repos");
        if let Some(namespace) = slug.namespace() {
            dir.push(namespace);
        }
        dir.join(format!("{}.git", slug.name()))
    }

    /// The bare repository that is never served, for objects that coregit makes or fetches.
    pub fn shadow_dir(&self, id: &RepoId) -> PathBuf {
        self.0.join("shadow").join(format!("{id}.git"))
    }

    /// The bare repository of backups, without alternates.
    pub fn backup_dir(&self, id: &RepoId) -> PathBuf {
        self.0.join("backup").join(format!("{id}.git"))
    }
}
