//! Trees: made in calls that the host can bear, chained by `base_tree`; and read
//! (`facts/providers.md`, 2.4 and 2.7).

use coregit_http::{Cost, HttpError, Request, Retry};
use coregit_model::{ErrorClass, Oid, RemoteRepo};
use serde::Deserialize;

use super::batch::{Batches, Line};
use super::{Github, oid_of, same};
use crate::{Content, NewTree, RemoteEntry, RemoteTree};

#[derive(Deserialize)]
struct Answer {
    sha: String,
    #[serde(default)]
    tree: Vec<Entry>,
    #[serde(default)]
    truncated: bool,
}

#[derive(Deserialize)]
struct Entry {
    path: String,
    mode: String,
    sha: String,
}

/// The tree that the next call changes.
struct Base {
    oid: Option<Oid>,
    /// The call refers to something made moments ago, which not every replica may know yet.
    is_young: bool,
}

impl Github {
    pub(crate) async fn put_tree(&self, remote: &RemoteRepo, new: NewTree) -> Result<Oid, HttpError> {
        let (base, expected) = (new.base, new.expected);
        let mut batches = self.batches(remote, new).await?;
        let mut tree = Base { oid: base, is_young: batches.has_blobs() };
        while let Some(lines) = batches.next() {
            match self.put_batch(remote, &tree, lines).await {
                Ok(oid) => {
                    batches.done();
                    tree = Base { oid: Some(oid), is_young: true };
                }
                Err(error) if asks_for_less(&error) && batches.halve() => {}
                Err(error) => return Err(self.explained(remote, &batches, error).await),
            }
        }
        let none = || HttpError::unsent("a tree without entries cannot be made through the API");
        same("tree", tree.oid.ok_or_else(none)?, expected.as_ref())
    }

    /// GitHub hides workflow files from tokens without their scope: to those, writing one is a 404.
    async fn explained(&self, remote: &RemoteRepo, batches: &Batches, error: HttpError) -> HttpError {
        let hidden = error.class() == ErrorClass::NotFound && batches.touches(".github/workflows/");
        if !hidden || self.repository(remote).await.is_err() {
            return error;
        }
        error
            .with_class(ErrorClass::Scope)
            .with_message("the token may not change .github/workflows")
            .with_hint("the token needs the scope `workflow` (or the permission `workflows: write`)")
    }

    /// The entries as lines of JSON, with what they cannot carry along uploaded before.
    async fn batches(
        &self,
        remote: &RemoteRepo,
        NewTree { base, mut entries, .. }: NewTree,
    ) -> Result<Batches, HttpError> {
        if base.is_none() {
            entries.retain(|entry| entry.content != Content::Deleted);
        }
        let lines = entries.iter().map(Line::of).collect::<Result<Vec<_>, _>>()?;
        let mut alone = Vec::new();
        for (entry, line) in entries.into_iter().zip(&lines) {
            match entry.content {
                Content::Bytes(raw, oid) if !line.is_inline => alone.push((oid, raw)),
                _ => {}
            }
        }
        self.put_blobs(remote, alone).await?;
        Ok(Batches::new(lines))
    }

    /// One call. A batch of several lines is not sent again as it is when the host fails over it: a
    /// smaller one may pass.
    async fn put_batch(&self, remote: &RemoteRepo, base: &Base, lines: &[Line]) -> Result<Oid, HttpError> {
        let url = self.repo_url(remote, "/git/trees")?;
        let body = bytes::Bytes::from(Line::body(base.oid.as_ref().filter(|oid| !is_empty_tree(oid)), lines));
        let retry = if lines.len() > 1 { Retry::IfNoEffect } else { Retry::Idempotent };
        let request = || {
            let typed = Request::post(&url).header("content-type", "application/json");
            typed.bytes(body.clone()).cost(Cost::WRITE).retry(retry)
        };
        let call = async || self.call(Some(remote), request).await;
        let reply = if base.is_young { self.despite_lag(call).await? } else { call().await? };
        oid_of(&reply.json::<Answer>()?.sha)
    }

    pub(crate) async fn tree(&self, remote: &RemoteRepo, oid: &Oid) -> Result<RemoteTree, HttpError> {
        self.read_tree(remote, oid, "").await
    }

    async fn read_tree(&self, remote: &RemoteRepo, oid: &Oid, query: &str) -> Result<RemoteTree, HttpError> {
        let url = self.repo_url(remote, &format!("/git/trees/{oid}{query}"))?;
        let answer: Answer = self.call(Some(remote), || Request::get(&url)).await?.json()?;
        let entry = |entry: Entry| {
            let mode = u32::from_str_radix(&entry.mode, 8);
            let mode = mode.map_err(|_| HttpError::invalid("the host answered a mode that is none"))?;
            Ok(RemoteEntry { path: entry.path, mode, oid: oid_of(&entry.sha)? })
        };
        let entries = answer.tree.into_iter().map(entry).collect::<Result<_, HttpError>>()?;
        // A commit may be asked for by its own id and answers with its tree's.
        Ok(RemoteTree { oid: oid_of(&answer.sha)?, entries, truncated: answer.truncated })
    }

    /// All files below a tree: in one call, or level by level where that is cut short.
    pub(crate) async fn whole_tree(
        &self,
        remote: &RemoteRepo,
        oid: &Oid,
        most: usize,
    ) -> Result<Vec<RemoteEntry>, HttpError> {
        let whole = self.read_tree(remote, oid, "?recursive=1").await?;
        let mut files = Vec::new();
        if !whole.truncated {
            files.extend(whole.entries.into_iter().filter(|entry| !entry.is_tree()));
            return within(most, files);
        }
        let mut open = vec![(String::new(), *oid)];
        while let Some((prefix, oid)) = open.pop() {
            let level = self.tree(remote, &oid).await?;
            if level.truncated {
                return Err(HttpError::invalid(format!("the host left out entries of the tree {oid}")));
            }
            for mut entry in level.entries {
                entry.path.insert_str(0, &prefix);
                match entry.is_tree() {
                    true => open.push((format!("{}/", entry.path), entry.oid)),
                    false => files.push(entry),
                }
            }
            files = within(most, files)?;
        }
        Ok(files)
    }
}

fn within(most: usize, files: Vec<RemoteEntry>) -> Result<Vec<RemoteEntry>, HttpError> {
    match files.len() <= most {
        true => Ok(files),
        false => Err(HttpError::invalid(format!("the tree holds more than {most} files"))
            .with_class(ErrorClass::TooLarge)),
    }
}

/// A tree without entries is no object that could be built upon, and needs not be.
fn is_empty_tree(oid: &Oid) -> bool {
    oid.to_string() == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
}

/// Whether the host may have failed over the size of a call.
fn asks_for_less(error: &HttpError) -> bool {
    match error.class() {
        ErrorClass::TooLarge => true,
        ErrorClass::Transient => {
            matches!(error.status(), None | Some(500 | 502..=504)) && error.wait().is_none()
        }
        _ => false,
    }
}
