//! Bodies that are too long, of the wrong kind, or not asked for; and what the meter counts.

use std::sync::Arc;

use coregit_http::{Counted, HttpError, Meter, Request, Retry};
use coregit_model::ErrorClass;
use serde_json::Value;
use tokio::io::AsyncReadExt;

use crate::host::{Act, Host, answer, json};
use crate::{client, get};

async fn bytes(act: Act, limit: usize) -> HttpError {
    let host = Host::start(vec![act]).await;
    client().send(get(&host.url)).await.unwrap().bytes(limit).await.unwrap_err()
}

#[tokio::test]
async fn a_gigabyte_is_refused_before_it_is_read() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n".to_owned();
    let error = bytes(Act::Endless(head, vec![b'a'; 65_536]), 1 << 20).await;
    assert_eq!(error.class(), ErrorClass::Invalid);
}

#[tokio::test]
async fn an_endless_answer_is_cut_at_the_limit() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    let mut piece = b"10000\r\n".to_vec();
    piece.extend(vec![b'a'; 65_536]);
    piece.extend(b"\r\n");
    let error = bytes(Act::Endless(head, piece), 1 << 20).await;
    assert_eq!(error.to_string(), "the answer is longer than 1048576 bytes");
}

#[tokio::test]
async fn an_endless_refusal_is_still_a_refusal() {
    let head = "HTTP/1.1 404 X\r\ncontent-length: 1073741824\r\n\r\n".to_owned();
    let host = Host::start(vec![Act::Endless(head, vec![b'a'; 65_536])]).await;
    let error = client().call(get(&host.url)).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::NotFound);
    assert!(error.message().len() <= 1000);
}

#[tokio::test]
async fn what_is_not_the_expected_json_is_told_and_not_quoted() {
    for (act, part) in [
        (answer(200, "content-type: text/html\r\n", "<!DOCTYPE html><p>Please log in"), "a web page came"),
        (json("{\"a\":"), "it breaks off"),
        (json("{\"a\": canary}"), "it is malformed"),
        (json("[\"canary\"]"), "another type"),
        (answer(200, "content-encoding: gzip\r\n", "\u{1f}x"), "packed as gzip"),
        (json(""), "it breaks off"),
    ] {
        let host = Host::start(vec![act]).await;
        let reply = client().call(get(&host.url)).await.unwrap();
        let error = reply.json::<std::collections::BTreeMap<String, Value>>().unwrap_err();
        assert_eq!(error.class(), ErrorClass::Invalid);
        assert!(error.to_string().contains(part), "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[tokio::test]
async fn not_modified_is_an_answer_only_where_it_was_asked_for() {
    let host = Host::start(vec![answer(304, "etag: W/\"a\"\r\n", "")]).await;
    let reply = client().call(get(&host.url).if_none_match("W/\"a\"")).await.unwrap();
    assert!(reply.head.is_not_modified());
    assert_eq!(reply.head.etag(), Some("W/\"a\""));
    assert!(host.requests()[0].contains("if-none-match: W/\"a\""), "echoed as it came");
    let error = client().call(get(&host.url)).await.unwrap_err();
    assert_eq!((error.class(), error.status()), (ErrorClass::Invalid, Some(304)));
}

#[tokio::test]
async fn the_meter_counts_each_try() {
    let host = Host::start(vec![Act::HangUp, json("{}"), json("[1,2]")]).await;
    let (run, all) = (Arc::<Meter>::default(), Arc::<Meter>::default());
    let client = client().metered(all.clone());
    let metered = client.metered(run.clone());
    let post = Request::post(&host.url).json(&"x").retry(Retry::Idempotent);
    metered.call(post).await.unwrap();
    assert_eq!(run.read(), Counted { requests: 2, mutating: 2, bytes_sent: 6, bytes_received: 2 });
    client.call(get(&host.url)).await.unwrap();
    assert_eq!((run.requests(), all.requests(), all.read().bytes_received), (2, 3, 7));
}

#[tokio::test]
async fn bodies_can_be_read_as_a_file() {
    let host = Host::start(vec![json("[1,2,3]")]).await;
    let mut text = String::new();
    client().send(get(&host.url)).await.unwrap().stream().read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "[1,2,3]");
}

#[tokio::test]
async fn bytes_have_a_length_and_streams_have_chunks() {
    let host = Host::start(vec![json("{}")]).await;
    client().call(Request::post(&host.url).bytes(vec![b'a'; 200_000])).await.unwrap();
    let request = &host.requests()[0];
    assert!(request.contains("content-length: 200000"), "{}", &request[..300]);
    assert!(request.contains(concat!("user-agent: coregit/", env!("CARGO_PKG_VERSION"))));
    assert!(!request.contains("accept-encoding"), "packed answers are not asked for");
}
