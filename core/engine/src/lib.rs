//! Every decision of coregit: one method per use case, called by the doors.
//!
//! The doors parse and print; git, hosts and records are touched through the crates below.

mod connections;
mod credentials;
mod doctor;
mod error;
mod export;
mod failpoint;
mod home;
mod hooks;
mod intake;
mod keys;
mod link;
mod process;
mod repos;
mod run;
mod service;
mod settings;
mod status;
mod syncs;
mod verify;
mod worker;

use std::collections::BTreeSet;
use std::sync::Mutex;

use tokio::sync::OnceCell;

pub use connections::{AppInstallation, NewConnection, SyncRights, TestReport};
pub use credentials::GitLogin;
pub use doctor::{Finding, Level};
pub use error::{Error, ErrorKind};
pub use failpoint::fail_point;
pub use home::Home;
pub use hooks::{HookState, HooksReport, Shared};
pub use keys::{InitReport, KeyringReport, problems};
pub use run::{DryRun, Outcome};
pub use service::ServiceReport;
pub use settings::{Setting, Settings, parse_duration};
pub use status::SyncStatus;
pub use syncs::{SyncChange, SyncMade};
pub use verify::{Difference, Verified};
pub use worker::WorkerOptions;

/// coregit with an open home.
pub struct Engine {
    home: Home,
    settings: Settings,
    store: coregit_store::Store,
    http: OnceCell<coregit_http::Client>,
    /// Tokens, by fingerprint, whose budgets were read from the records.
    restored: Mutex<BTreeSet<String>>,
}

impl Engine {
    /// Opens a home that `coregit init` made.
    pub async fn open(home: Home) -> Result<Self, Error> {
        if !home.exists() {
            return Err(Error::failed(format!("{} is not a home of coregit yet", home.path().display()))
                .hint("`coregit init` makes one"));
        }
        let settings = Settings::load(&home)?;
        let store = coregit_store::Store::open(home.path()).await?;
        Ok(Self { home, settings, store, http: OnceCell::new(), restored: Mutex::default() })
    }

    /// The home.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}
