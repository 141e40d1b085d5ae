//! The home of coregit, where there is one: connections with their tokens, and repositories.

use std::path::PathBuf;

use coregit_engine::{Engine, Error, GitLogin, Home};
use coregit_http::Settings;
use coregit_model::RemoteRepo;

use crate::address::WebUrl;
use crate::config::GitConfig;
use crate::login::{Giver, Login};
use crate::trouble::{Trouble, say};

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let hint = error.hint.clone();
        hint.into_iter().fold(Trouble::new(error.to_string()), Trouble::hint)
    }
}

/// The home that `coregit.home` names, else the usual one. `None` where `coregit init` never was.
pub async fn open(config: &GitConfig) -> Result<Option<Engine>, Trouble> {
    let home = home(config)?;
    match home.exists() {
        true => Ok(Some(Engine::open(home).await?)),
        false => Ok(None),
    }
}

fn home(config: &GitConfig) -> Result<Home, Trouble> {
    let named = config.get("coregit.home").map(|path| match path.strip_prefix("~/") {
        Some(rest) => PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(rest),
        None => PathBuf::from(path),
    });
    Ok(Home::find(named.as_deref())?)
}

/// The home, where an address cannot be served without one.
pub async fn needed(config: &GitConfig) -> Result<Engine, Trouble> {
    Ok(Engine::open(home(config)?).await?)
}

/// What the home says about an address.
pub struct Known {
    /// The connection's login.
    pub login: GitLogin,
    /// The home's own settings of HTTP.
    pub http: Settings,
}

/// The login of a connection for a repository there.
pub async fn login_of(connection: &str, repo: &RemoteRepo, config: &GitConfig) -> Result<Known, Trouble> {
    let engine = needed(config).await?;
    Ok(Known { login: engine.git_login(connection, repo).await?, http: engine.settings().http() })
}

/// The login of the connection that is for this URL's host; `None`: git's own credential helpers are asked.
/// A login that stands in the address comes first.
pub async fn login_for(url: &WebUrl, remote: &str, config: &GitConfig) -> Result<Option<Known>, Trouble> {
    let (Some(origin), None) = (&url.origin, &url.password) else { return Ok(None) };
    let Some(repo) = repo_of(url) else { return Ok(None) };
    let engine = match open(config).await {
        Ok(Some(engine)) => engine,
        Ok(None) => return Ok(None),
        Err(trouble) => {
            say(&format!("warning: coregit's connections are not looked at: {trouble}"));
            return Ok(None);
        }
    };
    let named = config.get(&format!("remote.{remote}.coregitconnection"));
    let login = engine.credential_for(origin, &repo, named).await?;
    Ok(login.map(|login| Known { login, http: engine.settings().http() }))
}

/// The repository that a URL's path names, where it has the form OWNER/REPO.
pub fn repo_of(url: &WebUrl) -> Option<RemoteRepo> {
    let path = url.base.strip_prefix(&url.origin.as_ref()?.to_string())?.trim_start_matches('/');
    RemoteRepo::parse(path.strip_suffix(".git").unwrap_or(path)).ok()
}

/// A connection's login as requests carry it.
pub fn as_login(login: &GitLogin) -> Login {
    Login { credential: login.credential.clone(), giver: Giver::Connection(login.label.clone()) }
}
