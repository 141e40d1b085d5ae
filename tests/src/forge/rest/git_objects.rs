//! Blobs, commits and tags of the git database.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gix::ObjectId;
use gix::objs::Kind;
use serde_json::{Value, json};

use super::super::commits::{Commit, Signature, raw_tag};
use super::super::objects::Objects;
use super::super::reply::{Outcome, Reply, invalid, not_found, raw, refuse, reply};
use super::call::Call;
use super::shapes::node_id;

impl Call {
    /// The repository's objects.
    pub(super) fn objects(&self) -> Objects {
        Objects(self.bare().open())
    }

    /// Refuses what an empty repository cannot do.
    pub(super) fn not_empty(&self) -> Result<(), Reply> {
        match self.bare().is_empty() {
            true => Err(refuse(409, "Git Repository is empty.")),
            false => Ok(()),
        }
    }

    /// The kind of an object, unless it is absent or a replica does not know it yet.
    pub(super) fn known(&self, objects: &Objects, oid: &str) -> Option<Kind> {
        let kind = objects.kind(oid)?;
        let unknown = self.shared.replicas.unknown(self.repo().id, oid, self.shared.clock.now_ms());
        (!unknown).then_some(kind)
    }

    /// Writes an object, which replicas may not know for a while.
    pub(super) fn write(&self, objects: &Objects, kind: Kind, data: &[u8]) -> ObjectId {
        let id = objects.write(kind, data);
        self.shared.replicas.made(self.repo().id, &id.to_string(), self.shared.clock.now_ms());
        id
    }
}

/// `POST …/git/blobs`
pub(super) fn create_blob(call: &Call) -> Outcome {
    call.not_empty()?;
    let content = call.required("Blob", "content")?;
    let bytes = match call.text("encoding").unwrap_or("utf-8") {
        "utf-8" => content.as_bytes().to_vec(),
        "base64" => decoded(content).ok_or_else(|| refuse(422, "content is not valid Base64"))?,
        _ => return Err(invalid("Blob", "encoding", "invalid")),
    };
    let id = call.write(&call.objects(), Kind::Blob, &bytes);
    let url = format!("{}/git/blobs/{id}", call.repo_url());
    Ok(reply(201, json!({"sha": id.to_string(), "url": url})).header("location", url))
}

/// Base64 with or without line breaks.
pub(in super::super) fn decoded(text: &str) -> Option<Vec<u8>> {
    let text: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(text).ok()
}

/// Base64 as GitHub sends it: a line break after every 60 characters.
pub(super) fn encoded(bytes: &[u8]) -> String {
    let flat = STANDARD.encode(bytes);
    let lines = flat.as_bytes().chunks(60).map(|l| String::from_utf8_lossy(l) + "\n");
    lines.collect()
}

/// `GET …/git/blobs/{file_sha}`
pub(super) fn get_blob(call: &Call) -> Outcome {
    call.not_empty()?;
    let (oid, objects) = (call.param("file_sha"), call.objects());
    let data =
        call.known(&objects, oid).and_then(|_| objects.read_as(oid, Kind::Blob)).ok_or_else(not_found)?;
    if call.accept.contains(".raw") {
        return Ok(raw("application/vnd.github.raw+json; charset=utf-8", data));
    }
    let url = format!("{}/git/blobs/{oid}", call.repo_url());
    let node = node_id("B", oid);
    let content = encoded(&data);
    let body = json!({"sha": oid, "node_id": node, "size": data.len(), "url": url, "content": content});
    Ok(reply(200, super::shapes::merged(body, json!({"encoding": "base64"}))))
}

/// `POST …/git/commits`
pub(super) fn create_commit(call: &Call) -> Outcome {
    call.not_empty()?;
    let objects = call.objects();
    let message = call.required("Commit", "message")?.to_owned();
    let tree = call.required("Commit", "tree")?.to_owned();
    if call.known(&objects, &tree) != Some(Kind::Tree) {
        return Err(refuse(422, "Tree SHA does not exist"));
    }
    let parents: Vec<String> = strings(&call.body["parents"]);
    if parents.iter().any(|p| call.known(&objects, p) != Some(Kind::Commit)) {
        return Err(refuse(422, "Parent SHA does not exist or is not a commit object"));
    }
    let author = call.signature("author")?.unwrap_or_else(|| call.own_signature());
    let committer = call.signature("committer")?.unwrap_or_else(|| author.clone());
    let signature = call.text("signature").map(str::to_owned);
    let commit = Commit { tree, parents, author, committer, signature, message };
    let id = call.write(&objects, Kind::Commit, &commit.raw()).to_string();
    let url = format!("{}/git/commits/{id}", call.repo_url());
    Ok(reply(201, git_commit(call, &id, &commit)).header("location", url))
}

fn strings(list: &Value) -> Vec<String> {
    let all = list.as_array().map_or(&[][..], Vec::as_slice);
    all.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

impl Call {
    /// The `author`, `committer` or `tagger` of the body.
    pub(super) fn signature(&self, name: &str) -> Result<Option<Signature>, Reply> {
        match &self.body[name] {
            Value::Null => Ok(None),
            value => Signature::read(value, self.shared.clock.now()).map(Some),
        }
    }

    /// The caller, now.
    pub(super) fn own_signature(&self) -> Signature {
        let login = self.caller.login();
        Signature {
            name: login.to_owned(),
            email: format!("{login}@users.noreply.github.com"),
            seconds: self.shared.clock.now(),
            offset: "+0000".to_owned(),
        }
    }
}

/// A commit as the git database shows it.
pub(super) fn git_commit(call: &Call, oid: &str, commit: &Commit) -> Value {
    let base = call.repo_url();
    let html = format!("{}/{}/commit", call.shared.url, call.repo().full_name());
    let parents = commit.parents.iter().map(
        |p| json!({"sha": p, "url": format!("{base}/git/commits/{p}"), "html_url": format!("{html}/{p}")}),
    );
    json!({
        "sha": oid, "node_id": node_id("C", oid), "url": format!("{base}/git/commits/{oid}"),
        "html_url": format!("{html}/{oid}"), "author": commit.author.json(), "committer": commit.committer.json(),
        "tree": {"sha": commit.tree, "url": format!("{base}/git/trees/{}", commit.tree)},
        "message": commit.message, "parents": parents.collect::<Vec<_>>(), "verification": commit.verification(),
    })
}

/// `GET …/git/commits/{commit_sha}`
pub(super) fn get_commit(call: &Call) -> Outcome {
    call.not_empty()?;
    let (oid, objects) = (call.param("commit_sha"), call.objects());
    let data =
        call.known(&objects, oid).and_then(|_| objects.read_as(oid, Kind::Commit)).ok_or_else(not_found)?;
    let commit = Commit::parse(&data).ok_or_else(not_found)?;
    Ok(reply(200, git_commit(call, oid, &commit)))
}

/// `POST …/git/tags`
pub(super) fn create_tag(call: &Call) -> Outcome {
    call.not_empty()?;
    let objects = call.objects();
    let (name, message) = (call.required("Tag", "tag")?, call.required("Tag", "message")?);
    let (object, kind) = (call.required("Tag", "object")?, call.required("Tag", "type")?);
    let there = call.known(&objects, object).is_some_and(|k| k.as_bytes() == kind.as_bytes());
    let id = ObjectId::from_hex(object.as_bytes()).ok().filter(|_| there);
    let id = id.ok_or_else(|| refuse(422, "Object does not exist"))?;
    let tagger = call.signature("tagger")?.unwrap_or_else(|| call.own_signature());
    let oid = call.write(&objects, Kind::Tag, &raw_tag(&id, kind, (name, &tagger, message))).to_string();
    let base = call.repo_url();
    let url = format!("{base}/git/tags/{oid}");
    let unsigned = json!({"verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null});
    let body = json!({
        "sha": oid, "node_id": node_id("T", &oid), "url": url, "tag": name, "message": message,
        "tagger": tagger.json(), "verification": unsigned,
        "object": {"type": kind, "sha": object, "url": format!("{base}/git/{kind}s/{object}")},
    });
    Ok(reply(201, body).header("location", url))
}
