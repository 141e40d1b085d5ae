//! What a host or the network does wrong, as data: the class that is told, and that nothing is lost.

use coregit_tests::forge::{Canned, Effect, Fault};
use coregit_tests::stage::Stage;

/// A stage with one synced commit and one that is not yet there.
fn behind(mode: &[&str]) -> Stage {
    let stage = Stage::new();
    stage.repo();
    stage.sync(mode);
    stage.commit("first", &[("a", "1\n")]);
    stage.push(&["origin", "main"]).ok();
    stage.coregit(&["sync", "trigger", "work"]).ok();
    stage.commit("second", &[("a", "2\n")]);
    stage.push(&["origin", "main"]).ok();
    stage
}

fn equal(stage: &Stage) -> bool {
    stage.refs(&stage.path("srv/app.git")) == stage.refs(&stage.there())
}

/// A fault, the exit code of the run that meets it, and words that its error must hold.
type Row = (&'static str, Fault, i32, &'static str);

fn rows() -> Vec<Row> {
    let receive = "*/git-receive-pack";
    let page = Canned::bad_gateway();
    vec![
        ("cut before the ref moved", Fault::on("POST", receive, Effect::CutBefore), 4, ""),
        ("cut after the ref moved", Fault::on("POST", receive, Effect::CutAfter), 0, ""),
        ("cut inside the pack", Fault::on("POST", receive, Effect::CutRequest(60)), 4, ""),
        ("502 with HTML", Fault::on("POST", receive, Effect::Answer(page.clone())).always(), 4, "502"),
        ("502 once, before the push", Fault::on("GET", "*/info/refs*", Effect::Answer(page)), 0, ""),
        (
            "secondary limit without a wait",
            Fault::on("GET", "*/info/refs*", Effect::Answer(Canned::secondary_limit(None))).always(),
            4,
            "limit",
        ),
        (
            "secondary limit with a long wait",
            Fault::on("GET", "*/info/refs*", Effect::Answer(Canned::secondary_limit(Some(600)))).always(),
            4,
            "limit",
        ),
        ("token revoked mid-run", Fault::on("POST", receive, Effect::Revoke), 1, ""),
    ]
}

#[test]
fn every_fault_of_the_host_is_told_and_the_next_run_finishes() {
    for (name, fault, code, words) in rows() {
        let stage = behind(&["--mode", "history"]);
        stage.forge.fault(fault);
        let said = stage.coregit(&["sync", "trigger", "work"]);
        assert_eq!(said.code, code, "{name}: {said:?}");
        assert!(said.err.contains(words), "{name}: {}", said.err);
        stage.forge.clear_faults();
        if name.starts_with("secondary limit") {
            stage.forge.reset_requests();
            let said = stage.coregit(&["sync", "trigger", "work"]);
            assert!(
                said.code == 4 && stage.forge.requests().is_empty(),
                "{name}: the wait outlives the process"
            );
            continue;
        }
        if name.starts_with("token revoked") {
            let status = stage.coregit(&["sync", "status"]);
            assert!(status.out.contains("connections update"), "{name}: the way out is told: {}", status.out);
            let token = stage.forge.token(coregit_tests::forge::Token::classic("octocat"));
            stage.coregit_fed(&token, &["connections", "update", "work", "--token-stdin"]).ok();
        }
        stage.coregit(&["sync", "trigger", "work"]).ok();
        assert!(equal(&stage), "{name}");
    }
}

#[test]
fn a_wrong_token_is_refused_in_the_providers_words_and_nothing_is_stored() {
    let stage = Stage::bare();
    stage.coregit(&["init"]).ok();
    let said = stage.connect("work", "ghp_wrong");
    assert_eq!(said.code, 1);
    assert!(said.err.contains("GitHub token validation failed: 401 Bad credentials"), "{}", said.err);
    let list = stage.coregit(&["--json", "connections", "list"]).ok().json();
    assert_eq!(list["connections"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_renamed_repository_is_followed_and_told() {
    let stage = behind(&["--mode", "history"]);
    stage.forge.rename("octocat/app", "renamed");
    let said = stage.coregit(&["--json", "sync", "trigger", "work"]).ok().json();
    assert!(said["message"].as_str().unwrap_or("").contains("octocat/renamed"), "{said}");
    assert_eq!(stage.refs(&stage.path("srv/app.git")), stage.refs(&stage.forge.bare("octocat/renamed")));
}

#[test]
fn another_repository_under_the_same_name_gets_nothing() {
    for mode in ["history", "snapshot"] {
        let stage = behind(&["--mode", mode]);
        stage.forge.delete("octocat/app");
        stage.forge.repo(coregit_tests::forge::Repo::new("octocat/app"));
        let said = stage.coregit(&["sync", "trigger", "work"]);
        assert_eq!(said.code, 3, "{mode}: {said:?}");
        assert!(said.err.contains("another repository"), "{}", said.err);
        assert!(stage.refs(&stage.there()).is_empty(), "{mode}: nothing was sent");
    }
}

#[test]
fn a_missing_or_archived_repository_is_told() {
    let stage = behind(&["--mode", "history"]);
    stage.forge.change("octocat/app", |repo| repo.archived = true);
    let said = stage.coregit(&["sync", "trigger", "work"]);
    assert!(said.code != 0 && said.err.to_lowercase().contains("archived"), "{said:?}");
    stage.forge.delete("octocat/app");
    let said = stage.coregit(&["sync", "trigger", "work"]);
    assert!(said.code == 1 && said.err.to_lowercase().contains("not found"), "{said:?}");
}

#[test]
fn no_network_is_told_and_tried_again() {
    let stage = behind(&["--mode", "history"]);
    let Stage { .. } = &stage;
    stage.forge.fault(Fault::on("*", "*", Effect::CutBefore).always());
    let said = stage.coregit(&["sync", "trigger", "work"]);
    assert_eq!(said.code, 4, "{said:?}");
    stage.forge.clear_faults();
    stage.coregit(&["sync", "trigger", "work"]).ok();
    assert!(equal(&stage));
}

#[test]
fn two_workers_and_two_pushes_at_once_end_equal() {
    let stage = Stage::new();
    let bare = stage.repo();
    stage.sync(&["--mode", "history", "--auto-sync"]);
    let commit = stage.commit("first", &[("a", "1\n")]);
    stage.push(&["origin", "main"]).ok();
    std::thread::scope(|scope| {
        for n in 0..4 {
            let (stage, commit) = (&stage, &commit);
            scope.spawn(move || stage.push(&["origin", &format!("{commit}:refs/heads/b{n}")]).ok());
            scope.spawn(move || stage.coregit(&["worker", "--drain"]).ok());
        }
    });
    stage.wait_until("all branches there", || stage.refs(&bare) == stage.refs(&stage.there()));
    assert_eq!(stage.refs(&bare).len(), 5);
}

#[test]
fn a_drain_whose_records_take_nothing_ends_instead_of_spinning() {
    let stage = Stage::new();
    stage.repo();
    stage.sync(&["--mode", "history", "--auto-sync"]);
    stage.commit("first", &[("a", "1\n")]);
    let database = stage.home().join("coregit.db");
    let away = stage.path("away.db");
    std::fs::rename(&database, &away).unwrap();
    std::fs::create_dir(&database).unwrap();
    stage.push(&["origin", "main"]).ok();
    let said = stage.coregit(&["worker", "--drain"]);
    assert_eq!(said.code, 1, "{said:?}");
    std::fs::remove_dir(&database).unwrap();
    std::fs::rename(&away, &database).unwrap();
    stage.coregit(&["worker", "--drain"]).ok();
    assert!(equal(&stage), "the event was kept");
}

#[test]
fn records_that_cannot_be_written_end_a_drain_and_lose_no_push() {
    let stage = Stage::new();
    let bare = stage.repo();
    stage.sync(&["--mode", "history", "--auto-sync"]);
    stage.coregit(&["hooks", "uninstall", "team/app"]).ok();
    stage.commit("first", &[("a", "1\n")]);
    stage.push(&["origin", "main"]).ok();
    stage.coregit(&["hooks", "install", "team/app"]).ok();
    // What a drain finds when somebody deletes or replaces an event's folder under it.
    std::fs::write(bare.join("coregit/events/ev_damaged.json"), "{").unwrap();
    stage.coregit(&["worker", "--drain"]).ok();
    assert!(equal(&stage), "a damaged event keeps nobody from the others");
}
