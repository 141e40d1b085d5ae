//! `coregit doctor`: what is wrong, and the command that mends it.

use std::os::unix::fs::MetadataExt;

use coregit_model::{Repo, SyncState, Timestamp};

use crate::keys::problems;
use crate::{Engine, Error};

/// What mends damaged records.
const RESTORE: &str = "restore HOME from a backup (docs/operations.md)";

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, but look at it.
    Warning,
    /// Something does not work.
    Error,
}

/// One thing that was looked at.
#[derive(Debug, serde::Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What was looked at.
    pub subject: String,
    /// What was found.
    pub sentence: String,
    /// The command that mends it.
    pub mend: Option<String>,
}

impl Finding {
    fn ok(subject: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self { level: Level::Ok, subject: subject.into(), sentence: sentence.into(), mend: None }
    }

    fn wrong(level: Level, subject: &str, sentence: impl Into<String>, mend: impl Into<String>) -> Self {
        let (subject, sentence) = (subject.to_owned(), sentence.into());
        Self { level, subject, sentence, mend: Some(mend.into()) }
    }
}

impl Engine {
    /// Looks at everything that can be looked at without writing. Hosts are asked whether tokens still work.
    pub async fn doctor(&self) -> Result<Vec<Finding>, Error> {
        let mut findings = vec![git_version(), self.records().await, self.keyring().await, self.worker()];
        for connection in self.connections().await? {
            findings.push(self.token(&connection.label, connection.id.as_str()).await);
        }
        for repo in self.repos().await? {
            findings.extend(self.repository(&repo).await?);
        }
        for status in self.statuses(None).await? {
            let subject = format!("sync {} of {}", status.sync.label, status.repo);
            findings.push(match (&status.problem, status.sync.state) {
                (Some(problem), _) => {
                    Finding::wrong(Level::Error, &subject, problem, status.hint.unwrap_or_default())
                }
                (None, SyncState::Active) => Finding::ok(subject, status.state),
                (None, _) => {
                    Finding::wrong(Level::Warning, &subject, status.state, status.hint.unwrap_or_default())
                }
            });
        }
        Ok(findings)
    }

    async fn records(&self) -> Finding {
        match self.store.integrity().await {
            Ok(flaws) if flaws.is_empty() => {
                Finding::ok("records", format!("{} is whole", self.home.path().display()))
            }
            Ok(flaws) => Finding::wrong(Level::Error, "records", flaws.join("; "), RESTORE),
            Err(error) => Finding::wrong(Level::Error, "records", error.to_string(), RESTORE),
        }
    }

    async fn keyring(&self) -> Finding {
        match self.check_keyring().await {
            Ok(report) if report.is_sound() => {
                Finding::ok("keyring", format!("{} sealed fields open", report.fields.len()))
            }
            Ok(report) => Finding::wrong(
                Level::Error,
                "keyring",
                problems(&report).join("; "),
                "`coregit connections update ID --token-stdin` seals that token anew",
            ),
            Err(error) => {
                Finding::wrong(Level::Error, "keyring", error.sentence, error.hint.unwrap_or_default())
            }
        }
    }

    fn worker(&self) -> Finding {
        match (self.worker_answers(), self.worker_is_installed()) {
            (true, _) => Finding::ok("worker", "it answers"),
            (false, true) => Finding::wrong(
                Level::Warning,
                "worker",
                "it is installed but does not answer",
                "`systemctl status coregit-worker`, or wait a minute for cron",
            ),
            (false, false) => Finding::wrong(
                Level::Warning,
                "worker",
                "none stays up: pushes sync at once, but retries and lost pushes wait for the next push",
                "`coregit service install`",
            ),
        }
    }

    async fn token(&self, label: &str, id: &str) -> Finding {
        let subject = format!("connection {label}");
        let renew = format!("`coregit connections update {id} --token-stdin < FILE`");
        match self.test_connection(id).await {
            Err(error) => {
                Finding::wrong(Level::Warning, &subject, error.sentence, error.hint.unwrap_or_default())
            }
            Ok(report) if !report.valid => {
                Finding::wrong(Level::Error, &subject, report.error.unwrap_or_default(), renew)
            }
            Ok(report) => match report.expires_at {
                Some(at) if at < Timestamp::now().plus_seconds(14 * 86_400) => {
                    Finding::wrong(Level::Warning, &subject, format!("its token ends {at}"), renew)
                }
                _ => Finding::ok(subject, format!("valid, as {}", report.username.unwrap_or_default())),
            },
        }
    }

    async fn repository(&self, repo: &Repo) -> Result<Vec<Finding>, Error> {
        let subject = format!("repository {}", repo.slug);
        let Ok(meta) = repo.path.metadata() else {
            let gone = format!("{} cannot be read", repo.path.display());
            let mend = format!("put it back, or `coregit repos delete {}`", repo.slug);
            return Ok(vec![Finding::wrong(Level::Error, &subject, gone, mend)]);
        };
        let mut findings = Vec::new();
        if meta.uid() != rustix::process::geteuid().as_raw() {
            findings.push(Finding::wrong(
                Level::Warning,
                &subject,
                "it belongs to another user than the one who runs coregit",
                "run coregit as its owner, or set core.sharedRepository",
            ));
        }
        let pushes = self.store.syncs_of(&repo.id).await?.iter().any(|s| s.auto_sync);
        for hook in self.hook_states(repo)?.into_iter().filter(|h| pushes && !h.works) {
            let found = format!("{}: {}", hook.path.display(), hook.found);
            let mend = format!("`coregit hooks install {}`", repo.slug);
            findings.push(Finding::wrong(Level::Error, &subject, found, mend));
        }
        if findings.is_empty() {
            findings.push(Finding::ok(subject, "its folder and hooks are in order"));
        }
        Ok(findings)
    }
}

fn git_version() -> Finding {
    match coregit_git::git_version() {
        Err(error) => Finding::wrong(Level::Error, "git", error.to_string(), "install git 2.39 or newer"),
        Ok(version) if version < (2, 39) => Finding::wrong(
            Level::Error,
            "git",
            format!("version {}.{} is too old", version.0, version.1),
            "install git 2.39 or newer",
        ),
        Ok(version) => Finding::ok("git", format!("version {}.{}", version.0, version.1)),
    }
}
