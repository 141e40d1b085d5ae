//! The client against hosts that behave well and badly, on loopback.
#![expect(clippy::unwrap_used, reason = "what these functions serve are tests")]

mod bodies;
mod faults;
mod host;
mod limits;
mod redirects;
mod secrets;
mod tls;

use std::time::Duration;

use coregit_http::{Breakers, Budgets, Client, Credential, Request, Settings};
use coregit_model::{Origin, Secret};

/// What no error, log line or foreign host may ever see.
pub const CANARY: &str = "ghp_canary0123456789abcdefghijklmnop";

/// A client whose budgets and breakers are its own, and whose idle time is short.
pub fn client() -> Client {
    Client::new(&settings()).unwrap()
}

/// The settings of such a client.
pub fn settings() -> Settings {
    Settings {
        idle_timeout: Duration::from_millis(400),
        budgets: Budgets::new(None),
        breakers: Breakers::new(),
        ..Settings::default()
    }
}

/// The canary, bound to the origin of this address.
pub fn token(url: &str) -> Credential {
    Credential::bearer(Secret::new(CANARY.into()), &[Origin::parse(url).unwrap().0]).keyed("fp")
}

/// A `GET` with the canary.
pub fn get(url: &str) -> Request {
    Request::get(url).credential(&token(url))
}
