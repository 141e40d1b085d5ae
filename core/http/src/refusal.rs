//! Looking at an answer that was asked for with [`Client::send_raw`]: what a refusal means, and headers that
//! may come several times.

use crate::budget::Ask;
use crate::classify::{LOOKED_AT, classify, limits_told};
use crate::{Client, Cost, Credential, Head, HttpError, Response};

impl Client {
    /// What an answer that is not a success means; at most 64 KiB of its body are read. `credential` is the
    /// one that was sent: it is taken out of the host's words.
    pub async fn refusal(&self, response: Response, credential: Option<&Credential>) -> HttpError {
        let (head, body) = response.prefix(LOOKED_AT).await;
        let told = limits_told(&head, &body);
        let key = credential.map_or("", Credential::budget_key);
        let ask = Ask { host: "", key, resource: "core", cost: Cost::GIT_READ };
        let wait = self.budgets().note(ask, &told);
        classify(&head, &body, credential, wait)
    }
}

impl Head {
    /// Every value of a header that is text, in order: `WWW-Authenticate` comes once per scheme.
    pub fn headers_named<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
    }
}
