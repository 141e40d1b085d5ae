//! Where a repository's hooks are, and putting a link there without losing what was there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use coregit_spool::Spool;

use super::HookState;
use super::gitolite::Gitolite;
use super::undo::Undo;
use crate::Error;

/// The hooks folder of a repository.
pub(super) struct Place {
    /// The folder.
    pub dir: PathBuf,
    /// Whether it lies outside of the repository.
    pub outside: bool,
    /// The gitolite that owns part of it.
    pub gitolite: Option<Gitolite>,
    /// Whether the host keeps one folder for each hook (`post-receive.d`), as Gitea and Forgejo do.
    split: bool,
}

/// Where one hook of ours goes.
pub(super) struct Spot {
    /// Our link; `None` where nothing can be put.
    pub link: Option<PathBuf>,
    /// What is shown as its place.
    pub shown: PathBuf,
    /// What somebody has to do before it runs.
    pub ask: Option<String>,
}

impl Place {
    pub fn find(repo: &Path) -> Result<Self, Error> {
        let custom = repo.join("custom_hooks");
        let dir = match custom.is_dir() {
            true => custom,
            false => coregit_git::hooks_path(repo)?,
        };
        let outside = !dir.starts_with(repo);
        let split = dir.join("post-receive.d").is_dir() && dir.join("post-receive.d/gitea").exists();
        let gitolite = Gitolite::over(&dir);
        Ok(Self { dir, outside, gitolite, split })
    }

    /// Where our hook of this name goes.
    pub fn spot(&self, name: &'static str) -> Spot {
        let path = match (&self.gitolite, self.split) {
            (Some(gitolite), _) => return gitolite.spot(name, &self.dir),
            (None, true) => self.dir.join(format!("{name}.d")).join("coregit"),
            (None, false) => self.dir.join(name),
        };
        Spot { shown: path.clone(), link: Some(path), ask: None }
    }

    /// Links a hook to our program. A hook that was there is moved to `<hook>.d/50-local`, where ours runs it;
    /// its new place is returned.
    pub fn link(
        &self,
        name: &'static str,
        program: &Path,
        undo: &mut Undo,
        spool: &Spool,
    ) -> Result<Option<PathBuf>, Error> {
        let Some(path) = self.spot(name).link else { return Ok(None) };
        if std::fs::read_link(&path).is_ok_and(|target| target == program) {
            return Ok(None);
        }
        let wrong = |e: std::io::Error| Error::failed(format!("{} cannot be written: {e}", path.display()));
        let folder = path.parent().unwrap_or(&self.dir);
        undo.make_dir(folder, spool)?;
        let moved = match path.symlink_metadata().is_ok() && !is_ours(&path) {
            true => Some(move_aside(name, &path, undo, spool)?),
            false => None,
        };
        undo.linked(&path, spool)?;
        let next = path.with_extension("coregit-new");
        let _ = std::fs::remove_file(&next);
        std::os::unix::fs::symlink(program, &next).map_err(wrong)?;
        std::fs::rename(&next, &path).map_err(wrong)?;
        sync(folder).map_err(wrong)?;
        Ok(moved)
    }

    /// How this hook stands.
    pub fn state(&self, name: &'static str) -> HookState {
        let Spot { link, shown: path, ask } = self.spot(name);
        let (works, found) = match path.symlink_metadata() {
            Err(_) => (false, "not installed".to_owned()),
            Ok(_) if link.is_none() && ask.is_some() => (false, "not installed".to_owned()),
            Ok(_) if !path.exists() => (false, "a dangling link: git runs nothing".to_owned()),
            Ok(_) if !is_ours(&path) => (false, "another hook".to_owned()),
            Ok(_) => match version(&path) {
                Some(version) => (true, version),
                None => (false, "it does not start".to_owned()),
            },
        };
        match ask {
            None => HookState { name, path, works, found },
            Some(ask) => HookState { name, path, works: false, found: format!("{found}; {ask}") },
        }
    }
}

/// Moves a hook to where ours runs it.
fn move_aside(name: &str, path: &Path, undo: &mut Undo, spool: &Spool) -> Result<PathBuf, Error> {
    let folder = path.with_file_name(format!("{name}.d"));
    let local = folder.join("50-local");
    if local.symlink_metadata().is_ok() {
        return Err(Error::refused(format!("{} exists and {} too", local.display(), path.display()))
            .hint("rename one of them, then install again"));
    }
    undo.make_dir(&folder, spool)?;
    undo.moved(path, &local, spool)?;
    std::fs::rename(path, &local).map_err(|e| {
        Error::failed(format!("{} cannot be moved to {}: {e}", path.display(), local.display()))
    })?;
    Ok(local)
}

/// A link that leads to a program of ours, also of an older installation that is gone.
pub(super) fn is_ours(path: &Path) -> bool {
    let ours = |path: &Path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("coregit-"));
    std::fs::read_link(path)
        .is_ok_and(|target| ours(&target) || path.canonicalize().is_ok_and(|end| ours(&end)))
}

/// A link that a power cut takes away is a hook that silently does not run.
pub(super) fn sync(folder: &Path) -> std::io::Result<()> {
    match std::fs::File::open(folder)?.sync_all() {
        // Some network file systems cannot sync a folder and say so.
        Err(e) if e.kind() == std::io::ErrorKind::InvalidInput => Ok(()),
        other => other,
    }
}

fn version(path: &Path) -> Option<String> {
    let output = Command::new(path).arg("--version").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
