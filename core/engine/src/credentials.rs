//! Credentials for git itself: which connection serves an address, and its token for that host alone.

use coregit_http::Credential;
use coregit_model::{Connection, ConnectionId, Origin, RemoteRepo};
use coregit_providers::Provider;

use crate::{Engine, Error, ErrorKind};

/// What git needs to speak with a repository through a connection.
#[derive(Clone, Debug)]
pub struct GitLogin {
    /// The connection.
    pub connection_id: ConnectionId,
    /// How users call it.
    pub label: String,
    /// The repository's git URL.
    pub url: String,
    /// User name and token, bound to the connection's origins.
    pub credential: Credential,
    /// A file of certificate authorities for this host.
    pub ca_file: Option<String>,
}

impl Engine {
    /// The login for `coregit://CONNECTION/OWNER/REPO`. `connection` is an id, a label, or the provider's name
    /// where there is one such connection, looked for in this order. An App's token is minted when it is due.
    pub async fn git_login(&self, connection: &str, repo: &RemoteRepo) -> Result<GitLogin, Error> {
        let connection = self.connection_called(connection).await?;
        self.login_of(&connection, repo).await
    }

    /// The login for a repository at this origin; `None` where no connection is for it. `named`: the
    /// connection to take, an error when it is for another origin. Two that fit are an error naming both.
    pub async fn credential_for(
        &self,
        origin: &Origin,
        repo: &RemoteRepo,
        named: Option<&str>,
    ) -> Result<Option<GitLogin>, Error> {
        if let Some(named) = named {
            let connection = self.connection_called(named).await?;
            return match connection.origin == *origin {
                true => self.login_of(&connection, repo).await.map(Some),
                false => Err(elsewhere(&connection, origin)),
            };
        }
        let all = self.connections().await?;
        let fitting: Vec<&Connection> = all.iter().filter(|c| c.origin == *origin).collect();
        match fitting[..] {
            [] => Ok(None),
            [connection] => self.login_of(connection, repo).await.map(Some),
            _ => Err(several(&fitting, origin)),
        }
    }

    async fn connection_called(&self, name: &str) -> Result<Connection, Error> {
        let unknown = match self.connection(name).await {
            Err(error) if error.kind == ErrorKind::NotFound => error,
            other => return other,
        };
        let all = self.connections().await?;
        let fitting: Vec<&Connection> = all.iter().filter(|c| c.provider.as_str() == name).collect();
        match fitting[..] {
            [] => Err(unknown),
            [connection] => Ok(connection.clone()),
            _ => Err(Error::usage(format!("several connections are for {name}: {}", labels(&fitting)))
                .hint("give the label of one of them in place of the provider's name")),
        }
    }

    async fn login_of(&self, connection: &Connection, repo: &RemoteRepo) -> Result<GitLogin, Error> {
        let secret = self.store.open_token(connection).await?;
        let provider: Provider = self.provider_for(connection, &secret).await?;
        Ok(GitLogin {
            connection_id: connection.id.clone(),
            label: connection.label.clone(),
            url: provider.addresses().clone_url(repo),
            credential: provider.git_credential(repo).await?,
            ca_file: connection.ca_file.clone(),
        })
    }
}

fn elsewhere(connection: &Connection, origin: &Origin) -> Error {
    let Connection { label, origin: own, .. } = connection;
    Error::usage(format!("the connection {label:?} is for {own}, and its token is not sent to {origin}"))
        .hint("`coregit connections list` shows which connection is for which host")
}

fn several(fitting: &[&Connection], origin: &Origin) -> Error {
    Error::usage(format!("several connections are for {origin}: {}", labels(fitting)))
        .hint("choose one: `git config remote.<name>.coregitConnection LABEL`")
}

fn labels(connections: &[&Connection]) -> String {
    connections.iter().map(|c| format!("{:?}", c.label)).collect::<Vec<_>>().join(" and ")
}
