//! Branch protection and rulesets as data, and the refusals that come of them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::glob;
use super::world::Repo;

/// Classic protection of the branches that match a pattern. It holds for administrators too.
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
    /// The numeric id; 0 is replaced when the repository is made.
    pub id: u64,
    /// The name.
    pub name: String,
    /// Full ref names, or patterns with `*`.
    pub refs: Vec<String>,
    /// Rules as GitHub writes them: `{"type": "pull_request", "parameters": {…}}`. Enforced are `creation`,
    /// `update`, `deletion`, `non_fast_forward`, `pull_request`, `required_status_checks`,
    /// `required_linear_history` and `required_signatures`; others are only listed.
    pub rules: Vec<Value>,
    /// Logins to which it does not apply.
    pub bypass: Vec<String>,
}

impl Ruleset {
    /// A ruleset of plain rules, such as `pull_request`, over refs such as `refs/heads/*`.
    pub fn of(refs: &str, rules: &[&str]) -> Self {
        let rules = rules.iter().map(|r| serde_json::json!({ "type": r })).collect();
        Self { name: "rules".to_owned(), refs: vec![refs.to_owned()], rules, ..Self::default() }
    }

    /// Whether it speaks of this ref.
    pub(super) fn covers(&self, full_name: &str) -> bool {
        self.refs.iter().any(|p| glob(p, full_name))
    }
}

/// What a change of a ref is, as far as rules look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nature {
    pub(super) kind: Kind,
    /// Brings a merge commit.
    pub(super) merges: bool,
}

/// Creation, deletion, and the two kinds of update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Creation,
    FastForward,
    Forced,
    Deletion,
}

/// A refusal of one ref's change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) name: String,
    /// What git's report says in parentheses.
    pub(super) reason: String,
    /// What the pusher reads as `remote:` lines.
    pub(super) lines: Vec<String>,
    /// What the API answers as `message`.
    pub(super) message: String,
    /// The API's status.
    pub(super) status: u16,
}

/// The refusal that protections and rulesets give, if any.
pub(super) fn by_rules(repo: &Repo, login: &str, full_name: &str, nature: Nature) -> Option<Refusal> {
    by_protection(repo, login, full_name, nature).or_else(|| by_ruleset(repo, login, full_name, nature))
}

fn by_protection(repo: &Repo, login: &str, full_name: &str, nature: Nature) -> Option<Refusal> {
    let branch = full_name.strip_prefix("refs/heads/")?;
    let protection = repo.protections.iter().find(|p| glob(&p.pattern, branch))?;
    let (violation, status) = violation(protection, login, nature.kind)?;
    Some(Refusal {
        name: full_name.to_owned(),
        reason: "protected branch hook declined".to_owned(),
        lines: vec![
            format!("error: GH006: Protected branch update failed for {full_name}."),
            format!("error: {violation}"),
        ],
        message: violation,
        status,
    })
}

fn violation(protection: &Protection, login: &str, kind: Kind) -> Option<(String, u16)> {
    let barred = protection.pushers.as_ref().is_some_and(|p| !p.iter().any(|l| l == login));
    let unchecked = protection.required_checks.first();
    match kind {
        Kind::Deletion if !protection.allow_deletion => Some(("Cannot delete this branch".to_owned(), 422)),
        Kind::Forced if !protection.allow_force => Some(("Cannot force-push to this branch".to_owned(), 422)),
        Kind::Deletion | Kind::Creation if !barred => None,
        _ if barred => Some(("You're not authorized to push to this branch.".to_owned(), 403)),
        _ if protection.require_pull_request => {
            Some(("Changes must be made through a pull request.".to_owned(), 422))
        }
        _ => unchecked.map(|check| (format!("Required status check \"{check}\" is expected."), 422)),
    }
}

fn by_ruleset(repo: &Repo, login: &str, full_name: &str, nature: Nature) -> Option<Refusal> {
    let applies = |r: &&Ruleset| r.covers(full_name) && !r.bypass.iter().any(|l| l == login);
    let rules = repo.rulesets.iter().filter(applies).flat_map(|r| &r.rules);
    let violations: Vec<String> = rules.filter_map(|rule| broken(rule, nature)).collect();
    if violations.is_empty() {
        return None;
    }
    let ref_name = full_name.replace('/', "%2F");
    let mut lines = vec![
        format!("error: GH013: Repository rule violations found for {full_name}."),
        format!(
            "Review all repository rules at https://github.com/{}/rules?ref={ref_name}",
            repo.full_name()
        ),
        String::new(),
    ];
    lines.extend(violations.iter().flat_map(|v| [format!("- {v}"), String::new()]));
    Some(Refusal {
        name: full_name.to_owned(),
        reason: "push declined due to repository rule violations".to_owned(),
        lines,
        message: format!("Repository rule violations found\n\n{}\n\n", violations.join("\n\n")),
        status: 422,
    })
}

/// GitHub's words for a broken rule.
fn broken(rule: &Value, nature: Nature) -> Option<String> {
    let update = matches!(nature.kind, Kind::FastForward | Kind::Forced);
    let words = match rule["type"].as_str()? {
        "creation" if nature.kind == Kind::Creation => "Cannot create ref due to creations being restricted.",
        "update" if update => "Cannot update this protected ref.",
        "deletion" if nature.kind == Kind::Deletion => "Cannot delete this protected ref.",
        "non_fast_forward" if nature.kind == Kind::Forced => "Cannot force-push to this branch",
        "pull_request" if update => "Changes must be made through a pull request.",
        "required_linear_history" if nature.merges => "This branch must not contain merge commits.",
        "required_signatures" if update => "Commits must have verified signatures.",
        "required_status_checks" if update => {
            let check = &rule["parameters"]["required_status_checks"][0]["context"];
            return Some(format!(
                "Required status check \"{}\" is expected.",
                check.as_str().unwrap_or("ci")
            ));
        }
        _ => return None,
    };
    Some(words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORWARD: Nature = Nature { kind: Kind::FastForward, merges: false };
    const FORCED: Nature = Nature { kind: Kind::Forced, merges: false };

    #[test]
    fn a_protected_branch_takes_fast_forwards_only() {
        let repo = Repo::new("o/r").protect(Protection::of("main"));
        assert_eq!(by_rules(&repo, "o", "refs/heads/main", FORWARD), None);
        assert_eq!(by_rules(&repo, "o", "refs/heads/other", FORCED), None);
        let refusal = by_rules(&repo, "o", "refs/heads/main", FORCED).unwrap();
        assert_eq!(refusal.lines[0], "error: GH006: Protected branch update failed for refs/heads/main.");
    }

    #[test]
    fn a_ruleset_names_every_broken_rule() {
        let repo =
            Repo::new("o/r").ruleset(Ruleset::of("refs/heads/*", &["pull_request", "non_fast_forward"]));
        let refusal = by_rules(&repo, "o", "refs/heads/main", FORCED).unwrap();
        assert!(
            refusal.message.contains("through a pull request.\n\nCannot force-push"),
            "{}",
            refusal.message
        );
        let mut lenient = repo;
        lenient.rulesets[0].bypass.push("o".to_owned());
        assert_eq!(by_rules(&lenient, "o", "refs/heads/main", FORCED), None);
    }
}
