//! The way of every request: noted, met by faults, answered, counted.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::Notify;
use tower::ServiceExt as _;

use super::auth::{self, Caller};
use super::body::{Cut, Way, counted};
use super::fault::{Canned, Effect};
use super::log::{self, Entry};
use super::shared::Shared;
use super::{codeload, control, git_http, rest};

/// Everything that answers.
pub(super) struct Front {
    shared: Arc<Shared>,
    api: Router,
}

/// What goes with a request through the layers.
#[derive(Clone)]
pub(super) struct Passport {
    pub(super) caller: Caller,
    pub(super) entry: Arc<Entry>,
}

/// What a fault ordered for later: while the request is read, and when it is answered.
#[derive(Default)]
struct Ordered {
    instead: Option<Canned>,
    cut: bool,
    cut_answer: Option<u64>,
    cut_request: Option<u64>,
}

impl Ordered {
    fn note(&mut self, effect: Effect) {
        match effect {
            Effect::AnswerAfter(canned) => self.instead = Some(canned),
            Effect::CutAfter => self.cut = true,
            Effect::CutAnswer(bytes) => self.cut_answer = Some(bytes),
            Effect::CutRequest(bytes) => self.cut_request = Some(bytes),
            _ => {}
        }
    }
}

impl Front {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { api: rest::router(shared.clone()), shared }
    }

    /// Answers a request. A cut connection never sees the answer: this never returns then.
    pub(super) async fn answer(&self, request: Request<Incoming>, connection: Arc<Notify>) -> Response<Body> {
        let request = request.map(Body::new);
        if request.uri().path().starts_with("/_forge") {
            return control::answer(self.shared.clone(), request).await;
        }
        let caller = self.caller(&request);
        let underway = self.shared.log.begin(noted(&request, &caller));
        let entry = underway.entry.clone();
        let mut ordered = Ordered::default();
        for effect in
            self.shared.faults.meet(request.method().as_str(), request.uri().path(), query(&request))
        {
            entry.set_fault(format!("{effect:?}"));
            match effect {
                Effect::Answer(canned) => return sent(canned.into(), (underway, None)),
                Effect::CutBefore => return dead(&connection).await,
                Effect::Delay(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
                Effect::Revoke => caller.token().into_iter().for_each(|t| self.shared.revoke(&t.value)),
                later => ordered.note(later),
            }
        }
        // Asked again: a fault may have revoked the token a moment ago.
        let passport = Passport { caller: self.caller(&request), entry: entry.clone() };
        let cut = ordered.cut_request.map(|after| Cut { after, connection: connection.clone() });
        let request = request.map(|body| counted(body, Way::In(entry), cut));
        let answered = self.route(request, passport).await;
        self.after(answered, ordered, (underway, connection)).await
    }

    async fn after(
        &self,
        answered: Response<Body>,
        ordered: Ordered,
        (underway, connection): (log::Underway, Arc<Notify>),
    ) -> Response<Body> {
        if ordered.cut || ordered.instead.is_some() {
            // A push takes effect while its answer is read.
            let _ = answered.into_body().collect().await;
            return match ordered.instead {
                Some(canned) if !ordered.cut => sent(canned.into(), (underway, None)),
                _ => dead(&connection).await,
            };
        }
        let cut = ordered.cut_answer.map(|after| Cut { after, connection });
        sent(answered, (underway, cut))
    }

    fn caller(&self, request: &Request<Body>) -> Caller {
        match is_api(request.uri().path()) {
            true => auth::api_caller(&self.shared, request.headers()),
            false => auth::git_caller(&self.shared, request.headers()),
        }
    }

    async fn route(&self, mut request: Request<Body>, passport: Passport) -> Response<Body> {
        if request.uri().path().starts_with("/_codeload/") {
            return codeload::answer(&self.shared, &request);
        }
        if !is_api(request.uri().path()) {
            return git_http::answer(self.shared.clone(), request, passport).await;
        }
        rest::by_id(&self.shared, &mut request);
        request.extensions_mut().insert(passport);
        match self.api.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

fn is_api(path: &str) -> bool {
    path.starts_with("/api/")
}

fn query(request: &Request<Body>) -> &str {
    request.uri().query().unwrap_or("")
}

/// What the log says of a request before its body is read.
fn noted(request: &Request<Body>, caller: &Caller) -> log::Request {
    let (method, path) = (request.method().as_str(), request.uri().path());
    let agent = request.headers().get("user-agent").and_then(|v| v.to_str().ok()).unwrap_or("");
    let writes = matches!(method, "POST" | "PUT" | "PATCH" | "DELETE");
    let rest = is_api(path) && !path.ends_with("/graphql");
    log::Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query(request).to_owned(),
        token: caller.label(),
        agent: agent.to_owned(),
        mutating: writes && (rest || path.ends_with("/git-receive-pack")),
        ..log::Request::default()
    }
}

/// Sends an answer: the request is under way until its last byte is out.
fn sent(response: Response<Body>, (underway, cut): (log::Underway, Option<Cut>)) -> Response<Body> {
    underway.entry.set_status(response.status().as_u16());
    response.map(|body| counted(body, Way::Out(underway), cut))
}

/// Cuts the connection and waits for the end.
async fn dead(connection: &Notify) -> Response<Body> {
    connection.notify_one();
    std::future::pending().await
}

impl From<Canned> for Response<Body> {
    fn from(canned: Canned) -> Self {
        let mut response = Response::new(Body::from(canned.body));
        *response.status_mut() = canned.status.try_into().expect("a fault's status is an HTTP status");
        for (name, value) in canned.headers {
            let name = HeaderName::try_from(name).expect("a fault's header names are valid");
            response.headers_mut().append(name, HeaderValue::try_from(value).expect("printable values"));
        }
        response
    }
}
