//! Where a repository's hooks are, and putting a link there without losing what was there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use coregit_spool::Spool;

use super::HookState;
use super::undo::Undo;
use crate::Error;

/// The hooks folder of a repository.
pub(super) struct Place {
    /// The folder.
    pub dir: PathBuf,
    /// Whether it lies outside of the repository.
    pub outside: bool,
    /// Whether the host keeps one folder for each hook (`post-receive.d`), as Gitea and Forgejo do.
    split: bool,
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
        Ok(Self { dir, outside, split })
    }

    /// Where our link for this hook goes.
    pub fn path(&self, name: &str) -> PathBuf {
        match self.split {
            true => self.dir.join(format!("{name}.d")).join("coregit"),
            false => self.dir.join(name),
        }
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
        let path = self.path(name);
        let wrong = |e: std::io::Error| Error::failed(format!("{} cannot be written: {e}", path.display()));
        if std::fs::read_link(&path).is_ok_and(|target| target == program) {
            return Ok(None);
        }
        std::fs::create_dir_all(path.parent().unwrap_or(&self.dir)).map_err(wrong)?;
        let mut moved = None;
        if path.symlink_metadata().is_ok() && !is_ours(&path) {
            let folder = self.dir.join(format!("{name}.d"));
            let made = !folder.exists();
            let local = folder.join("50-local");
            if local.symlink_metadata().is_ok() {
                return Err(Error::refused(format!("{} exists and {} too", local.display(), path.display()))
                    .hint("rename one of them, then install again"));
            }
            std::fs::create_dir_all(&folder).map_err(wrong)?;
            undo.moved(&path, &local, made, spool)?;
            std::fs::rename(&path, &local).map_err(wrong)?;
            moved = Some(local);
        }
        undo.linked(&path, spool)?;
        let next = path.with_extension("coregit-new");
        let _ = std::fs::remove_file(&next);
        std::os::unix::fs::symlink(program, &next).map_err(wrong)?;
        std::fs::rename(&next, &path).map_err(wrong)?;
        Ok(moved)
    }

    /// How this hook stands.
    pub fn state(&self, name: &'static str) -> HookState {
        let path = self.path(name);
        let (works, found) = match path.symlink_metadata() {
            Err(_) => (false, "not installed".to_owned()),
            Ok(_) if !path.exists() => (false, "a dangling link: git runs nothing".to_owned()),
            Ok(_) if !is_ours(&path) => (false, "another hook".to_owned()),
            Ok(_) => match version(&path) {
                Some(version) => (true, version),
                None => (false, "it does not start".to_owned()),
            },
        };
        HookState { name, path, works, found }
    }
}

/// A link to a program of ours, also of an older installation.
fn is_ours(path: &Path) -> bool {
    let target = std::fs::read_link(path).unwrap_or_default();
    target.file_name().is_some_and(|name| name.to_string_lossy().starts_with("coregit-"))
}

fn version(path: &Path) -> Option<String> {
    let output = Command::new(path).arg("--version").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
