//! GitHub Apps: the JWT, the installation, and the tokens minted for it (`facts/providers.md`, 2.3).

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use coregit_http::{Cost, Credential, HttpError, Reply, Request};
use coregit_model::{ErrorClass, Origin, RemoteRepo, Secret, Timestamp};
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivatePkcs1KeyDer, PrivatePkcs8KeyDer};
use serde::Deserialize;

use super::Github;
use super::source::Pair;

/// A token is replaced this long before its end.
const SPARE_SECONDS: i64 = 300;

/// An App with its private key.
pub(super) struct App {
    app_id: String,
    installation: Option<u64>,
    key: RsaKeyPair,
    fingerprint: String,
    /// Seconds that the host's clock is ahead of ours.
    clock: AtomicI64,
    cache: Arc<Cache>,
}

/// What was minted in this process for one App at one host, whichever run needed it.
#[derive(Default)]
struct Cache {
    known: Mutex<Known>,
    /// One mint at a time: those who wait find its token.
    minting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    /// The installation of each owner that was asked for.
    installations: HashMap<String, u64>,
    tokens: HashMap<u64, Minted>,
    /// How many tokens were minted.
    minted: u64,
}

#[derive(Clone)]
struct Minted {
    pair: Pair,
    expires_at: Timestamp,
}

/// What the host says of an App.
#[derive(Debug, Deserialize)]
pub(super) struct About {
    pub(super) slug: Option<String>,
    pub(super) name: String,
}

/// A minted token as it comes.
#[derive(Deserialize)]
pub(super) struct Mint {
    token: String,
    expires_at: Timestamp,
    #[serde(default)]
    permissions: HashMap<String, String>,
}

impl Mint {
    /// `contents:write` and so on, sorted.
    pub(super) fn scopes(&self) -> Vec<String> {
        let mut scopes: Vec<_> =
            self.permissions.iter().map(|(name, level)| format!("{name}:{level}")).collect();
        scopes.sort();
        scopes
    }
}

impl App {
    pub(super) fn new(
        app_id: &str,
        installation: Option<u64>,
        pem: &Secret,
        (api, fingerprint): (&Origin, &str),
    ) -> Result<Self, HttpError> {
        if app_id.is_empty() || !app_id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
            return Err(HttpError::unsent("the App's id is malformed")
                .with_hint("it stands on the App's page: `--app-id`"));
        }
        Ok(Self {
            app_id: app_id.to_owned(),
            installation,
            key: key_of(pem)?,
            fingerprint: fingerprint.to_owned(),
            clock: AtomicI64::new(0),
            cache: cache_of(format!("{api} {app_id} {fingerprint}")),
        })
    }

    /// The installation that was named when the connection was made.
    pub(super) fn installation(&self) -> Option<u64> {
        self.installation
    }

    /// A token that lives for some minutes more: the one in the cache, or a new one.
    pub(super) async fn token(&self, host: &Github, remote: Option<&RemoteRepo>) -> Result<Pair, HttpError> {
        let _one_at_a_time = self.cache.minting.lock().await;
        let installation = self.installation_for(host, remote).await?;
        let now = Timestamp::now().plus_seconds(self.clock.load(Relaxed) + SPARE_SECONDS);
        let kept = self.known(|known| known.tokens.get(&installation).cloned());
        if let Some(minted) = kept.filter(|minted| minted.expires_at > now) {
            return Ok(minted.pair);
        }
        let mint = self.mint(host, installation).await?;
        let budget = format!("{}:{installation}", self.fingerprint);
        let number = self.known(|known| {
            known.minted += 1;
            known.minted
        });
        let pair = Pair { number, ..Pair::new(&Secret::new(mint.token), host.addresses(), &budget) };
        let minted = Minted { pair: pair.clone(), expires_at: mint.expires_at };
        self.known(|known| known.tokens.insert(installation, minted));
        Ok(pair)
    }

    /// Forgets the token with this number, or all; `true`, because more can be minted. A token that was
    /// renewed already, by another call that was refused, stays.
    pub(super) fn forget(&self, number: Option<u64>) -> bool {
        let stays = |minted: &Minted| number.is_some_and(|number| minted.pair.number != number);
        self.known(|known| known.tokens.retain(|_, minted| stays(minted)));
        true
    }

    fn known<T>(&self, use_it: impl FnOnce(&mut Known) -> T) -> T {
        use_it(&mut self.cache.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn installation_for(&self, host: &Github, remote: Option<&RemoteRepo>) -> Result<u64, HttpError> {
        if let Some(id) = self.installation {
            return Ok(id);
        }
        let hint = "name it when making the connection: `--installation ID`";
        let remote =
            remote.ok_or_else(|| HttpError::unsent("the App's installation is not known").with_hint(hint))?;
        let owner = remote.split().0.to_ascii_lowercase();
        if let Some(id) = self.known(|known| known.installations.get(&owner).copied()) {
            return Ok(id);
        }
        let id = self.installation_of(host, remote).await?;
        self.known(|known| known.installations.insert(owner, id));
        Ok(id)
    }

    /// The installation that covers a repository.
    async fn installation_of(&self, host: &Github, remote: &RemoteRepo) -> Result<u64, HttpError> {
        #[derive(Deserialize)]
        struct Answer {
            id: u64,
            suspended_at: Option<String>,
        }
        let url = host.repo_url(remote, "/installation")?;
        let missing = |error: HttpError| match error.class() {
            ErrorClass::NotFound => error
                .with_message(format!(
                    "the App is not installed for {remote}, or there is no such repository"
                ))
                .with_hint("install it on the App's page, for this repository"),
            _ => error,
        };
        let answer: Answer = self.call(host, || Request::get(&url)).await.map_err(missing)?.json()?;
        match answer.suspended_at {
            None => Ok(answer.id),
            Some(_) => {
                Err(HttpError::invalid("the App's installation is suspended").with_class(ErrorClass::Auth))
            }
        }
    }

    /// A new token for an installation: lives for an hour.
    pub(super) async fn mint(&self, host: &Github, installation: u64) -> Result<Mint, HttpError> {
        let url = format!("{}/app/installations/{installation}/access_tokens", host.addresses().rest());
        let request = || {
            Request::post(&url)
                .json(&serde_json::json!({}))
                .cost(Cost::WRITE)
                .retry(coregit_http::Retry::Idempotent)
        };
        self.call(host, request).await?.json()
    }

    /// The App itself.
    pub(super) async fn about(&self, host: &Github) -> Result<About, HttpError> {
        let url = format!("{}/app", host.addresses().rest());
        self.call(host, || Request::get(&url)).await?.json()
    }

    /// Calls as the App. A refusal that a wrong clock explains is repeated once by the host's clock.
    async fn call(&self, host: &Github, request: impl Fn() -> Request) -> Result<Reply, HttpError> {
        let error = match self.call_once(host, request()).await {
            Err(error) if error.class() == ErrorClass::Auth => error,
            done => return done,
        };
        let Some(there) = error.host_time() else { return Err(error) };
        let ahead = (there.as_millis() - Timestamp::now().as_millis()) / 1000;
        if (ahead - self.clock.load(Relaxed)).abs() < 20 {
            return Err(error);
        }
        self.clock.store(ahead, Relaxed);
        self.call_once(host, request()).await
    }

    async fn call_once(&self, host: &Github, request: Request) -> Result<Reply, HttpError> {
        let now = Timestamp::now().plus_seconds(self.clock.load(Relaxed));
        let jwt = Secret::new(self.jwt(now)?);
        let credential = Credential::bearer(jwt, &[host.addresses().api_origin().clone()]);
        let credential = credential.keyed(&format!("{}:app", self.fingerprint));
        host.client.call(super::dressed(request, &credential)).await
    }

    /// A JSON web token that is good from a minute ago for ten minutes.
    fn jwt(&self, now: Timestamp) -> Result<String, HttpError> {
        let now = now.as_millis() / 1000;
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
        let claims = serde_json::json!({ "iat": now - 60, "exp": now + 540, "iss": self.app_id });
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut signature = vec![0; self.key.public().modulus_len()];
        let random = ring::rand::SystemRandom::new();
        self.key
            .sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature)
            .map_err(|_| HttpError::unsent("the App's private key does not sign"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// Reads both forms that such keys come in; the error says nothing of what was in the file.
fn key_of(pem: &Secret) -> Result<RsaKeyPair, HttpError> {
    let raw = pem.expose().as_bytes();
    let pkcs1 =
        || RsaKeyPair::from_der(PrivatePkcs1KeyDer::from_pem_slice(raw).ok()?.secret_pkcs1_der()).ok();
    let pkcs8 =
        || RsaKeyPair::from_pkcs8(PrivatePkcs8KeyDer::from_pem_slice(raw).ok()?.secret_pkcs8_der()).ok();
    pkcs1().or_else(pkcs8).ok_or_else(|| {
        HttpError::unsent(
            "what was given is not an App's private key: expected RSA, 2048 bits or more, in PEM form",
        )
        .with_hint("GitHub gives it as a .pem file when the key is made: `--private-key-file`")
    })
}

/// The cache of one App at one host.
fn cache_of(name: String) -> Arc<Cache> {
    static ALL: LazyLock<Mutex<HashMap<String, Arc<Cache>>>> = LazyLock::new(Mutex::default);
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    all.entry(name).or_default().clone()
}

#[cfg(test)]
#[path = "app_tests.rs"]
mod tests;
