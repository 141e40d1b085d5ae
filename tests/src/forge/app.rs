//! GitHub Apps and their installations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A GitHub App.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct App {
    /// The numeric id; 0 is replaced by a fresh one. A JWT's `iss` is this or `client_id`.
    pub id: u64,
    /// The client id; empty is replaced by `Iv1.<id>`.
    pub client_id: String,
    /// The slug; installation tokens act as `<slug>[bot]`.
    pub slug: String,
    /// Its RSA public key, PEM (`PUBLIC KEY` or `RSA PUBLIC KEY`).
    pub public_key: String,
    /// What it was granted, such as `contents: write`.
    pub permissions: BTreeMap<String, String>,
    /// Where it is installed.
    pub installations: Vec<Installation>,
}

/// The private key of `App::new`, as GitHub hands one out (PKCS#1). Made for these tests, known to everybody.
pub const APP_PRIVATE_KEY: &str = include_str!("../../fixtures/app/private.pem");

impl App {
    /// An App with `APP_PRIVATE_KEY`, that may write contents and hooks, not installed anywhere.
    pub fn new(slug: &str) -> Self {
        let granted = [("contents", "write"), ("metadata", "read"), ("repository_hooks", "write")];
        let permissions = granted.iter().map(|(n, l)| ((*n).to_owned(), (*l).to_owned())).collect();
        let public_key = include_str!("../../fixtures/app/public.pem").to_owned();
        Self { slug: slug.to_owned(), public_key, permissions, ..Self::default() }
    }

    /// Installs it on an account, for all its repositories.
    pub fn installed_on(mut self, account: &str) -> Self {
        self.installations.push(Installation { account: account.to_owned(), ..Installation::default() });
        self
    }
}

/// One installation of an App.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Installation {
    /// The numeric id; 0 is replaced by a fresh one.
    pub id: u64,
    /// The account that installed it.
    pub account: String,
    /// The repositories (`owner/name`) chosen; `None` is all of the account.
    pub repositories: Option<Vec<String>>,
    /// Suspended: mints no tokens.
    pub suspended: bool,
}
