//! `coregit sync …`

use coregit_engine::{
    DryRun, Engine, Error, Outcome, SyncChange, SyncMade, SyncStatus, Verified, parse_duration,
};
use coregit_model::{BranchName, RunId, RunStatus, SyncConfig, SyncRun, SyncState};

use super::or_dash;
use crate::Exit;
use crate::cli::{Sync, SyncConfigs, SyncOptions};
use crate::output::Output;

pub async fn run(engine: &Engine, command: Sync, output: &Output) -> Result<Exit, Error> {
    match command {
        Sync::Config(command) => configs(engine, command, output).await,
        Sync::Update { sync, options } => update(engine, &sync, options, output).await,
        Sync::Trigger { sync, branch, dry_run } => trigger(engine, &sync, branch, dry_run, output).await,
        Sync::History { repo, limit, cursor } => history(engine, &repo, limit, cursor, output).await,
        Sync::Status { repo } => status(engine, repo, output).await,
        Sync::Verify { sync } => verify(engine, &sync, output).await,
        Sync::Pause { sync } => set_state(engine, &sync, SyncState::Paused, output).await,
        Sync::Resume { sync } => set_state(engine, &sync, SyncState::Active, output).await,
    }
}

async fn configs(engine: &Engine, command: SyncConfigs, output: &Output) -> Result<Exit, Error> {
    match command {
        SyncConfigs::Create { repo, connection, remote, options } => {
            let repo = engine.repo(&repo).await?;
            let connection = engine.connection(&connection).await?;
            let made = engine.create_sync(&repo, &connection, &remote, change(options)?).await?;
            told(&made, "made", output);
        }
        SyncConfigs::Get { repo } => {
            let syncs = engine.syncs_of(&engine.repo(&repo).await?).await?;
            output.answer(&serde_json::json!({ "configs": syncs }), |o| list(&syncs, o));
        }
        SyncConfigs::Update { sync, options } => return update(engine, &sync, options, output).await,
        SyncConfigs::Delete { sync } => {
            let gone = engine.delete_sync(&sync).await?;
            output.answer(&serde_json::json!({ "deleted": true }), |_| {
                format!("deleted the sync {} ({}); its history stays", gone.label, gone.id)
            });
        }
    }
    Ok(Exit::Done)
}

async fn update(engine: &Engine, sync: &str, options: SyncOptions, output: &Output) -> Result<Exit, Error> {
    let made = engine.update_sync(sync, change(options)?).await?;
    told(&made, "updated", output);
    Ok(Exit::Done)
}

fn told(made: &SyncMade, verb: &str, output: &Output) {
    let s = &made.sync;
    output.answer(s, |_| {
        let when = if s.auto_sync { "after every push" } else { "when triggered" };
        format!("{verb} {} ({}): {} {} to {}, {when}", s.label, s.id, s.direction, s.mode, s.remote)
    });
    made.notes.iter().for_each(|n| output.note(n));
}

/// Seconds; `None` for `never`.
fn interval(text: &str) -> Result<Option<u32>, Error> {
    if text == "never" {
        return Ok(None);
    }
    match parse_duration(text).map(|d| d.as_secs()).filter(|s| *s >= 10) {
        Some(seconds) => Ok(Some(u32::try_from(seconds).unwrap_or(u32::MAX))),
        None => Err(Error::usage(format!("{text:?} is no interval; expected 10s or more, 15m, 2h or never"))),
    }
}

fn change(options: SyncOptions) -> Result<SyncChange, Error> {
    let interval_s = options.interval.as_deref().map(interval).transpose()?;
    let auto_sync = match (options.auto_sync, options.no_auto_sync) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    Ok(SyncChange {
        direction: options.direction,
        mode: options.mode,
        via: options.via,
        branch: options.branch,
        refs: (!options.refs.is_empty()).then_some(options.refs),
        on_divergence: options.on_divergence,
        conflict: options.conflict,
        prune: options.prune,
        guard_refs: options.guard,
        guard_percent: options.guard_percent,
        accept_tag_move: options.accept_tag_move,
        auto_sync,
        interval_s,
        label: options.label,
    })
}

fn list(syncs: &[SyncConfig], output: &Output) -> String {
    let row = |s: &SyncConfig| {
        vec![
            s.id.to_string(),
            s.label.clone(),
            s.direction.to_string(),
            s.mode.to_string(),
            s.remote.to_string(),
            if s.auto_sync { "yes".to_owned() } else { "no".to_owned() },
            s.state.to_string(),
        ]
    };
    let heading = ["ID", "LABEL", "DIRECTION", "MODE", "REMOTE", "AUTO", "STATE"];
    output.table(&heading, &syncs.iter().map(row).collect::<Vec<_>>())
}

async fn trigger(
    engine: &Engine,
    sync: &str,
    branch: Option<String>,
    dry_run: bool,
    output: &Output,
) -> Result<Exit, Error> {
    let sync = engine.sync(sync).await?;
    let branch =
        branch.map(|b| BranchName::parse(&b)).transpose().map_err(|e| Error::usage(e.to_string()))?;
    if dry_run {
        let plan = engine.dry_run(&sync, branch).await?;
        output.answer(&plan, |o| planned(&plan, o));
        return Ok(Exit::Done);
    }
    let outcome = engine.trigger(&sync, branch).await?;
    output.answer(&triggered(&outcome.run), |o| ran(&outcome, o));
    match outcome.error {
        None => Ok(Exit::Done),
        Some(error) => Err(error),
    }
}

/// The REST answer of a trigger, with the run's id and refs.
fn triggered(run: &SyncRun) -> serde_json::Value {
    serde_json::json!({
        "synced": run.status == RunStatus::Success,
        "remote_sha": run.remote_sha,
        "commit_sha": run.commit_sha,
        "files_changed": run.counts.files_changed,
        "deleted": run.counts.deleted,
        "direction": run.direction,
        "run_id": run.id,
        "status": run.status,
        "message": run.message,
        "requests": run.counts.requests,
        "bytes_sent": run.counts.bytes_sent,
        "refs": run.refs,
    })
}

fn planned(plan: &DryRun, output: &Output) -> String {
    let row = |r: &coregit_model::PlannedRef| {
        let oid = |oid: Option<coregit_model::Oid>| or_dash(oid.map(|o| o.short()));
        vec![r.action.to_string(), r.remote.short(), oid(r.old), oid(r.new), r.reason.clone()]
    };
    let rows: Vec<_> = plan.plan.refs.iter().map(row).collect();
    let table = output.table(&["ACTION", "REF", "FROM", "TO", "WHY"], &rows);
    format!("{table}\nnothing was changed: this was a dry run")
}

fn ran(outcome: &Outcome, output: &Output) -> String {
    let run = &outcome.run;
    let took = run.completed_at.map_or(0, |end| end.as_millis() - run.started_at.as_millis());
    let mut lines = vec![format!(
        "{}: {} ({took} ms, requests: {}, bytes sent: {}, {})",
        run.status, run.message, run.counts.requests, run.counts.bytes_sent, run.id
    )];
    for r in &run.refs {
        let oid = |oid: Option<coregit_model::Oid>| or_dash(oid.map(|o| o.short()));
        let line = format!("  {} {} -> {} {}", r.name.short(), oid(r.old), oid(r.new), r.action);
        lines.push(match &r.reason {
            None => line,
            Some(reason) => format!("{line}: {} {reason}", output.paint("31", "refused:")),
        });
    }
    lines.join("\n")
}

async fn history(
    engine: &Engine,
    repo: &str,
    limit: u32,
    cursor: Option<String>,
    output: &Output,
) -> Result<Exit, Error> {
    let repo = engine.repo(repo).await?;
    let wrong = || Error::usage("that is no cursor; expected the next_cursor of an earlier answer");
    let cursor = cursor.map(|c| RunId::parse(&c).ok_or_else(wrong)).transpose()?;
    let (runs, next) = engine.history(&repo, limit, cursor).await?;
    output.answer(&serde_json::json!({ "runs": runs, "next_cursor": next }), |o| {
        let row = |r: &SyncRun| {
            let took = r.completed_at.map(|end| format!("{} ms", end.as_millis() - r.started_at.as_millis()));
            vec![
                r.id.to_string(),
                r.started_at.to_string(),
                r.status.to_string(),
                or_dash(took),
                r.message.clone(),
            ]
        };
        let rows: Vec<_> = runs.iter().map(row).collect();
        o.table(&["RUN", "STARTED", "STATUS", "TOOK", "MESSAGE"], &rows)
    });
    Ok(Exit::Done)
}

async fn status(engine: &Engine, repo: Option<String>, output: &Output) -> Result<Exit, Error> {
    let repo = match repo {
        Some(repo) => Some(engine.repo(&repo).await?),
        None => None,
    };
    let all = engine.statuses(repo.as_ref()).await?;
    output.answer(&all, |o| {
        let mut lines =
            vec![o.table(&["REPO", "SYNC", "REMOTE", "STATE", "PROVED", "BEHIND", "LAST RUN"], &{
                all.iter().map(status_row).collect::<Vec<_>>()
            })];
        for s in &all {
            let head = format!("{} of {}", s.sync.label, s.repo);
            lines
                .extend(s.problem.as_ref().map(|p| format!("\n{} {head}: {p}", o.paint("31;1", "problem:"))));
            lines.extend(s.hint.as_ref().map(|h| format!("{} {h}", o.paint("36", "hint:"))));
        }
        lines.join("\n")
    });
    match all.iter().any(|s| matches!(s.state, "failing" | "held")) {
        true => Ok(Exit::Failed),
        false => Ok(Exit::Done),
    }
}

fn status_row(s: &SyncStatus) -> Vec<String> {
    vec![
        s.repo.clone(),
        s.sync.label.clone(),
        s.sync.remote.to_string(),
        s.state.replace('_', " "),
        s.lag_s.map_or_else(|| "never".to_owned(), |lag| format!("{lag} s ago")),
        or_dash(s.behind),
        s.last_run.as_ref().map_or_else(|| "-".to_owned(), |r| format!("{} {}", r.status, r.started_at)),
    ]
}

async fn verify(engine: &Engine, sync: &str, output: &Output) -> Result<Exit, Error> {
    let sync = engine.sync(sync).await?;
    let verified = engine.verify(&sync).await?;
    output.answer(&verified, |o| proof(&sync, &verified, o));
    match verified.equal {
        true => Ok(Exit::Done),
        false => Ok(Exit::Refused),
    }
}

fn proof(sync: &SyncConfig, verified: &Verified, output: &Output) -> String {
    if verified.equal {
        return format!(
            "equal here and at {}: refs: {}, fingerprint {}",
            sync.remote, verified.refs, verified.fingerprint
        );
    }
    let row = |d: &coregit_engine::Difference| {
        let oid = |oid: Option<coregit_model::Oid>| or_dash(oid.map(|o| o.short()));
        vec![d.remote.short(), oid(d.local_oid), oid(d.remote_oid), d.moved.to_owned()]
    };
    let rows: Vec<_> = verified.differences.iter().map(row).collect();
    format!("not equal:\n{}", output.table(&["REF", "HERE", "THERE", "MOVED"], &rows))
}

async fn set_state(engine: &Engine, sync: &str, state: SyncState, output: &Output) -> Result<Exit, Error> {
    let sync = engine.set_sync_state(sync, state).await?;
    output.answer(&sync, |_| format!("{} is {}", sync.label, sync.state));
    Ok(Exit::Done)
}
