//! What a client is made with.

use std::path::PathBuf;
use std::time::Duration;

use crate::{Breakers, Budgets, Reach};

/// Whose word for a host's certificate is taken when a file of authorities is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// The system's authorities, and those of the file.
    #[default]
    SystemToo,
    /// The file's alone, as git's `http.sslCAInfo` means it.
    FileAlone,
}

/// Everything that shapes a [`Client`](crate::Client). `Settings::default()` is right for the public hosts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A PEM file of certificate authorities to trust. Read at the first TLS request.
    pub ca_file: Option<PathBuf>,
    /// Whether that file stands beside the system's authorities or in their place.
    pub trust: Trust,
    /// The proxy for everything, loopback too. Without it the environment decides (`HTTPS_PROXY`,
    /// `NO_PROXY` …) and loopback is spoken to directly.
    pub proxy: Option<String>,
    /// How long a connection may take to open, name look-up and TLS included; 10 s.
    pub connect_timeout: Duration,
    /// How long nothing at all may move, either way, before the host counts as dead; 120 s. There is no
    /// limit for a whole request.
    pub idle_timeout: Duration,
    /// The longest wait, for a limit or between tries, that [`Client::send`](crate::Client::send) sits
    /// out itself; 60 s. A longer one is an error that names the wait.
    pub patience: Duration,
    /// Sent as `User-Agent`.
    pub user_agent: String,
    /// Which addresses may be connected to.
    pub reach: Reach,
    /// The budgets that the client spends; those of the process by default.
    pub budgets: Budgets,
    /// What is known of failing hosts; that of the process by default.
    pub breakers: Breakers,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ca_file: None,
            trust: Trust::default(),
            proxy: None,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(120),
            patience: Duration::from_secs(60),
            user_agent: concat!("coregit/", env!("CARGO_PKG_VERSION")).to_owned(),
            reach: Reach::default(),
            budgets: Budgets::process(),
            breakers: Breakers::process(),
        }
    }
}
