//! Connections: validated first, shown without their token, changed only for a better one.

use coregit_tests::forge::{Canned, Effect, Fault, Token};
use coregit_tests::stage::Stage;

#[test]
fn every_kind_of_token_is_known_by_what_the_provider_says() {
    let stage = Stage::bare();
    stage.coregit(&["init"]).ok();
    let kinds = [
        (Token::classic("octocat"), "classic"),
        (Token::fine_grained("octocat"), "fine_grained"),
        (Token::oauth("octocat"), "oauth"),
    ];
    for (token, kind) in kinds {
        let token = stage.forge.token(token);
        stage.connect(kind, &token).ok();
        let shown = stage.coregit(&["--json", "connections", "show", kind]).ok().json();
        assert_eq!(shown["token_kind"], kind);
        assert_eq!(shown["external_username"], "octocat");
        assert!(!shown.to_string().contains(&token));
    }
}

#[test]
fn scopes_and_expiry_are_shown() {
    let stage = Stage::bare();
    stage.coregit(&["init"]).ok();
    let token = Token::classic("octocat").scopes(&["repo", "workflow"]);
    let token = stage.forge.token(Token { expires: Some(stage.forge.now() + 86_400), ..token });
    let said = stage.connect("work", &token).ok();
    assert!(said.err.contains("the token ends"), "{}", said.err);
    let shown = stage.coregit(&["--json", "connections", "show", "work"]).ok().json();
    assert_eq!(shown["scopes"], serde_json::json!(["repo", "workflow"]));
    assert!(shown["token_expires_at"].as_str().is_some_and(|t| t.ends_with('Z')));
}

#[test]
fn the_old_token_stays_until_the_new_one_is_proved() {
    let stage = Stage::new();
    let said = stage.coregit_fed("ghp_wrong", &["connections", "update", "work", "--token-stdin"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("401 Bad credentials"), "{}", said.err);
    stage.coregit(&["connections", "test", "work"]).ok();
    stage.forge.fault(Fault::on("GET", "*/user", Effect::Answer(Canned::bad_gateway())).always());
    let said = stage.coregit_fed("ghp_any", &["connections", "update", "work", "--token-stdin"]);
    assert_eq!(said.code, 4, "a provider that cannot be asked is no refusal: {said:?}");
    stage.forge.clear_faults();
    let token = stage.forge.token(Token::classic("octocat"));
    stage.coregit_fed(&token, &["connections", "update", "work", "--token-stdin", "--label", "other"]).ok();
    stage.forge.revoke("mine");
    stage.coregit(&["connections", "test", "other"]).ok();
}

#[test]
fn test_reads_only_here_and_there() {
    let stage = Stage::new();
    stage.repo();
    stage.sync(&["--mode", "history"]);
    let before = stage.coregit(&["--json", "connections", "list"]).ok().out;
    stage.forge.reset_requests();
    let said = stage.coregit(&["connections", "test", "--all"]).ok();
    assert!(said.out.contains("valid as octocat") && said.out.contains("write"), "{}", said.out);
    assert!(stage.forge.requests().iter().all(|r| !r.mutating), "{:?}", stage.forge.requests());
    assert_eq!(stage.coregit(&["--json", "connections", "list"]).ok().out, before);
    stage.forge.revoke("mine");
    let said = stage.coregit(&["--json", "connections", "test", "work"]);
    assert_eq!(said.code, 1);
    assert_eq!(said.json()[0]["error"], "GitHub token validation failed: 401 Bad credentials");
}

#[test]
fn delete_takes_the_syncs_along_and_leaves_their_history() {
    let stage = Stage::new();
    stage.repo();
    stage.sync(&["--mode", "history"]);
    stage.commit("first", &[("a", "1\n")]);
    stage.push(&["origin", "main"]).ok();
    stage.coregit(&["sync", "trigger", "work"]).ok();
    stage.coregit(&["connections", "delete", "work"]).ok();
    let configs = stage.coregit(&["--json", "sync", "config", "get", "team/app"]).ok().json();
    assert_eq!(configs["configs"].as_array().map(Vec::len), Some(0));
    let history = stage.coregit(&["--json", "sync", "history", "team/app"]).ok().json();
    assert_eq!(history["runs"].as_array().map(Vec::len), Some(1));
}

#[test]
fn labels_are_unique_and_ids_serve_too() {
    let stage = Stage::new();
    let said = stage.connect("work", &stage.token);
    assert!(said.code == 1 && said.err.contains("already"), "{said:?}");
    let list = stage.coregit(&["--json", "connections", "list"]).ok().json();
    let id = list["connections"][0]["id"].as_str().unwrap().to_owned();
    stage.coregit(&["connections", "show", &id]).ok();
    for label in ["", " x", "a\u{1b}b", &"x".repeat(101)] {
        let said = stage.connect(label, &stage.token);
        assert_eq!(said.code, 2, "{label:?}: {said:?}");
    }
}

#[test]
fn plain_http_is_for_loopback_only_and_userinfo_is_never_echoed() {
    let stage = Stage::bare();
    stage.coregit(&["init"]).ok();
    for url in ["http://example.com", "https://u:ghp_secret@example.com", "ftp://example.com", "example.com"]
    {
        let args =
            ["connections", "create", "--provider", "github", "--label", "x", "--url", url, "--token-stdin"];
        let said = stage.coregit_fed("ghp_x", &args);
        assert_eq!(said.code, 2, "{url}: {said:?}");
        assert!(!said.err.contains("ghp_secret"));
    }
}
