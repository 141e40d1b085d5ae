//! Webhooks: registered, delivered, signed, sent again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use coregit_tests::forge::Delivery;
use ring::hmac;
use serde_json::{Value, json};

use super::{Stage, commit, ok};

const HOOKS: &str = "/repos/octocat/app/hooks";

/// A webhook that arrived: its headers, in lower case, and its body.
struct Arrived {
    headers: Vec<(String, String)>,
    body: String,
}

impl Arrived {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
    }
}

/// A receiver that answers everything with this status.
fn receiver(status: u16) -> (String, Receiver<Arrived>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, arrived) = channel();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let mut reader = BufReader::new(socket.try_clone().unwrap());
            let mut headers = Vec::new();
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap() > 2 {
                if let Some((name, value)) = line.trim().split_once(": ") {
                    headers.push((name.to_lowercase(), value.to_owned()));
                }
                line.clear();
            }
            let length =
                headers.iter().find(|(n, _)| n == "content-length").map_or(0, |(_, v)| v.parse().unwrap());
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let answer =
                format!("HTTP/1.1 {status} Answer\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
            socket.write_all(answer.as_bytes()).unwrap();
            if sender.send(Arrived { headers, body: String::from_utf8(body).unwrap() }).is_err() {
                return;
            }
        }
    });
    (url, arrived)
}

fn next(arrived: &Receiver<Arrived>) -> Arrived {
    arrived.recv_timeout(Duration::from_secs(20)).expect("a webhook arrives")
}

impl Stage {
    /// Waits until so many deliveries have ended.
    fn delivered(&self, count: usize) -> Vec<Delivery> {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let all = self.forge.deliveries("octocat/app");
            if all.len() >= count || Instant::now() > end {
                return all;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn register(&self, url: &str) -> Value {
        let config = json!({"url": url, "content_type": "json", "secret": "It's a Secret to Everybody"});
        let made = self.call("POST", HOOKS, json!({"name": "web", "events": ["push"], "config": config}));
        assert_eq!(made.status, 201, "{}", made.json());
        made.json()
    }
}

#[test]
fn a_push_is_told_to_the_hook_and_signed() {
    let stage = Stage::new();
    let (url, arrived) = receiver(200);
    let hook = stage.register(&url);
    assert_eq!(hook["config"]["secret"], "********");
    assert_eq!(next(&arrived).header("x-github-event"), "ping");
    let here = stage.work_tree("here");
    let tip = commit(&here, "two", "2\n");
    ok(&here, &["push", "-q", "origin", "main"]);
    let push = next(&arrived);
    assert_eq!(push.header("x-github-event"), "push");
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"It's a Secret to Everybody");
    let tag: String =
        hmac::sign(&key, push.body.as_bytes()).as_ref().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(push.header("x-hub-signature-256"), format!("sha256={tag}"));
    let payload: Value = serde_json::from_str(&push.body).unwrap();
    assert_eq!((&payload["ref"], &payload["after"]), (&json!("refs/heads/main"), &json!(tip)));
    assert_eq!((&payload["created"], &payload["forced"]), (&json!(true), &json!(false)));
    assert_eq!(payload["commits"][1]["added"], json!(["two"]));
    assert_eq!(payload["head_commit"]["id"], tip);
    assert!(payload["repository"]["pushed_at"].is_i64());
    assert_eq!(payload["repository"]["owner"]["name"], "octocat");
    ok(&here, &["push", "-q", "origin", "main:gone"]);
    next(&arrived);
    ok(&here, &["push", "-q", "origin", ":gone"]);
    let payload: Value = serde_json::from_str(&next(&arrived).body).unwrap();
    assert_eq!((&payload["deleted"], &payload["head_commit"]), (&json!(true), &Value::Null));
}

#[test]
fn deliveries_are_listed_and_sent_again_under_the_same_guid() {
    let stage = Stage::new();
    let (url, arrived) = receiver(500);
    let hook = stage.register(&url)["id"].clone();
    next(&arrived);
    stage.delivered(1);
    let here = stage.work_tree("here");
    ok(&here, &["push", "-q", "origin", "main"]);
    next(&arrived);
    stage.delivered(2);
    let listed = |query: &str| stage.call("GET", &format!("{HOOKS}/{hook}/deliveries{query}"), Value::Null);
    let failed = listed("?status=failure").json();
    assert_eq!((failed.as_array().unwrap().len(), &failed[0]["event"]), (2, &json!("push")));
    let page = listed("?per_page=1");
    let cursor = page.header("link").split("cursor=").nth(1).unwrap().split('>').next().unwrap().to_owned();
    assert_eq!(listed(&format!("?per_page=1&cursor={cursor}")).json()[0]["event"], "ping");
    let path = format!("{HOOKS}/{hook}/deliveries/{}", failed[0]["id"]);
    let whole = stage.call("GET", &path, Value::Null).json();
    assert_eq!(whole["request"]["payload"]["ref"], "refs/heads/main");
    assert_eq!(stage.call("POST", &format!("{path}/attempts"), json!({})).status, 202);
    assert_eq!(next(&arrived).header("x-github-delivery"), failed[0]["guid"]);
    let again = stage.delivered(3);
    assert!(again[2].redelivery && again[2].guid == again[1].guid && again[2].id != again[1].id);
    assert_eq!(stage.call("POST", &format!("{HOOKS}/{hook}/tests"), Value::Null).status, 204);
    assert_eq!(next(&arrived).header("x-github-event"), "push");
    let shown = stage.call("GET", &format!("{HOOKS}/{hook}"), Value::Null).json();
    assert_eq!(shown["last_response"]["code"], 500);
}

#[test]
fn hooks_are_changed_refused_and_lost_as_on_github() {
    let stage = Stage::new();
    let (url, arrived) = receiver(200);
    let hook = stage.register(&url)["id"].clone();
    next(&arrived);
    let config = json!({"url": url, "content_type": "json"});
    let twice = stage.call("POST", HOOKS, json!({"events": ["push"], "config": config}));
    assert_eq!(twice.json()["errors"][0]["message"], "Hook already exists on this repository");
    assert_eq!(stage.call("POST", HOOKS, json!({"config": {}})).status, 422);
    let patched = stage.call("PATCH", &format!("{HOOKS}/{hook}/config"), json!({"insecure_ssl": "1"})).json();
    assert_eq!((&patched["secret"], &patched["insecure_ssl"]), (&json!("********"), &json!("1")));
    // A config without a secret takes the secret away.
    let patched = stage.call("PATCH", &format!("{HOOKS}/{hook}"), json!({"config": config})).json();
    assert_eq!(patched["config"].get("secret"), None);
    let here = stage.work_tree("here");
    stage.forge.lose_deliveries(1);
    ok(&here, &["push", "-q", "origin", "main"]);
    ok(&here, &["push", "-q", "origin", "main:other"]);
    let payload: Value = serde_json::from_str(&next(&arrived).body).unwrap();
    assert_eq!(payload["ref"], "refs/heads/other");
    for tag in ["a", "b", "c", "d"] {
        ok(&here, &["tag", tag]);
    }
    ok(&here, &["push", "-q", "origin", "--tags"]);
    ok(&here, &["push", "-q", "origin", "main:last"]);
    let payload: Value = serde_json::from_str(&next(&arrived).body).unwrap();
    assert_eq!(payload["ref"], "refs/heads/last");
    assert_eq!(stage.call("DELETE", &format!("{HOOKS}/{hook}"), Value::Null).status, 204);
    assert_eq!(stage.call("GET", HOOKS, Value::Null).json(), json!([]));
}
