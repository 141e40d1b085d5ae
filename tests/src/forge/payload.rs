//! The payloads of webhooks: `push` and `ping`.

use std::collections::HashMap;

use gix::objs::Kind;
use serde_json::{Value, json};

use super::bare::Bare;
use super::clock::rfc3339;
use super::commits::Commit;
use super::judge::RefChange;
use super::objects::Objects;
use super::refs::ZERO;
use super::rest::shapes;
use super::shared::Shared;
use super::webhook::Hook;
use super::world::Repo;

/// Most commits in a payload.
const MOST_COMMITS: usize = 2048;

/// `ping`, sent when a hook is made.
pub(super) fn ping(shared: &Shared, repo: &Repo, hook: &Hook) -> Value {
    let owner = shared.world().user(&repo.owner);
    let base = format!("{}/repos/{}", shared.api(), repo.full_name());
    json!({
        "zen": "Practicality beats purity.", "hook_id": hook.id, "hook": hook.json(&base),
        "repository": repository(shared, repo), "sender": shapes::user(shared, &owner),
    })
}

/// In events a repository's times are numbers, and its owner has a `name`.
fn repository(shared: &Shared, repo: &Repo) -> Value {
    let mut shown = shapes::repository(shared, repo, None);
    shown["created_at"] = json!(repo.created_at);
    shown["pushed_at"] = json!(repo.pushed_at);
    shown["owner"]["name"] = json!(repo.owner);
    shown["owner"]["email"] = Value::Null;
    shown["master_branch"] = json!(repo.default_branch);
    shown
}

/// `push` of one ref.
pub(super) fn push(shared: &Shared, repo: &Repo, (pusher, change): (&str, &RefChange)) -> Value {
    let bare = shared.bare(repo);
    let (old, new) = (change.old.as_deref(), change.new.as_deref());
    let forced = match (old, new) {
        (Some(old), Some(new)) => bare.ask(&["merge-base", "--is-ancestor", old, new]).is_none(),
        _ => false,
    };
    let html = format!("{}/{}", shared.url, repo.full_name());
    let (before, after) = (old.unwrap_or(ZERO), new.unwrap_or(ZERO));
    let commits = new.map_or_else(Vec::new, |new| commits(&bare, &html, (old, new, &change.name)));
    let head = new.and_then(|new| {
        let tip = bare.ask(&["rev-parse", "--verify", "--quiet", &format!("{new}^{{commit}}")])?;
        let listed = commits.iter().find(|c| c["id"] == tip.as_str()).cloned();
        listed.or_else(|| shown(&Objects(bare.open()), &html, &tip, &HashMap::new()))
    });
    let sender = shared.world().user(pusher);
    json!({
        "ref": change.name, "before": before, "after": after, "created": old.is_none(), "deleted": new.is_none(),
        "forced": forced, "base_ref": null, "compare": format!("{html}/compare/{}...{}", &before[..12], &after[..12]),
        "commits": commits, "head_commit": head, "repository": repository(shared, repo),
        "pusher": {"name": pusher, "email": format!("{pusher}@users.noreply.github.com")},
        "sender": shapes::user(shared, &sender),
    })
}

/// The commits that a push brought to a ref, oldest first.
fn commits(bare: &Bare, html: &str, (old, new, name): (Option<&str>, &str, &str)) -> Vec<Value> {
    let others = bare.list_refs("").into_iter().filter(|(other, _)| old.is_none() && other != name);
    let without = old.map(str::to_owned).into_iter().chain(others.map(|(_, oid)| oid));
    let input: String = without.fold(format!("{new}\n"), |all, oid| format!("{all}^{oid}\n"));
    let most = format!("-n{MOST_COMMITS}");
    let output = bare.feed(&["rev-list", "--reverse", &most, "--stdin"], input.as_bytes());
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let files = files(bare, &listed);
    let objects = Objects(bare.open());
    listed.lines().filter_map(|oid| shown(&objects, html, oid, &files)).collect()
}

/// Files by commit: each with its letter.
type Files = HashMap<String, Vec<(char, String)>>;

fn files(bare: &Bare, commits: &str) -> Files {
    let args = ["diff-tree", "--stdin", "-r", "--root", "--no-renames", "--name-status"];
    let output = bare.feed(&args, commits.as_bytes());
    let (mut files, mut commit) = (Files::new(), String::new());
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        match line.split_once('\t') {
            None => commit = line.to_owned(),
            Some((letter, path)) => {
                let letter = letter.chars().next().unwrap_or('M');
                files.entry(commit.clone()).or_default().push((letter, path.to_owned()));
            }
        }
    }
    files
}

fn shown(objects: &Objects, html: &str, oid: &str, files: &Files) -> Option<Value> {
    let commit = Commit::parse(&objects.read_as(oid, Kind::Commit)?)?;
    let of = |letters: &str| {
        let files = files.get(oid).map_or(&[][..], Vec::as_slice);
        let these =
            files.iter().filter(|(letter, _)| letters.contains(*letter)).map(|(_, path)| path.clone());
        these.take(3000).collect::<Vec<_>>()
    };
    let who = |s: &super::commits::Signature| json!({"name": s.name, "email": s.email, "username": null});
    Some(json!({
        "id": oid, "tree_id": commit.tree, "distinct": true, "message": commit.message,
        "timestamp": rfc3339(commit.committer.seconds), "url": format!("{html}/commit/{oid}"),
        "author": who(&commit.author), "committer": who(&commit.committer),
        "added": of("A"), "removed": of("D"), "modified": of("MT"),
    }))
}
