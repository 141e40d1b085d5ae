//! Who a token belongs to and what it may do (`facts/providers.md`, 2.2).

use coregit_http::{Head, HttpError, Request};
use coregit_model::{ErrorClass, RemoteRepo, Timestamp, TokenKind, printable};
use serde::Deserialize;
use serde_json::json;

use super::Github;
use super::app::App;
use super::source::{Pair, Source};
use crate::{Identity, Repository, Rights};

/// An expiry this near to now is GitHub's known mistake for some fine-grained tokens, or too late anyway.
const SUSPICIOUS_SECONDS: i64 = 60;
const SOON_SECONDS: i64 = 7 * 86_400;

impl Github {
    pub(crate) async fn validate(&self) -> Result<Identity, HttpError> {
        let proved = match &*self.source {
            Source::App(app) => self.app_identity(app).await,
            Source::Fixed(pair) => self.token_identity(pair).await,
        };
        proved.map_err(validation_failed)
    }

    async fn token_identity(&self, pair: &Pair) -> Result<Identity, HttpError> {
        if pair.kind == Some(TokenKind::Installation) {
            return self.installation_identity().await;
        }
        let url = format!("{}/user", self.addresses.rest());
        let reply = match self.call(None, || Request::get(&url)).await {
            Err(error) if error.message().contains("not accessible by integration") => {
                return self.installation_identity().await;
            }
            reply => reply?,
        };
        #[derive(Deserialize)]
        struct User {
            login: String,
        }
        let user: User = reply.json()?;
        let scopes = scopes_of(&reply.head);
        let assumed = if scopes.is_some() { TokenKind::Classic } else { TokenKind::FineGrained };
        let (expires_at, note) = expiry(&reply.head, Timestamp::now());
        Ok(Identity {
            username: printable(&user.login),
            kind: pair.kind.unwrap_or(assumed),
            scopes: scopes.unwrap_or_default(),
            expires_at,
            installation_id: None,
            note,
        })
    }

    /// A ready-made installation token has no user; GraphQL tells its bot.
    async fn installation_identity(&self) -> Result<Identity, HttpError> {
        #[derive(Deserialize)]
        struct Data {
            viewer: Viewer,
        }
        #[derive(Deserialize)]
        struct Viewer {
            login: String,
        }
        let data: Data = self.query(None, "query { viewer { login } }", json!({})).await?;
        Ok(Identity {
            username: printable(&data.viewer.login),
            kind: TokenKind::Installation,
            scopes: Vec::new(),
            expires_at: None,
            installation_id: None,
            note: Some(
                "an installation token lives for an hour; give the App's key to have them renewed".into(),
            ),
        })
    }

    /// An App is proved by what it says of itself and, where its installation is named, by minting a token.
    async fn app_identity(&self, app: &App) -> Result<Identity, HttpError> {
        let about = app.about(self).await?;
        let scopes = match app.installation() {
            Some(installation) => app.mint(self, installation).await?.scopes(),
            None => Vec::new(),
        };
        Ok(Identity {
            username: format!("{}[bot]", printable(about.slug.as_deref().unwrap_or(&about.name))),
            kind: TokenKind::App,
            scopes,
            expires_at: None,
            installation_id: app.installation(),
            note: None,
        })
    }

    /// What the token may do, by its scopes, its owner's role and a look at the hooks.
    pub(crate) async fn rights(&self, remote: &RemoteRepo) -> Result<Rights, HttpError> {
        let (repository, head) = match self.look_at(remote).await {
            Ok(seen) => seen,
            Err(error) if error.class() == ErrorClass::NotFound => {
                return Ok(Rights {
                    read: Some(false),
                    write: Some(false),
                    hooks: Some(false),
                    workflows: None,
                });
            }
            Err(error) => return Err(error),
        };
        let mut rights = match scopes_of(&head) {
            Some(scopes) => by_scopes(&scopes, &repository),
            None => by_role(&repository),
        };
        if let Source::App(app) = &*self.source {
            rights = self.granted(app, rights).await?;
        }
        if repository.archived || repository.disabled {
            rights.write = Some(false);
        }
        if rights.hooks.is_none() {
            rights.hooks = self.hooks_are_closed(remote).await?.then_some(false);
        }
        Ok(rights)
    }

    /// What the App was granted when its token was minted: exact.
    async fn granted(&self, app: &App, rights: Rights) -> Result<Rights, HttpError> {
        let Some(installation) = app.installation() else { return Ok(rights) };
        let scopes = app.mint(self, installation).await?.scopes();
        let has = |scope: &str| Some(scopes.iter().any(|s| s == scope));
        Ok(Rights {
            read: rights.read,
            write: has("contents:write"),
            hooks: has("repository_hooks:write"),
            workflows: has("workflows:write"),
        })
    }

    /// Whether even reading the hooks is refused.
    async fn hooks_are_closed(&self, remote: &RemoteRepo) -> Result<bool, HttpError> {
        let url = self.repo_url(remote, "/hooks?per_page=1")?;
        match self.call(Some(remote), || Request::get(&url)).await {
            Ok(_) => Ok(false),
            Err(error) if matches!(error.class(), ErrorClass::Scope | ErrorClass::NotFound) => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// The text that users know; failures without an answer speak for themselves.
fn validation_failed(error: HttpError) -> HttpError {
    match error.status() {
        Some(status) => {
            let text = format!("GitHub token validation failed: {status} {}", error.message());
            error.with_message(text)
        }
        None => error,
    }
}

/// The scopes of a classic or OAuth token; `None` for kinds that have none.
fn scopes_of(head: &Head) -> Option<Vec<String>> {
    let scopes = head.header("x-oauth-scopes")?.split(',').map(str::trim).filter(|scope| !scope.is_empty());
    Some(scopes.map(printable).collect())
}

fn expiry(head: &Head, now: Timestamp) -> (Option<Timestamp>, Option<String>) {
    let at = head.header("github-authentication-token-expiration").and_then(Timestamp::parse);
    let Some(at) = at else { return (None, None) };
    if at < now.plus_seconds(SUSPICIOUS_SECONDS) {
        return (
            None,
            Some(format!("GitHub says that the token ends at {at}, which is now; it may be mistaken")),
        );
    }
    let note = (at < now.plus_seconds(SOON_SECONDS)).then(|| format!("the token ends at {at}"));
    (Some(at), note)
}

fn by_scopes(scopes: &[String], repository: &Repository) -> Rights {
    let has = |any: &[&str]| scopes.iter().any(|scope| any.contains(&scope.as_str()));
    let code = has(&["repo"]) || (!repository.private && has(&["public_repo"]));
    let hooks = has(&["repo", "admin:repo_hook", "write:repo_hook"]);
    Rights {
        read: Some(true),
        write: repository.push.map(|push| push && code),
        hooks: repository.admin.map(|admin| admin && hooks),
        workflows: repository.push.map(|push| push && code && has(&["workflow"])),
    }
}

/// Without scopes the answer tells the owner's role, and the token may be allowed less.
fn by_role(repository: &Repository) -> Rights {
    let unless_refused = |role: Option<bool>| role.filter(|allowed| !allowed);
    Rights {
        read: Some(true),
        write: unless_refused(repository.push),
        hooks: unless_refused(repository.admin),
        workflows: unless_refused(repository.push),
    }
}
