//! Connections that break, hosts that are silent, failing or gone.

use std::time::{Duration, Instant};

use coregit_http::{Client, Effect, HttpError, Request, Retry, Settings};
use coregit_model::ErrorClass;

use crate::host::{Act, Host, answer, json};
use crate::{client, get, settings, token};

async fn error(url: &str) -> HttpError {
    client().call(get(url).retry(Retry::Never)).await.unwrap_err()
}

#[tokio::test]
async fn a_read_survives_a_connection_that_is_cut() {
    for cut in [Act::HangUp, Act::HangUpAtOnce] {
        let host = Host::start(vec![cut, json("[1]")]).await;
        let reply = client().call(get(&host.url)).await.unwrap();
        assert_eq!(reply.json::<Vec<u8>>().unwrap(), [1]);
    }
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_not_sent_again_unless_twice_is_as_good_as_once() {
    let host = Host::start(vec![Act::HangUp, json("{}")]).await;
    let post = Request::post(&host.url).credential(&token(&host.url)).json(&1);
    let error = client().call(post).await.unwrap_err();
    assert_eq!((error.class(), error.effect()), (ErrorClass::Transient, Effect::Unknown));
    assert_eq!(host.hits(), 1);

    let host = Host::start(vec![Act::HangUp, json("{}")]).await;
    let post = Request::post(&host.url).json(&1).retry(Retry::Idempotent);
    client().call(post).await.unwrap();
    assert_eq!(host.hits(), 2);
}

#[tokio::test]
async fn a_write_that_a_failing_host_may_have_done_is_not_sent_again() {
    let host = Host::start(vec![answer(502, "", ""), json("{}")]).await;
    let error = client().call(Request::post(&host.url).json(&1)).await.unwrap_err();
    assert_eq!((error.status(), error.effect(), host.hits()), (Some(502), Effect::Unknown, 1));
}

#[tokio::test]
async fn a_read_is_tried_again_after_a_web_page_of_a_failing_gateway() {
    let page = answer(502, "content-type: text/html\r\n", "<html><h1>Unicorn!</h1></html>");
    let host = Host::start(vec![page.clone(), page, json("{}")]).await;
    client().call(get(&host.url)).await.unwrap();
    assert_eq!(host.hits(), 3);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again() {
    let cut = Act::Say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[1,2".into());
    let host = Host::start(vec![cut.clone(), json("[1,2]")]).await;
    client().call(get(&host.url)).await.unwrap();
    let host = Host::start(vec![cut]).await;
    let error = error(&host.url).await;
    assert_eq!((error.class(), error.effect()), (ErrorClass::Transient, Effect::Unknown));
    assert!(error.to_string().contains("broke off"), "{error}");
}

#[tokio::test]
async fn a_silent_host_is_given_up_and_a_slow_one_is_not() {
    let host = Host::start(vec![Act::Silence]).await;
    let error = error(&host.url).await;
    assert!(error.to_string().contains("was silent for"), "{error}");
    assert_eq!((error.class(), error.effect()), (ErrorClass::Transient, Effect::Unknown));

    let mut pieces = vec!["HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n".to_owned()];
    pieces.extend((0..10).map(|n| n.to_string()));
    let host = Host::start(vec![Act::Drip(pieces, 100)]).await;
    let started = Instant::now();
    assert_eq!(client().call(get(&host.url)).await.unwrap().body, "0123456789");
    assert!(started.elapsed() > Duration::from_millis(900), "longer than the idle time in all");
}

#[tokio::test]
async fn a_host_that_falls_silent_in_its_answer_is_given_up() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123".to_owned();
    let host = Host::start(vec![Act::Drip(vec![head, "4".into()], 2_000)]).await;
    let patient =
        Client::new(&Settings { idle_timeout: Duration::from_millis(2_500), ..settings() }).unwrap();
    let response = patient.send(get(&host.url)).await.unwrap();
    assert!(response.bytes(100).await.is_err());
}

#[tokio::test]
async fn a_slow_upload_is_not_silence() {
    let host =
        Host::start(vec![Act::SipThenSay(65_536, 1, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".into())]);
    let host = host.await;
    let pieces = futures_util::stream::unfold(0, |n| async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        (n < 10).then(|| (Ok(bytes::Bytes::from_static(&[7; 1000])), n + 1))
    });
    client().call(Request::post(&host.url).stream(pieces)).await.unwrap();
    assert!(host.requests()[0].contains("transfer-encoding: chunked"));
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_told_plainly() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = error(&url).await;
    assert!(error.to_string().starts_with("127.0.0.1 refuses connections on port"), "{error}");
    assert_eq!((error.class(), error.effect()), (ErrorClass::Transient, Effect::NotSent));
}

#[tokio::test]
async fn a_failing_host_is_left_alone_and_others_are_not() {
    let (bad, good) = (Host::start(vec![answer(500, "", "")]).await, Host::start(vec![json("{}")]).await);
    let client = client();
    for _ in 0..7 {
        client.call(get(&bad.url).retry(Retry::Never)).await.unwrap_err();
    }
    assert_eq!(bad.hits(), 5, "the circuit opens at the fifth failure");
    let error = client.call(get(&bad.url)).await.unwrap_err();
    assert_eq!((error.class(), error.effect()), (ErrorClass::Transient, Effect::NotSent));
    assert!(error.wait().is_some_and(|wait| wait <= Duration::from_secs(30)));
    client.call(get(&good.url)).await.unwrap();
}
