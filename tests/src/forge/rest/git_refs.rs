//! Refs by the API: looked up, made, moved, removed.

use gix::objs::Kind;
use serde_json::{Value, json};

use super::super::judge::{Judge, RefChange};
use super::super::objects::Objects;
use super::super::reply::{Outcome, Reply, empty, not_found, refuse, reply};
use super::call::Call;
use super::shapes::node_id;

fn shown(call: &Call, objects: &Objects, name: &str, oid: &str) -> Value {
    let kind = objects.kind(oid).map_or_else(|| "commit".to_owned(), |k| k.to_string());
    let base = call.repo_url();
    json!({
        "ref": name, "node_id": node_id("REF", format!("{}:{name}", call.repo().id)),
        "url": format!("{base}/git/{name}"),
        "object": {"sha": oid, "type": kind, "url": format!("{base}/git/{kind}s/{oid}")},
    })
}

/// `GET …/git/ref/{ref}`: that ref and no other.
pub(super) fn get(call: &Call) -> Outcome {
    call.not_empty()?;
    let name = format!("refs/{}", call.param("ref"));
    let oid = call.bare_to_read().find_ref(&name).ok_or_else(not_found)?;
    Ok(reply(200, shown(call, &call.objects(), &name, &oid)))
}

/// `GET …/git/matching-refs/{ref}`: all whose name begins so.
pub(super) fn matching(call: &Call) -> Outcome {
    call.not_empty()?;
    let objects = call.objects();
    let found = call.bare_to_read().list_refs(call.param("ref"));
    Ok(call.page_of(&found, |(name, oid)| shown(call, &objects, name, oid)))
}

/// `POST …/git/refs`: the name with `refs/` in front.
pub(super) fn create(call: &Call) -> Outcome {
    call.not_empty()?;
    let name = call.required("Reference", "ref")?;
    well_named(call, name)?;
    let new = wanted(call, name)?;
    if call.bare().find_ref(name).is_some() {
        return Err(refuse(422, "Reference already exists"));
    }
    move_ref(call, RefChange { name: name.to_owned(), old: None, new: Some(new.clone()) })?;
    let body = shown(call, &call.objects(), name, &new);
    let url = format!("{}/git/{name}", call.repo_url());
    Ok(reply(201, body).header("location", url))
}

/// `PATCH …/git/refs/{ref}`: without `force` only forward; it expects no old value.
pub(super) fn update(call: &Call) -> Outcome {
    call.not_empty()?;
    let name = format!("refs/{}", call.param("ref"));
    let new = wanted(call, &name)?;
    let old = call.bare().find_ref(&name).ok_or_else(absent)?;
    if !call.flag("force") && !call.is_forward(&old, &new) {
        return Err(refuse(422, "Update is not a fast forward"));
    }
    move_ref(call, RefChange { name: name.clone(), old: Some(old), new: Some(new.clone()) })?;
    Ok(reply(200, shown(call, &call.objects(), &name, &new)))
}

/// `DELETE …/git/refs/{ref}`
pub(super) fn delete(call: &Call) -> Outcome {
    call.not_empty()?;
    let name = format!("refs/{}", call.param("ref"));
    let old = call.bare().find_ref(&name).ok_or_else(absent)?;
    if name == format!("refs/heads/{}", call.repo().default_branch) {
        return Err(refuse(422, "Cannot delete the default branch"));
    }
    move_ref(call, RefChange { name, old: Some(old), new: None })?;
    Ok(empty(204))
}

fn absent() -> Reply {
    refuse(422, "Reference does not exist")
}

fn well_named(call: &Call, name: &str) -> Result<(), Reply> {
    if !name.starts_with("refs/") {
        return Err(refuse(422, "Reference name must begin with 'refs/'"));
    }
    let fits = call.bare().ask(&["check-ref-format", name]).is_some() && name.matches('/').count() >= 2;
    match fits && !name.starts_with("refs/pull/") {
        true => Ok(()),
        false => Err(refuse(422, "Reference name is invalid")),
    }
}

/// The oid that a ref shall have; a branch takes commits only.
fn wanted(call: &Call, name: &str) -> Result<String, Reply> {
    let oid = call.required("Reference", "sha")?;
    if oid.len() != 40 || !oid.bytes().all(|b| b.is_ascii_hexdigit()) {
        let words = "The sha parameter must be exactly 40 characters and contain only [0-9a-f].";
        return Err(refuse(422, words));
    }
    match call.known(&call.objects(), oid) {
        None => Err(refuse(422, "Object does not exist")),
        Some(kind) if kind != Kind::Commit && name.starts_with("refs/heads/") => {
            Err(refuse(422, "Reference update failed"))
        }
        Some(_) => Ok(oid.to_lowercase()),
    }
}

impl Call {
    /// Whether an update goes forward.
    pub(super) fn is_forward(&self, old: &str, new: &str) -> bool {
        self.bare().ask(&["merge-base", "--is-ancestor", old, new]).is_some()
    }
}

/// Judges and makes one change.
pub(super) fn move_ref(call: &Call, change: RefChange) -> Result<(), Reply> {
    let changes = [change];
    if let Some(refusal) = Judge::new(&call.shared, call.repo(), &call.caller).refusals(&changes).first() {
        return Err(refuse(refusal.status, &refusal.message));
    }
    call.shared.before_change(call.repo());
    call.bare().move_refs(&changes).map_err(|_| refuse(422, "Reference update failed"))?;
    call.shared.after_change(call.repo(), call.caller.login(), &changes);
    Ok(())
}
