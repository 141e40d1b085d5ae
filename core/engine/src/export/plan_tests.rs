//! The plan of a history export, case by case.

use coregit_model::{
    BranchName, Conflict, ConnectionId, Direction, Guard, Lfs, Mode, Refspecs, RemoteRepo, RepoId, SyncId,
    SyncState, Timestamp, Via,
};

use super::*;

fn sync() -> SyncConfig {
    SyncConfig {
        id: SyncId::random(),
        repo_id: RepoId::random(),
        connection_id: ConnectionId::random(),
        label: "work".into(),
        remote: RemoteRepo::parse("octocat/app").unwrap(),
        remote_id: Some(1),
        direction: Direction::Export,
        mode: Mode::History,
        via: Via::Auto,
        branch: BranchName::parse("main").unwrap(),
        refs: Refspecs::default(),
        on_divergence: OnDivergence::Stop,
        conflict: Conflict::Stop,
        protect: false,
        prune: Prune::Never,
        guard: Guard::default(),
        accept_tag_move: false,
        auto_sync: true,
        lfs: Lfs::Sync,
        interval_s: None,
        state: SyncState::Active,
        last_synced_sha: None,
        last_synced_at: None,
        last_error: None,
        created_at: Timestamp::now(),
        updated_at: Timestamp::now(),
    }
}

fn oid(n: u8) -> Oid {
    Oid::from_bytes(&[n; 20]).unwrap()
}

fn name(text: &str) -> RefName {
    RefName::parse(text).unwrap()
}

/// One ref: ours, theirs, the common state, and whether theirs is an ancestor of ours.
struct Case {
    name: &'static str,
    ours: Option<u8>,
    theirs: Option<u8>,
    common: Option<(u8, u8)>,
    intended: Option<u8>,
    ancestor: bool,
}

const MAIN: Case = Case {
    name: "refs/heads/main",
    ours: Some(2),
    theirs: Some(1),
    common: None,
    intended: None,
    ancestor: false,
};

fn action(sync: &SyncConfig, case: &Case) -> Option<Action> {
    let name = name(case.name);
    let ours = case.ours.map(|n| (name.clone(), (name.clone(), oid(n)))).into_iter().collect();
    let theirs = case.theirs.map(|n| (name.clone(), oid(n))).into_iter().collect();
    let common = case.common.map(|(o, t)| Common { ours: oid(o), theirs: oid(t), managed: true });
    let common = common.map(|c| (name.clone(), (name.clone(), c))).into_iter().collect();
    let intended = case.intended.map(|n| (name.clone(), oid(n))).into_iter().collect();
    let sides = Sides { sync, ours, theirs: &theirs, common: &common, intended: &intended };
    let plan = plan(&sides, &mut |old, new| case.ancestor && *old == oid(1) && *new == oid(2));
    plan.refs.first().map(|r| r.action)
}

#[test]
fn every_state_of_a_ref_has_one_action() {
    let (sync, tag) = (sync(), "refs/tags/v1");
    let pruning = SyncConfig { prune: Prune::Managed, ..sync.clone() };
    let overwriting = SyncConfig { on_divergence: OnDivergence::Overwrite, ..sync.clone() };
    let moving = SyncConfig { accept_tag_move: true, ..sync.clone() };
    let gone = Case { ours: None, common: Some((1, 1)), ..MAIN };
    let table = [
        (&sync, Case { theirs: None, ..MAIN }, Some(Action::Create)),
        (&sync, Case { theirs: Some(2), ..MAIN }, Some(Action::Unchanged)),
        (&sync, Case { ancestor: true, ..MAIN }, Some(Action::FastForward)),
        (&sync, Case { common: Some((1, 1)), ..MAIN }, Some(Action::Force)),
        (&sync, Case { intended: Some(1), ..MAIN }, Some(Action::Force)),
        (&sync, Case { common: Some((3, 3)), ..MAIN }, Some(Action::Blocked)),
        (&sync, MAIN, Some(Action::Blocked)),
        (&overwriting, MAIN, Some(Action::Force)),
        (&sync, Case { name: tag, common: Some((1, 1)), ..MAIN }, Some(Action::Blocked)),
        (&moving, Case { name: tag, common: Some((1, 1)), ..MAIN }, Some(Action::Force)),
        (&moving, Case { name: tag, ..MAIN }, Some(Action::Blocked)),
        (&sync, Case { ours: None, common: Some((1, 1)), ..MAIN }, None),
        (&pruning, gone, Some(Action::Delete)),
        (&pruning, Case { ours: None, common: Some((3, 3)), ..MAIN }, Some(Action::Blocked)),
        (&pruning, Case { ours: None, ..MAIN }, None),
    ];
    for (at, (sync, case, expected)) in table.iter().enumerate() {
        assert_eq!(action(sync, case), *expected, "row {at}");
    }
}

#[test]
fn hidden_namespaces_never_go() {
    let mut sync = sync();
    sync.refs = Refspecs(vec![coregit_model::Refspec::parse("refs/*").unwrap()]);
    let refs = ["refs/heads/main", "refs/pull/1/head", "refs/notes/commits", "refs/replace/x"];
    let out = outgoing(&sync, refs.map(|r| (name(r), oid(1))).to_vec());
    assert_eq!(
        out.keys().map(RefName::to_string).collect::<Vec<_>>(),
        ["refs/heads/main", "refs/notes/commits"]
    );
}

#[test]
fn the_guard_counts_forced_and_deleted_refs() {
    let sync = sync();
    let row = |n: usize| PlannedRef {
        local: name(&format!("refs/heads/b{n}")),
        remote: name(&format!("refs/heads/b{n}")),
        action: Action::Force,
        old: Some(oid(1)),
        new: Some(oid(2)),
        reason: String::new(),
    };
    assert!(guard(&sync, &Plan { refs: (0..20).map(row).collect() }).is_ok());
    assert!(guard(&sync, &Plan { refs: (0..21).map(row).collect() }).unwrap_err().contains("21 refs"));
}
