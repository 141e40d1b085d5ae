//! Where tokens come from: the connection's own, or minted for an App and kept until shortly before its end.

use coregit_http::{Credential, HttpError};
use coregit_model::{Connection, RemoteRepo, Secret, TokenKind};

use super::Github;
use super::app::App;
use crate::Addresses;

/// The user name that GitHub takes with every kind of token (`facts/providers.md`, 5).
const GIT_USERNAME: &str = "x-access-token";

/// The tokens of one connection.
pub(super) enum Source {
    /// One token.
    Fixed(Pair),
    /// An App's private key.
    App(Box<App>),
}

/// One token in the forms of both roads.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) api: Credential,
    pub(super) git: Credential,
    /// What the token begins with tells its kind.
    pub(super) kind: Option<TokenKind>,
    /// Tells tokens that were minted one after the other apart.
    pub(super) number: u64,
}

impl Pair {
    pub(super) fn new(secret: &Secret, addresses: &Addresses, budget: &str) -> Self {
        let kind = kind_by_prefix(secret.expose());
        let api = Credential::bearer(secret.clone(), &[addresses.api_origin().clone()]).keyed(budget);
        let git = [addresses.git_origin().clone()];
        let git = Credential::basic(GIT_USERNAME, secret.clone(), &git).keyed(budget);
        Self { api, git, kind, number: 0 }
    }
}

impl Source {
    pub(super) fn new(
        connection: &Connection,
        addresses: &Addresses,
        secret: Secret,
        fingerprint: &str,
    ) -> Result<Self, HttpError> {
        if connection.token_kind != TokenKind::App {
            return Ok(Source::Fixed(Pair::new(&secret, addresses, fingerprint)));
        }
        let app_id = connection.app_id.as_deref().unwrap_or_default();
        let app =
            App::new(app_id, connection.installation_id, &secret, (addresses.api_origin(), fingerprint))?;
        Ok(Source::App(Box::new(app)))
    }

    /// The token as it is now; `remote` tells an App which installation is meant.
    pub(super) async fn pair(&self, host: &Github, remote: Option<&RemoteRepo>) -> Result<Pair, HttpError> {
        match self {
            Source::Fixed(pair) => Ok(pair.clone()),
            Source::App(app) => app.token(host, remote).await,
        }
    }

    /// Forgets the token with this number, or all; `false` where no other can be had.
    pub(super) fn renew(&self, number: Option<u64>) -> bool {
        match self {
            Source::Fixed(_) => false,
            Source::App(app) => app.forget(number),
        }
    }
}

/// The kind that a prefix tells (`facts/providers.md`, 2.2); older tokens have none.
fn kind_by_prefix(token: &str) -> Option<TokenKind> {
    let kinds = [
        ("ghp_", TokenKind::Classic),
        ("github_pat_", TokenKind::FineGrained),
        ("gho_", TokenKind::Oauth),
        ("ghu_", TokenKind::AppUser),
        ("ghs_", TokenKind::Installation),
    ];
    kinds.iter().find(|(prefix, _)| token.starts_with(prefix)).map(|(_, kind)| *kind)
}
