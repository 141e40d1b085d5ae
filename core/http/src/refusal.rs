//! Looking at an answer that was asked for with [`Client::send_raw`]: what a refusal means, and headers that
//! may come several times.

use std::time::Duration;

use crate::classify::{LOOKED_AT, classify, limits_told};
use crate::{Client, Credential, Head, HttpError, Response};

/// The wait after a limit whose end the host does not tell (`facts/threats.md`, F11).
const UNTOLD: Duration = Duration::from_secs(60);

impl Client {
    /// What an answer that is not a success means; at most 64 KiB of its body are read. `credential` is the
    /// one that was sent: it is taken out of the host's words.
    pub async fn refusal(response: Response, credential: Option<&Credential>) -> HttpError {
        let (head, body) = response.prefix(LOOKED_AT).await;
        let wait = limits_told(&head, &body).refused_for.map(|told| told.unwrap_or(UNTOLD));
        classify(&head, &body, credential, wait)
    }
}

impl Head {
    /// Every value of a header that is text, in order: `WWW-Authenticate` comes once per scheme.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
    }
}
