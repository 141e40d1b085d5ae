//! What an installation changed, written down before it is changed, so that all of it can be put back.

use std::path::{Path, PathBuf};

use coregit_git::{config_value, set_config_value};
use coregit_spool::Spool;
use serde::{Deserialize, Serialize};

use crate::Error;

/// The record, `coregit/installed.json` in the repository.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Undo {
    /// Hooks that were moved aside: from, to, and whether the folder was made for it.
    moved: Vec<(PathBuf, PathBuf, bool)>,
    /// Links that were put.
    linked: Vec<PathBuf>,
    /// The repository's configuration, as it was.
    config: Option<Config>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Config {
    /// The file before, and after our keys were set (empty while they are being set), byte for byte.
    before: Vec<u8>,
    after: Vec<u8>,
    /// Our keys and their values before, for a file that was edited meanwhile.
    keys: Vec<(String, Option<String>)>,
}

impl Undo {
    pub fn load(spool: &Spool) -> Result<Self, Error> {
        let path = file(spool);
        match std::fs::read(&path) {
            Ok(raw) => serde_json::from_slice(&raw)
                .map_err(|e| Error::failed(format!("{} is damaged: {e}", path.display()))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(Error::failed(format!("{} cannot be read: {e}", path.display()))),
        }
    }

    fn save(&self, spool: &Spool) -> Result<(), Error> {
        let raw = serde_json::to_vec(self).map_err(|e| Error::failed(e.to_string()))?;
        Ok(coregit_spool::write_atomic(&file(spool), &raw, 0o600)?)
    }

    pub fn moved(&mut self, from: &Path, to: &Path, made: bool, spool: &Spool) -> Result<(), Error> {
        self.moved.push((from.to_owned(), to.to_owned(), made));
        self.save(spool)
    }

    pub fn linked(&mut self, path: &Path, spool: &Spool) -> Result<(), Error> {
        if self.linked.iter().any(|l| l == path) {
            return Ok(());
        }
        self.linked.push(path.to_owned());
        self.save(spool)
    }

    /// Sets what is not set so already, once; returns what was.
    pub fn set_config(
        &mut self,
        repo: &Path,
        settings: &[(&str, &str)],
        spool: &Spool,
    ) -> Result<Vec<(String, String)>, Error> {
        if self.config.as_ref().is_some_and(|c| !c.after.is_empty()) {
            return Ok(Vec::new());
        }
        let mut keys = Vec::new();
        let mut set = Vec::new();
        for (key, value) in settings {
            let now = config_value(repo, key)?;
            if now.as_deref() != Some(value) {
                keys.push(((*key).to_owned(), now));
                set.push(((*key).to_owned(), (*value).to_owned()));
            }
        }
        // What a killed installation wrote down stays: it is what stood before the first key was set.
        let mut config = self.config.take().unwrap_or(Config { before: read(repo)?, after: Vec::new(), keys });
        self.config = Some(Config { after: Vec::new(), before: config.before.clone(), keys: config.keys.clone() });
        self.save(spool)?;
        for (key, value) in &set {
            set_config_value(repo, key, Some(value))?;
        }
        config.after = read(repo)?;
        self.config = Some(config);
        self.save(spool)?;
        Ok(set)
    }

    /// Puts everything back: links out, moved hooks home, the configuration as it was. A configuration that
    /// was edited meanwhile keeps those edits; only our keys go back to what they were.
    pub fn undo(self, repo: &Path) -> Result<(), Error> {
        let wrong = |path: &Path, e: std::io::Error| Error::failed(format!("{}: {e}", path.display()));
        for link in &self.linked {
            if link.symlink_metadata().is_ok_and(|m| m.is_symlink()) {
                std::fs::remove_file(link).map_err(|e| wrong(link, e))?;
            }
        }
        for (from, to, made) in &self.moved {
            if to.symlink_metadata().is_ok() && from.symlink_metadata().is_err() {
                std::fs::rename(to, from).map_err(|e| wrong(from, e))?;
            }
            if let Some(folder) = to.parent().filter(|_| *made) {
                let _ = std::fs::remove_dir(folder);
            }
        }
        let Some(config) = self.config else { return Ok(()) };
        if read(repo)? == config.after {
            use std::os::unix::fs::PermissionsExt;
            let path = repo.join("config");
            let mode = path.metadata().map_err(|e| wrong(&path, e))?.permissions().mode() & 0o777;
            return Ok(coregit_spool::write_atomic(&path, &config.before, mode)?);
        }
        for (key, value) in &config.keys {
            set_config_value(repo, key, value.as_deref())?;
        }
        Ok(())
    }
}

fn read(repo: &Path) -> Result<Vec<u8>, Error> {
    let path = repo.join("config");
    std::fs::read(&path).map_err(|e| Error::failed(format!("{} cannot be read: {e}", path.display())))
}

fn file(spool: &Spool) -> PathBuf {
    spool.git_dir().join("coregit/installed.json")
}
