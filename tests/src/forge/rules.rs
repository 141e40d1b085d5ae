//! Branch protection and rulesets: which ref updates GitHub refuses, and in which words.

use serde::{Deserialize, Serialize};

/// Classic protection of the branches that match a pattern.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Protection {
    /// A branch name, or one with `*`.
    pub pattern: String,
    /// Status checks that a pushed commit must have passed; here none ever has.
    pub required_checks: Vec<String>,
    /// Changes only through pull requests.
    pub require_pull_request: bool,
    /// Allow non-fast-forward updates.
    pub allow_force: bool,
    /// Allow deletion.
    pub allow_deletion: bool,
    /// Logins that may push; `None` is everybody with write access.
    pub pushers: Option<Vec<String>>,
}

impl Protection {
    /// Protection with GitHub's defaults: no force push, no deletion.
    pub fn of(pattern: &str) -> Self {
        Self { pattern: pattern.to_owned(), ..Self::default() }
    }
}

/// A ruleset.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Ruleset {
    /// The numeric id.
    pub id: u64,
    /// The name.
    pub name: String,
    /// Full ref names, or patterns with `*`.
    pub refs: Vec<String>,
    /// Rules as GitHub writes them: `{"type": "pull_request", "parameters": {…}}`.
    pub rules: Vec<serde_json::Value>,
    /// Logins to which it does not apply.
    pub bypass: Vec<String>,
}
