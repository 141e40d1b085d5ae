//! The client: one attempt made with everything in place, and the calls that repeat it.

use std::sync::Arc;
use std::time::Duration;

use coregit_model::{ErrorClass, Origin, RedactedUrl};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};

use crate::body::{Outgoing, Pulse};
use crate::budget::Ask;
use crate::classify::{LOOKED_AT, classify, limits_told};
use crate::connect::Roads;
use crate::response::{BodyStream, LONGEST_JSON};
use crate::{
    Budgets, Cost, Credential, Effect, Head, HttpError, Meter, Reply, Request, Response, Retry, Settings,
    retry, transport,
};

/// The one HTTP client. Clones share connections, budgets and breakers.
#[derive(Clone)]
pub struct Client {
    roads: Arc<Roads>,
    meters: Vec<Arc<Meter>>,
    patience: Duration,
}

/// Where a request goes, checked, and whose budget it spends.
struct Target {
    url: url::Url,
    origin: Origin,
    /// The origin as text, as budgets are filed.
    name: String,
    credential: Option<Credential>,
    cost: Cost,
}

/// Whether a request can be made a second time.
enum Again {
    Yes(Repeatable),
    No(Request),
}

struct Repeatable {
    request: Request,
}

impl Again {
    fn of(request: Request) -> Self {
        match request.retry == Retry::Never || request.copy().is_none() {
            true => Again::No(request),
            false => Again::Yes(Repeatable { request }),
        }
    }
}

impl Repeatable {
    fn copy(&self) -> Request {
        self.request.copy().expect("its body is no stream: that was looked at when this was made")
    }
}

impl Client {
    /// A client with these settings. Nothing is built or read before the first request; a malformed proxy
    /// is told at once.
    pub fn new(settings: &Settings) -> Result<Self, HttpError> {
        Ok(Self { roads: Arc::new(Roads::new(settings)?), meters: Vec::new(), patience: settings.patience })
    }

    /// The same client, which adds what it does to this meter too.
    pub fn metered(&self, meter: Arc<Meter>) -> Self {
        let meters = self.meters.iter().cloned().chain([meter]).collect();
        Self { meters, ..self.clone() }
    }

    /// The same client, which sits out waits up to this long in all for each request.
    pub fn patient(&self, patience: Duration) -> Self {
        Self { patience, ..self.clone() }
    }

    /// The budgets that it spends.
    pub fn budgets(&self) -> &Budgets {
        &self.roads.settings().budgets
    }

    /// Sends a request, again where that is right. A 2xx, or the 304 that was asked for, is a success;
    /// everything else is classified. The body is still to come: what breaks then is the caller's.
    pub async fn send(&self, request: Request) -> Result<Response, HttpError> {
        match Again::of(request) {
            Again::No(request) => self.attempt(request).await,
            Again::Yes(first) => {
                retry::repeat(first.request.retry, self.patience, || self.attempt(first.copy())).await
            }
        }
    }

    /// Sends a request and reads its answer whole (64 MiB at most), again where that is right, also when
    /// the answer broke off.
    pub async fn call(&self, request: Request) -> Result<Reply, HttpError> {
        match Again::of(request) {
            Again::No(request) => self.attempt_whole(request).await,
            Again::Yes(first) => {
                retry::repeat(first.request.retry, self.patience, || self.attempt_whole(first.copy())).await
            }
        }
    }

    /// Sends a request once and gives its answer whatever the status.
    pub async fn send_raw(&self, request: Request) -> Result<Response, HttpError> {
        let (response, target) = self.dispatch(request).await?;
        if response.status() >= 400 {
            self.budgets().note(target.ask(), &limits_told(&response.head, b""));
        }
        Ok(response)
    }

    async fn attempt_whole(&self, request: Request) -> Result<Reply, HttpError> {
        self.attempt(request).await?.whole(LONGEST_JSON).await
    }

    /// One attempt, classified.
    async fn attempt(&self, request: Request) -> Result<Response, HttpError> {
        let conditional = request.asked_if_changed();
        let (response, target) = self.dispatch(request).await?;
        match response.status() {
            200..=299 => return Ok(response),
            304 if conditional => return Ok(response),
            _ => {}
        }
        let (head, body) = response.prefix(LOOKED_AT).await;
        let wait = self.budgets().note(target.ask(), &limits_told(&head, &body));
        Err(classify(&head, &body, target.credential.as_ref(), wait))
    }

    /// One request on the wire: origin checked, budget taken, breaker asked, silence bounded.
    async fn dispatch(&self, request: Request) -> Result<(Response, Target), HttpError> {
        let target = Target::of(&request)?;
        let authorization = target.credential.as_ref().map(|c| c.header_for(&target.origin)).transpose()?;
        let road = self.roads.to(&target.origin)?;
        let wire = self.wire(request, &target, authorization)?;
        let pass = self.roads.settings().breakers.pass(&target.origin)?;
        let slot = self.budgets().take(target.ask(), self.patience).await?;
        let started = std::time::Instant::now();
        let outcome = self.exchange(road, wire, &target).await;
        pass.note(match &outcome {
            Ok(response) => response.status() >= 500,
            Err(error) => error.class() == ErrorClass::Transient,
        });
        if !outcome.as_ref().is_err_and(|error| error.effect() == Effect::NotSent) {
            self.meters.iter().for_each(|meter| meter.request(target.cost.writes));
        }
        let mut response = outcome?;
        response.body = response.body.holding(slot);
        self.told(&response.head, target.ask(), started);
        Ok((response, target))
    }

    async fn exchange(
        &self,
        road: &reqwest::Client,
        (wire, pulse): (reqwest::Request, Pulse),
        target: &Target,
    ) -> Result<Response, HttpError> {
        pulse.beat();
        let idle = self.roads.settings().idle_timeout;
        let answer = pulse.guard(idle, road.execute(wire)).await;
        let answer = answer.ok_or_else(|| transport::silent(target.origin.host(), idle))?;
        let answer = answer.map_err(|error| transport::failed(&target.origin, &error))?;
        let head = Head { status: answer.status().as_u16(), headers: answer.headers().clone() };
        Ok(Response { head, body: BodyStream::new(answer, idle, self.meters.clone()) })
    }

    /// The request as reqwest sends it, and the clock that its body keeps going.
    fn wire(
        &self,
        request: Request,
        target: &Target,
        authorization: Option<HeaderValue>,
    ) -> Result<(reqwest::Request, Pulse), HttpError> {
        let pulse = Pulse::now();
        let mut wire = reqwest::Request::new(request.method, target.url.clone());
        for (name, value) in &request.headers {
            let malformed = || HttpError::unsent(format!("the header {name} of a request is malformed"));
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| malformed())?;
            wire.headers_mut().insert(name, HeaderValue::from_str(value).map_err(|_| malformed())?);
        }
        if let Some(value) = authorization {
            wire.headers_mut().insert(AUTHORIZATION, value);
        }
        if let Some(body) = Outgoing::new(request.body, pulse.clone(), self.meters.clone()) {
            *wire.body_mut() = Some(reqwest::Body::wrap(body));
        }
        Ok((wire, pulse))
    }

    /// Notes limits that a good answer speaks of, and writes the line in the log.
    fn told(&self, head: &Head, ask: Ask<'_>, started: std::time::Instant) {
        if head.status < 400 {
            self.budgets().note(ask, &limits_told(head, b""));
        }
        let (status, ms) = (head.status, started.elapsed().as_millis() as u64);
        tracing::debug!(host = ask.host, status, ms, request_id = head.request_id(), "answered");
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl Target {
    /// Checks an address: two parsers must see the same host, or a number could hide in a name.
    fn of(request: &Request) -> Result<Self, HttpError> {
        let url = &request.url;
        let (origin, _) = Origin::parse(url.split('?').next().unwrap_or(""))
            .map_err(|flaw| HttpError::unsent(flaw.to_string()))?;
        let malformed =
            || HttpError::unsent(format!("{} cannot be used as an address", RedactedUrl::new(url)));
        let parsed = url::Url::parse(url).map_err(|_| malformed())?;
        if !is_same(&parsed, &origin) {
            return Err(malformed());
        }
        let credential = request.credential.clone();
        Ok(Self { url: parsed, name: origin.to_string(), origin, credential, cost: request.cost })
    }

    fn ask(&self) -> Ask<'_> {
        let key = self.credential.as_ref().map_or("", Credential::budget_key);
        Ask { host: &self.name, key, resource: self.resource(), cost: self.cost }
    }

    /// GitHub's name for the limit that counts here.
    fn resource(&self) -> &'static str {
        if self.url.path().ends_with("/graphql") { "graphql" } else { "core" }
    }
}

fn is_same(parsed: &url::Url, origin: &Origin) -> bool {
    parsed.host_str() == Some(origin.host())
        && parsed.port_or_known_default() == Some(origin.port())
        && parsed.scheme() == origin.scheme()
        && parsed.username().is_empty()
        && parsed.password().is_none()
        && parsed.fragment().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_futures_may_move_between_threads() {
        fn check<T: Send>(_: T) {}
        let client = Client::new(&Settings::default()).unwrap();
        check(client.send(Request::get("")));
        check(client.call(Request::get("")));
        check(client.send_raw(Request::get("")));
        check(client.list::<u8>(Request::get(""), 1));
    }

    #[test]
    fn addresses_that_two_parsers_read_differently_are_refused() {
        for bad in [
            "https://0177.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://user@github.com/",
            "https://github.com\\@evil.example/",
            "https://github.com#@evil.example/",
            "http://github.com/",
            "file:///etc/passwd",
            "https://[::ffff:127.0.0.1]/",
        ] {
            assert!(Target::of(&Request::get(bad)).is_err(), "{bad}");
        }
        for good in ["https://api.github.com/user?per_page=1", "http://127.0.0.1:8080/", "https://[::1]/x"] {
            assert!(Target::of(&Request::get(good)).is_ok(), "{good}");
        }
    }
}
