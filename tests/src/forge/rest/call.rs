//! One call of the REST face, as the operations see it.

use std::sync::Arc;

use serde_json::Value;

use super::super::auth::Caller;
use super::super::bare::Bare;
use super::super::log::Entry;
use super::super::reply::{Reply, invalid};
use super::super::shared::Shared;
use super::super::world::Repo;

/// A call, let in.
pub(super) struct Call {
    pub(super) shared: Arc<Shared>,
    pub(super) caller: Caller,
    /// Its line in the request log.
    pub(super) entry: Arc<Entry>,
    /// The repository of the path; `door` puts it here before the operation runs.
    pub(super) repo: Option<Repo>,
    pub(super) params: Vec<(String, String)>,
    pub(super) query: Vec<(String, String)>,
    /// The JSON object of the body; empty without one.
    pub(super) body: Value,
    /// Bytes of the body.
    pub(super) bytes: usize,
    /// What the client accepts.
    pub(super) accept: String,
    /// The path and query as sent, for links.
    pub(super) target: String,
}

impl Call {
    /// A parameter of the path; empty when it has none of that name.
    pub(super) fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
    }

    /// A parameter of the query.
    pub(super) fn asked(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The repository of the path.
    pub(super) fn repo(&self) -> &Repo {
        self.repo.as_ref().expect("the operation's Needs name a repository")
    }

    /// Its bare repository.
    pub(super) fn bare(&self) -> Bare {
        self.shared.bare(self.repo())
    }

    /// `<base>/repos/<owner>/<name>`.
    pub(super) fn repo_url(&self) -> String {
        format!("{}/repos/{}", self.shared.api(), self.repo().full_name())
    }

    /// A text of the body; `None` when absent or null.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.body[name].as_str()
    }

    /// A text that must be there.
    pub(super) fn required(&self, resource: &str, name: &str) -> Result<&str, Reply> {
        self.text(name).ok_or_else(|| invalid(resource, name, "missing_field"))
    }

    /// A flag of the body.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.body[name].as_bool().unwrap_or(false)
    }
}
