//! `init` and the keyring: who can open what is sealed.

use coregit_model::Secret;
use coregit_store::{Recipient, Store};

pub use coregit_store::KeyringReport;

use crate::{Engine, Error, Home};

/// What `coregit init` made or found.
#[derive(Debug, serde::Serialize)]
pub struct InitReport {
    /// The home folder.
    pub home: String,
    /// The identity file; `None` when COREGIT_IDENTITY names another.
    pub identity: Option<String>,
    /// Whether this call made it; `false`: everything was there already.
    pub created: bool,
    /// Who can open the keyring.
    pub recipients: Vec<String>,
}

impl Engine {
    /// Makes the home, an identity, the keyring and the records; what is there already stays.
    pub async fn init(home: Home, recipients: &[String]) -> Result<InitReport, Error> {
        let parsed = recipients.iter().map(|r| parse(r)).collect::<Result<Vec<_>, _>>()?;
        let created = !home.exists();
        let store = match created {
            true => Store::create(home.path(), &parsed).await?,
            false => Store::open(home.path()).await?,
        };
        if !created {
            for recipient in &parsed {
                store.add_recipient(recipient).await?;
            }
        }
        let identity = home.path().join("identity.txt");
        Ok(InitReport {
            home: home.path().display().to_string(),
            identity: identity.exists().then(|| identity.display().to_string()),
            created,
            recipients: store.recipients().await?,
        })
    }

    /// Seals everything again under a new key, while syncs run.
    pub async fn rotate_keyring(&self) -> Result<KeyringReport, Error> {
        Ok(self.store.rotate().await?)
    }

    /// Opens every key and every sealed field.
    pub async fn check_keyring(&self) -> Result<KeyringReport, Error> {
        Ok(self.store.check_keyring().await?)
    }

    /// Opens a passphrase-protected identity for as long as this process lives. Only what stays up does so: it
    /// costs seconds and up to a gigabyte. `ask` is called only where a passphrase is needed.
    pub fn unlock(&self, ask: &mut dyn FnMut(&str) -> Option<Secret>) -> Result<(), Error> {
        match self.store.needs_passphrase()? {
            true => Ok(self.store.unlock(ask)?),
            false => Ok(()),
        }
    }

    /// Who can open the keyring.
    pub async fn recipients(&self) -> Result<Vec<String>, Error> {
        Ok(self.store.recipients().await?)
    }

    /// Lets another key open the keyring.
    pub async fn add_recipient(&self, recipient: &str) -> Result<(), Error> {
        Ok(self.store.add_recipient(&parse(recipient)?).await?)
    }

    /// Lets a key open it no longer. The last one cannot be removed.
    pub async fn remove_recipient(&self, recipient: &str) -> Result<(), Error> {
        Ok(self.store.remove_recipient(&parse(recipient)?).await?)
    }

    /// The keys as an armored age file that stock `age` opens.
    pub async fn export_keyring(&self) -> Result<String, Error> {
        Ok(self.store.export_keyring().await?)
    }

    /// Writes a file that only its owner can read.
    pub fn write_private_file(&self, file: &std::path::Path, content: &[u8]) -> Result<(), Error> {
        Ok(coregit_spool::write_atomic(file, content, 0o600)?)
    }
}

/// What is wrong with keys and sealed fields, each in a sentence.
pub fn problems(report: &KeyringReport) -> Vec<String> {
    let keys = report.keys.iter().filter_map(|k| Some(format!("key {}: {}", k.id, k.problem.as_ref()?)));
    let field = |f: &coregit_store::FieldReport| {
        Some(format!("{} of {} {}: {}", f.column, f.table, f.row_id, f.problem.as_ref()?))
    };
    keys.chain(report.fields.iter().filter_map(field)).collect()
}

fn parse(text: &str) -> Result<Recipient, Error> {
    text.parse().map_err(|_| {
        Error::usage(format!("{:?} is no age or SSH public key", coregit_model::printable(text)))
            .hint("expected age1…, ssh-ed25519 … or ssh-rsa …")
    })
}
