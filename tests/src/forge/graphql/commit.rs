//! `createCommitOnBranch`: files put and removed in one commit on a branch that must stand where one says.

use gix::objs::Kind;
use gix::objs::tree::EntryKind;
use serde_json::{Value, json};

use super::super::commits::{Commit, Signature};
use super::super::judge::RefChange;
use super::super::objects::{Objects, Put};
use super::super::rest::decoded;
use super::super::rest::shapes::node_id;
use super::super::world::Repo;
use super::{Asked, Resolved, Trouble, trouble};

impl Asked {
    /// `createCommitOnBranch(input: {branch, expectedHeadOid, message, fileChanges, clientMutationId?})`
    pub(super) fn create_commit(&self, input: &Value) -> Resolved {
        let (repo, branch) = self.branch(&input["branch"])?;
        let name = format!("refs/heads/{branch}");
        let words = format!("No branch named '{branch}'");
        let head = self.shared.bare(&repo).find_ref(&name).ok_or_else(|| trouble("NOT_FOUND", words))?;
        if input["expectedHeadOid"].as_str() != Some(&head) {
            let expected = input["expectedHeadOid"].as_str().unwrap_or("");
            let words =
                format!("Expected branch to point to \"{expected}\" but it did not. Pull and try again.");
            return Err(trouble("STALE_DATA", words));
        }
        let objects = Objects(self.shared.bare(&repo).open());
        let tree = tree(&objects, &head, &input["fileChanges"])?;
        let commit = self.commit(tree, &head, message(&input["message"])?);
        let oid = objects.write(Kind::Commit, &commit.raw()).to_string();
        self.apply(&repo, &[RefChange { name, old: Some(head), new: Some(oid.clone()) }])?;
        let url = format!("{}/{}/commit/{oid}", self.shared.url, repo.full_name());
        Ok(json!({
            "__typename": "CreateCommitOnBranchPayload", "clientMutationId": input["clientMutationId"],
            "commit": {"oid": oid, "id": node_id("C", &oid), "url": url}, "ref": {"name": branch, "prefix": "refs/heads/"},
        }))
    }

    /// The repository and the short name of a branch, given by names.
    fn branch(&self, branch: &Value) -> Result<(Repo, String), Trouble> {
        let full_name = branch["repositoryNameWithOwner"].as_str().unwrap_or("");
        let (owner, name) = full_name.split_once('/').unwrap_or(("", ""));
        let found = self.shared.world().repo(owner, name).cloned();
        let short = branch["branchName"].as_str().unwrap_or("");
        let short = short.strip_prefix("refs/heads/").unwrap_or(short).to_owned();
        Ok((self.writable(found)?, short))
    }

    /// The caller's commit, as GitHub commits it.
    fn commit(&self, tree: String, parent: &str, message: String) -> Commit {
        let login = self.caller.login();
        let author = Signature {
            name: login.to_owned(),
            email: format!("{login}@users.noreply.github.com"),
            seconds: self.shared.clock.now(),
            offset: "+0000".to_owned(),
        };
        let (name, email) = ("GitHub".to_owned(), "noreply@github.com".to_owned());
        let committer = Signature { name, email, ..author.clone() };
        Commit { tree, parents: vec![parent.to_owned()], author, committer, signature: None, message }
    }
}

fn message(message: &Value) -> Result<String, Trouble> {
    let headline = message["headline"].as_str().filter(|h| !h.is_empty());
    let headline =
        headline.ok_or_else(|| trouble("UNPROCESSABLE", "A commit message headline is required"))?;
    match message["body"].as_str().filter(|b| !b.is_empty()) {
        Some(body) => Ok(format!("{headline}\n\n{body}")),
        None => Ok(headline.to_owned()),
    }
}

/// The head's tree with the changes; every file put becomes a plain one.
fn tree(objects: &Objects, head: &str, changes: &Value) -> Result<String, Trouble> {
    let list = |name: &str| changes[name].as_array().cloned().unwrap_or_default();
    let (additions, deletions) = (list("additions"), list("deletions"));
    let mut puts: Vec<(Vec<&str>, Put)> = Vec::new();
    for change in &deletions {
        puts.push((parts(change)?, Put::Nothing));
    }
    for change in &additions {
        let content = change["contents"].as_str().and_then(decoded);
        let content = content.ok_or_else(|| trouble("UNPROCESSABLE", "contents is not valid Base64"))?;
        puts.push((parts(change)?, Put::Entry(EntryKind::Blob, objects.write(Kind::Blob, &content))));
    }
    let mut paths: Vec<&Vec<&str>> = puts.iter().map(|(path, _)| path).collect();
    paths.sort();
    if paths.windows(2).any(|w| w[0] == w[1]) {
        return Err(trouble("UNPROCESSABLE", "A path was requested for more than one change"));
    }
    let absent = |path: String| {
        trouble("UNPROCESSABLE", format!("A path was requested for deletion which does not exist: {path}"))
    };
    let tree = objects.edit(objects.tree_of(head), &puts).map_err(|missing| absent(missing.0))?;
    Ok(tree.unwrap_or_else(|| objects.write(Kind::Tree, b"")).to_string())
}

fn parts(change: &Value) -> Result<Vec<&str>, Trouble> {
    let path = change["path"].as_str().unwrap_or("");
    match path.split('/').any(super::super::rest::malformed) {
        true => Err(trouble("UNPROCESSABLE", format!("A path was requested which is malformed: {path}"))),
        false => Ok(path.split('/').collect()),
    }
}
