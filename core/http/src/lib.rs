//! The one HTTP client: TLS, proxy and timeouts, credentials bound to their origins, classified answers,
//! retries, one budget per host and token. It knows no provider's routes and nothing of git.

mod address;
mod body;
mod breaker;
mod budget;
mod classify;
mod client;
mod connect;
mod credential;
mod error;
mod meter;
mod paging;
mod redact;
mod refusal;
mod request;
mod response;
mod retry;
mod settings;
mod transport;
mod window;

pub use address::Reach;
pub use breaker::Breakers;
pub use budget::{BudgetRecord, Budgets, Rates};
pub use classify::class_of_words;
pub use client::Client;
pub use credential::Credential;
pub use error::{Effect, HttpError};
pub use meter::{Counted, Meter};
pub use paging::next_link;
pub use redact::redact;
pub use request::{Body, Cost, OnceStream, Request, Retry};
pub use reqwest::Method;
pub use response::{BodyStream, Head, Reply, Response};
pub use settings::{Settings, Trust};
