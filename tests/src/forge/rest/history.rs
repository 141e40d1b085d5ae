//! Commits and comparisons, as people look at them.

use serde_json::{Value, json};

use super::super::bare::Bare;
use super::super::commits::Commit;
use super::super::objects::Objects;
use super::super::reply::{Outcome, not_found, refuse, reply};
use super::call::Call;
use super::shapes::{merged, node_id};
use gix::objs::Kind;

/// Most commits of a comparison's first page, and most files.
const MOST_COMMITS: usize = 250;
const MOST_FILES: usize = 300;

impl Call {
    /// The repository as a read of refs sees it: perhaps a replica that is behind.
    pub(super) fn bare_to_read(&self) -> Bare {
        self.shared.bare_to_read(self.repo())
    }

    /// The commit that a branch, a tag, a full ref name or an oid leads to.
    pub(super) fn commit_named(&self, name: &str) -> Option<String> {
        let bare = self.bare_to_read();
        let full = name.strip_prefix("refs/").unwrap_or(name);
        let names = [format!("refs/heads/{full}"), format!("refs/tags/{full}"), format!("refs/{full}")];
        let found = names.iter().find_map(|n| bare.find_ref(n));
        let oid = found.or_else(|| (name.len() >= 7).then(|| name.to_owned()))?;
        bare.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{oid}^{{commit}}")])
    }
}

/// A commit with its message, people and links (`commit`).
pub(super) fn shown(call: &Call, objects: &Objects, oid: &str) -> Value {
    let commit = objects.read_as(oid, Kind::Commit).and_then(|d| Commit::parse(&d));
    let Some(commit) = commit else { return Value::Null };
    let (base, html) = (call.repo_url(), format!("{}/{}", call.shared.url, call.repo().full_name()));
    let parents = commit.parents.iter().map(
        |p| json!({"sha": p, "url": format!("{base}/commits/{p}"), "html_url": format!("{html}/commit/{p}")}),
    );
    json!({
        "sha": oid, "node_id": node_id("C", oid), "url": format!("{base}/commits/{oid}"),
        "html_url": format!("{html}/commit/{oid}"), "comments_url": format!("{base}/commits/{oid}/comments"),
        "author": null, "committer": null, "parents": parents.collect::<Vec<_>>(),
        "commit": {
            "author": commit.author.json(), "committer": commit.committer.json(), "message": commit.message,
            "tree": {"sha": commit.tree, "url": format!("{base}/git/trees/{}", commit.tree)},
            "url": format!("{base}/git/commits/{oid}"), "comment_count": 0, "verification": commit.verification(),
        },
    })
}

/// `GET …/commits`
pub(super) fn list(call: &Call) -> Outcome {
    call.not_empty()?;
    let from = call.asked("sha").unwrap_or(&call.repo().default_branch);
    let tip = call.commit_named(from).ok_or_else(not_found)?;
    let mut args = vec!["rev-list", tip.as_str()];
    args.extend(call.asked("path").into_iter().flat_map(|p| ["--", p]));
    let found = call.bare().ask(&args).unwrap_or_default();
    let found: Vec<&str> = found.lines().collect();
    let objects = call.objects();
    Ok(call.page_of(&found, |oid| shown(call, &objects, oid)))
}

/// `GET …/commits/{ref}`
pub(super) fn get(call: &Call) -> Outcome {
    call.not_empty()?;
    let name = call.param("ref");
    let words = format!("No commit found for SHA: {name}");
    let oid = call.commit_named(name).ok_or_else(|| refuse(422, &words))?;
    let objects = call.objects();
    let parent = call.bare().ask(&["rev-parse", "--verify", "--quiet", &format!("{oid}^")]);
    let files = files(call, parent.as_deref(), &oid);
    let sum = |name: &str| files.iter().filter_map(|f| f[name].as_u64()).sum::<u64>();
    let stats =
        json!({"additions": sum("additions"), "deletions": sum("deletions"), "total": sum("changes")});
    Ok(reply(200, merged(shown(call, &objects, &oid), json!({"stats": stats, "files": files}))))
}

/// The files that differ between two commits, at most 300.
fn files(call: &Call, from: Option<&str>, to: &str) -> Vec<Value> {
    let empty_tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
    let ends = [from.unwrap_or(empty_tree), to];
    let args = |format| ["diff-tree", "-r", "--no-renames", format, ends[0], ends[1]];
    let raw = call.bare().ask(&args("--raw")).unwrap_or_default();
    let counts = call.bare().ask(&args("--numstat")).unwrap_or_default();
    let pairs = raw.lines().zip(counts.lines()).take(MOST_FILES);
    pairs.filter_map(|(raw, count)| file(call, to, (raw, count))).collect()
}

/// One file, from a line of `--raw` and one of `--numstat`.
fn file(call: &Call, at: &str, (raw, count): (&str, &str)) -> Option<Value> {
    let (head, path) = raw.split_once('\t')?;
    let mut fields = head.split(' ').skip(2);
    let (old, new, letter) = (fields.next()?, fields.next()?, fields.next()?);
    let status = match letter.as_bytes().first()? {
        b'A' => "added",
        b'D' => "removed",
        b'T' => "changed",
        _ => "modified",
    };
    let mut numbers = count.split('\t').map(|n| n.parse::<u64>().unwrap_or(0));
    let (additions, deletions) = (numbers.next()?, numbers.next()?);
    let html = format!("{}/{}", call.shared.url, call.repo().full_name());
    let oid = if status == "removed" { old } else { new };
    Some(json!({
        "sha": oid, "filename": path, "status": status, "additions": additions, "deletions": deletions,
        "changes": additions + deletions, "blob_url": format!("{html}/blob/{at}/{path}"),
        "raw_url": format!("{html}/raw/{at}/{path}"),
        "contents_url": format!("{}/contents/{path}?ref={at}", call.repo_url()),
    }))
}

/// `GET …/compare/{basehead}`
pub(super) fn compare(call: &Call) -> Outcome {
    let named = |name: &str| call.commit_named(name).ok_or_else(not_found);
    let (base, head) = call.param("basehead").split_once("...").ok_or_else(not_found)?;
    let (base, head) = (named(base)?, named(head)?);
    let bare = call.bare();
    let fork = bare.ask(&["merge-base", &base, &head]).ok_or_else(not_found)?;
    let count =
        |range: String| bare.ask(&["rev-list", "--count", &range]).and_then(|n| n.parse::<u64>().ok());
    let ahead = count(format!("{base}..{head}")).unwrap_or(0);
    let behind = count(format!("{head}..{base}")).unwrap_or(0);
    let status = match (ahead, behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    let objects = call.objects();
    let listed = bare.ask(&["rev-list", "--reverse", &format!("{base}..{head}")]).unwrap_or_default();
    let commits: Vec<Value> = listed.lines().take(MOST_COMMITS).map(|c| shown(call, &objects, c)).collect();
    let url = format!("{}/compare/{base}...{head}", call.repo_url());
    Ok(reply(
        200,
        json!({
            "url": url, "html_url": url, "permalink_url": url, "diff_url": format!("{url}.diff"),
            "patch_url": format!("{url}.patch"), "base_commit": shown(call, &objects, &base),
            "merge_base_commit": shown(call, &objects, &fork), "status": status, "ahead_by": ahead,
            "behind_by": behind, "total_commits": ahead, "commits": commits,
            "files": files(call, Some(&fork), &head),
        }),
    ))
}
