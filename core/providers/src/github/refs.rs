//! Refs: where they stand, and moving them by compare-and-swap (`facts/providers.md`, 2.6).
//!
//! `PATCH git/refs` only proves ancestry, so moves go through GraphQL's `updateRefs`, which compares.

use coregit_http::{Effect, HttpError, Request};
use coregit_model::{ErrorClass, Oid, RefName, RefUpdate, RemoteRepo};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Github, oid_of, path_of};

const UPDATE_REFS: &str =
    "mutation($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }";

impl Github {
    pub(crate) async fn ref_oid(
        &self,
        remote: &RemoteRepo,
        name: &RefName,
    ) -> Result<Option<Oid>, HttpError> {
        #[derive(Deserialize)]
        struct Answer {
            object: Object,
        }
        #[derive(Deserialize)]
        struct Object {
            sha: String,
        }
        let short = name.as_bytes().strip_prefix(b"refs/").unwrap_or(name.as_bytes());
        let url = self.repo_url(remote, &format!("/git/ref/{}", path_of(short)))?;
        match self.call(Some(remote), || Request::get(&url)).await {
            Ok(reply) => Ok(Some(oid_of(&reply.json::<Answer>()?.object.sha)?)),
            Err(error) if is_empty(&error) => Ok(None),
            // Missing ref, missing repository or hidden one: all three answer 404.
            Err(error) if error.class() == ErrorClass::NotFound => {
                self.repository(remote).await?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn update_refs(
        &self,
        remote: &RemoteRepo,
        updates: &[RefUpdate],
        force: bool,
    ) -> Result<(), HttpError> {
        if updates.is_empty() {
            return Ok(());
        }
        let input = json!({
            "repositoryId": self.node_id(remote).await?,
            "refUpdates": updates.iter().map(|u| said(u, force)).collect::<Result<Vec<_>, _>>()?,
        });
        let variables = json!({ "input": input });
        let moved = self.despite_lag(async || {
            self.mutate::<Value>(remote, UPDATE_REFS, variables.clone()).await.map(drop)
        });
        match moved.await {
            Ok(()) => Ok(()),
            Err(error) => self.settled(remote, updates, error).await,
        }
    }

    /// What really became of a move that failed: looks where the refs stand.
    async fn settled(
        &self,
        remote: &RemoteRepo,
        updates: &[RefUpdate],
        error: HttpError,
    ) -> Result<(), HttpError> {
        let asked =
            matches!(error.class(), ErrorClass::Invalid | ErrorClass::Conflict | ErrorClass::Transient);
        if !asked || error.effect() == Effect::NotSent {
            return Err(error);
        }
        let mut done = true;
        for update in updates {
            let Ok(stands) = self.ref_oid(remote, &update.name).await else { return Err(error) };
            let stands = stands.unwrap_or_else(|| Oid::zero(update.new.format()));
            if stands != update.new && stands != update.expected {
                return Err(elsewhere(update, &stands, error));
            }
            done &= stands == update.new;
        }
        if done { Ok(()) } else { Err(error) }
    }
}

/// One update as GraphQL takes it.
fn said(update: &RefUpdate, force: bool) -> Result<Value, HttpError> {
    let name = update.name.as_utf8();
    let name =
        name.ok_or_else(|| HttpError::unsent(format!("the name {} cannot be said in JSON", update.name)))?;
    Ok(json!({
        "name": name,
        "beforeOid": update.expected.to_string(),
        "afterOid": update.new.to_string(),
        "force": force,
    }))
}

fn elsewhere(update: &RefUpdate, stands: &Oid, error: HttpError) -> HttpError {
    let text = match stands.is_zero() {
        true => format!("{} is gone there", update.name.short()),
        false => format!("{} was moved there to {}", update.name.short(), stands.short()),
    };
    error.with_class(ErrorClass::Conflict).with_effect(Effect::Refused).with_message(text)
}

/// Whether a refusal means that the repository has no commit yet.
pub(super) fn is_empty(error: &HttpError) -> bool {
    error.status() == Some(409) && error.message().contains("Git Repository is empty")
}
