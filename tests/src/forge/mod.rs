//! A stateful stand-in for GitHub over real bare repositories: git over HTTP, REST, GraphQL, webhooks,
//! GitHub's rules and refusals, and faults as data. It follows GitHub's public documentation and OpenAPI
//! description; where those are silent, the code says what was assumed.
//!
//! ```
//! use coregit_tests::forge::{Effect, Fault, Forge, Options, Repo, Token};
//!
//! let forge = Forge::start(Options::default());
//! let token = forge.token(Token::classic("octocat").label("mine"));
//! forge.repo(Repo::new("octocat/app").private());
//! forge.fault(Fault::on("GET", "/api/v3/user", Effect::Delay(1)));
//!
//! // `git clone http://octocat:TOKEN@127.0.0.1:PORT/octocat/app.git` works now, and so does the API
//! // at `forge.api()` with `Authorization: Bearer TOKEN`.
//! assert!(forge.git_url("octocat/app").ends_with("/octocat/app.git"));
//! assert!(token.starts_with("ghp_"));
//! assert!(forge.bare("octocat/app").join("HEAD").exists());
//! assert!(forge.requests().is_empty() && forge.violations().is_empty());
//! ```

mod access;
mod app;
mod auth;
mod bare;
mod body;
mod cgi;
mod changes;
mod clock;
mod codeload;
mod commits;
mod control;
mod exchange;
mod fault;
mod front;
mod git_http;
mod graphql;
mod judge;
mod jwt;
mod lag;
mod limits;
mod log;
mod objects;
mod outgoing;
mod payload;
mod push;
mod refs;
mod reply;
mod report;
mod rest;
mod rules;
mod schema;
mod server;
mod shared;
mod start;
mod tls;
mod token;
mod webhook;
mod world;

pub use app::{APP_PRIVATE_KEY, App, Installation};
pub use fault::{Canned, Effect, Fault};
pub use lag::Lag;
pub use limits::Limits;
pub use log::{Request, Summary, summary};
pub use outgoing::{Answer, ask};
pub use rules::{Protection, Ruleset};
pub use start::{Forge, Options};
pub use token::{Token, TokenKind};
pub use webhook::Delivery;
pub use world::{Repo, Role, User};

use shared::Shared;

/// Lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
