//! Faults: what a test orders is what a client meets.

use std::time::{Duration, Instant};

use coregit_tests::forge::{Canned, Effect, Fault, Limits, ask, summary};
use serde_json::{Value, json};

use super::{Stage, commit, fails, git, ok};

const USER: &str = "/api/v3/user";

impl Stage {
    /// The status of `GET /user`; 0 when the connection broke.
    fn user(&self) -> u16 {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("user-agent", "tests"), ("authorization", bearer.as_str())];
        ask("GET", &format!("{}/user", self.forge.api()), &headers, b"").map_or(0, |a| a.status)
    }
}

#[test]
fn answers_delays_and_cuts_meet_the_requests_they_were_set_for() {
    let stage = Stage::new();
    stage.forge.fault(Fault::on("GET", USER, Effect::Answer(Canned::bad_gateway())).skip(1));
    assert_eq!([stage.user(), stage.user(), stage.user()], [200, 502, 200]);
    stage.forge.fault(Fault::on("*", USER, Effect::Delay(60)));
    let began = Instant::now();
    stage.user();
    assert!(began.elapsed() >= Duration::from_millis(60));
    stage.forge.fault(Fault::on("GET", USER, Effect::CutBefore).times(2));
    assert_eq!([stage.user(), stage.user(), stage.user()], [0, 0, 200]);
    stage.forge.fault(Fault::on("GET", USER, Effect::CutAnswer(10)));
    assert_eq!(stage.user(), 0);
    let seen = stage.forge.requests();
    assert_eq!(seen.iter().filter(|r| r.fault.is_some()).count(), 5);
    assert_eq!((seen.last().unwrap().bytes_out, seen.last().unwrap().status), (10, 200));
    stage.forge.fault(Fault::on("*", "*", Effect::CutBefore).always());
    stage.forge.clear_faults();
    assert_eq!(stage.user(), 200);
}

#[test]
fn a_cut_after_the_effect_leaves_the_effect() {
    let stage = Stage::new();
    let here = stage.work_tree("here");
    stage.forge.fault(Fault::on("POST", "*/git-receive-pack", Effect::CutAfter).always());
    fails(&here, &["push", "origin", "main"]);
    assert!(ok(&here, &["ls-remote", "origin"]).contains("refs/heads/main"));
    let tip = ok(&here, &["rev-parse", "HEAD"]);
    stage.forge.fault(Fault::on("POST", "*/git/refs", Effect::AnswerAfter(Canned::bad_gateway())));
    let made = json!({"ref": "refs/heads/new", "sha": tip});
    assert_eq!(stage.call("POST", "/repos/octocat/app/git/refs", made).status, 502);
    assert!(ok(&here, &["ls-remote", "origin"]).contains("refs/heads/new"));
}

#[test]
fn a_cut_before_the_effect_or_amid_the_request_leaves_nothing() {
    let stage = Stage::new();
    let here = stage.work_tree("here");
    let noise: String =
        (0..200_000u64).map(|n| format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    commit(&here, "noise", &noise);
    // curl tries again by itself where a kept connection dies without an answer.
    for effect in [Effect::CutBefore, Effect::CutRequest(50_000)] {
        stage.forge.fault(Fault::on("POST", "*/git-receive-pack", effect).always());
        fails(&here, &["push", "origin", "main"]);
        stage.forge.clear_faults();
    }
    assert_eq!(ok(&here, &["ls-remote", "origin"]), "");
    // The first POST of a large push only asks whether it may.
    stage.forge.fault(Fault::on("POST", "*/git-receive-pack", Effect::CutAnswer(1)).skip(1));
    fails(&here, &["push", "origin", "main:refs/heads/other"]);
    assert!(git(&here, &["push", "-q", "origin", "main"]).status.success());
    stage.forge.fault(Fault::on("POST", "*/git-upload-pack", Effect::CutAnswer(20_000)).always());
    fails(stage.dir.path(), &["clone", &stage.url("octocat/app", &stage.token), "clone"]);
}

#[test]
fn a_token_can_die_in_the_middle() {
    let stage = Stage::new();
    stage.forge.fault(Fault::on("GET", USER, Effect::Revoke).skip(2));
    assert_eq!([stage.user(), stage.user(), stage.user(), stage.user()], [200, 200, 401, 401]);
}

#[test]
fn secondary_limits_hold_on_the_forges_clock() {
    let stage = Stage::new();
    let here = stage.work_tree("here");
    ok(&here, &["push", "-q", "origin", "main"]);
    stage.forge.limit(Limits { content_per_minute: Some(3), ..Limits::default() });
    let blob = || stage.call("POST", "/repos/octocat/app/git/blobs", json!({"content": "x"}));
    assert!((0..3).all(|_| blob().status == 201));
    let limited = blob();
    assert_eq!(limited.status, 403);
    assert!(limited.json()["message"].as_str().unwrap().contains("secondary rate limit"));
    assert!((1..=60).contains(&limited.header("retry-after").parse::<u64>().unwrap()));
    assert_eq!(stage.user(), 200);
    stage.forge.advance(Duration::from_secs(61));
    assert_eq!(blob().status, 201);
    stage.forge.limit(Limits { content_per_minute: Some(0), retry_after: false, ..Limits::default() });
    assert_eq!(blob().header("retry-after"), "");
}

#[test]
fn the_log_tells_how_much_came_at_once() {
    let stage = Stage::new();
    stage.forge.fault(Fault::on("GET", USER, Effect::Delay(300)).always());
    std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(|| stage.user()))));
    let counted = summary(&stage.forge.requests());
    assert_eq!((counted.requests, counted.mutating, counted.peak), (4, 0, 4));
    stage.forge.reset_requests();
    stage.forge.limit(Limits { concurrency: Some(2), ..Limits::default() });
    let answers = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..4).map(|_| scope.spawn(|| stage.user())).collect();
        callers.into_iter().map(|c| c.join().unwrap()).filter(|status| *status == 403).count()
    });
    assert!(answers >= 1, "of four at once, two too many");
}

#[test]
fn scripts_order_the_same_through_the_control_api() {
    let stage = Stage::new();
    let control = |method: &str, path: &str, body: Value| {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        ask(method, &format!("{}/_forge/{path}", stage.forge.url()), &[], &body).unwrap()
    };
    let made = control("POST", "repos", json!({"owner": "hubot", "name": "tool", "private": true}));
    assert_eq!(made.status, 201);
    let token = control("POST", "tokens", json!({"login": "hubot", "scopes": ["repo"], "label": "h"})).json();
    let token = token["value"].as_str().unwrap().to_owned();
    assert_eq!(stage.acting(&token).call("GET", "/repos/hubot/tool", Value::Null).status, 200);
    let fault = json!({"path": "/api/v3/user", "effect": {"answer": {"status": 503}}});
    assert_eq!(control("POST", "faults", fault).status, 204);
    assert_eq!([stage.user(), stage.user()], [503, 200]);
    let patch = json!({"archived": true, "protections": [{"pattern": "main"}]});
    assert_eq!(control("PATCH", "repos/hubot/tool", patch).status, 204);
    assert!(stage.forge.find("hubot/tool").unwrap().archived);
    control("POST", "repos/hubot/tool", json!({"rename": "hubot/instrument"}));
    assert!(stage.forge.find("hubot/instrument").is_some());
    assert!(control("POST", "clock", json!({"advance_ms": 1000})).json()["now_ms"].is_i64());
    control("POST", "revoke", json!({"token": "h"}));
    assert_eq!(stage.acting(&token).call("GET", "/user", Value::Null).status, 401);
    assert_eq!(control("GET", "requests", Value::Null).json()[0]["token"], "h");
    assert_eq!(control("GET", "violations", Value::Null).json()["violations"], json!([]));
    control("DELETE", "requests", Value::Null);
    assert_eq!(control("GET", "summary", Value::Null).json()["requests"], 0);
    assert_eq!(control("DELETE", "repos/hubot/instrument", Value::Null).status, 204);
}
