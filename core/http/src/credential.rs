//! A token that can only go where it belongs.

use std::sync::Arc;

use base64::Engine as _;
use coregit_model::{ErrorClass, Origin, Secret};
use reqwest::header::HeaderValue;

use crate::{Effect, HttpError};

/// A token, how it is presented, and the origins that may see it. Cheap to clone; `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Credential(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    secret: Secret,
    scheme: Scheme,
    origins: Vec<Origin>,
    budget_key: String,
}

#[derive(Clone, Debug)]
enum Scheme {
    Bearer,
    Basic { username: String },
    Other { word: String },
}

impl Credential {
    /// `Authorization: Bearer …`, for these origins and no other.
    pub fn bearer(secret: Secret, origins: &[Origin]) -> Self {
        Self::new(secret, Scheme::Bearer, origins)
    }

    /// `Authorization: Basic …`, for these origins and no other.
    pub fn basic(username: &str, secret: Secret, origins: &[Origin]) -> Self {
        Self::new(secret, Scheme::Basic { username: username.to_owned() }, origins)
    }

    /// `Authorization: <scheme> <secret>` as a git credential helper has made it, for these origins and no other.
    pub fn of_scheme(scheme: &str, secret: Secret, origins: &[Origin]) -> Self {
        Self::new(secret, Scheme::Other { word: scheme.to_owned() }, origins)
    }

    fn new(secret: Secret, scheme: Scheme, origins: &[Origin]) -> Self {
        let budget_key = in_process_key(&secret);
        Self(Arc::new(Inner { secret, scheme, origins: origins.to_vec(), budget_key }))
    }

    /// The same credential, its budget filed under this name: a fingerprint of the token that means the
    /// same in every process. Without one, equal tokens share a budget within this process only.
    pub fn keyed(self, fingerprint: &str) -> Self {
        Self(Arc::new(Inner { budget_key: fingerprint.to_owned(), ..(*self.0).clone() }))
    }

    /// Whether this origin may see the token.
    pub fn is_for(&self, origin: &Origin) -> bool {
        self.0.origins.contains(origin)
    }

    /// The user name and the password, for a program that asks for them over a pipe, as git's credential
    /// protocol does. `None` for a bearer token. What is told belongs to [`Credential::is_for`]'s origins only.
    pub fn as_login(&self) -> Option<(&str, &Secret)> {
        match &self.0.scheme {
            Scheme::Basic { username } => Some((username, &self.0.secret)),
            Scheme::Bearer | Scheme::Other { .. } => None,
        }
    }

    pub(crate) fn budget_key(&self) -> &str {
        &self.0.budget_key
    }

    /// The `Authorization` value for this origin; an error before anything is sent for any other.
    pub(crate) fn header_for(&self, origin: &Origin) -> Result<HeaderValue, HttpError> {
        if !self.is_for(origin) {
            return Err(self.wrong_origin(origin));
        }
        let text = match &self.0.scheme {
            Scheme::Bearer => format!("Bearer {}", self.0.secret.expose()),
            Scheme::Basic { username } => format!("Basic {}", self.basic_pair(username)),
            Scheme::Other { word } => format!("{word} {}", self.0.secret.expose()),
        };
        let flaw = |_| {
            HttpError::new(ErrorClass::Auth, Effect::NotSent, "the token holds a character that no token has")
        };
        let mut value = HeaderValue::from_str(&text).map_err(flaw)?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn basic_pair(&self, username: &str) -> String {
        base64::engine::general_purpose::STANDARD.encode(format!("{username}:{}", self.0.secret.expose()))
    }

    fn wrong_origin(&self, origin: &Origin) -> HttpError {
        let own: Vec<_> = self.0.origins.iter().map(Origin::to_string).collect();
        let own = own.join(" and ");
        let text = format!("the token is for {own} and is not sent to {origin}");
        HttpError::new(ErrorClass::Invalid, Effect::NotSent, text)
            .with_hint(format!("make a connection for {origin}, with a token that is meant for it"))
    }

    /// The forms in which the secret could come back in an answer, the longest first.
    pub(crate) fn forms(&self) -> Vec<String> {
        let raw = self.0.secret.expose().to_owned();
        let username = match &self.0.scheme {
            Scheme::Basic { username } => username,
            Scheme::Bearer | Scheme::Other { .. } => "x-access-token",
        };
        vec![self.basic_pair(username), base64::engine::general_purpose::STANDARD.encode(&raw), raw]
    }
}

/// A name for equal secrets that says nothing about them and means nothing in another process.
fn in_process_key(secret: &Secret) -> String {
    use std::hash::{BuildHasher, RandomState};
    static SEED: std::sync::LazyLock<RandomState> = std::sync::LazyLock::new(RandomState::new);
    format!("process:{:016x}", SEED.hash_one(secret.expose()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Origin {
        Origin::parse(url).unwrap().0
    }

    #[test]
    fn a_token_goes_to_its_own_origins_and_nowhere_else() {
        let token = Credential::bearer(Secret::new("ghp_canary".into()), &[origin("https://api.github.com")]);
        assert!(token.header_for(&origin("https://api.github.com:443")).unwrap().is_sensitive());
        for other in [
            "https://github.com",
            "https://api.github.com:8443",
            "https://api.github.com.evil.example",
            "https://api.github.com-evil.example",
            "https://evil.example/api.github.com",
            "http://127.0.0.1",
        ] {
            let error = token.header_for(&origin(other)).unwrap_err();
            assert_eq!(error.effect(), Effect::NotSent, "{other}");
            assert!(!format!("{error} {error:?}").contains("canary"), "{other}");
        }
    }

    #[test]
    fn equal_tokens_share_a_key_and_the_key_is_no_token() {
        let make = |t: &str| Credential::bearer(Secret::new(t.into()), &[]);
        assert_eq!(make("a").budget_key(), make("a").budget_key());
        assert_ne!(make("a").budget_key(), make("b").budget_key());
        assert_eq!(make("a").keyed("fp1").budget_key(), "fp1");
    }
}
