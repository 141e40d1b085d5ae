//! GitHub: how its REST and GraphQL APIs are called. What is called is in the modules below.

mod app;
mod batch;
mod blob;
mod commit;
mod graphql;
mod identity;
mod refs;
mod repository;
mod source;
mod tree;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coregit_http::{Client, Credential, HttpError, Reply, Request};
use coregit_model::{Connection, ErrorClass, Oid, RemoteRepo, Secret};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::Addresses;
use source::Source;

/// Both versions of the API in use understand this one (`facts/providers.md`, 2.1).
const API_VERSION: &str = "2022-11-28";

/// GitHub with one connection's token.
#[derive(Clone)]
pub(crate) struct Github {
    client: Client,
    addresses: Addresses,
    source: Arc<Source>,
    pub(crate) lag_patience: Duration,
    /// GraphQL's ids of repositories that were looked at.
    node_ids: Arc<Mutex<HashMap<RemoteRepo, String>>>,
}

impl std::fmt::Debug for Github {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Github").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Github {
    pub(crate) fn new(
        connection: &Connection,
        client: Client,
        secret: Secret,
        fingerprint: &str,
    ) -> Result<Self, HttpError> {
        let addresses = Addresses::of(connection.provider, connection.url.as_deref())
            .map_err(|flaw| HttpError::unsent(flaw.to_string()))?;
        let source = Source::new(connection, &addresses, secret, fingerprint)?;
        Ok(Self {
            client,
            addresses,
            source: Arc::new(source),
            lag_patience: Duration::from_secs(30),
            node_ids: Arc::default(),
        })
    }

    pub(crate) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The address of something below a repository; `rest` is empty or begins with a slash.
    fn repo_url(&self, remote: &RemoteRepo, rest: &str) -> Result<String, HttpError> {
        if remote.as_str().split('/').count() != 2 {
            return Err(HttpError::unsent(format!(
                "{remote} is no repository at GitHub: expected OWNER/REPO"
            )));
        }
        Ok(format!("{}/repos/{remote}{rest}", self.addresses.rest()))
    }

    /// Calls with the token that is right for this repository. An App's token that died is renewed once.
    async fn call(
        &self,
        remote: Option<&RemoteRepo>,
        request: impl Fn() -> Request,
    ) -> Result<Reply, HttpError> {
        let pair = self.source.pair(self, remote).await?;
        let error = match self.client.call(dressed(request(), &pair.api)).await {
            Err(error) if error.class() == ErrorClass::Auth => error,
            done => return done,
        };
        if !self.source.renew(Some(pair.number)) {
            return Err(error);
        }
        let pair = self.source.pair(self, remote).await?;
        self.client.call(dressed(request(), &pair.api)).await
    }

    /// Repeats a call while an object that was made moments ago is not known everywhere yet.
    async fn despite_lag<T, F>(&self, call: impl Fn() -> F) -> Result<T, HttpError>
    where
        F: Future<Output = Result<T, HttpError>>,
    {
        let mut left = self.lag_patience;
        let mut wait = self.lag_patience / 30;
        loop {
            let error = match call().await {
                Err(error) if looks_like_lag(&error) && !wait.is_zero() => error,
                done => return done,
            };
            // A 404 is more often what it says: a tenth of the patience is enough for it.
            let spent = if error.class() == ErrorClass::NotFound { wait * 10 } else { wait };
            let Some(rest) = left.checked_sub(spent) else { return Err(error) };
            tracing::debug!(wait_ms = wait.as_millis() as u64, "an object made moments ago is not known yet");
            tokio::time::sleep(wait).await;
            (left, wait) = (rest, wait * 2);
        }
    }

    pub(crate) async fn git_credential(&self, remote: &RemoteRepo) -> Result<Credential, HttpError> {
        Ok(self.source.pair(self, Some(remote)).await?.git)
    }

    pub(crate) fn renew(&self) -> bool {
        self.source.renew(None)
    }

    fn node_id_of(&self, remote: &RemoteRepo) -> Option<String> {
        self.node_ids.lock().unwrap_or_else(PoisonError::into_inner).get(remote).cloned()
    }

    fn remember_node_id(&self, remote: &RemoteRepo, node_id: &str) {
        let mut known = self.node_ids.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(remote.clone(), node_id.to_owned());
    }
}

/// The headers that GitHub asks for.
fn dressed(request: Request, credential: &Credential) -> Request {
    request
        .header("accept", "application/vnd.github+json")
        .header("x-github-api-version", API_VERSION)
        .credential(credential)
}

fn looks_like_lag(error: &HttpError) -> bool {
    let says = |text: &str| error.message().contains(text);
    match error.class() {
        ErrorClass::NotFound => true,
        ErrorClass::Conflict | ErrorClass::Invalid => {
            let unknown = says("does not exist") && !says("Reference does not exist");
            unknown || ["tree", "blob", "commit"].iter().any(|kind| says(&format!("not a valid {kind}")))
        }
        _ => false,
    }
}

/// The oid in an answer; `Invalid` when it is none.
fn oid_of(text: &str) -> Result<Oid, HttpError> {
    text.parse().map_err(|_| HttpError::invalid("the host answered something that is no object id"))
}

/// Compares an answered oid with the one that was to be made.
fn same(what: &str, answered: Oid, expected: Option<&Oid>) -> Result<Oid, HttpError> {
    match expected {
        Some(expected) if *expected != answered => Err(HttpError::invalid(format!(
            "the host answered another id for the {what}: {answered}, expected {expected}"
        ))),
        _ => Ok(answered),
    }
}

/// A ref's or branch's name as part of a path: slashes stay, all else is encoded.
pub(crate) fn path_of(name: &[u8]) -> String {
    const KEPT: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');
    percent_encode(name, KEPT).to_string()
}

#[cfg(test)]
mod tests {
    use coregit_http::Effect;

    use super::*;

    #[test]
    fn names_are_encoded_for_paths_once_and_wholly() {
        assert_eq!(path_of(b"feature/x"), "feature/x");
        assert_eq!(path_of(b"%2e%2e%2fx"), "%252e%252e%252fx");
        assert_eq!(path_of(b"a#b\xff;$(id)"), "a%23b%FF%3B%24%28id%29");
    }

    #[test]
    fn only_words_about_missing_objects_look_like_lag() {
        let error = |class, text: &str| HttpError::new(class, Effect::Refused, text);
        assert!(looks_like_lag(&error(ErrorClass::Invalid, "Object does not exist")));
        assert!(looks_like_lag(&error(ErrorClass::Invalid, "Tree SHA does not exist")));
        assert!(looks_like_lag(&error(ErrorClass::Invalid, "tree.sha 7f3b is not a valid blob")));
        assert!(!looks_like_lag(&error(ErrorClass::Conflict, "Reference does not exist")));
        assert!(!looks_like_lag(&error(ErrorClass::Conflict, "Update is not a fast forward")));
        assert!(!looks_like_lag(&error(ErrorClass::Auth, "Bad credentials")));
    }
}
