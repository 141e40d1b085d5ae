//! Which git is there.

use crate::{GitError, child};

/// The major and minor version of the `git` that is found on `PATH`.
pub fn git_version() -> Result<(u32, u32), GitError> {
    let mut command = child::git(None);
    command.arg("version");
    let done = child::output(command, b"")?;
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let mut numbers = text.split_whitespace().nth(2).unwrap_or_default().split('.').map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor)),
        _ => Err(GitError::Protocol(format!("git names its version {:?}", text.trim()))),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_that_of_a_git_of_this_century() {
        assert!(super::git_version().unwrap() >= (2, 0));
    }
}
