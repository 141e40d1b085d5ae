//! Commits, made with all dates given so that a repetition makes the same one.

use coregit_http::{Cost, HttpError, Request, Retry};
use coregit_model::{Oid, RemoteRepo};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Github, oid_of, same};
use crate::{NewCommit, Person, RemoteCommit};

#[derive(Deserialize)]
struct Answer {
    sha: String,
    tree: Named,
    parents: Vec<Named>,
    message: String,
}

#[derive(Deserialize)]
struct Named {
    sha: String,
}

impl Answer {
    fn read(self) -> Result<RemoteCommit, HttpError> {
        Ok(RemoteCommit {
            oid: oid_of(&self.sha)?,
            tree: oid_of(&self.tree.sha)?,
            parents: self.parents.iter().map(|parent| oid_of(&parent.sha)).collect::<Result<_, _>>()?,
            message: self.message,
        })
    }
}

impl Github {
    pub(crate) async fn put_commit(&self, remote: &RemoteRepo, commit: &NewCommit) -> Result<Oid, HttpError> {
        let url = self.repo_url(remote, "/git/commits")?;
        let body = json!({
            "message": commit.message,
            "tree": commit.tree.to_string(),
            "parents": commit.parents.iter().map(Oid::to_string).collect::<Vec<_>>(),
            "author": said(&commit.author)?,
            "committer": said(&commit.committer)?,
        });
        let request = || Request::post(&url).json(&body).cost(Cost::CONTENT).retry(Retry::Idempotent);
        let reply = self.despite_lag(async || self.call(Some(remote), request).await).await?;
        let made = reply.json::<Answer>()?.read()?;
        same("commit's tree", made.tree, Some(&commit.tree))?;
        same("commit", made.oid, commit.expected.as_ref())
    }

    pub(crate) async fn commit(&self, remote: &RemoteRepo, oid: &Oid) -> Result<RemoteCommit, HttpError> {
        let url = self.repo_url(remote, &format!("/git/commits/{oid}"))?;
        let commit = self.call(Some(remote), || Request::get(&url)).await?.json::<Answer>()?.read()?;
        same("commit", commit.oid, Some(oid))?;
        Ok(commit)
    }
}

fn said(person: &Person) -> Result<Value, HttpError> {
    Ok(json!({ "name": person.name, "email": person.email, "date": person.date()? }))
}
