//! The policy file: what the hooks of one repository need to know, written by the engine.

use std::path::PathBuf;

use coregit_model::{RefName, RepoId};
use serde::{Deserialize, Serialize};

/// What the hooks of a repository hold a push against, and whom they wake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The home folder of the worker.
    #[serde(with = "crate::text")]
    pub home: PathBuf,
    /// The admin binary that a drain is started from; absolute.
    #[serde(with = "crate::text")]
    pub coregit: PathBuf,
    /// The user whose worker serves this repository.
    pub owner_uid: u32,
    /// The datagram socket of a running worker ([`crate::wake`]).
    #[serde(with = "crate::text")]
    pub socket: PathBuf,
    /// The repository's id.
    pub repo_id: RepoId,
    /// What a ref that is pushed must begin with.
    #[serde(default = "usual_refs")]
    pub allowed: Vec<String>,
    /// Refs that no push may move.
    #[serde(default)]
    pub protected: Vec<ProtectedRef>,
    /// The labels of the repository's syncs, for `-o coregit.only=`.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Refuse pushes when this file cannot be read, rather than warn (`coregit.failClosed`).
    #[serde(default)]
    pub fail_closed: bool,
    /// How long `-o coregit.sync=wait` waits, in seconds.
    #[serde(default = "usual_wait")]
    pub wait_for_s: u32,
}

fn usual_refs() -> Vec<String> {
    Policy::USUAL_REFS.map(str::to_owned).to_vec()
}

fn usual_wait() -> u32 {
    Policy::USUAL_WAIT_S
}

impl Policy {
    /// The prefixes of refs that may be pushed when nobody said otherwise.
    pub const USUAL_REFS: [&'static str; 2] = ["refs/heads/", "refs/tags/"];
    /// The seconds that a push waits for its syncs when it asks to (`coregit.waitFor`).
    pub const USUAL_WAIT_S: u32 = 60;

    /// Whether a ref of this name may be pushed at all.
    pub fn allows(&self, name: &RefName) -> bool {
        self.allowed.iter().any(|prefix| name.starts_with(prefix.as_bytes()))
    }

    /// The protection that this ref stands under, if any: the first that matches.
    pub fn protects(&self, name: &RefName) -> Option<&ProtectedRef> {
        self.protected.iter().find(|p| p.matches(name))
    }
}

/// Refs that no push may move, because an import writes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectedRef {
    /// The refs: `refs/heads/main` or `refs/heads/*`; several are separated by spaces, and `^…` excludes
    /// from the others (`refs/heads/* ^refs/heads/tmp/*`).
    pub pattern: String,
    /// Why, as one sentence for the pusher.
    pub reason: String,
    /// What the pusher can do about it.
    pub way_out: String,
}

impl ProtectedRef {
    /// Whether the pattern names this ref.
    pub fn matches(&self, name: &RefName) -> bool {
        let (excludes, includes): (Vec<_>, Vec<_>) =
            self.pattern.split(' ').filter(|p| !p.is_empty()).partition(|p| p.starts_with('^'));
        let hit = |pattern: &str| {
            let source = pattern.trim_start_matches(['^', '+']).split(':').next().unwrap_or_default();
            matches_one(source.as_bytes(), name.as_bytes())
        };
        includes.into_iter().any(hit) && !excludes.into_iter().any(hit)
    }
}

fn matches_one(pattern: &[u8], name: &[u8]) -> bool {
    let Some(star) = pattern.iter().position(|b| *b == b'*') else { return pattern == name };
    let (head, tail) = (&pattern[..star], &pattern[star + 1..]);
    name.strip_prefix(head).is_some_and(|rest| rest.ends_with(tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        let protected =
            ProtectedRef { pattern: pattern.into(), reason: String::new(), way_out: String::new() };
        protected.matches(&RefName::parse(name).unwrap())
    }

    #[test]
    fn patterns_name_refs_as_refspecs_do() {
        assert!(matches("refs/heads/main", "refs/heads/main"));
        assert!(!matches("refs/heads/main", "refs/heads/main2"));
        assert!(matches("refs/heads/*", "refs/heads/a/b"));
        assert!(matches("refs/heads/*-x", "refs/heads/a-x"));
        assert!(!matches("refs/heads/a*a", "refs/heads/a"));
        assert!(matches("+refs/heads/main:refs/heads/ours", "refs/heads/main"));
        assert!(matches("refs/heads/* ^refs/heads/tmp/*", "refs/heads/main"));
        assert!(!matches("refs/heads/* ^refs/heads/tmp/*", "refs/heads/tmp/a"));
        assert!(!matches("", "refs/heads/main"));
        assert!(!matches("^refs/heads/tmp/*", "refs/heads/main"));
    }

    #[test]
    fn a_policy_of_an_older_or_newer_version_is_read() {
        let text = r#"{"home":"/h","coregit":"/c","owner_uid":0,"socket":"/s","repo_id":"repo_1","later":1}"#;
        let policy: Policy = serde_json::from_str(text).unwrap();
        assert_eq!(policy.allowed, Policy::USUAL_REFS);
        assert_eq!(policy.wait_for_s, Policy::USUAL_WAIT_S);
        assert!(!policy.fail_closed);
    }
}
