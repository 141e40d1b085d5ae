//! Connections: a provider, a label and the (sealed, elsewhere) token for one origin.

use serde::{Deserialize, Serialize};

use crate::{Origin, Timestamp, WordError};

crate::ids::id!(ConnectionId, "conn_", "A connection.");

/// Which API a host speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// github.com or GitHub Enterprise.
    Github,
}

impl ProviderKind {
    /// The word that records and options use.
    pub fn as_str(self) -> &'static str {
        match self {
            ProviderKind::Github => "github",
        }
    }

    /// The provider's own name, for messages.
    pub fn title(self) -> &'static str {
        match self {
            ProviderKind::Github => "GitHub",
        }
    }
}

impl std::str::FromStr for ProviderKind {
    type Err = WordError;
    fn from_str(text: &str) -> Result<Self, WordError> {
        match text {
            "github" => Ok(ProviderKind::Github),
            _ => Err(WordError { word: crate::printable(text), expected: "github" }),
        }
    }
}

/// What kind of token a connection holds, as far as it can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// A classic personal access token (or an older opaque one).
    Classic,
    /// A fine-grained personal access token.
    FineGrained,
    /// An OAuth app's token.
    Oauth,
    /// A GitHub App acting for a user.
    AppUser,
    /// A ready-made installation token.
    Installation,
    /// A GitHub App's private key: installation tokens are minted from it.
    App,
}

impl TokenKind {
    /// The word that records use.
    pub fn as_str(self) -> &'static str {
        match self {
            TokenKind::Classic => "classic",
            TokenKind::FineGrained => "fine_grained",
            TokenKind::Oauth => "oauth",
            TokenKind::AppUser => "app_user",
            TokenKind::Installation => "installation",
            TokenKind::App => "app",
        }
    }
}

impl std::str::FromStr for TokenKind {
    type Err = WordError;
    fn from_str(text: &str) -> Result<Self, WordError> {
        use TokenKind::*;
        [Classic, FineGrained, Oauth, AppUser, Installation, App]
            .into_iter()
            .find(|k| k.as_str() == text)
            .ok_or(WordError { word: crate::printable(text), expected: "a kind of token" })
    }
}

/// A connection as it may be shown: everything but its token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// The API that its host speaks.
    pub provider: ProviderKind,
    /// How users call it.
    pub label: String,
    /// The login that the token belongs to (`slug[bot]` for an App).
    pub external_username: String,
    /// The base address of a self-hosted provider; `None` for the public one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The origin that the token is sealed for: that of the git host.
    pub origin: Origin,
    /// The kind of token.
    pub token_kind: TokenKind,
    /// What the token may do, as the provider said it; empty where it does not say.
    pub scopes: Vec<String>,
    /// When the token ends, where the provider says so.
    pub token_expires_at: Option<Timestamp>,
    /// The App's id (or client id), for [`TokenKind::App`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,
    /// The App's installation, for [`TokenKind::App`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installation_id: Option<u64>,
    /// A file of certificate authorities to trust besides the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// When a sync through it last succeeded.
    pub last_synced_at: Option<Timestamp>,
    /// Since when the provider has refused the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invalid_since: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
