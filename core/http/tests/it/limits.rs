//! Limits that hosts name, kept to.

use std::time::{Duration, Instant};

use coregit_http::{Budgets, Client, Cost, Effect, Rates, Request, Settings};
use coregit_model::ErrorClass;

use crate::host::{Act, Host, answer, json};
use crate::{client, get, settings, token};

#[tokio::test]
async fn retry_after_is_sat_out() {
    let host = Host::start(vec![answer(429, "retry-after: 1\r\n", ""), json("{}")]).await;
    let started = Instant::now();
    let post = Request::post(&host.url).credential(&token(&host.url)).json(&1);
    client().call(post).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(host.hits(), 2, "a refused write had no effect and may be sent again");
}

#[tokio::test]
async fn a_long_wait_is_handed_up_and_keeps_the_next_request_back() {
    let limited = answer(403, "retry-after: 300\r\n", r#"{"message":"secondary rate limit"}"#);
    let host = Host::start(vec![limited, json("{}")]).await;
    let client = client();
    let error = client.call(get(&host.url)).await.unwrap_err();
    assert_eq!((error.class(), error.effect()), (ErrorClass::Rate, Effect::Refused));
    assert_eq!(error.wait(), Some(Duration::from_secs(300)));
    let error = client.call(get(&host.url)).await.unwrap_err();
    assert_eq!((error.class(), error.effect()), (ErrorClass::Rate, Effect::NotSent));
    assert!(error.wait().is_some_and(|wait| wait > Duration::from_secs(290)));
    assert_eq!(host.hits(), 1);
    client.call(Request::get(&host.url)).await.unwrap();
    assert_eq!(host.hits(), 2, "another token is not concerned");
}

#[tokio::test]
async fn the_last_request_of_an_hour_is_the_last() {
    let headers = "x-ratelimit-remaining: 0\r\nx-ratelimit-reset: 1600\r\nx-ratelimit-resource: core\r\n\
                   date: Thu, 01 Jan 1970 00:10:00 GMT\r\n";
    let host = Host::start(vec![answer(200, headers, "{}")]).await;
    let client = client();
    client.call(get(&host.url)).await.unwrap();
    let error = client.call(get(&host.url)).await.unwrap_err();
    assert!(error.wait().is_some_and(|wait| wait > Duration::from_secs(990)), "by the host's own clock");
    assert_eq!(host.hits(), 1);
    client.call(get(&format!("{}/graphql", host.url))).await.unwrap();
}

#[tokio::test]
async fn a_limit_without_a_time_is_waited_out_a_minute() {
    let limited = answer(403, "", r#"{"message":"You have exceeded a secondary rate limit."}"#);
    let host = Host::start(vec![limited]).await;
    let error = client().patient(Duration::from_secs(5)).call(get(&host.url)).await.unwrap_err();
    assert_eq!(error.wait(), Some(Duration::from_secs(60)));
}

#[tokio::test]
async fn no_more_requests_are_in_flight_than_allowed() {
    let host =
        Host::start(vec![Act::Drip(vec!["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".into()], 100)]).await;
    let budgets = Budgets::new(Some(Rates { concurrency: 2, ..Rates::GITHUB }));
    let client = Client::new(&Settings { budgets, ..settings() }).unwrap();
    let started = Instant::now();
    let six = (0..6).map(|_| client.call(get(&host.url)));
    futures_util::future::try_join_all(six).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(300), "three rounds of two");
}

#[tokio::test]
async fn content_is_paced_and_what_was_spent_outlives_the_process() {
    let host = Host::start(vec![json("{}")]).await;
    let rates = Some(Rates { content_per_minute: 3, ..Rates::GITHUB });
    let budgets = Budgets::new(rates);
    let of = |budgets: &Budgets| {
        Client::new(&Settings { budgets: budgets.clone(), patience: Duration::ZERO, ..settings() }).unwrap()
    };
    let post = || Request::post(&host.url).credential(&token(&host.url)).json(&1).cost(Cost::CONTENT);
    for _ in 0..3 {
        of(&budgets).call(post()).await.unwrap();
    }
    let next = Budgets::new(rates);
    next.restore(serde_json::from_value(serde_json::to_value(budgets.snapshot()).unwrap()).unwrap());
    for budgets in [budgets, next] {
        assert_eq!(of(&budgets).call(post()).await.unwrap_err().class(), ErrorClass::Rate);
    }
    assert_eq!(host.hits(), 3);
}
