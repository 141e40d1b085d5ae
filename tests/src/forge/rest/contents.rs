//! Files by their path: read, put, removed. The only way for the API to begin an empty repository.

use gix::ObjectId;
use gix::objs::Kind;
use gix::objs::tree::{EntryKind, EntryMode};
use serde_json::{Value, json};

use super::super::commits::Commit;
use super::super::judge::RefChange;
use super::super::objects::{Objects, Put};
use super::super::reply::{Outcome, Reply, not_found, raw, refuse, reply};
use super::call::Call;
use super::git_objects::{decoded, encoded, git_commit};
use super::git_refs::move_ref;
use super::git_trees::{malformed, may_touch};
use super::shapes::merged;

/// Above this the content is only given raw.
const MOST_INLINE: usize = 1024 * 1024;
/// Most entries of a directory.
const MOST_ENTRIES: usize = 1000;

/// `GET …/contents/{path}`
pub(super) fn get(call: &Call) -> Outcome {
    let path = call.param("path").trim_matches('/').to_owned();
    let name = call.asked("ref").unwrap_or(&call.repo().default_branch);
    let tip = call.commit_named(name).ok_or_else(|| absent_ref(call, name))?;
    let objects = call.objects();
    let tree = objects.tree_of(&tip).ok_or_else(not_found)?;
    let (mode, oid) = objects.at(tree, &path).ok_or_else(not_found)?;
    if mode.is_tree() {
        let entries = objects.tree(oid).into_iter().take(MOST_ENTRIES);
        let below =
            |name: &dyn std::fmt::Display| format!("{path}/{name}").trim_start_matches('/').to_owned();
        let list = entries.map(|e| item(call, &objects, (&below(&e.filename), e.mode, e.oid)));
        return Ok(reply(200, list.collect()));
    }
    let data = objects.read_as(&oid.to_string(), Kind::Blob).unwrap_or_default();
    if call.accept.contains(".raw") {
        return Ok(raw("application/vnd.github.raw+json; charset=utf-8", data));
    }
    let shown = item(call, &objects, (&path, mode, oid));
    Ok(reply(200, merged(shown, details(call, mode, &data))))
}

fn absent_ref(call: &Call, name: &str) -> Reply {
    match call.bare().is_empty() {
        true => refuse(404, "This repository is empty."),
        false => refuse(404, &format!("No commit found for the ref {name}")),
    }
}

/// What a file, a link or a submodule shows beyond its entry.
fn details(call: &Call, mode: EntryMode, data: &[u8]) -> Value {
    match mode.kind() {
        EntryKind::Link => json!({"target": String::from_utf8_lossy(data)}),
        EntryKind::Commit => json!({"submodule_git_url": format!("{}/submodule.git", call.shared.url)}),
        _ if data.len() > MOST_INLINE => json!({"content": "", "encoding": "none"}),
        _ => json!({"content": encoded(data), "encoding": "base64"}),
    }
}

fn item(call: &Call, objects: &Objects, (path, mode, oid): (&str, EntryMode, ObjectId)) -> Value {
    let (kind, place) = match mode.kind() {
        EntryKind::Tree => ("dir", "trees"),
        EntryKind::Link => ("symlink", "blobs"),
        EntryKind::Commit => ("submodule", "trees"),
        _ => ("file", "blobs"),
    };
    let size = if place == "blobs" { objects.size(oid) } else { 0 };
    let url = format!("{}/contents/{path}?ref={}", call.repo_url(), call.repo().default_branch);
    let git = format!("{}/git/{place}/{oid}", call.repo_url());
    let html =
        format!("{}/{}/blob/{}/{path}", call.shared.url, call.repo().full_name(), call.repo().default_branch);
    let download = (place == "blobs").then(|| html.replace("/blob/", "/raw/"));
    json!({
        "name": path.rsplit('/').next(), "path": path, "sha": oid.to_string(), "size": size, "type": kind, "url": url,
        "git_url": git, "html_url": html, "download_url": download,
        "_links": {"self": url, "git": git, "html": html},
    })
}

/// Where a change of one file begins: the branch, its tip and tree, what stands at the path.
struct Place {
    branch: String,
    tip: Option<String>,
    tree: Option<ObjectId>,
    there: Option<(EntryMode, ObjectId)>,
}

fn place(call: &Call, objects: &Objects) -> Result<Place, Reply> {
    let branch = call.text("branch").unwrap_or(&call.repo().default_branch).to_owned();
    let tip = call.bare().find_ref(&format!("refs/heads/{branch}"));
    if tip.is_none() && !call.bare().is_empty() {
        return Err(refuse(404, &format!("Branch {branch} not found")));
    }
    let tree = tip.as_ref().and_then(|t| objects.tree_of(t));
    let there = tree.and_then(|t| objects.at(t, call.param("path"))).filter(|(mode, _)| !mode.is_tree());
    Ok(Place { branch, tip, tree, there })
}

/// `PUT …/contents/{path}`
pub(super) fn put(call: &Call) -> Outcome {
    let path = call.param("path");
    if path.split('/').any(malformed) {
        return Err(refuse(422, "path contains a malformed path component"));
    }
    may_touch(call, path)?;
    let message = call.required("Contents", "message")?;
    let content = decoded(call.required("Contents", "content")?);
    let content = content.ok_or_else(|| refuse(422, "content is not valid Base64"))?;
    let objects = call.objects();
    let place = place(call, &objects)?;
    expected(call, path, place.there)?;
    let blob = objects.write(Kind::Blob, &content);
    let kind = place.there.map_or(EntryKind::Blob, |(mode, _)| mode.kind());
    let (oid, commit) = commit(call, &objects, (&place, Put::Entry(kind, blob)), message)?;
    let status = if place.there.is_some() { 200 } else { 201 };
    let shown = item(call, &objects, (path, kind.into(), blob));
    Ok(reply(status, json!({"content": shown, "commit": git_commit(call, &oid, &commit)})))
}

/// Writing over a file needs the oid that it has now.
fn expected(call: &Call, path: &str, there: Option<(EntryMode, ObjectId)>) -> Result<(), Reply> {
    match (there, call.text("sha")) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(refuse(422, "Invalid request.\n\n\"sha\" wasn't supplied.")),
        (Some((_, oid)), Some(sha)) if ObjectId::from_hex(sha.as_bytes()).ok() == Some(oid) => Ok(()),
        (Some(_), Some(sha)) => Err(refuse(409, &format!("{path} does not match {sha}"))),
        (None, Some(sha)) => Err(refuse(409, &format!("{path} does not match {sha}"))),
    }
}

/// `DELETE …/contents/{path}`
pub(super) fn delete(call: &Call) -> Outcome {
    let path = call.param("path");
    may_touch(call, path)?;
    let message = call.text("message").or(call.asked("message"));
    let message = message.ok_or_else(|| refuse(422, "Invalid request.\n\n\"message\" wasn't supplied."))?;
    let objects = call.objects();
    let place = place(call, &objects)?;
    let Some((_, oid)) = place.there else { return Err(not_found()) };
    let sha = call.text("sha").or(call.asked("sha"));
    if sha != Some(oid.to_string().as_str()) {
        return Err(refuse(409, &format!("{path} does not match {}", sha.unwrap_or(""))));
    }
    let (oid, commit) = commit(call, &objects, (&place, Put::Nothing), message)?;
    Ok(reply(200, json!({"content": null, "commit": git_commit(call, &oid, &commit)})))
}

/// Commits a change of the path and moves the branch.
fn commit(
    call: &Call,
    objects: &Objects,
    (place, put): (&Place, Put),
    message: &str,
) -> Result<(String, Commit), Reply> {
    let parts: Vec<&str> = call.param("path").split('/').collect();
    let tree = objects.edit(place.tree, &[(parts, put)]).map_err(|_| not_found())?;
    let tree = tree.unwrap_or_else(|| objects.write(Kind::Tree, b""));
    let author = call.signature("author")?.unwrap_or_else(|| call.own_signature());
    let committer = call.signature("committer")?.unwrap_or_else(|| author.clone());
    let parents = place.tip.clone().into_iter().collect();
    let (tree, message) = (tree.to_string(), message.to_owned());
    let commit = Commit { tree, parents, author, committer, signature: None, message };
    let oid = objects.write(Kind::Commit, &commit.raw()).to_string();
    let name = format!("refs/heads/{}", place.branch);
    move_ref(call, RefChange { name, old: place.tip.clone(), new: Some(oid.clone()) })?;
    Ok((oid, commit))
}

/// `GET …/tarball/{ref}`: leads to the archive.
pub(super) fn tarball(call: &Call) -> Outcome {
    let commit = call.commit_named(call.param("ref")).ok_or_else(not_found)?;
    Ok(super::super::reply::empty(302).header("location", call.shared.archive_url(call.repo(), &commit)))
}
