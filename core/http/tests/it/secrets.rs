//! The canary: in the request, and nowhere else.

use std::io::Write;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use coregit_http::{Credential, Request, Retry};
use coregit_model::{Origin, Secret};

use crate::host::{Act, Host, answer, json};
use crate::{CANARY, client, get};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Hosts that send the token back in every way they can.
fn echoes() -> Vec<Act> {
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("x-access-token:{CANARY}"));
    let said = format!("{{\"message\":\"no {CANARY} or {basic}\",\"errors\":[\"{CANARY}\"]}}");
    vec![
        answer(400, "", &said),
        answer(401, &format!("x-github-request-id: {CANARY}\r\n"), &said),
        answer(403, "", CANARY),
        answer(422, "", &said),
        answer(302, &format!("location: https://evil.example/?t={CANARY}\r\n"), ""),
        answer(500, "", &said),
        json(&format!("[\"{CANARY}\"")),
        Act::HangUp,
        Act::Silence,
    ]
}

#[tokio::test]
async fn no_error_and_no_log_line_holds_the_token() {
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    let _guard = tracing::subscriber::set_default(lines.with_writer(move || writer.clone()).finish());
    for echo in echoes() {
        let host = Host::start(vec![echo]).await;
        let origin = Origin::parse(&host.url).unwrap().0;
        let basic = Credential::basic("x-access-token", Secret::new(CANARY.into()), &[origin]);
        for request in [get(&host.url), Request::get(&host.url).credential(&basic)] {
            let shown = match client().call(request.retry(Retry::Never)).await {
                Ok(reply) => format!("{:?}", reply.json::<u8>().unwrap_err()),
                Err(error) => format!("{error} {error:?} {:?} {:?}", error.hint(), error.location()),
            };
            assert!(!leaks(&shown), "{shown}");
        }
        assert_eq!(host.hits(), 2);
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("answered"), "the log was listened to");
    assert!(!leaks(&log), "{log}");
}

fn leaks(text: &str) -> bool {
    let engine = base64::engine::general_purpose::STANDARD;
    let forms = [CANARY.to_owned(), engine.encode(CANARY), engine.encode(format!("x-access-token:{CANARY}"))];
    forms.iter().any(|form| text.contains(form))
}
