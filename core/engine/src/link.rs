//! An open link to one remote repository: its provider, its git address and what the talk with it costs.

use std::sync::Arc;

use coregit_git::Remote;
use coregit_http::{Client, Meter};
use coregit_model::{Connection, RemoteRepo, Secret, SyncConfig};
use coregit_providers::Provider;

use crate::{Engine, Error};

/// Both roads to a host, for one run.
pub(crate) struct Link {
    /// The connection that it goes through.
    pub connection: Connection,
    /// The host's API.
    pub provider: Provider,
    /// The client that counts for this run.
    client: Client,
    /// Requests and bytes so far.
    pub meter: Arc<Meter>,
}

impl Link {
    /// The smart HTTP end of a remote repository. An App's token is minted here when it is due.
    pub async fn git(&self, remote: &RemoteRepo) -> Result<Remote, Error> {
        let credential = self.provider.git_credential(remote).await?;
        Ok(Remote::new(self.client.clone(), self.provider.addresses().clone_url(remote), Some(credential)))
    }
}

impl Engine {
    /// The one HTTP client of this process.
    pub(crate) async fn http(&self) -> Result<&Client, Error> {
        self.http.get_or_try_init(|| async { Ok(Client::new(&self.settings.http())?) }).await
    }

    /// A client that trusts what this connection trusts and counts on `meter`.
    async fn client_for(&self, connection: &Connection, meter: &Arc<Meter>) -> Result<Client, Error> {
        let client = match &connection.ca_file {
            None => self.http().await?.clone(),
            Some(file) => Client::new(&coregit_http::Settings {
                ca_file: Some(file.into()),
                ..self.settings.http()
            })?,
        };
        Ok(client.metered(meter.clone()))
    }

    /// The provider's API with this secret, outside of any run.
    pub(crate) async fn provider_for(&self, connection: &Connection, secret: &Secret) -> Result<Provider, Error> {
        let client = self.client_for(connection, &Arc::default()).await?;
        Ok(Provider::new(connection, client, secret.clone(), self.store.token_fingerprint(secret).await?)?)
    }

    /// Opens the link of a sync.
    pub(crate) async fn link(&self, sync: &SyncConfig) -> Result<Link, Error> {
        let connection = self.connection(sync.connection_id.as_str()).await?;
        let secret = self.store.open_token(&connection).await?;
        let meter = Arc::<Meter>::default();
        let client = self.client_for(&connection, &meter).await?;
        let fingerprint = self.store.token_fingerprint(&secret).await?;
        let provider = Provider::new(&connection, client.clone(), secret, fingerprint)?;
        Ok(Link { connection, provider, client, meter })
    }
}
