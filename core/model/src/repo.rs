//! Repositories: ours (a slug and a path) and theirs (owner and name at a provider).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{BranchName, RepoId, Timestamp};

/// A name that does not fit.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{name:?} cannot be used: {why}")]
pub struct NameError {
    /// What was given, printable.
    pub name: String,
    /// What is wrong, and what was expected.
    pub why: &'static str,
}

/// `name` or `namespace/name`: how users call a repository of ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoSlug {
    namespace: Option<String>,
    name: String,
}

impl RepoSlug {
    /// Reads `name` or `namespace/name`; each part is `[A-Za-z0-9_][A-Za-z0-9._-]{0,99}` without `..`
    /// and without `.git` or `.lock` at its end; the namespace `org` is reserved.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let wrong = |why| NameError { name: crate::printable(text), why };
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, text),
        };
        if namespace == Some("org") {
            return Err(wrong("the namespace org is reserved"));
        }
        match namespace.into_iter().chain([name]).all(slug_part_fits) {
            true => Ok(Self { namespace: namespace.map(str::to_owned), name: name.to_owned() }),
            false => Err(wrong(
                "expected NAME or NAMESPACE/NAME of letters, digits, _ . - (at most 100 each), not beginning \
                 with . or -, without .., not ending in .git or .lock",
            )),
        }
    }

    /// The part before the slash.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The part behind the slash.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn slug_part_fits(part: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    part.bytes().next().is_some_and(word)
        && part.len() <= 100
        && part.bytes().all(|b| word(b) || b == b'.' || b == b'-')
        && !part.contains("..")
        && !part.ends_with(".git")
        && !part.ends_with(".lock")
}

impl std::fmt::Display for RepoSlug {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl TryFrom<String> for RepoSlug {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<RepoSlug> for String {
    fn from(slug: RepoSlug) -> String {
        slug.to_string()
    }
}

/// `owner/repo` at a provider (GitLab: any number of groups).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RemoteRepo(String);

impl RemoteRepo {
    /// Reads two or more parts of `[A-Za-z0-9_.-]`, none empty, `.`, `..`, beginning with a dash or
    /// ending in `.git`. URLs are not taken: the address belongs to the connection.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let fits = |part: &str| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && !part.starts_with('-')
                && !part.to_ascii_lowercase().ends_with(".git")
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-~".contains(&b))
        };
        let parts = text.split('/').count();
        match (2..=20).contains(&parts) && text.len() <= 255 && text.split('/').all(fits) {
            true => Ok(Self(text.to_owned())),
            false => Err(NameError {
                name: crate::printable(&text.chars().take(200).collect::<String>()),
                why: "expected OWNER/REPO, not a URL; the address of the host belongs to the connection",
            }),
        }
    }

    /// `owner/repo`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The owner (all parts but the last) and the name.
    pub fn split(&self) -> (&str, &str) {
        self.0.rsplit_once('/').expect("checked when it was made")
    }
}

impl std::fmt::Display for RemoteRepo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RemoteRepo {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<RemoteRepo> for String {
    fn from(remote: RemoteRepo) -> String {
        remote.0
    }
}

/// A bare repository of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repo {
    /// Its id.
    pub id: RepoId,
    /// Its name for users.
    pub slug: RepoSlug,
    /// Where it lies.
    pub path: PathBuf,
    /// Whether coregit made it (and may remove it).
    pub created_here: bool,
    /// Where its HEAD points, also unborn.
    pub default_branch: BranchName,
    /// When it was made known.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_keep_to_their_grammar() {
        for good in ["app", "team/app", "_x/a.b-c", "9"] {
            assert_eq!(RepoSlug::parse(good).unwrap().to_string(), good);
        }
        for bad in
            ["", "a/b/c", "/a", "a/", ".a", "-a", "a..b", "a.git", "a.lock", "org/a", "a b", "é", "a\n"]
        {
            assert!(RepoSlug::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn remotes_are_paths_at_a_host_and_nothing_else() {
        for good in ["octocat/app", "group/sub/project", "A/B"] {
            assert_eq!(RemoteRepo::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "a",
            "/a/b",
            "a//b",
            "../b",
            "a/..",
            "a/.git",
            "-a/b",
            "a/-b",
            "a/b.git",
            "a/b?x",
            "a/b#x",
            "a/b%2f..",
            "a/b\n",
            "a/b\r",
            "a/b\0",
            "https://github.com/a/b",
            "git@github.com:a/b",
            "ext::sh -c id/x",
            "a/b ",
            &"a/".repeat(20_000),
        ] {
            assert!(RemoteRepo::parse(bad).is_err(), "{bad:?}");
        }
    }
}
