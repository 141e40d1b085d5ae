//! Connections: made only with a token that its provider accepts, shown without it.

use coregit_model::{Connection, ConnectionId, ProviderKind, Secret, Timestamp, TokenKind};
use coregit_providers::{Addresses, Provider};
use coregit_store::Found;

use crate::{Engine, Error, ErrorKind};

/// What a user gives for a new connection.
pub struct NewConnection {
    /// `github`.
    pub provider: String,
    /// How users call it.
    pub label: String,
    /// The base address of a self-hosted provider.
    pub url: Option<String>,
    /// The token, or an App's private key.
    pub secret: Secret,
    /// For an App: its id and installation.
    pub app: Option<AppInstallation>,
    /// A file of certificate authorities for this host.
    pub ca_file: Option<String>,
}

/// A GitHub App and which of its installations is meant.
#[derive(Clone, Debug)]
pub struct AppInstallation {
    /// Its id or client id.
    pub app_id: String,
    /// The installation; `None` where it has only one.
    pub installation_id: Option<u64>,
}

/// What `connections test` found.
#[derive(Debug, serde::Serialize)]
pub struct TestReport {
    /// The connection.
    pub id: ConnectionId,
    /// Its label.
    pub label: String,
    /// Whether the provider accepts the token.
    pub valid: bool,
    /// The login, when it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The provider's refusal, when it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The scopes, where the provider tells.
    pub scopes: Vec<String>,
    /// When the token ends, where the provider tells.
    pub expires_at: Option<Timestamp>,
    /// What it may do, for each sync that uses it.
    pub syncs: Vec<SyncRights>,
}

impl TestReport {
    fn of(connection: &Connection) -> Self {
        Self {
            id: connection.id.clone(),
            label: connection.label.clone(),
            valid: false,
            username: None,
            error: None,
            scopes: Vec::new(),
            expires_at: None,
            syncs: Vec::new(),
        }
    }
}

/// What a token may do for one sync.
#[derive(Debug, serde::Serialize)]
pub struct SyncRights {
    /// The sync's label.
    pub label: String,
    /// The remote repository.
    pub remote: String,
    /// Read, write, register hooks, change workflows: `None` where the provider does not tell.
    #[serde(flatten)]
    pub rights: coregit_providers::Rights,
}

impl Engine {
    /// Checks the token at its provider, then keeps it sealed. Nothing is stored when the provider refuses
    /// it or cannot be asked.
    pub async fn create_connection(&self, new: NewConnection) -> Result<Connection, Error> {
        let provider: ProviderKind =
            new.provider.parse().map_err(|e: coregit_model::WordError| Error::usage(e.to_string()))?;
        check_label(&new.label)?;
        self.label_is_free(&new.label, None).await?;
        if new.app.is_none() {
            check_token(&new.secret)?;
        }
        let draft = self.draft(provider, &new)?;
        let proved = self.prove(&draft, &new.secret).await?;
        self.store.insert_connection(&proved, &new.secret).await?;
        Ok(proved)
    }

    fn draft(&self, provider: ProviderKind, new: &NewConnection) -> Result<Connection, Error> {
        let url = new.url.clone().or_else(|| self.settings.github_url().map(str::to_owned));
        let app = new.app.as_ref();
        let addresses = Addresses::of(provider, url.as_deref()).map_err(|e| Error::usage(e.to_string()))?;
        let now = Timestamp::now();
        Ok(Connection {
            id: ConnectionId::random(),
            provider,
            label: new.label.clone(),
            external_username: String::new(),
            url,
            origin: addresses.git_origin().clone(),
            token_kind: if app.is_some() { TokenKind::App } else { TokenKind::Classic },
            scopes: Vec::new(),
            token_expires_at: None,
            app_id: app.map(|a| a.app_id.clone()),
            installation_id: app.and_then(|a| a.installation_id),
            ca_file: new.ca_file.clone(),
            last_synced_at: None,
            invalid_since: None,
            created_at: now,
            updated_at: now,
        })
    }

    /// The connection as its provider describes the token; a refusal is the error.
    async fn prove(&self, connection: &Connection, secret: &Secret) -> Result<Connection, Error> {
        let provider = self.provider_for(connection, secret).await?;
        let identity = provider.validate().await?;
        Ok(Connection {
            external_username: coregit_model::printable(&identity.username),
            token_kind: identity.kind,
            scopes: identity.scopes,
            token_expires_at: identity.expires_at,
            installation_id: identity.installation_id.or(connection.installation_id),
            invalid_since: None,
            updated_at: Timestamp::now(),
            ..connection.clone()
        })
    }

    async fn label_is_free(&self, label: &str, except: Option<&ConnectionId>) -> Result<(), Error> {
        match self.store.connections().await?.iter().any(|c| c.label == label && Some(&c.id) != except) {
            false => Ok(()),
            true => Err(Error::new(ErrorKind::Conflict, format!("a connection is called {label:?} already"))
                .hint("choose another --label, or change that one with `coregit connections update`")),
        }
    }

    /// All connections, in order of label.
    pub async fn connections(&self) -> Result<Vec<Connection>, Error> {
        Ok(self.store.connections().await?)
    }

    /// A connection by id or label.
    pub async fn connection(&self, id_or_label: &str) -> Result<Connection, Error> {
        let shown = coregit_model::printable(id_or_label);
        match self.store.connection(id_or_label).await? {
            Found::One(connection) => Ok(connection),
            Found::None => Err(Error::not_found(format!("no connection is called {shown:?}"))
                .hint("`coregit connections list` shows all")),
            Found::Many => Err(Error::usage(format!("several connections are called {shown:?}"))
                .hint("give the id; `coregit connections list` shows it")),
        }
    }

    /// Changes the label, the token, or both. A new token is proved first; until then the old one stays.
    pub async fn update_connection(
        &self,
        id_or_label: &str,
        label: Option<String>,
        secret: Option<Secret>,
    ) -> Result<Connection, Error> {
        let mut connection = self.connection(id_or_label).await?;
        if label.is_none() && secret.is_none() {
            return Err(Error::usage("nothing to change").hint("give --label, --token-stdin or --token-file"));
        }
        if let Some(label) = label {
            check_label(&label)?;
            self.label_is_free(&label, Some(&connection.id)).await?;
            connection.label = label;
        }
        if let Some(secret) = &secret {
            if connection.token_kind != TokenKind::App {
                check_token(secret)?;
            }
            connection = self.prove(&connection, secret).await?;
        }
        connection.updated_at = Timestamp::now();
        self.store.update_connection(&connection, secret.as_ref()).await?;
        if secret.is_some() {
            self.release_held_syncs(&connection.id).await?;
        }
        Ok(connection)
    }

    /// Asks the provider whether the stored token still works. Reads only, here and there; a provider that
    /// cannot be asked is an error, not an invalid token.
    pub async fn test_connection(&self, id_or_label: &str) -> Result<TestReport, Error> {
        let connection = self.connection(id_or_label).await?;
        let secret = self.store.open_token(&connection).await?;
        let provider = self.provider_for(&connection, &secret).await?;
        let mut report = TestReport::of(&connection);
        match provider.validate().await.map_err(Error::from) {
            Ok(identity) => {
                report.valid = true;
                report.username = Some(coregit_model::printable(&identity.username));
                report.scopes = identity.scopes;
                report.expires_at = identity.expires_at;
            }
            Err(error) if error.kind == ErrorKind::Unreachable => return Err(error),
            Err(error) => {
                report.error = Some(error.sentence);
                return Ok(report);
            }
        }
        report.syncs = self.rights_of(&connection, &provider).await?;
        Ok(report)
    }

    async fn rights_of(
        &self,
        connection: &Connection,
        provider: &Provider,
    ) -> Result<Vec<SyncRights>, Error> {
        let mut all = Vec::new();
        for sync in self.store.syncs_of_connection(&connection.id).await? {
            let rights = provider.rights(&sync.remote).await?;
            all.push(SyncRights { label: sync.label, remote: sync.remote.to_string(), rights });
        }
        Ok(all)
    }

    /// Deletes a connection and the syncs that use it; their history stays.
    pub async fn delete_connection(&self, id_or_label: &str) -> Result<Connection, Error> {
        let connection = self.connection(id_or_label).await?;
        let syncs = self.store.syncs_of_connection(&connection.id).await?;
        self.store.delete_connection(&connection.id).await?;
        for sync in syncs {
            self.refresh_policy(&sync.repo_id).await?;
        }
        Ok(connection)
    }
}

pub(crate) fn check_label(label: &str) -> Result<(), Error> {
    let flaw = match label {
        "" => "it is empty",
        l if l.chars().count() > 100 => "it is longer than 100 characters",
        l if coregit_model::printable(l) != *l => "it holds a control character",
        l if l.trim() != l || l.starts_with('-') => "it begins or ends with a space, or begins with a dash",
        _ => return Ok(()),
    };
    Err(Error::usage(format!("the label {:?} cannot be used: {flaw}", coregit_model::printable(label))))
}

fn check_token(secret: &Secret) -> Result<(), Error> {
    match secret.token_flaw() {
        None => Ok(()),
        Some(flaw) => Err(Error::usage(format!("what was given cannot be a token: {flaw}"))
            .hint("give the token alone: `coregit connections … --token-stdin < FILE`")),
    }
}
