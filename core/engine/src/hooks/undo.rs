//! What an installation changed, written down before it is changed, so that all of it can be put back.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use coregit_git::{config_value, set_config_value};
use coregit_spool::Spool;
use serde::{Deserialize, Serialize};

use super::place::{is_ours, sync};
use crate::Error;

/// The record, `coregit/installed.json` in the repository.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Undo {
    /// Hooks that were moved aside: from, to.
    moved: Vec<(PathBuf, PathBuf)>,
    /// Links that were put.
    linked: Vec<PathBuf>,
    /// Folders that were made, outer ones first.
    #[serde(default)]
    made: Vec<PathBuf>,
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

    /// Whether anything was installed that is not undone yet.
    pub fn is_installed(&self) -> bool {
        self.config.is_some()
    }

    /// Makes a folder, with those that lead to it, and notes which were not there.
    pub fn make_dir(&mut self, folder: &Path, spool: &Spool) -> Result<(), Error> {
        let mut missing: Vec<_> =
            folder.ancestors().take_while(|dir| !dir.exists()).map(Path::to_owned).collect();
        if missing.is_empty() {
            return Ok(());
        }
        missing.reverse();
        self.made.extend(missing);
        self.save(spool)?;
        let wrong = |e: std::io::Error| Error::failed(format!("{} cannot be made: {e}", folder.display()));
        std::fs::create_dir_all(folder).map_err(wrong)?;
        let mut above = self.made.iter().filter(|dir| folder.starts_with(dir)).filter_map(|dir| dir.parent());
        above.try_for_each(sync).map_err(wrong)
    }

    pub fn moved(&mut self, from: &Path, to: &Path, spool: &Spool) -> Result<(), Error> {
        self.moved.push((from.to_owned(), to.to_owned()));
        self.save(spool)
    }

    pub fn linked(&mut self, path: &Path, spool: &Spool) -> Result<(), Error> {
        if self.linked.iter().any(|l| l == path) {
            return Ok(());
        }
        self.linked.push(path.to_owned());
        self.save(spool)
    }

    /// Leaves this link where it is for good, unless a hook that was moved aside goes back there. Returns
    /// whether it stays.
    pub fn leave(&mut self, link: &Path) -> bool {
        let stays = self.linked.iter().any(|l| l == link) && self.moved.iter().all(|(from, _)| from != link);
        if stays {
            self.linked.retain(|l| l != link);
        }
        stays
    }

    /// Hands what stands at these paths, with all that belongs to it, over to another repository that uses them
    /// too: whoever leaves last puts back what was.
    pub fn hand_over(&mut self, paths: &[PathBuf], other: &mut Self, to: &Spool) -> Result<(), Error> {
        let theirs = |path: &PathBuf| paths.contains(path);
        let near = |dir: &PathBuf, path: &PathBuf| path.starts_with(dir) || dir.parent() == path.parent();
        let linked: Vec<_> = self.linked.extract_if(.., |link| theirs(link)).collect();
        if linked.is_empty() {
            return Ok(());
        }
        let moved = self.moved.extract_if(.., |(from, _)| linked.contains(from));
        other.moved.extend(moved);
        other.made.extend(self.made.extract_if(.., |dir| linked.iter().any(|link| near(dir, link))));
        other.linked.extend(linked);
        other.save(to)
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
        let mut config =
            self.config.take().unwrap_or(Config { before: read(repo)?, after: Vec::new(), keys });
        self.config =
            Some(Config { after: Vec::new(), before: config.before.clone(), keys: config.keys.clone() });
        self.save(spool)?;
        let changes: Vec<_> = set.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
        config.after = edit(repo, &changes)?;
        self.config = Some(config);
        self.save(spool)?;
        Ok(set)
    }

    /// Puts everything back: links out, moved hooks home, the configuration as it was, and forgets the record.
    pub fn undo(&self, repo: &Path, spool: &Spool) -> Result<(), Error> {
        let wrong = |path: &Path, e: std::io::Error| Error::failed(format!("{}: {e}", path.display()));
        // What stands there by now may be somebody else's: gitolite's, say.
        for link in self.linked.iter().filter(|link| is_ours(link)) {
            std::fs::remove_file(link).map_err(|e| wrong(link, e))?;
        }
        for (from, to) in &self.moved {
            if to.symlink_metadata().is_ok() && from.symlink_metadata().is_err() {
                std::fs::rename(to, from).map_err(|e| wrong(from, e))?;
            }
        }
        for folder in self.made.iter().rev() {
            let _ = std::fs::remove_dir(folder);
        }
        self.undo_config(repo)?;
        match std::fs::remove_file(file(spool)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(wrong(&file(spool), e)),
            _ => Ok(()),
        }
    }

    /// A configuration that was edited meanwhile keeps those edits; only our keys go back to what they were.
    fn undo_config(&self, repo: &Path) -> Result<(), Error> {
        let Some(config) = &self.config else { return Ok(()) };
        let now = read(repo)?;
        if now == config.before {
            return Ok(());
        }
        if now == config.after {
            return write(repo, &config.before);
        }
        edit(repo, &config.keys).map(drop)
    }
}

/// Sets (or, with `None`, unsets) settings in the repository's configuration; returns what it is now. git
/// itself syncs no configuration: a power cut after its own edit can leave an empty file, and with it no
/// repository.
fn edit(repo: &Path, changes: &[(String, Option<String>)]) -> Result<Vec<u8>, Error> {
    let scratch = repo.join("coregit");
    coregit_spool::write_atomic(&scratch.join("config"), &read(repo)?, 0o600)?;
    let edited =
        changes.iter().try_for_each(|(key, value)| set_config_value(&scratch, key, value.as_deref()));
    let after = edited.map_err(Error::from).and_then(|()| read(&scratch));
    let _ = std::fs::remove_file(scratch.join("config"));
    let after = after?;
    write(repo, &after)?;
    Ok(after)
}

/// Replaces the configuration, whole and durably, with the mode that it had.
fn write(repo: &Path, content: &[u8]) -> Result<(), Error> {
    let path = repo.join("config");
    let meta = path.metadata().map_err(|e| Error::failed(format!("{}: {e}", path.display())))?;
    Ok(coregit_spool::write_atomic(&path, content, meta.permissions().mode() & 0o7777)?)
}

fn read(repo: &Path) -> Result<Vec<u8>, Error> {
    let path = repo.join("config");
    std::fs::read(&path).map_err(|e| Error::failed(format!("{} cannot be read: {e}", path.display())))
}

fn file(spool: &Spool) -> PathBuf {
    spool.git_dir().join("coregit/installed.json")
}
