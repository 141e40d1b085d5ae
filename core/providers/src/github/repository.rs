//! What GitHub says of a repository, renames included.

use coregit_http::{Head, HttpError, Request};
use coregit_model::{BranchName, ErrorClass, Origin, RemoteRepo};
use serde::Deserialize;

use super::{Github, path_of};
use crate::{Repository, Rule};

/// A rename leads to the new name in one step; a few are allowed for renames of renames.
const MOST_MOVES: usize = 3;

#[derive(Deserialize)]
struct Answer {
    id: u64,
    node_id: String,
    full_name: String,
    private: bool,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    disabled: bool,
    default_branch: Option<String>,
    #[serde(default)]
    size: u64,
    permissions: Option<Permissions>,
}

#[derive(Clone, Copy, Deserialize)]
struct Permissions {
    pull: Option<bool>,
    push: Option<bool>,
    admin: Option<bool>,
}

impl Github {
    pub(crate) async fn repository(&self, remote: &RemoteRepo) -> Result<Repository, HttpError> {
        Ok(self.look_at(remote).await?.0)
    }

    /// The repository, and the headers that tell the token's scopes.
    pub(super) async fn look_at(&self, remote: &RemoteRepo) -> Result<(Repository, Head), HttpError> {
        let mut url = self.repo_url(remote, "")?;
        for _ in 0..=MOST_MOVES {
            match self.call(Some(remote), || Request::get(&url)).await {
                Ok(reply) => {
                    let repository = self.read(remote, reply.json()?)?;
                    return Ok((repository, reply.head));
                }
                Err(error) if error.class() == ErrorClass::Moved => url = self.followed(error)?,
                Err(error) => return Err(error),
            }
        }
        Err(HttpError::invalid(format!("the host sends requests for {remote} in a circle")))
    }

    /// Where a redirect leads, when that is the same API; nothing is sent elsewhere.
    fn followed(&self, error: HttpError) -> Result<String, HttpError> {
        let to = error.location().unwrap_or_default().to_owned();
        let same_api = Origin::parse(&to).is_ok_and(|(origin, _)| origin == *self.addresses.api_origin())
            && to.strip_prefix(self.addresses.rest()).is_some_and(|path| path.starts_with("/repo"));
        match same_api {
            true => Ok(to),
            false => Err(error.with_message(format!(
                "the host sends requests for this repository elsewhere, to {}; nothing was sent there",
                coregit_model::RedactedUrl::new(&to)
            ))),
        }
    }

    fn read(&self, asked: &RemoteRepo, answer: Answer) -> Result<Repository, HttpError> {
        let now = RemoteRepo::parse(&answer.full_name)
            .map_err(|_| HttpError::invalid("the host answered a name that no repository can have"))?;
        self.remember_node_id(asked, &answer.node_id);
        let renamed = !now.as_str().eq_ignore_ascii_case(asked.as_str());
        let branch = answer.default_branch.and_then(|name| BranchName::new(name).ok());
        let allowed = |pick: fn(Permissions) -> Option<bool>| answer.permissions.and_then(pick);
        Ok(Repository {
            id: answer.id,
            node_id: answer.node_id,
            full_name: answer.full_name,
            renamed_to: renamed.then_some(now),
            private: answer.private,
            archived: answer.archived,
            disabled: answer.disabled,
            default_branch: branch,
            size_kib: answer.size,
            pull: allowed(|p| p.pull),
            push: allowed(|p| p.push),
            admin: allowed(|p| p.admin),
        })
    }

    pub(crate) async fn rules(
        &self,
        remote: &RemoteRepo,
        branch: &BranchName,
    ) -> Result<Vec<Rule>, HttpError> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(rename = "type")]
            kind: String,
            ruleset_id: Option<u64>,
        }
        let url =
            self.repo_url(remote, &format!("/rules/branches/{}?per_page=100", path_of(branch.as_bytes())))?;
        let pair = self.source.pair(self, Some(remote)).await?;
        let rules: Vec<Answer> = self.client.list(super::dressed(Request::get(url), &pair.api), 1000).await?;
        let rule = |a: Answer| Rule { kind: coregit_model::printable(&a.kind), ruleset_id: a.ruleset_id };
        Ok(rules.into_iter().map(rule).collect())
    }

    /// GraphQL's id of a repository, asked for once.
    pub(super) async fn node_id(&self, remote: &RemoteRepo) -> Result<String, HttpError> {
        match self.node_id_of(remote) {
            Some(node_id) => Ok(node_id),
            None => Ok(self.repository(remote).await?.node_id),
        }
    }
}
