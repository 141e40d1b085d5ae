//! Settings in a repository's own `config`, read and set by git; where its hooks are.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::{GitError, child};

/// The last value of a setting in the repository's own file; other files and includes are not read.
pub fn config_value(repo: &Path, key: &str) -> Result<Option<String>, GitError> {
    let done = config(repo, &["--null", "--get", "--end-of-options", key])?;
    // 1: there is none.
    if done.status.code() == Some(1) {
        return Ok(None);
    }
    child::check("config", done.status, &done.stderr)?;
    let value = done.stdout.strip_suffix(b"\0").unwrap_or(&done.stdout);
    Ok(Some(String::from_utf8_lossy(value).into_owned()))
}

/// Sets a setting in the repository's own file to this one value; `None` takes all its values away.
pub fn set_config_value(repo: &Path, key: &str, value: Option<&str>) -> Result<(), GitError> {
    let done = match value {
        Some(value) => config(repo, &["--replace-all", "--end-of-options", key, value])?,
        None => config(repo, &["--unset-all", "--end-of-options", key])?,
    };
    // 5: it was not set.
    if value.is_none() && done.status.code() == Some(5) {
        return Ok(());
    }
    child::check("config", done.status, &done.stderr)
}

fn config(repo: &Path, args: &[&str]) -> Result<Output, GitError> {
    let mut command = child::git(None);
    command.args(["config", "--file"]).arg(repo.join("config")).args(args);
    child::output(command, b"")
}

/// The folder that a push to this repository looks for hooks in, absolute: `core.hooksPath` of any of the
/// files that this user's git reads, else `hooks`. It need not exist.
pub fn hooks_path(repo: &Path) -> Result<PathBuf, GitError> {
    let repo = std::path::absolute(repo).map_err(|e| GitError::open(repo, e))?;
    let mut command = child::git_as_its_user(&repo);
    command.args(["rev-parse", "--git-path", "hooks"]);
    let shown = child::run(command, b"")?;
    let shown = shown.strip_suffix(b"\n").unwrap_or(&shown);
    // A relative one counts from where hooks run, which in a bare repository is its own folder.
    Ok(repo.join(OsStr::from_bytes(shown)))
}
