//! kill -9 at each step of both modes, then a run that goes on: nothing lost, nothing doubled, nothing taken
//! for a divergence.

use coregit_tests::stage::Stage;

/// Every fail point of a manual history export.
const HISTORY: [&str; 6] =
    ["run.started", "history.intended", "history.pushed", "history.proved", "run.worked", "run.recorded"];

/// Every fail point of a snapshot export, and the roads that pass it.
const SNAPSHOT: [(&str, &[&str]); 8] = [
    ("run.started", &["git", "api"]),
    ("snapshot.tree", &["api"]),
    ("snapshot.commit", &["api"]),
    ("snapshot.intended", &["git", "api"]),
    ("snapshot.moved", &["git", "api"]),
    ("snapshot.applied", &["git", "api"]),
    ("run.worked", &["git", "api"]),
    ("run.recorded", &["git", "api"]),
];

fn commits_there(stage: &Stage) -> String {
    stage.git(&stage.there(), &["rev-list", "--count", "main"]).ok().out.trim().to_owned()
}

fn successes(stage: &Stage) -> usize {
    let history = stage.coregit(&["--json", "sync", "history", "team/app"]).ok().json();
    let runs = history["runs"].as_array().cloned().unwrap_or_default();
    assert!(runs.iter().all(|r| r["status"] != "running"), "no run is left running: {history}");
    runs.iter().filter(|r| r["status"] == "success").count()
}

#[test]
fn a_history_export_goes_on_after_a_kill_at_every_step() {
    for point in HISTORY {
        let stage = Stage::new();
        let bare = stage.repo();
        stage.sync(&["--mode", "history"]);
        stage.commit("first", &[("a", "1\n")]);
        stage.push(&["origin", "main"]).ok();
        stage.coregit(&["sync", "trigger", "work"]).ok();
        stage.git(&stage.work(), &["commit", "-q", "--amend", "-m", "rewritten"]).ok();
        stage.push(&["--force", "origin", "main"]).ok();
        let killed = stage.coregit_killed_at(point, &["sync", "trigger", "work"]);
        assert_eq!(killed.code, -1, "{point} was passed: {killed:?}");
        stage.coregit(&["sync", "trigger", "work"]).ok();
        assert_eq!(stage.refs(&bare), stage.refs(&stage.there()), "{point}");
        assert!(successes(&stage) <= 2, "{point}: no run is doubled");
        assert_eq!(stage.coregit(&["sync", "verify", "work"]).code, 0, "{point}");
    }
}

#[test]
fn a_snapshot_export_goes_on_after_a_kill_at_every_step_of_both_roads() {
    for (point, roads) in SNAPSHOT {
        for via in roads {
            let stage = Stage::new();
            stage.repo();
            stage.sync(&["--mode", "snapshot"]);
            stage.commit("first", &[("a", "1\n")]);
            stage.push(&["origin", "main"]).ok();
            stage.coregit(&["sync", "trigger", "work"]).ok();
            stage.coregit(&["sync", "update", "work", "--via", via]).ok();
            stage.commit("second", &[("a", "2\n"), ("b", "1\n")]);
            stage.push(&["origin", "main"]).ok();
            let killed = stage.coregit_killed_at(point, &["sync", "trigger", "work"]);
            assert_eq!(killed.code, -1, "{point} via {via} was passed: {killed:?}");
            stage.coregit(&["sync", "trigger", "work"]).ok();
            assert_eq!(commits_there(&stage), "2", "{point} via {via}: nothing lost, nothing doubled");
            assert!(successes(&stage) <= 2, "{point} via {via}");
            stage.commit("third", &[("a", "3\n")]);
            stage.push(&["origin", "main"]).ok();
            stage.coregit(&["sync", "trigger", "work"]).ok();
            assert_eq!(commits_there(&stage), "3", "{point} via {via}: no divergence is seen");
        }
    }
}

/// Every fail point of a drain that a push starts.
const DRAIN: [&str; 5] =
    ["intake.taken", "worker.claimed", "history.pushed", "run.recorded", "worker.finished"];

#[test]
fn a_killed_drain_is_made_good_by_the_next() {
    for point in DRAIN {
        let stage = Stage::new();
        let bare = stage.repo();
        stage.sync(&["--mode", "history", "--auto-sync"]);
        stage.coregit(&["hooks", "uninstall", "team/app"]).ok();
        stage.commit("first", &[("a", "1\n")]);
        stage.push(&["origin", "main"]).ok();
        stage.coregit(&["hooks", "install", "team/app"]).ok();
        let killed = stage.coregit_killed_at(point, &["worker", "--drain"]);
        if point != "intake.taken" {
            assert_eq!(killed.code, -1, "{point} was passed: {killed:?}");
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
        stage.coregit(&["worker", "--drain"]).ok();
        stage.wait_until(point, || stage.refs(&bare) == stage.refs(&stage.there()));
    }
}

#[test]
fn a_push_that_no_hook_told_is_found_by_the_sweep() {
    let stage = Stage::new();
    let bare = stage.repo();
    stage.sync(&["--mode", "history", "--auto-sync"]);
    let commit = stage.commit("first", &[("a", "1\n")]);
    stage.push(&["origin", "main"]).ok();
    stage.wait_until("the first push", || stage.refs(&bare) == stage.refs(&stage.there()));
    stage.git(&bare, &["update-ref", "refs/heads/silent", &commit]).ok();
    stage.coregit(&["worker", "--drain"]).ok();
    assert_eq!(stage.refs(&bare), stage.refs(&stage.there()));
}
