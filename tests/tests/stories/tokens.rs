//! Tokens that may do less than a run needs: told in plain words, with nothing half done.

use coregit_tests::forge::{APP_PRIVATE_KEY, App, Installation, Ruleset, Token};
use coregit_tests::stage::Stage;

/// A stage with one commit pushed here, whose connection has this token.
fn with_token(token: Token, mode: &[&str]) -> Stage {
    let stage = Stage::bare();
    stage.coregit(&["init"]).ok();
    let token = stage.forge.token(token);
    stage.connect("work", &token).ok();
    stage.repo();
    stage.sync(mode);
    stage.commit("first", &[("a", "1\n")]);
    stage.push(&["origin", "main"]).ok();
    stage
}

#[test]
fn a_read_only_token_is_told_so_and_nothing_is_written() {
    for mode in ["history", "snapshot"] {
        let token = Token::fine_grained("octocat").permission("contents", "read");
        let stage = with_token(token, &["--mode", mode]);
        let said = stage.coregit(&["sync", "trigger", "work"]);
        assert!(said.code == 1 && said.err.to_lowercase().contains("permission"), "{mode}: {said:?}");
        assert!(stage.refs(&stage.there()).is_empty());
        let status = stage.coregit(&["sync", "status"]);
        assert!(status.out.contains("connections test"), "{}", status.out);
    }
}

#[test]
fn a_fine_grained_token_that_may_write_is_enough() {
    let token = Token::fine_grained("octocat").permission("contents", "write");
    let stage = with_token(token, &["--mode", "history"]);
    stage.coregit(&["sync", "trigger", "work"]).ok();
    assert_eq!(stage.refs(&stage.there()), stage.refs(&stage.path("srv/app.git")));
}

#[test]
fn a_workflow_file_needs_the_workflow_scope() {
    for mode in ["history", "snapshot"] {
        let stage = with_token(Token::classic("octocat").scopes(&["repo"]), &["--mode", mode]);
        stage.coregit(&["sync", "trigger", "work"]).ok();
        stage.commit("ci", &[(".github/workflows/ci.yml", "on: push\n")]);
        stage.push(&["origin", "main"]).ok();
        let said = stage.coregit(&["sync", "trigger", "work"]);
        assert!(said.code != 0 && said.err.contains("workflow"), "{mode}: {said:?}");
    }
}

#[test]
fn an_expired_token_stops_the_sync_until_it_is_renewed() {
    let token = Token::classic("octocat");
    let stage = Stage::bare();
    stage.coregit(&["init"]).ok();
    let expires = Some(stage.forge.now() + 3600);
    let token = stage.forge.token(Token { expires, ..token });
    stage.connect("work", &token).ok();
    stage.repo();
    stage.sync(&["--mode", "history", "--auto-sync"]);
    stage.forge.advance(std::time::Duration::from_secs(7200));
    stage.commit("first", &[("a", "1\n")]);
    stage.push(&["origin", "main"]).ok();
    stage.wait_until("the sync is held", || {
        stage.coregit(&["--json", "sync", "status"]).out.contains("\"held\"")
    });
    stage.forge.reset_requests();
    stage.coregit(&["worker", "--drain"]).ok();
    let asked: Vec<_> = stage.forge.requests().iter().map(|r| format!("{} {}", r.method, r.path)).collect();
    assert!(asked.is_empty(), "no retry loop with a token that was refused: {asked:?}");
    let token = stage.forge.token(Token::classic("octocat"));
    stage.coregit_fed(&token, &["connections", "update", "work", "--token-stdin"]).ok();
    stage.coregit(&["worker", "--drain"]).ok();
    assert_eq!(stage.refs(&stage.there()), stage.refs(&stage.path("srv/app.git")));
}

#[test]
fn a_ruleset_is_told_in_the_hosts_words() {
    for mode in ["history", "snapshot"] {
        let stage = with_token(Token::classic("octocat"), &["--mode", mode]);
        stage.coregit(&["sync", "trigger", "work"]).ok();
        stage
            .forge
            .change("octocat/app", |repo| repo.rulesets.push(Ruleset::of("refs/heads/*", &["pull_request"])));
        stage.commit("second", &[("a", "2\n")]);
        stage.push(&["origin", "main"]).ok();
        let said = stage.coregit(&["sync", "trigger", "work"]);
        assert!(said.code != 0, "{mode}: {said:?}");
        assert!(said.err.contains("rule"), "{mode}: {}", said.err);
    }
}

#[test]
fn a_github_app_mints_its_own_tokens() {
    let stage = Stage::bare();
    stage.coregit(&["init"]).ok();
    let installation = Installation { account: "octocat".into(), ..Installation::default() };
    let app = stage.forge.app(App { installations: vec![installation], ..App::new("robot") });
    let key = stage.path("app.pem");
    std::fs::write(&key, APP_PRIVATE_KEY).unwrap();
    let (url, key) = (stage.forge.url().to_owned(), key.to_string_lossy().into_owned());
    let base = ["connections", "create", "--provider", "github", "--label", "work", "--url", &url];
    let rest = ["--app-id", &app.client_id, "--private-key-file", &key];
    let said = stage.coregit(&[&base[..], &rest[..]].concat()).ok();
    assert!(said.out.contains("robot[bot]"), "{}", said.out);
    stage.repo();
    for mode in ["history", "snapshot"] {
        stage.sync(&["--mode", mode, "--label", mode]);
        stage.commit(mode, &[("a", mode)]);
        stage.push(&["origin", "main"]).ok();
        let said = stage.coregit(&["sync", "trigger", mode]);
        assert_eq!(said.code, 0, "{mode}: {said:?}");
        stage.coregit(&["sync", "config", "delete", mode]).ok();
    }
}
