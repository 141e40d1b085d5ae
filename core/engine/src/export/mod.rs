//! Exports: ours to theirs, in both modes. Plan, guard, intend, apply, verify.

mod api;
mod history;
mod merge;
mod message;
mod plan;
mod prove;
mod snapshot;

use coregit_git::{PushReport, RefOutcome, Remote};
use coregit_model::{
    Counts, ErrorClass, Mode, Oid, Receipt, RefName, RefResult, RefStatus, RunStatus, SyncRun, Timestamp,
};
use coregit_store::{Base, BaseKey};

pub(crate) use plan::outgoing as outgoing_refs;
pub(crate) use prove::fingerprint;

use crate::Error;
use crate::run::{DryRun, Run};

/// What an export did, for the record.
#[derive(Default)]
pub(crate) struct Exported {
    /// One sentence; empty: it is made from the counts.
    pub message: String,
    /// Why it is an error although it ran to its end.
    pub error: Option<Error>,
    /// Whether anything was written there.
    pub wrote: bool,
    /// Their head after it.
    pub remote_sha: Option<Oid>,
    /// The commit made, or where the branch was moved to.
    pub commit_sha: Option<Oid>,
    /// Files created or updated, and deleted.
    pub files: (u64, u64),
    /// What became of each ref.
    pub refs: Vec<RefResult>,
    /// What both sides have in common now.
    pub put_bases: Vec<Base>,
    /// What they have in common no longer.
    pub delete_bases: Vec<BaseKey>,
    /// The proof.
    pub receipt: Option<Receipt>,
    /// Whether what was intended may still come to stand there.
    pub keep_intents: bool,
}

impl Exported {
    /// An export that ended in an error before anything is known to stand there.
    pub fn failed(error: &Error) -> Self {
        Self { error: Some(error.clone()), keep_intents: error.effect_unknown, ..Self::default() }
    }

    /// Their head, when both sides were proved equal.
    pub fn proved_at(&self) -> Option<Oid> {
        self.receipt.as_ref().and(self.remote_sha)
    }

    /// Writes the outcome into the run's record.
    pub fn fill(&self, run: &mut SyncRun, notes: &[String]) {
        run.status = match (&self.error, self.wrote) {
            (Some(_), _) => RunStatus::Error,
            (None, true) => RunStatus::Success,
            (None, false) => RunStatus::Skipped,
        };
        let said = self.error.as_ref().map(|e| e.sentence.clone()).unwrap_or_else(|| self.sentence());
        run.message = std::iter::once(said).chain(notes.iter().cloned()).collect::<Vec<_>>().join("; ");
        run.class = self.error.as_ref().and_then(|e| e.class);
        run.remote_sha = self.remote_sha;
        run.commit_sha = self.commit_sha;
        run.counts = Counts { files_changed: self.files.0, deleted: self.files.1, ..run.counts };
        run.refs = self.refs.clone();
        run.completed_at = Some(Timestamp::now());
    }

    fn sentence(&self) -> String {
        let moved = self.refs.iter().filter(|r| r.status == RefStatus::Ok).count();
        match (self.message.is_empty(), self.wrote) {
            (false, _) => self.message.clone(),
            (true, false) => "Already up to date".to_owned(),
            (true, true) => format!("Exported {}", counted(moved, "ref")),
        }
    }

    /// The refs that were refused, as one error; `None` when none was.
    pub fn refusals(&self) -> Option<Error> {
        let refused: Vec<_> = self.refs.iter().filter(|r| r.status == RefStatus::Rejected).collect();
        let first = refused.first()?;
        let reason = first.reason.clone().unwrap_or_else(|| "no reason was given".to_owned());
        let more = match refused.len() - 1 {
            0 => String::new(),
            n => format!(" (and {} more, see the run)", counted(n, "ref")),
        };
        let sentence = format!("{} was not exported: {reason}{more}", first.name.short());
        Some(Error::refused(sentence).class(ErrorClass::Conflict))
    }
}

impl Run<'_> {
    /// The key of the remote, in the records of what both sides have in common.
    pub(crate) fn remote_key(&self) -> String {
        coregit_store::remote_key(&self.link.connection.origin, &self.sync)
    }

    /// Their repository, spoken to by git.
    pub(crate) async fn there(&self) -> Result<Remote, Error> {
        Ok(self.link.git(&self.sync.remote).await?.with_format(self.git.format()))
    }

    /// Runs the export to its end. A token that died meanwhile is renewed once, where it can be: an export that
    /// begins anew goes on from what stands there.
    pub async fn export(&mut self) -> Result<Exported, Error> {
        match self.export_once().await {
            Err(error) if error.class == Some(ErrorClass::Auth) && self.link.provider.renew() => {
                self.export_once().await
            }
            ended => ended,
        }
    }

    async fn export_once(&mut self) -> Result<Exported, Error> {
        match self.sync.mode {
            Mode::History => self.export_history().await,
            Mode::Snapshot => self.export_snapshot().await,
        }
    }

    /// Plans the export and stops there.
    pub async fn dry_run(&mut self) -> Result<DryRun, Error> {
        match self.sync.mode {
            Mode::History => self.plan_history().await,
            Mode::Snapshot => self.plan_snapshot().await,
        }
    }
}

/// `1 ref`, `2 refs`.
pub(crate) fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// Why a ref was refused, understood: the class, a sentence, and what mends it. `None` when it was not refused;
/// what a report leaves out is seen when the far side is listed.
pub(crate) fn refusal(report: &PushReport, name: &RefName) -> Option<(ErrorClass, String, Option<String>)> {
    match report.outcome(name) {
        RefOutcome::Rejected(reason) => Some(coregit_git::classify_rejection(reason, &report.messages)),
        _ => None,
    }
}
