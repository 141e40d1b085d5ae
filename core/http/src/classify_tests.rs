//! The table of refusals, as GitHub words them.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::*;

fn head(status: u16, headers: &[(&'static str, &str)]) -> Head {
    let map: HeaderMap = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect();
    Head { status, headers: map }
}

fn class(status: u16, headers: &[(&'static str, &str)], body: &str) -> ErrorClass {
    classify(&head(status, headers), body.as_bytes(), None, None).class()
}

type Row = (u16, &'static [(&'static str, &'static str)], &'static str, ErrorClass);

const REFUSALS: &[Row] = {
    use ErrorClass::*;
    &[
        (401, &[], "Bad credentials", Auth),
        (403, &[("x-ratelimit-remaining", "0")], "API rate limit exceeded for user ID 1.", Rate),
        (403, &[], "You have exceeded a secondary rate limit. Please wait", Rate),
        (403, &[], "You have triggered an abuse detection mechanism.", Rate),
        (403, &[("retry-after", "7")], "Forbidden", Rate),
        (429, &[], "", Rate),
        (403, &[("x-github-sso", "required; url=https://github.com/orgs/x/sso")], "Resource protected", Sso),
        (403, &[], "Resource not accessible by personal access token", Scope),
        (403, &[], "Repository was archived so is read-only.", RejectedByRule),
        (404, &[], "Not Found", NotFound),
        (301, &[("location", "https://api.github.com/repositories/1")], "Moved Permanently", Moved),
        (307, &[("location", "https://evil.example/")], "", Moved),
        (409, &[], "Git Repository is empty.", Conflict),
        (412, &[], "", Conflict),
        (413, &[], "", TooLarge),
        (422, &[], "Update is not a fast forward", Conflict),
        (422, &[], "Reference already exists", Conflict),
        (
            422,
            &[],
            "Repository rule violations found\n\nChanges must be made through a pull request.",
            RejectedByRule,
        ),
        (422, &[], "Required status check \"x\" is expected.", RejectedByRule),
        (
            422,
            &[],
            "Sorry, your request timed out. It's likely that your input was too large to process.",
            TooLarge,
        ),
        (422, &[], "tree.path contains a malformed path component", Invalid),
        (451, &[], "Repository access blocked", RejectedByRule),
        (400, &[], "Problems parsing JSON", Invalid),
        (500, &[], "Server Error", Transient),
        (502, &[], "Server Error", Transient),
        (503, &[], "", Transient),
        (504, &[], "", Transient),
        (418, &[], "", Invalid),
    ]
};

#[test]
fn each_refusal_has_its_class() {
    for (status, headers, text, expected) in REFUSALS {
        let body = serde_json::json!({ "message": text }).to_string();
        assert_eq!(class(*status, headers, &body), *expected, "{status} {text}");
    }
}

#[test]
fn the_hosts_words_are_kept_and_made_printable() {
    let body = r#"{"message":"Validation Failed\u001b]0;x","errors":[{"field":"ref","code":"invalid"},"no \u202eway"]}"#;
    let error = classify(&head(422, &[("x-github-request-id", "AB:CD")]), body.as_bytes(), None, None);
    assert_eq!(error.message(), "Validation Failed\\x1b]0;x: ref is invalid; no \\u{202e}way");
    assert_eq!((error.request_id(), error.effect()), (Some("AB:CD"), Effect::Refused));
}

#[test]
fn web_pages_are_not_quoted() {
    let page = "<!DOCTYPE html><html><title>Unicorn!</title>";
    let error = classify(&head(502, &[("content-type", "text/html")]), page.as_bytes(), None, None);
    assert_eq!(error.message(), "the host answered 502 Bad Gateway, as a web page");
    assert_eq!((error.class(), error.effect()), (ErrorClass::Transient, Effect::Unknown));
    assert_eq!(class(403, &[("content-type", "text/html")], page), ErrorClass::Invalid);
}

#[test]
fn what_mends_it_comes_from_the_headers() {
    let sso = [("x-github-sso", "required; url=https://github.com/orgs/x/sso?authorization_request=A")];
    let error = classify(&head(403, &sso), b"{}", None, None);
    assert!(error.hint().unwrap().ends_with("https://github.com/orgs/x/sso?authorization_request=A"));
    let scope = [("x-accepted-github-permissions", "contents=write; contents=write,workflows=write")];
    let error = classify(&head(403, &scope), b"{}", None, None);
    assert_eq!(error.hint(), Some("the token needs: contents=write or contents=write,workflows=write"));
}

#[test]
fn a_token_that_comes_back_is_not_shown() {
    let token = Credential::bearer(coregit_model::Secret::new("opaque-canary-1".into()), &[]);
    let error =
        classify(&head(400, &[]), b"bad token opaque-canary-1 / ghp_canarycanary", Some(&token), None);
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
}

#[test]
fn waits_come_from_the_hosts_own_clock() {
    let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    let now = 784_111_777;
    let told = |headers: &[(&'static str, &str)]| {
        let all: Vec<_> = headers.iter().copied().chain([date, ("x-ratelimit-remaining", "0")]).collect();
        limits_told(&head(403, &all), b"").refused_for.unwrap().map(|wait| wait.as_secs())
    };
    assert_eq!(told(&[("retry-after", "17"), ("x-ratelimit-reset", "1")]), Some(17));
    assert_eq!(told(&[("x-ratelimit-reset", &(now + 10).to_string())]), Some(11));
    assert_eq!(told(&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")]), Some(11));
    for garbage in [
        "0",
        "-5",
        "soon",
        "99999999999999999999",
        "",
        &(now - 10).to_string(),
        &(now + 9_000_000).to_string(),
    ] {
        assert_eq!(told(&[("x-ratelimit-reset", garbage)]), None, "{garbage:?}");
    }
}

#[test]
fn an_answer_that_used_up_the_last_request_says_so() {
    let reset = (Timestamp::now().as_millis() / 1000 + 100).to_string();
    let headers =
        [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &reset), ("x-ratelimit-resource", "graphql")];
    let told = limits_told(&head(200, &headers), b"");
    assert_eq!((told.resource.as_deref(), told.refused_for), (Some("graphql"), None));
    assert!(told.spent_for.unwrap().as_secs() >= 99);
}
