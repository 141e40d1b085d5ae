//! Export of history: refs and objects as they are, with the same ids, in one push.

use std::collections::{BTreeMap, BTreeSet};

use coregit_git::{Advertisement, Backup, Push, PushReport};
use coregit_model::{
    Action, ErrorClass, Oid, Plan, PlannedRef, RefName, RefResult, RefStatus, RefUpdate, RemoteRepo,
};
use coregit_store::{Base, BaseKey, Intent};

use super::plan::{Common, Sides, guard, outgoing, plan};
use super::{Exported, counted, refusal};
use crate::run::{DryRun, Run};
use crate::{Error, fail_point};

/// A plan and what it was made from.
struct Planned {
    plan: Plan,
    advertisement: Advertisement,
    common: BTreeMap<RefName, (RefName, Common)>,
}

impl Run<'_> {
    pub(super) async fn plan_history(&mut self) -> Result<DryRun, Error> {
        let planned = self.planned_history().await?;
        Ok(DryRun { plan: planned.plan, files_changed: 0, deleted: 0 })
    }

    pub(super) async fn export_history(&mut self) -> Result<Exported, Error> {
        let planned = self.planned_history().await?;
        guard(&self.sync, &planned.plan).map_err(|sentence| {
            Error::refused(sentence)
                .hint(format!("`coregit sync update {} --guard N` lets more go", self.sync.label))
        })?;
        let writes: Vec<PlannedRef> = planned.plan.writes().cloned().collect();
        self.keep_backups(&writes).await?;
        let mut exported = Exported { refs: blocked(&planned.plan), ..Exported::default() };
        if !writes.is_empty() {
            self.intend(&writes).await?;
            fail_point("history.intended");
            let results = self.push_history(&planned.advertisement, &writes).await?;
            fail_point("history.pushed");
            exported.refs.extend(results);
        }
        self.conclude(&planned, &writes, &mut exported).await?;
        Ok(exported)
    }

    async fn planned_history(&mut self) -> Result<Planned, Error> {
        let advertisement = self.advertisement().await?;
        let common = self.common().await?;
        let intended = self.intended().await?;
        self.prove_identity(&advertisement.refs, &common).await?;
        let ours = outgoing(&self.sync, self.git.refs()?);
        let held = self.engine.store.holds(&self.sync.id).await?;
        let ours =
            ours.into_iter().filter(|(_, (name, oid))| !held.contains(&(name.clone(), *oid))).collect();
        let sides = Sides {
            sync: &self.sync,
            ours,
            theirs: &advertisement.refs,
            common: &common,
            intended: &intended,
        };
        let mut failure = None;
        let git = &self.git;
        let plan = plan(&sides, &mut |old, new| match git.is_ancestor(old, new) {
            Ok(answer) => answer,
            Err(error) => {
                failure = Some(error);
                false
            }
        });
        match failure {
            Some(error) => Err(error.into()),
            None => Ok(Planned { plan, advertisement, common }),
        }
    }

    /// The refs there; a rename is followed on the same host and told.
    async fn advertisement(&mut self) -> Result<Advertisement, Error> {
        let remote = self.there().await?;
        let error = match remote.receive_pack_advertisement().await {
            Ok(advertisement) => return Ok(advertisement),
            Err(error) => Error::from(error),
        };
        match error.class {
            Some(ErrorClass::Moved | ErrorClass::NotFound) => self.follow_rename(error).await?,
            _ => return Err(error),
        }
        let remote = self.there().await?;
        Ok(remote.receive_pack_advertisement().await?)
    }

    /// Asks the provider what became of the remote; gives `error` back when it has no better word.
    pub(super) async fn follow_rename(&mut self, error: Error) -> Result<(), Error> {
        let Ok(info) = self.link.provider.repository(&self.sync.remote).await else { return Err(error) };
        self.same_repository(info.id)?;
        let Ok(now) = RemoteRepo::parse(&info.full_name) else { return Err(error) };
        if now == self.sync.remote {
            return Err(error);
        }
        self.notes.push(format!("{} is called {now} now", self.sync.remote));
        self.engine.store.rename_remote(&self.sync.id, &now).await?;
        self.sync.remote = now;
        Ok(())
    }

    /// Whether the remote is still the repository that this sync was made for. Asked when it does not look
    /// as we left it, and once a day; a remote that looks as we left it costs no request.
    pub(super) async fn prove_identity(
        &mut self,
        theirs: &BTreeMap<RefName, Oid>,
        common: &BTreeMap<RefName, (RefName, Common)>,
    ) -> Result<(), Error> {
        let as_left =
            !common.is_empty() && common.iter().all(|(name, (_, c))| theirs.get(name) == Some(&c.theirs));
        let a_day_ago = coregit_model::Timestamp::now().plus_seconds(-86_400);
        if as_left
            && self.sync.remote_id.is_some()
            && self.sync.last_synced_at.is_some_and(|at| at > a_day_ago)
        {
            return Ok(());
        }
        match self.link.provider.repository(&self.sync.remote).await.map_err(Error::from) {
            Ok(info) => self.pin(info.id).await,
            Err(error) if error.try_again() => Err(error),
            Err(error) => {
                self.notes.push(format!("the API could not say which repository this is: {error}"));
                Ok(())
            }
        }
    }

    async fn pin(&mut self, id: u64) -> Result<(), Error> {
        self.same_repository(id)?;
        if self.sync.remote_id.is_none() {
            self.engine.store.pin_remote(&self.sync.id, id).await?;
            self.sync.remote_id = Some(id);
        }
        Ok(())
    }

    fn same_repository(&self, id: u64) -> Result<(), Error> {
        let Some(pinned) = self.sync.remote_id.filter(|pinned| *pinned != id) else { return Ok(()) };
        let sentence = format!(
            "{} is another repository now (id {id}, this sync was made for {pinned}); nothing was sent",
            self.sync.remote
        );
        let hint = "if that is right, delete this sync and create it again";
        Err(Error::refused(sentence).hint(hint).class(ErrorClass::Moved))
    }

    /// What both sides had in common, by their ref.
    pub(super) async fn common(&self) -> Result<BTreeMap<RefName, (RefName, Common)>, Error> {
        let bases = self.engine.store.bases(&self.repo.id, &self.remote_key()).await?;
        let common = |b: Base| {
            let managed = b.managed_by.as_ref() == Some(&self.sync.id);
            (b.theirs, (b.ours, Common { ours: b.ours_oid, theirs: b.theirs_oid, managed }))
        };
        Ok(bases.into_iter().map(common).collect())
    }

    pub(super) async fn intended(&self) -> Result<BTreeSet<(RefName, Oid)>, Error> {
        let intents = self.engine.store.intents_of(&self.sync.id).await?;
        Ok(intents.into_iter().filter_map(|i| Some((i.name, i.new?))).collect())
    }

    /// Keeps what a forced update or a deletion takes away, so that it can be put back.
    async fn keep_backups(&self, writes: &[PlannedRef]) -> Result<(), Error> {
        let lost = writes.iter().filter(|r| matches!(r.action, Action::Force | Action::Delete));
        let lost: Vec<_> = lost.filter_map(|r| Some((r.remote.clone(), r.old?))).collect();
        if lost.is_empty() {
            return Ok(());
        }
        let remote = self.there().await?;
        let backup = Backup::open_or_create(self.engine.home().backup_dir(&self.repo.id), self.git.format())?;
        let kept: Vec<_> = lost.into_iter().map(|(name, oid)| (oid, Backup::name(&self.id, &name))).collect();
        Ok(backup.keep_theirs(&self.git, &remote, &kept).await?)
    }

    async fn intend(&self, writes: &[PlannedRef]) -> Result<(), Error> {
        let intents: Vec<_> = writes
            .iter()
            .map(|r| Intent { name: r.remote.clone(), expected: r.old, new: r.new, source: r.new })
            .collect();
        Ok(self.engine.store.set_intents(&self.id, &self.sync.id, &intents).await?)
    }

    /// Sends everything in one push: all or nothing where the host can, and what was only dragged down by
    /// another ref's refusal once more without that one.
    async fn push_history(
        &self,
        advertisement: &Advertisement,
        writes: &[PlannedRef],
    ) -> Result<Vec<RefResult>, Error> {
        let mut left: Vec<RefUpdate> = self.updates(writes, advertisement);
        let mut results = Vec::new();
        let mut atomic = left.len() > 1 && advertisement.capabilities.has("atomic");
        while !left.is_empty() {
            let report = self.push_once(advertisement, &left, atomic).await?;
            let dragged = |u: &RefUpdate| atomic && report.dragged_down(&u.name);
            let (again, done): (Vec<_>, Vec<_>) = left.into_iter().partition(dragged);
            results.extend(done.iter().map(|u| result_of(u, writes, &report)));
            (left, atomic) = (again, false);
        }
        Ok(results)
    }

    /// The commands, our HEAD's branch first: an empty remote takes the first branch for its default.
    fn updates(&self, writes: &[PlannedRef], advertisement: &Advertisement) -> Vec<RefUpdate> {
        let zero = Oid::zero(self.git.format());
        let mut updates: Vec<_> = writes
            .iter()
            .map(|r| RefUpdate {
                name: r.remote.clone(),
                expected: r.old.unwrap_or(zero),
                new: r.new.unwrap_or(zero),
            })
            .collect();
        if advertisement.refs.is_empty()
            && let Some(head) = self.git.head_branch()
        {
            let head = RefName::of_branch(&head);
            updates.sort_by_key(|u| u.name != head);
        }
        updates
    }

    /// One push. When its answer is lost, the far side is listed to learn what became of it.
    async fn push_once(
        &self,
        advertisement: &Advertisement,
        updates: &[RefUpdate],
        atomic: bool,
    ) -> Result<PushReport, Error> {
        let remote = self.there().await?;
        let push = Push { atomic, ..Push::of(updates) };
        let error = match remote.push(&self.git, advertisement, &push).await {
            Ok(report) => return Ok(report),
            Err(error) => Error::from(error),
        };
        if !error.effect_unknown {
            return Err(error);
        }
        let now = self.listed(updates.iter().map(|u| &u.name)).await.map_err(|_| error.clone())?;
        let arrived = |u: &RefUpdate| now.get(&u.name).copied().unwrap_or(Oid::zero(u.new.format())) == u.new;
        match updates.iter().all(arrived) {
            true => Ok(PushReport::all_ok(updates)),
            false => Err(error),
        }
    }

    /// Proves the written refs, and says what both sides have in common now.
    async fn conclude(
        &self,
        planned: &Planned,
        writes: &[PlannedRef],
        exported: &mut Exported,
    ) -> Result<(), Error> {
        let mut theirs = planned.advertisement.refs.clone();
        let ok: Vec<_> = exported.refs.iter().filter(|r| r.status == RefStatus::Ok).cloned().collect();
        exported.wrote = !ok.is_empty();
        self.proved(&ok, &mut theirs).await?;
        fail_point("history.proved");
        self.note_bases(planned, &theirs, exported);
        let head = RefName::of_branch(&self.sync.branch);
        exported.remote_sha = theirs.get(&head).copied();
        exported.commit_sha = ok.iter().find(|r| r.name == head).and_then(|r| r.new);
        exported.files = self.changed_files(writes.iter().find(|r| r.remote == head))?;
        exported.error = exported.refusals();
        if exported.error.is_none() {
            exported.receipt = Some(self.receipt(&planned.plan, &theirs));
        }
        if exported.wrote {
            exported.message = format!("Exported {}", counted(ok.len(), "ref"));
        }
        Ok(())
    }

    /// Bases of refs that stand equal now and did not before; those of deleted refs go.
    fn note_bases(&self, planned: &Planned, theirs: &BTreeMap<RefName, Oid>, exported: &mut Exported) {
        for planned_ref in &planned.plan.refs {
            let common = planned.common.get(&planned_ref.remote);
            let Some(new) = planned_ref.new else {
                if !theirs.contains_key(&planned_ref.remote) {
                    exported.delete_bases.push(self.base_key(&planned_ref.local, &planned_ref.remote));
                }
                continue;
            };
            let equal = theirs.get(&planned_ref.remote) == Some(&new);
            if equal && common.is_none_or(|(_, c)| c.ours != new || c.theirs != new) {
                let managed = planned_ref.action.writes() || common.is_some_and(|(_, c)| c.managed);
                exported.put_bases.push(Base {
                    ours_oid: new,
                    theirs_oid: new,
                    managed_by: managed.then(|| self.sync.id.clone()),
                    ..Base::at(self.base_key(&planned_ref.local, &planned_ref.remote))
                });
            }
        }
    }

    pub(super) fn base_key(&self, local: &RefName, remote: &RefName) -> BaseKey {
        BaseKey {
            repo_id: self.repo.id.clone(),
            remote_key: self.remote_key(),
            ours: local.clone(),
            theirs: remote.clone(),
        }
    }

    /// Files changed and deleted on the branch there; zero when we do not have what stood there.
    fn changed_files(&self, head: Option<&PlannedRef>) -> Result<(u64, u64), Error> {
        let Some(new) = head.and_then(|h| h.new) else { return Ok((0, 0)) };
        let old = head.and_then(|h| h.old).filter(|old| self.git.has(old));
        self.count_changes(old.as_ref(), &new)
    }
}

fn blocked(plan: &Plan) -> Vec<RefResult> {
    let result = |r: &PlannedRef| RefResult {
        name: r.remote.clone(),
        action: r.action,
        old: r.old,
        new: r.new,
        status: RefStatus::Rejected,
        reason: Some(r.reason.clone()),
    };
    plan.blocked().map(result).collect()
}

fn result_of(update: &RefUpdate, writes: &[PlannedRef], report: &PushReport) -> RefResult {
    let planned = writes.iter().find(|w| w.remote == update.name);
    let reason = refusal(report, &update.name).map(|(_, sentence, hint)| match hint {
        None => sentence,
        Some(hint) => format!("{sentence}; {hint}"),
    });
    RefResult {
        name: update.name.clone(),
        action: planned.map_or(Action::Create, |p| p.action),
        old: planned.and_then(|p| p.old),
        new: planned.and_then(|p| p.new),
        status: if reason.is_none() { RefStatus::Ok } else { RefStatus::Rejected },
        reason,
    }
}
