//! Trees of the git database: built from lists of paths, shown flat or whole.

use gix::ObjectId;
use gix::objs::Kind;
use gix::objs::tree::{EntryKind, EntryMode};
use serde_json::{Value, json};

use super::super::access::{self, Level};
use super::super::judge::workflow_words;
use super::super::objects::{Objects, Put, entry_kind, mode_words};
use super::super::reply::{Outcome, Reply, invalid, not_found, refuse, reply};
use super::call::Call;

/// GitHub's words for a call that takes too long.
const TOO_LARGE: &str = "Sorry, your request timed out. It's likely that your input was too large to process. \
                         Consider building the tree incrementally, or building the commits you need in a local \
                         clone of the repository and then pushing them to GitHub.";
/// Most entries of a recursive listing, and most bytes of them.
const MOST_ENTRIES: usize = 100_000;
const MOST_BYTES: usize = 7 * 1024 * 1024;

/// `POST …/git/trees`
pub(super) fn create(call: &Call) -> Outcome {
    call.not_empty()?;
    let objects = call.objects();
    let items = call.body["tree"].as_array().ok_or_else(|| invalid("Tree", "tree", "missing_field"))?;
    if items.is_empty() {
        return Err(refuse(422, "Invalid tree info"));
    }
    if call.shared.meter.tree_too_large(items.len(), call.bytes) {
        return Err(refuse(422, TOO_LARGE));
    }
    let base = base(call, &objects)?;
    let read: Result<Vec<(Vec<&str>, Put)>, Reply> =
        items.iter().map(|item| put(call, &objects, (item, base.is_some()))).collect();
    let edited = objects.edit(base, &read?).map_err(|_| refuse(422, "GitRPC::BadObjectState"))?;
    let tree = edited.unwrap_or_else(|| objects.write(Kind::Tree, b""));
    call.shared.replicas.made(call.repo().id, &tree.to_string(), call.shared.clock.now_ms());
    let shown = json!({
        "sha": tree.to_string(), "url": format!("{}/git/trees/{tree}", call.repo_url()),
        "tree": listing(call, &objects, tree), "truncated": false,
    });
    Ok(reply(201, shown))
}

/// The tree that is built upon: a tree, or a commit's.
fn base(call: &Call, objects: &Objects) -> Result<Option<ObjectId>, Reply> {
    let Some(oid) = call.text("base_tree") else { return Ok(None) };
    let unknown = || refuse(422, "base_tree is not a valid tree oid");
    match call.known(objects, oid) {
        Some(Kind::Tree) => ObjectId::from_hex(oid.as_bytes()).map(Some).map_err(|_| unknown()),
        Some(Kind::Commit) => objects.tree_of(oid).map(Some).ok_or_else(unknown),
        _ => Err(unknown()),
    }
}

fn put<'a>(
    call: &Call,
    objects: &Objects,
    (item, on_base): (&'a Value, bool),
) -> Result<(Vec<&'a str>, Put), Reply> {
    let path = item["path"].as_str().ok_or_else(|| refuse(422, "Must supply tree.path"))?;
    let parts: Vec<&str> = path.split('/').collect();
    if parts.iter().any(|p| malformed(p)) {
        return Err(refuse(422, "tree.path contains a malformed path component"));
    }
    may_touch(call, path)?;
    let deletes = item.get("sha").is_some_and(Value::is_null) && item.get("content").is_none();
    if deletes {
        let words = "Must supply tree.sha or tree.content";
        return if on_base { Ok((parts, Put::Nothing)) } else { Err(refuse(422, words)) };
    }
    let kind = item["mode"].as_str().and_then(entry_kind);
    let kind = kind.ok_or_else(|| refuse(422, "Must supply a valid tree.mode"))?;
    if item["type"].as_str().is_some_and(|word| word != mode_words(kind.into()).1) {
        return Err(refuse(422, "tree.type does not fit tree.mode"));
    }
    Ok((parts, Put::Entry(kind, entry_oid(call, objects, (item, kind))?)))
}

fn entry_oid(call: &Call, objects: &Objects, (item, kind): (&Value, EntryKind)) -> Result<ObjectId, Reply> {
    match (item["sha"].as_str(), item["content"].as_str()) {
        (Some(_), Some(_)) => Err(refuse(422, "Must supply either tree.sha or tree.content, not both")),
        (None, None) => Err(refuse(422, "Must supply tree.sha or tree.content")),
        (None, Some(content)) => match kind {
            EntryKind::Tree | EntryKind::Commit => Err(refuse(422, "Must supply tree.sha")),
            _ => Ok(objects.write(Kind::Blob, content.as_bytes())),
        },
        (Some(oid), None) => {
            let word = mode_words(kind.into()).1;
            let bad = || refuse(422, &format!("tree.sha {oid} is not a valid {word}"));
            let id = ObjectId::from_hex(oid.as_bytes()).map_err(|_| bad())?;
            let fits = || call.known(objects, oid).is_some_and(|k| k.as_bytes() == word.as_bytes());
            // A submodule's commit lies in another repository.
            if kind == EntryKind::Commit || fits() { Ok(id) } else { Err(bad()) }
        }
    }
}

/// Path components that GitHub refuses.
pub(in super::super) fn malformed(part: &str) -> bool {
    matches!(part, "" | "." | "..") || part.eq_ignore_ascii_case(".git") || part.contains('\0')
}

/// Workflow files need their own scope: without it they look absent to scoped tokens.
pub(super) fn may_touch(call: &Call, path: &str) -> Result<(), Reply> {
    let allowed =
        || access::may(&call.shared.world(), &call.caller, call.repo(), ("workflows", Level::Write));
    if !path.starts_with(".github/workflows/") || allowed() {
        return Ok(());
    }
    match call.caller.token() {
        Some(token) if !token.kind.has_scopes() => Err(refuse(403, &workflow_words(token.kind, path))),
        _ => Err(not_found()),
    }
}

/// `GET …/git/trees/{tree_sha}`: any non-empty `recursive` means yes.
pub(super) fn get(call: &Call) -> Outcome {
    call.not_empty()?;
    let objects = call.objects();
    let asked = call.param("tree_sha");
    let tree = tree_named(call, &objects, asked).ok_or_else(not_found)?;
    let recursive = call.asked("recursive").is_some_and(|r| !r.is_empty());
    let (shown, truncated) = match recursive {
        true => whole(call, &objects, tree),
        false => (listing(call, &objects, tree), false),
    };
    let url = format!("{}/git/trees/{tree}", call.repo_url());
    Ok(reply(200, json!({"sha": tree.to_string(), "url": url, "tree": shown, "truncated": truncated})))
}

/// The tree that an oid of a tree or commit, or a branch's name, leads to.
fn tree_named(call: &Call, objects: &Objects, name: &str) -> Option<ObjectId> {
    match call.known(objects, name) {
        Some(Kind::Tree) => ObjectId::from_hex(name.as_bytes()).ok(),
        Some(Kind::Commit) => objects.tree_of(name),
        Some(_) => None,
        None => objects.tree_of(&call.commit_named(name)?),
    }
}

fn listing(call: &Call, objects: &Objects, tree: ObjectId) -> Vec<Value> {
    let show = |e: gix::objs::tree::Entry| shown(call, objects, (&e.filename.to_string(), e.mode, e.oid));
    objects.tree(tree).into_iter().map(show).collect()
}

fn whole(call: &Call, objects: &Objects, tree: ObjectId) -> (Vec<Value>, bool) {
    let (mut out, mut bytes) = (Vec::new(), 0);
    let mut waiting = vec![(String::new(), objects.tree(tree).into_iter())];
    while let Some((prefix, entries)) = waiting.last_mut() {
        let Some(entry) = entries.next() else {
            waiting.pop();
            continue;
        };
        let path = format!("{prefix}{}", entry.filename);
        let item = shown(call, objects, (&path, entry.mode, entry.oid));
        bytes += item.to_string().len();
        if out.len() >= MOST_ENTRIES || bytes > MOST_BYTES {
            return (out, true);
        }
        out.push(item);
        if entry.mode.is_tree() {
            waiting.push((format!("{path}/"), objects.tree(entry.oid).into_iter()));
        }
    }
    (out, false)
}

fn shown(call: &Call, objects: &Objects, (path, mode, oid): (&str, EntryMode, ObjectId)) -> Value {
    let (mode_text, kind) = mode_words(mode);
    let mut item = json!({"path": path, "mode": mode_text, "type": kind, "sha": oid.to_string()});
    if kind == "blob" {
        item["size"] = json!(objects.size(oid));
    }
    if kind != "commit" {
        item["url"] = json!(format!("{}/git/{kind}s/{oid}", call.repo_url()));
    }
    item
}
