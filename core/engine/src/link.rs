//! An open link to one remote repository: its provider, its git address and what the talk with it costs.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

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
            Some(file) => {
                Client::new(&coregit_http::Settings { ca_file: Some(file.into()), ..self.settings.http() })?
            }
        };
        Ok(client.metered(meter.clone()))
    }

    /// The provider's API with this secret, outside of any run.
    pub(crate) async fn provider_for(
        &self,
        connection: &Connection,
        secret: &Secret,
    ) -> Result<Provider, Error> {
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
        let provider = Provider::new(&connection, client.clone(), secret, fingerprint.clone())?;
        self.restore_budgets(&client, &provider, &fingerprint).await?;
        Ok(Link { connection, provider, client, meter })
    }

    /// What other processes spent of this token's budgets, read once in each process.
    async fn restore_budgets(&self, client: &Client, provider: &Provider, token: &str) -> Result<(), Error> {
        if !self.restored.lock().unwrap_or_else(PoisonError::into_inner).insert(token.to_owned()) {
            return Ok(());
        }
        let hosts: BTreeSet<_> = provider.addresses().origins().into_iter().collect();
        for host in hosts {
            let Some(state) = self.store.budget(&host.to_string(), token).await? else { continue };
            match serde_json::from_str(&state.json) {
                Ok(record) => client.budgets().restore(vec![record]),
                Err(error) => tracing::debug!(%error, "a budget of another version is left alone"),
            }
        }
        Ok(())
    }

    /// Keeps what this process spent for the next one. Hosts that count nothing cost nothing here.
    pub(crate) async fn keep_budgets(&self) -> Result<(), Error> {
        let Some(client) = self.http.get() else { return Ok(()) };
        for record in client.budgets().snapshot() {
            let json = serde_json::to_string(&record).map_err(|e| Error::failed(e.to_string()))?;
            self.store.put_budget(&record.host, &record.fingerprint, &json).await?;
        }
        Ok(())
    }
}
