//! Redirects, look-alikes and pages that lead elsewhere: the token stays where it belongs.

use coregit_http::{Client, Effect, Request, Settings};
use coregit_model::ErrorClass;

use crate::host::{Host, answer, json};
use crate::{CANARY, client, get, settings, token};

#[tokio::test]
async fn no_redirect_is_followed_and_none_carries_the_token_away() {
    let trap = Host::start(vec![json("{}")]).await;
    for status in [301, 302, 303, 307, 308] {
        let headers = format!("location: {}/stolen\r\n", trap.url);
        let host = Host::start(vec![answer(status, &headers, "")]).await;
        for request in [get(&host.url), Request::post(&host.url).credential(&token(&host.url)).json(&1)] {
            let error = client().call(request).await.unwrap_err();
            let class = if status == 303 { ErrorClass::Invalid } else { ErrorClass::Moved };
            assert_eq!((error.class(), error.status()), (class, Some(status)));
            assert_eq!(error.location(), Some(format!("{}/stolen", trap.url).as_str()));
        }
        assert!(host.requests().iter().all(|request| request.contains(CANARY)));
    }
    assert_eq!(trap.hits(), 0);
}

#[tokio::test]
async fn a_token_for_one_host_is_not_sent_to_another() {
    let (own, other) = (Host::start(vec![json("{}")]).await, Host::start(vec![json("{}")]).await);
    let port = other.url.rsplit(':').next().unwrap();
    for url in [other.url.clone(), format!("http://localhost:{port}/"), format!("http://127.0.0.2:{port}/")] {
        let error = client().call(Request::get(&url).credential(&token(&own.url))).await.unwrap_err();
        assert_eq!((error.class(), error.effect()), (ErrorClass::Invalid, Effect::NotSent), "{url}");
        assert!(error.to_string().starts_with("the token is for http://127.0.0.1"), "{error}");
    }
    assert_eq!(other.hits(), 0);
}

#[tokio::test]
async fn lists_are_read_to_their_last_page_on_their_own_host() {
    let host = Host::start(vec![json("[]")]).await;
    let next = |to: &str| format!("link: <{to}>; rel=\"next\"\r\ncontent-type: application/json\r\n");
    let pages =
        Host::start(vec![answer(200, "", "[1,2]"), answer(200, &next(&format!("{}/2", host.url)), "[1,2]")])
            .await;
    assert_eq!(client().list::<u8>(get(&pages.url), 100).await.unwrap(), [1, 2]);
    let error = client().list::<u8>(get(&pages.url), 100).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Invalid);
    assert_eq!(host.hits(), 0, "the other host was not asked");
    assert_eq!(client().list::<u8>(get(&pages.url), 2).await.unwrap(), [1, 2], "enough is enough");
}

#[tokio::test]
async fn a_proxy_that_is_set_is_used_for_loopback_too() {
    let proxy = Host::start(vec![json("{}")]).await;
    let client = Client::new(&Settings { proxy: Some(proxy.url.clone()), ..settings() }).unwrap();
    client.call(Request::get("http://127.0.0.9:9/x")).await.unwrap();
    assert!(proxy.requests()[0].starts_with("GET http://127.0.0.9:9/x HTTP/1.1"));
}

#[tokio::test]
async fn headers_that_would_break_out_are_refused() {
    let host = Host::start(vec![json("{}")]).await;
    let error = client().call(Request::get(&host.url).header("accept", "a\r\nx: y")).await.unwrap_err();
    assert_eq!(error.effect(), Effect::NotSent);
    let secret = coregit_model::Secret::new("a\r\nx: y".into());
    let bad = coregit_http::Credential::bearer(secret, &[host.url.parse_origin()]);
    let error = client().call(Request::get(&host.url).credential(&bad)).await.unwrap_err();
    assert_eq!((error.effect(), host.hits()), (Effect::NotSent, 0));
}

trait ParseOrigin {
    fn parse_origin(&self) -> coregit_model::Origin;
}

impl ParseOrigin for String {
    fn parse_origin(&self) -> coregit_model::Origin {
        coregit_model::Origin::parse(self).unwrap().0
    }
}
