//! Judges changes of refs, from a push or from the API, before they take place.

use std::path::PathBuf;
use std::process::Command;

use super::access::{self, Level};
use super::auth::Caller;
use super::bare::Bare;
use super::rules::{Kind, Nature, Refusal, by_rules};
use super::shared::Shared;
use super::token::TokenKind;
use super::world::Repo;

/// A change of one ref; `None` is "absent".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RefChange {
    pub(super) name: String,
    pub(super) old: Option<String>,
    pub(super) new: Option<String>,
}

/// Who changes what, and where the new objects lie.
pub(super) struct Judge {
    bare: Bare,
    /// Where a push's objects wait for the verdict.
    pub(super) quarantine: Option<PathBuf>,
    repo: Repo,
    login: String,
    kind: TokenKind,
    may_change_workflows: bool,
}

impl Judge {
    pub(super) fn new(shared: &Shared, repo: &Repo, caller: &Caller) -> Self {
        let workflows = access::may(&shared.world(), caller, repo, ("workflows", Level::Write));
        Self {
            bare: shared.bare(repo),
            quarantine: None,
            repo: repo.clone(),
            login: caller.login().to_owned(),
            kind: caller.token().map_or(TokenKind::Classic, |t| t.kind),
            may_change_workflows: workflows,
        }
    }

    /// Whether there is anything to judge: a push to an open repository is left alone.
    pub(super) fn has_work(&self) -> bool {
        let ruled = !self.repo.protections.is_empty() || !self.repo.rulesets.is_empty();
        ruled || self.repo.blob_limit.is_some() || !self.may_change_workflows
    }

    /// What is refused, at most one refusal for each ref.
    pub(super) fn refusals(&self, changes: &[RefChange]) -> Vec<Refusal> {
        changes.iter().filter_map(|c| self.workflow(c).or_else(|| self.rules(c))).collect()
    }

    fn rules(&self, change: &RefChange) -> Option<Refusal> {
        by_rules(&self.repo, &self.login, &change.name, self.nature(change)?)
    }

    fn nature(&self, change: &RefChange) -> Option<Nature> {
        let kind = match (&change.old, &change.new) {
            (None, None) => return None,
            (None, Some(_)) => Kind::Creation,
            (Some(_), None) => Kind::Deletion,
            (Some(old), Some(new)) => match self.ask(&["merge-base", "--is-ancestor", old, new]) {
                Some(_) => Kind::FastForward,
                None => Kind::Forced,
            },
        };
        let merges = change.new.as_ref().and_then(|new| {
            let old = change.old.as_ref().map(|o| format!("^{o}"));
            let mut args = vec!["rev-list", "--merges", "-n1", new.as_str()];
            args.extend(old.as_deref());
            self.ask(&args)
        });
        Some(Nature { kind, merges: merges.is_some_and(|m| !m.is_empty()) })
    }

    fn workflow(&self, change: &RefChange) -> Option<Refusal> {
        if self.may_change_workflows {
            return None;
        }
        let new = change.new.as_deref()?;
        let args =
            ["log", "--format=", "--name-only", "-m", new, "--not", "--all", "--", ".github/workflows"];
        let path = self.ask(&args)?.lines().find(|l| !l.is_empty())?.to_owned();
        let reason = workflow_words(self.kind, &path);
        let status = if self.kind.has_scopes() { 404 } else { 403 };
        let message = if status == 404 { "Not Found".to_owned() } else { reason.clone() };
        Some(Refusal { name: change.name.clone(), reason, lines: Vec::new(), message, status })
    }

    /// What is said of blobs over the limit; such a push is refused as a whole.
    pub(super) fn too_large(&self, changes: &[RefChange]) -> Vec<String> {
        let Some(limit) = self.repo.blob_limit else { return Vec::new() };
        let mut args = vec!["rev-list", "--objects"];
        args.extend(changes.iter().filter_map(|c| c.new.as_deref()));
        args.extend(["--not", "--all"]);
        let objects = self.ask(&args).unwrap_or_default();
        let sizes = self.sizes(&objects);
        let over = objects.lines().zip(&sizes).filter(|(_, size)| **size > limit);
        let file = |(line, size): (&str, &u64)| {
            let path = line.split_once(' ').map_or(line, |p| p.1);
            let (size, limit) = (megabytes(*size), megabytes(limit));
            format!("error: File {path} is {size} MB; this exceeds GitHub's file size limit of {limit} MB")
        };
        let mut lines: Vec<String> = over.map(file).collect();
        if !lines.is_empty() {
            lines.insert(0, "error: See https://gh.io/lfs for more information.".to_owned());
            let help = "You may want to try Git Large File Storage - https://git-lfs.github.com.";
            lines.push(format!("error: GH001: Large files detected. {help}"));
        }
        lines
    }

    fn sizes(&self, objects: &str) -> Vec<u64> {
        let names: String =
            objects.lines().map(|l| format!("{}\n", l.split(' ').next().unwrap_or(l))).collect();
        let args = ["cat-file", "--batch-check=%(objecttype) %(objectsize)"];
        let output = super::bare::fed(self.quarantined(self.bare.git(&args)), names.as_bytes());
        let size = |l: &str| l.strip_prefix("blob ").and_then(|s| s.parse().ok()).unwrap_or(0);
        String::from_utf8_lossy(&output.stdout).lines().map(size).collect()
    }

    fn ask(&self, args: &[&str]) -> Option<String> {
        let output = self.quarantined(self.bare.git(args)).output().expect("git is installed");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn quarantined(&self, mut command: Command) -> Command {
        if let Some(objects) = &self.quarantine {
            command.env("GIT_OBJECT_DIRECTORY", objects);
            command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", self.bare.path().join("objects"));
        }
        command
    }
}

/// GitHub's words for a workflow file that this kind of token must not touch.
pub(super) fn workflow_words(kind: TokenKind, path: &str) -> String {
    let wanted = if kind.has_scopes() || kind == TokenKind::FineGrained { "scope" } else { "permission" };
    let name = if wanted == "scope" { "`workflow`" } else { "`workflows`" };
    format!(
        "refusing to allow {} to create or update workflow `{path}` without {name} {wanted}",
        kind.in_words()
    )
}

fn megabytes(bytes: u64) -> String {
    format!("{:.2}", bytes as f64 / (1024.0 * 1024.0))
}
