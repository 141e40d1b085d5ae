//! History exports: same commits, same ids, tags too.

use coregit_tests::delay::{Delay, Line};
use coregit_tests::forge::Protection;
use coregit_tests::stage::Stage;

const AUTO: [&str; 3] = ["--mode", "history", "--auto-sync"];
const MANUAL: [&str; 2] = ["--mode", "history"];

#[test]
fn a_push_to_a_bare_repository_is_on_github_a_moment_later_with_the_same_ids() {
    let stage = Stage::new();
    let bare = stage.repo();
    stage.sync(&AUTO);
    stage.commit("first", &[("a", "1\n")]);
    stage.git(&stage.work(), &["tag", "-a", "v1", "-m", "one"]).ok();
    stage.git(&stage.work(), &["tag", "light"]).ok();
    stage.push(&["origin", "main", "v1", "light"]).ok();
    stage.wait_until("both sides equal", || stage.refs(&bare) == stage.refs(&stage.there()));
    stage.commit("second", &[("a", "2\n")]);
    stage.push(&["origin", "main"]).ok();
    stage.wait_until("both sides equal again", || stage.refs(&bare) == stage.refs(&stage.there()));
    stage.wait_until("the proof is recorded", || {
        stage.coregit(&["--json", "sync", "verify", "work"]).json()["equal"] == true
    });
    assert_eq!(stage.coregit(&["--json", "sync", "verify", "work"]).ok().json()["refs"], 3);
}

#[test]
fn one_new_commit_costs_two_requests_and_one_to_verify() {
    let stage = Stage::new();
    stage.repo();
    stage.sync(&MANUAL);
    stage.commit("first", &[("a", "1\n")]);
    stage.push(&["origin", "main"]).ok();
    stage.coregit(&["sync", "trigger", "work"]).ok();
    stage.commit("second", &[("a", "2\n")]);
    stage.push(&["origin", "main"]).ok();
    stage.forge.reset_requests();
    let said = stage.coregit(&["--json", "sync", "trigger", "work"]).ok().json();
    let paths: Vec<_> = stage.forge.requests().iter().map(|r| format!("{} {}", r.method, r.path)).collect();
    assert_eq!(
        paths,
        [
            "GET /octocat/app.git/info/refs",
            "POST /octocat/app.git/git-receive-pack",
            "POST /octocat/app.git/git-upload-pack"
        ]
    );
    assert_eq!(said["requests"], 3);
    assert!(stage.forge.requests().iter().all(|r| r.status == 200), "no 401 round trip");
}

#[test]
fn nothing_to_do_is_said_and_changes_nothing() {
    let stage = Stage::new();
    stage.repo();
    stage.sync(&MANUAL);
    let empty = stage.coregit(&["--json", "sync", "trigger", "work"]).ok().json();
    assert_eq!((empty["synced"].clone(), empty["status"].clone()), (false.into(), "skipped".into()));
    stage.commit("first", &[("a", "1\n")]);
    stage.push(&["origin", "main"]).ok();
    let plan = stage.coregit(&["--json", "sync", "trigger", "work", "--dry-run"]).ok().json();
    assert_eq!(plan["plan"]["refs"][0]["action"], "create");
    assert!(stage.refs(&stage.there()).is_empty(), "a dry run writes nothing");
    stage.coregit(&["sync", "trigger", "work"]).ok();
    let again = stage.coregit(&["--json", "sync", "trigger", "work"]).ok().json();
    assert_eq!(again["message"], "Already up to date");
}

#[test]
fn a_rewritten_branch_is_forced_with_the_old_tip_kept() {
    let stage = Stage::new();
    let bare = stage.repo();
    stage.sync(&MANUAL);
    let old = stage.commit("first", &[("a", "1\n")]);
    stage.push(&["origin", "main"]).ok();
    stage.coregit(&["sync", "trigger", "work"]).ok();
    stage.git(&stage.work(), &["commit", "-q", "--amend", "-m", "better"]).ok();
    stage.push(&["--force", "origin", "main"]).ok();
    let said = stage.coregit(&["--json", "sync", "trigger", "work"]).ok().json();
    assert_eq!(said["refs"][0]["action"], "force");
    assert_eq!(stage.refs(&bare), stage.refs(&stage.there()));
    let backups = std::fs::read_dir(stage.home().join("backup")).unwrap().next().unwrap().unwrap().path();
    assert!(stage.refs(&backups).iter().any(|r| r.starts_with(&old)), "the old tip is kept");
}

#[test]
fn what_somebody_else_pushed_there_is_never_overwritten_by_surprise() {
    let stage = Stage::new();
    stage.repo();
    stage.sync(&MANUAL);
    stage.commit("first", &[("a", "1\n")]);
    stage.push(&["origin", "main"]).ok();
    stage.git(&stage.work(), &["push", "-q", &stage.there().to_string_lossy(), "main:refs/heads/other"]).ok();
    stage.coregit(&["sync", "trigger", "work"]).ok();
    stage.git(&stage.work(), &["checkout", "-q", "-b", "theirs"]).ok();
    let theirs = stage.commit("theirs", &[("b", "1\n")]);
    stage.git(&stage.work(), &["push", "-q", &stage.there().to_string_lossy(), "theirs:main"]).ok();
    stage.git(&stage.work(), &["checkout", "-q", "main"]).ok();
    stage.commit("ours", &[("c", "1\n")]);
    stage.git(&stage.work(), &["branch", "free"]).ok();
    stage.push(&["origin", "main", "free"]).ok();
    let said = stage.coregit(&["sync", "trigger", "work"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("overwrite"), "the way out is told: {}", said.err);
    let there = stage.refs(&stage.there());
    assert!(there.contains(&format!("{theirs} refs/heads/main")), "theirs stays");
    assert!(there.iter().any(|r| r.ends_with("refs/heads/free")), "one refused ref does not sink the others");
    stage.coregit(&["sync", "update", "work", "--on-divergence", "overwrite"]).ok();
    stage.coregit(&["sync", "trigger", "work"]).ok();
    let backups = std::fs::read_dir(stage.home().join("backup")).unwrap().next().unwrap().unwrap().path();
    assert!(stage.refs(&backups).iter().any(|r| r.starts_with(&theirs)), "theirs is kept in the backup");
}

#[test]
fn a_tag_does_not_move_by_itself() {
    let stage = Stage::new();
    let bare = stage.repo();
    stage.sync(&MANUAL);
    stage.commit("first", &[("a", "1\n")]);
    stage.git(&stage.work(), &["tag", "v1"]).ok();
    stage.push(&["origin", "main", "v1"]).ok();
    stage.coregit(&["sync", "trigger", "work"]).ok();
    stage.commit("second", &[("a", "2\n")]);
    stage.git(&stage.work(), &["tag", "-f", "v1"]).ok();
    stage.push(&["--force", "origin", "v1"]).ok();
    let said = stage.coregit(&["sync", "trigger", "work"]);
    assert_eq!(said.code, 3);
    assert!(said.err.contains("--accept-tag-move"), "{}", said.err);
    stage.coregit(&["sync", "update", "work", "--accept-tag-move"]).ok();
    stage.coregit(&["sync", "trigger", "work"]).ok();
    assert_eq!(stage.refs(&bare), stage.refs(&stage.there()));
}

#[test]
fn deleted_branches_go_only_when_pruning_was_asked_for() {
    let stage = Stage::new();
    let bare = stage.repo();
    stage.sync(&MANUAL);
    stage.commit("first", &[("a", "1\n")]);
    stage.git(&stage.work(), &["branch", "old"]).ok();
    stage.push(&["origin", "main", "old"]).ok();
    stage
        .git(&stage.work(), &["push", "-q", &stage.there().to_string_lossy(), "main:refs/heads/foreign"])
        .ok();
    stage.coregit(&["sync", "trigger", "work"]).ok();
    stage.push(&["origin", ":old"]).ok();
    stage.coregit(&["sync", "trigger", "work"]).ok();
    assert!(stage.refs(&stage.there()).iter().any(|r| r.ends_with("/old")), "never by default");
    stage.coregit(&["sync", "update", "work", "--prune", "managed"]).ok();
    stage.coregit(&["sync", "trigger", "work"]).ok();
    let there = stage.refs(&stage.there());
    assert!(!there.iter().any(|r| r.ends_with("/old")) && there.iter().any(|r| r.ends_with("/foreign")));
    assert_eq!(there.len(), stage.refs(&bare).len() + 1);
}

#[test]
fn odd_ref_names_arrive_byte_for_byte() {
    let stage = Stage::new();
    let bare = stage.repo();
    stage.sync(&MANUAL);
    let commit = stage.commit("first", &[("a", "1\n")]);
    stage.push(&["origin", "main"]).ok();
    for name in
        ["refs/heads/-x", "refs/heads/$(id)", "refs/heads/a|b", "refs/heads/été", "refs/heads/%2e%2e%2fx"]
    {
        stage.git(&bare, &["update-ref", "--", name, &commit]).ok();
    }
    let odd: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"refs/heads/\xff\xfe");
    std::fs::write(bare.join(odd), format!("{commit}\n")).unwrap();
    stage.coregit(&["sync", "trigger", "work"]).ok();
    assert_eq!(stage.refs(&bare), stage.refs(&stage.there()));
    assert_eq!(stage.refs(&bare).len(), 7);
}

#[test]
fn one_protected_branch_does_not_sink_the_others() {
    let stage = Stage::new();
    stage.repo();
    stage.sync(&MANUAL);
    stage.commit("first", &[("a", "1\n")]);
    stage.push(&["origin", "main"]).ok();
    stage.coregit(&["sync", "trigger", "work"]).ok();
    let closed = Protection { pushers: Some(Vec::new()), ..Protection::of("main") };
    stage.forge.change("octocat/app", |repo| repo.protections.push(closed));
    stage.commit("second", &[("a", "2\n")]);
    stage.git(&stage.work(), &["branch", "free"]).ok();
    stage.push(&["origin", "main", "free"]).ok();
    let said = stage.coregit(&["sync", "trigger", "work"]);
    assert_ne!(said.code, 0);
    assert!(said.err.contains("protected") || said.err.contains("Protected"), "{}", said.err);
    assert!(stage.refs(&stage.there()).iter().any(|r| r.ends_with("/free")));
}

#[test]
fn all_requests_of_a_run_share_one_connection() {
    let stage = Stage::bare();
    stage.coregit(&["init"]).ok();
    let forge = stage.forge.url().trim_start_matches("http://").parse().unwrap();
    let proxy = Delay::start(forge, Line::round_trip(2));
    let base = ["connections", "create", "--provider", "github", "--label", "work", "--token-stdin", "--url"];
    stage.coregit_fed(&stage.token, &[&base[..], &[&proxy.url()]].concat()).ok();
    stage.repo();
    stage.sync(&MANUAL);
    for n in 0..5 {
        stage.commit("more", &[("a", &n.to_string())]);
        stage.push(&["origin", "main"]).ok();
        let before = proxy.connections();
        stage.coregit(&["sync", "trigger", "work"]).ok();
        assert_eq!(proxy.connections() - before, 1, "run {n}");
    }
}
