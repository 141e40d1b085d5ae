//! GitHub Apps: JWTs, and the tokens that they are changed for.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use coregit_tests::forge::{APP_PRIVATE_KEY, App, Repo};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use super::{Stage, ok};

fn jwt(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "RS256", "typ": "JWT"})), part(claims));
    let pem: String = APP_PRIVATE_KEY.lines().filter(|l| !l.starts_with("-----")).collect();
    let key = RsaKeyPair::from_der(&STANDARD.decode(pem).unwrap()).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A stage with an App installed on `octocat`, and the App.
fn installed() -> (Stage, App) {
    let stage = Stage::with(Repo::new("octocat/app").private());
    let app = stage.forge.app(App::new("robot").installed_on("octocat"));
    (stage, app)
}

#[test]
fn an_app_mints_tokens_that_work_for_git_and_the_api() {
    let (stage, app) = installed();
    let now = stage.forge.now();
    let jwt = jwt(&json!({"iss": app.client_id, "iat": now - 60, "exp": now + 540}));
    assert_eq!(stage.acting(&jwt).call("GET", "/app", Value::Null).json()["slug"], "robot");
    let found = stage.acting(&jwt).call("GET", "/repos/octocat/app/installation", Value::Null).json();
    let path = format!("/app/installations/{}/access_tokens", found["id"]);
    let minted = stage.acting(&jwt).call("POST", &path, json!({"permissions": {"contents": "write"}}));
    assert_eq!(minted.status, 201);
    let token = minted.json()["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("ghs_"));
    assert_eq!(stage.acting(&token).call("GET", "/user", Value::Null).status, 403);
    let reached = stage.acting(&token).call("GET", "/installation/repositories", Value::Null).json();
    assert_eq!((&reached["total_count"], &reached["repositories"][0]["name"]), (&json!(1), &json!("app")));
    let here = stage.work_tree("here");
    ok(&here, &["push", "-q", &stage.url("octocat/app", &token), "main"]);
    assert_eq!(stage.acting(&token).call("GET", "/repos/octocat/app/hooks", Value::Null).status, 403);
    stage.forge.advance(std::time::Duration::from_secs(3601));
    assert_eq!(stage.acting(&token).call("GET", "/repos/octocat/app", Value::Null).status, 401);
}

#[test]
fn more_than_granted_and_strange_clocks_are_refused() {
    let (stage, app) = installed();
    let now = stage.forge.now();
    let words = |claims: Value| {
        let answer = stage.acting(&jwt(&claims)).call("GET", "/app", Value::Null);
        (answer.status, answer.json()["message"].as_str().unwrap_or("").to_owned())
    };
    assert!(words(json!({"iss": app.id, "iat": now + 120, "exp": now + 300})).1.contains("'iat'"));
    assert!(words(json!({"iss": app.id, "iat": now, "exp": now + 700})).1.contains("too far in the future"));
    assert_eq!(words(json!({"iss": app.id, "iat": now - 900, "exp": now - 300})).0, 401);
    assert_eq!(words(json!({"iss": 1, "iat": now, "exp": now + 300})).0, 401);
    let good = jwt(&json!({"iss": app.id.to_string(), "iat": now, "exp": now + 300}));
    let (body, _) = good.rsplit_once('.').unwrap();
    assert_eq!(stage.acting(&format!("{body}.AAAA")).call("GET", "/app", Value::Null).status, 401);
    let path = format!("/app/installations/{}/access_tokens", app.installations[0].id);
    let asked = |body: Value| stage.acting(&good).call("POST", &path, body).status;
    assert_eq!(asked(json!({"permissions": {"workflows": "write"}})), 422);
    assert_eq!(asked(json!({"repositories": ["none"]})), 422);
    assert_eq!(asked(json!({"repositories": ["app"]})), 201);
    assert_eq!(stage.acting(&stage.token).call("GET", "/app", Value::Null).status, 401);
}
