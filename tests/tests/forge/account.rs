//! Tokens, headers and limits of the API.

use coregit_tests::forge::{Limits, Repo, Token, ask};
use serde_json::Value;

use super::Stage;

#[test]
fn the_api_wants_a_user_agent_a_known_version_and_good_credentials() {
    let stage = Stage::new();
    let url = format!("{}/user", stage.forge.api());
    let bearer = format!("Bearer {}", stage.token);
    let status = |headers: &[(&str, &str)]| ask("GET", &url, headers, b"").unwrap().status;
    assert_eq!(status(&[("authorization", &bearer)]), 403);
    let named = ("user-agent", "tests");
    assert_eq!(status(&[named]), 401);
    assert_eq!(status(&[named, ("authorization", "Bearer ghp_wrong")]), 401);
    assert_eq!(status(&[named, ("authorization", &bearer), ("x-github-api-version", "2011-01-01")]), 400);
    assert_eq!(status(&[named, ("authorization", &format!("token {}", stage.token))]), 200);
    assert_eq!(status(&[named, ("authorization", &bearer), ("x-github-api-version", "2022-11-28")]), 200);
}

#[test]
fn a_user_sees_itself_with_its_scopes_and_limits() {
    let stage = Stage::new();
    let answer = stage.call("GET", "/user", Value::Null);
    assert_eq!(answer.json()["login"], "octocat");
    assert_eq!(answer.header("x-oauth-scopes"), "repo, workflow, admin:repo_hook");
    assert_eq!(answer.header("x-ratelimit-remaining"), "4999");
    assert!(!answer.header("x-github-request-id").is_empty());
    let seen = stage.forge.requests();
    assert_eq!(
        (seen[0].path.as_str(), seen[0].token.as_str(), seen[0].status),
        ("/api/v3/user", "mine", 200)
    );
}

#[test]
fn a_known_etag_costs_nothing() {
    let stage = Stage::new();
    let first = stage.call("GET", "/repos/octocat/app", Value::Null);
    let bearer = format!("Bearer {}", stage.token);
    let tag = first.header("etag").to_owned();
    let url = format!("{}/repos/octocat/app", stage.forge.api());
    let headers = [("user-agent", "t"), ("authorization", bearer.as_str()), ("if-none-match", tag.as_str())];
    let again = ask("GET", &url, &headers, b"").unwrap();
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.header("x-ratelimit-remaining"), first.header("x-ratelimit-remaining"));
    let other = stage.forge.token(Token::classic("octocat"));
    let bearer = format!("Bearer {other}");
    let headers = [("user-agent", "t"), ("authorization", bearer.as_str()), ("if-none-match", tag.as_str())];
    assert_eq!(ask("GET", &url, &headers, b"").unwrap().status, 200);
}

#[test]
fn permissions_decide_for_fine_grained_tokens_and_hide_for_scoped_ones() {
    let stage = Stage::with(Repo::new("octocat/app").private());
    let reading = stage.forge.token(Token::fine_grained("octocat"));
    let elsewhere = stage.forge.token(Token::fine_grained("octocat").only(&["octocat/other"]));
    let unscoped = stage.forge.token(Token::classic("octocat").scopes(&[]));
    let status = |token: &str, method, path| stage.acting(token).call(method, path, Value::Null).status;
    assert_eq!(status(&reading, "GET", "/repos/octocat/app"), 200);
    assert_eq!(status(&elsewhere, "GET", "/repos/octocat/app"), 404);
    assert_eq!(status(&unscoped, "GET", "/repos/octocat/app"), 404);
    let refused = stage.acting(&reading).call("DELETE", "/repos/octocat/app", Value::Null);
    assert_eq!(refused.status, 403);
    assert_eq!(refused.header("x-accepted-github-permissions"), "administration=write");
    assert_eq!(stage.acting(&unscoped).call("GET", "/user", Value::Null).header("x-oauth-scopes"), "");
}

#[test]
fn expiry_is_told_and_kept() {
    let stage = Stage::new();
    let mut token = Token::classic("octocat");
    token.expires = Some(stage.forge.now() + 100);
    let token = stage.forge.token(token);
    let told = stage.acting(&token).call("GET", "/user", Value::Null);
    assert!(told.header("github-authentication-token-expiration").ends_with(" UTC"));
    stage.forge.advance(std::time::Duration::from_secs(101));
    assert_eq!(stage.acting(&token).call("GET", "/user", Value::Null).status, 401);
}

#[test]
fn the_primary_limit_ends_with_its_hour() {
    let stage = Stage::new();
    stage.forge.limit(Limits { primary: 1, ..Limits::default() });
    assert_eq!(stage.call("GET", "/user", Value::Null).status, 200);
    let over = stage.call("GET", "/user", Value::Null);
    assert_eq!((over.status, over.header("x-ratelimit-remaining")), (403, "0"));
    assert_eq!(stage.call("GET", "/rate_limit", Value::Null).json()["resources"]["core"]["remaining"], 0);
    stage.forge.advance(std::time::Duration::from_secs(3601));
    assert_eq!(stage.call("GET", "/user", Value::Null).status, 200);
}

#[test]
fn repositories_are_made_listed_by_pages_and_taken_away() {
    let stage = Stage::new();
    for name in ["a", "b", "c"] {
        let made = stage.call("POST", "/user/repos", serde_json::json!({"name": name, "private": true}));
        assert_eq!(made.status, 201);
    }
    assert_eq!(stage.call("POST", "/user/repos", serde_json::json!({"name": "a"})).status, 422);
    let page = stage.call("GET", "/user/repos?per_page=3&page=1", Value::Null);
    assert_eq!(page.json().as_array().unwrap().len(), 3);
    assert!(page.header("link").contains("per_page=3&page=2>; rel=\"next\""), "{}", page.header("link"));
    assert_eq!(stage.call("DELETE", "/repos/octocat/a", Value::Null).status, 404);
    let owner = stage.forge.token(Token::classic("octocat").scopes(&["repo", "delete_repo"]));
    assert_eq!(stage.acting(&owner).call("DELETE", "/repos/octocat/a", Value::Null).status, 204);
}

#[test]
fn a_name_is_changed_by_who_may() {
    let stage = Stage::new();
    let body = serde_json::json!({"name": "Mona"});
    assert_eq!(stage.call("PATCH", "/user", body.clone()).status, 404);
    let token = stage.forge.token(Token::classic("octocat").scopes(&["user"]));
    assert_eq!(stage.acting(&token).call("PATCH", "/user", body).status, 200);
    assert_eq!(stage.call("GET", "/user", Value::Null).json()["name"], "Mona");
}
