//! Settings in a repository's own `config`: read, set, and taken back byte for byte. Where its hooks are.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{GitError, Repo, child};

/// What undoes a change of settings. It holds the file as it was: keep it as readable as that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigUndo {
    before: Vec<u8>,
    after: Vec<u8>,
    settings: Vec<Changed>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Changed {
    key: String,
    ours: String,
    previous: Vec<Vec<u8>>,
}

/// How settings were taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    /// The file is what it was, byte for byte.
    Exactly,
    /// The file was changed by somebody since: our settings went one by one. Those named here stayed,
    /// because they have another value now.
    Apart(Vec<String>),
}

impl Repo {
    fn config_file(&self) -> Result<PathBuf, GitError> {
        let file = self.path().join("config");
        file.canonicalize().map_err(|e| GitError::io(format!("reading {}", file.display()), e))
    }

    fn config(&self, args: &[&OsStr]) -> Result<std::process::Output, GitError> {
        let mut command = child::git(None);
        command.args(["config", "--file"]).arg(self.config_file()?).args(args);
        child::output(command, b"")
    }

    fn config_well(&self, args: &[&OsStr]) -> Result<(), GitError> {
        let done = self.config(args)?;
        child::check("config", done.status, &done.stderr)
    }

    /// The last value of a setting in the repository's own file; other files and includes are not read.
    pub fn config_value(&self, key: &str) -> Result<Option<String>, GitError> {
        let last = self.config_values(key)?.pop();
        Ok(last.map(|raw| String::from_utf8_lossy(&raw).into_owned()))
    }

    fn config_values(&self, key: &str) -> Result<Vec<Vec<u8>>, GitError> {
        let args = ["--null", "--get-all", "--end-of-options", key].map(OsStr::new);
        let done = self.config(&args)?;
        if done.status.code() == Some(1) {
            return Ok(Vec::new());
        }
        child::check("config", done.status, &done.stderr)?;
        let body = done.stdout.strip_suffix(b"\0").unwrap_or(&done.stdout);
        Ok(body.split(|b| *b == 0).map(<[u8]>::to_vec).collect())
    }

    /// Sets these settings in the repository's own file and returns what undoes that.
    pub fn set_config(&self, settings: &[(&str, &str)]) -> Result<ConfigUndo, GitError> {
        let before = self.read_config()?;
        let mut changed = Vec::new();
        for (key, value) in settings {
            let previous = self.config_values(key)?;
            let args = ["--replace-all", "--end-of-options", key, value].map(OsStr::new);
            self.config_well(&args)?;
            changed.push(Changed { key: (*key).to_owned(), ours: (*value).to_owned(), previous });
        }
        Ok(ConfigUndo { before, after: self.read_config()?, settings: changed })
    }

    /// Takes a change back.
    pub fn undo_config(&self, undo: &ConfigUndo) -> Result<Undone, GitError> {
        let now = self.read_config()?;
        if now == undo.before {
            return Ok(Undone::Exactly);
        }
        if now == undo.after {
            self.replace_config(&undo.before)?;
            return Ok(Undone::Exactly);
        }
        let mut kept = Vec::new();
        for Changed { key, ours, previous } in undo.settings.iter().rev() {
            if self.config_values(key)? != [ours.as_bytes()] {
                kept.push(key.clone());
                continue;
            }
            self.config_well(&["--unset-all", "--end-of-options", key].map(OsStr::new))?;
            for value in previous {
                let add = [
                    OsStr::new("--add"),
                    OsStr::new("--end-of-options"),
                    OsStr::new(key),
                    OsStr::from_bytes(value),
                ];
                self.config_well(&add)?;
            }
        }
        match self.read_config()? == undo.before {
            true => Ok(Undone::Exactly),
            false => Ok(Undone::Apart(kept)),
        }
    }

    fn read_config(&self) -> Result<Vec<u8>, GitError> {
        let file = self.config_file()?;
        std::fs::read(&file).map_err(|e| GitError::io(format!("reading {}", file.display()), e))
    }

    /// Replaces the file under git's own lock; its mode stays.
    fn replace_config(&self, content: &[u8]) -> Result<(), GitError> {
        let file = self.config_file()?;
        let lock = file.with_extension("lock");
        let io = |e| GitError::io(format!("writing {}", file.display()), e);
        let mode = file.metadata().map_err(io)?.permissions();
        let mut new = std::fs::File::create_new(&lock).map_err(io)?;
        let written = new
            .write_all(content)
            .and_then(|()| new.set_permissions(mode))
            .and_then(|()| new.sync_all())
            .and_then(|()| std::fs::rename(&lock, &file));
        written.map_err(|e| {
            let _ = std::fs::remove_file(&lock);
            io(e)
        })
    }

    /// The folder that a push to this repository looks for hooks in, absolute: `core.hooksPath` of any of
    /// the files that this user's git reads, else `hooks`. It need not exist.
    pub fn hooks_path(&self) -> Result<PathBuf, GitError> {
        let mut command = child::git_as_its_user(self.path());
        command.args(["rev-parse", "--git-path", "hooks"]);
        let shown = child::run(command, b"")?;
        let shown = shown.strip_suffix(b"\n").unwrap_or(&shown);
        // A relative one counts from where hooks run, which in a bare repository is its own folder.
        Ok(self.path().join(OsStr::from_bytes(shown)))
    }
}
