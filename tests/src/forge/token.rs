//! Tokens: their kinds, and what each may do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The kinds of token that GitHub issues; each has its prefix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// `ghp_`, with scopes.
    #[default]
    Classic,
    /// `github_pat_`, with permissions and a list of repositories.
    FineGrained,
    /// `gho_`, with scopes.
    Oauth,
    /// `ghu_`, a user through an App.
    AppUser,
    /// `ghs_`, an App's installation.
    Installation,
}

impl TokenKind {
    /// The prefix of such tokens.
    pub fn prefix(self) -> &'static str {
        match self {
            TokenKind::Classic => "ghp_",
            TokenKind::FineGrained => "github_pat_",
            TokenKind::Oauth => "gho_",
            TokenKind::AppUser => "ghu_",
            TokenKind::Installation => "ghs_",
        }
    }

    /// Whether scopes, not permissions, say what such a token may do.
    pub fn has_scopes(self) -> bool {
        matches!(self, TokenKind::Classic | TokenKind::Oauth)
    }

    /// What GitHub calls it in refusals of workflow files.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            TokenKind::Classic | TokenKind::FineGrained => "a Personal Access Token",
            TokenKind::Oauth => "an OAuth App",
            TokenKind::AppUser | TokenKind::Installation => "a GitHub App",
        }
    }
}

/// A token and what it may do.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Token {
    /// The token itself; empty is replaced by a fresh one with the kind's prefix.
    pub value: String,
    /// What the request log calls it; empty is replaced by `<kind>-<n>`.
    pub label: String,
    /// Its kind.
    pub kind: TokenKind,
    /// Whose it is; for installations `<app slug>[bot]`.
    pub login: String,
    /// Scopes of classic and OAuth tokens.
    pub scopes: Vec<String>,
    /// Permissions of the others, such as `contents: write`.
    pub permissions: BTreeMap<String, String>,
    /// The repositories (`owner/name`) that it reaches; `None` is all.
    pub repositories: Option<Vec<String>>,
    /// When it dies, seconds since the epoch on the forge's clock.
    pub expires: Option<i64>,
    /// Revoked: answers as an unknown token does.
    pub revoked: bool,
    /// Authorised for single sign-on.
    pub sso: bool,
    /// The installation that it belongs to.
    pub installation: Option<u64>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("label", &self.label)
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}

impl Token {
    /// A classic token with the scopes `repo`, `workflow` and `admin:repo_hook`.
    pub fn classic(login: &str) -> Self {
        Self { login: login.to_owned(), ..Self::default() }.scopes(&["repo", "workflow", "admin:repo_hook"])
    }

    /// A fine-grained token for all repositories, with `metadata: read` only; add permissions.
    pub fn fine_grained(login: &str) -> Self {
        Self { kind: TokenKind::FineGrained, login: login.to_owned(), ..Self::default() }
            .permission("metadata", "read")
    }

    /// An OAuth token with the scope `repo`.
    pub fn oauth(login: &str) -> Self {
        Self { kind: TokenKind::Oauth, ..Self::classic(login) }.scopes(&["repo"])
    }

    /// Replaces the scopes.
    pub fn scopes(mut self, scopes: &[&str]) -> Self {
        self.scopes = scopes.iter().map(|s| (*s).to_owned()).collect();
        self
    }

    /// Adds or replaces one permission: `read`, `write` or `admin`.
    pub fn permission(mut self, name: &str, level: &str) -> Self {
        self.permissions.insert(name.to_owned(), level.to_owned());
        self
    }

    /// Limits the token to these repositories.
    pub fn only(mut self, repositories: &[&str]) -> Self {
        self.repositories = Some(repositories.iter().map(|s| (*s).to_owned()).collect());
        self
    }

    /// Sets the value, for tests that look for it afterwards.
    pub fn value(mut self, value: &str) -> Self {
        self.value = value.to_owned();
        self
    }

    /// Sets the name in the request log.
    pub fn label(mut self, label: &str) -> Self {
        self.label = label.to_owned();
        self
    }
}

/// A token nobody has, long enough to be searched for.
pub(super) fn fresh_token(kind: TokenKind) -> String {
    let mut raw = [0; 18];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut raw)
        .expect("the system has random bytes");
    let hex: String = raw.iter().map(|b| format!("{b:02x}")).collect();
    format!("{}{hex}", kind.prefix())
}
