//! The git database by REST: true object ids, and GitHub's refusals.

use coregit_tests::forge::{Lag, Limits, Protection, Repo, Token};
use serde_json::{Value, json};

use super::{Stage, commit, fails, ok};

const BASE: &str = "/repos/octocat/app";

/// A stage with one pushed commit; returns its oid too.
fn pushed() -> (Stage, std::path::PathBuf, String) {
    let stage = Stage::new();
    let here = stage.work_tree("here");
    ok(&here, &["push", "-q", "origin", "main"]);
    let tip = ok(&here, &["rev-parse", "HEAD"]);
    (stage, here, tip)
}

impl Stage {
    fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.call("POST", &format!("{BASE}{path}"), body);
        assert_eq!(answer.status, 201, "{path}: {}", answer.json());
        answer.json()
    }

    /// Status and message of a call that should be refused.
    fn refused(&self, method: &str, path: &str, body: Value) -> (u16, String) {
        let answer = self.call(method, &format!("{BASE}{path}"), body);
        (answer.status, answer.json()["message"].as_str().unwrap_or("").to_owned())
    }
}

/// Commits an executable, a link, a binary file, a submodule and a deletion; returns the commit.
fn commit_of_everything(here: &std::path::Path, tip: &str) -> String {
    std::fs::write(here.join("run.sh"), "#!/bin/sh\n").unwrap();
    ok(here, &["update-index", "--add", "--chmod=+x", "run.sh"]);
    std::os::unix::fs::symlink("run.sh", here.join("link")).unwrap();
    std::fs::create_dir_all(here.join("a/b")).unwrap();
    std::fs::write(here.join("a/b/bin"), [0u8, 255, 7]).unwrap();
    ok(here, &["rm", "-q", "README.md"]);
    ok(here, &["add", "link", "a"]);
    ok(here, &["update-index", "--add", "--cacheinfo", &format!("160000,{tip},sub")]);
    ok(here, &["commit", "-q", "-m", "all", "--date=2026-11-20T11:22:33+0200"]);
    ok(here, &["rev-parse", "HEAD"])
}

#[test]
fn an_export_by_the_api_makes_the_same_objects_as_git() {
    let (stage, here, tip) = pushed();
    let head = commit_of_everything(&here, &tip);
    let blob = stage.post("/git/blobs", json!({"content": "AP8H", "encoding": "base64"}));
    let tree = stage.post(
        "/git/trees",
        json!({"base_tree": tip, "tree": [
            {"path": "run.sh", "mode": "100755", "type": "blob", "content": "#!/bin/sh\n"},
            {"path": "link", "mode": "120000", "type": "blob", "content": "run.sh"},
            {"path": "a/b/bin", "mode": "100644", "type": "blob", "sha": blob["sha"]},
            {"path": "sub", "mode": "160000", "type": "commit", "sha": tip},
            {"path": "README.md", "mode": "100644", "type": "blob", "sha": null},
        ]}),
    );
    assert_eq!(tree["sha"], ok(&here, &["rev-parse", "HEAD^{tree}"]));
    let committed = ok(&here, &["show", "-s", "--format=%cI", "HEAD"]);
    let who = |date: &str| json!({"name": "A U Thor", "email": "author@example.com", "date": date});
    let made = stage.post(
        "/git/commits",
        json!({
            "message": "all\n", "tree": tree["sha"], "parents": [tip],
            "author": who("2026-11-20T11:22:33+02:00"), "committer": who(&committed),
        }),
    );
    assert_eq!(made["sha"], head);
    let moved = stage.call("PATCH", &format!("{BASE}/git/refs/heads/main"), json!({"sha": head}));
    assert_eq!((moved.status, &moved.json()["object"]["sha"]), (200, &json!(head)));
    assert!(ok(&here, &["ls-remote", "origin", "main"]).starts_with(&head));
    ok(&stage.forge.bare("octocat/app"), &["fsck", "--strict"]);
}

#[test]
fn ten_thousand_files_in_a_hundred_calls() {
    let (stage, here, tip) = pushed();
    let mut tree = json!(tip);
    for call in 0..100 {
        let entries: Vec<Value> = (0..100)
            .map(|n| {
                let path = format!("d{call}/f{n}");
                json!({"path": path, "mode": "100644", "type": "blob", "content": format!("{call} {n}\n")})
            })
            .collect();
        tree = stage.post("/git/trees", json!({"base_tree": tree, "tree": entries}))["sha"].clone();
    }
    let made = stage.post("/git/commits", json!({"message": "many", "tree": tree, "parents": [tip]}));
    stage.post("/git/refs", json!({"ref": "refs/heads/many", "sha": made["sha"]}));
    ok(&here, &["fetch", "-q", "origin", "many"]);
    assert_eq!(ok(&here, &["ls-tree", "-r", "FETCH_HEAD"]).lines().count(), 10_001);
    assert_eq!(coregit_tests::forge::summary(&stage.forge.requests()).mutating, 103);
    let listed = stage.call("GET", &format!("{BASE}/git/trees/many?recursive=0"), Value::Null).json();
    assert_eq!(listed["tree"].as_array().unwrap().len(), 10_101);
}

#[test]
fn an_empty_repository_says_so_until_contents_begin_it() {
    let stage = Stage::new();
    let empty = (409, "Git Repository is empty.".to_owned());
    assert_eq!(stage.refused("POST", "/git/blobs", json!({"content": "x"})), empty);
    assert_eq!(stage.refused("POST", "/git/trees", json!({"tree": []})), empty);
    assert_eq!(stage.refused("POST", "/git/refs", json!({"ref": "refs/heads/x", "sha": "0"})), empty);
    assert_eq!(stage.refused("GET", "/git/matching-refs/heads", Value::Null), empty);
    assert_eq!(stage.refused("GET", "/commits", Value::Null), empty);
    let put =
        stage.call("PUT", &format!("{BASE}/contents/a/b.txt"), json!({"message": "m", "content": "eA=="}));
    assert_eq!((put.status, &put.json()["content"]["path"]), (201, &json!("a/b.txt")));
    let read = stage.call("GET", &format!("{BASE}/contents/a/b.txt"), Value::Null).json();
    assert_eq!(read["content"], "eA==\n");
    let list = stage.call("GET", &format!("{BASE}/contents/"), Value::Null).json();
    assert_eq!((&list[0]["type"], &list[0]["name"]), (&json!("dir"), &json!("a")));
    let again = json!({"message": "m", "content": "eQ=="});
    assert_eq!(stage.refused("PUT", "/contents/a/b.txt", again).0, 422);
    let stale = json!({"message": "m", "content": "eQ==", "sha": "1".repeat(40)});
    assert_eq!(stage.refused("PUT", "/contents/a/b.txt", stale).0, 409);
    let gone = json!({"message": "m", "sha": read["sha"]});
    assert_eq!(stage.call("DELETE", &format!("{BASE}/contents/a/b.txt"), gone).status, 200);
}

#[test]
fn trees_are_refused_in_githubs_words() {
    let (stage, _, tip) = pushed();
    let one = |entry: Value| stage.refused("POST", "/git/trees", json!({"base_tree": tip, "tree": [entry]}));
    let blob = "1".repeat(40);
    for path in ["", "a//b", "../x", ".git/config", "a/.GIT", "/a"] {
        let (status, words) = one(json!({"path": path, "mode": "100644", "type": "blob", "content": "x"}));
        assert_eq!(
            (status, words.as_str()),
            (422, "tree.path contains a malformed path component"),
            "{path:?}"
        );
    }
    let both = json!({"path": "a", "mode": "100644", "type": "blob", "content": "x", "sha": blob});
    assert_eq!(one(both).0, 422);
    assert!(
        one(json!({"path": "a", "mode": "100644", "type": "blob", "sha": blob}))
            .1
            .contains("not a valid blob")
    );
    assert_eq!(
        one(json!({"path": "gone", "mode": "100644", "type": "blob", "sha": null})).1,
        "GitRPC::BadObjectState"
    );
    assert_eq!(one(json!({"path": "a", "mode": "100664", "type": "blob", "content": "x"})).0, 422);
    stage.forge.limit(Limits::github());
    let many: Vec<Value> = (0..201)
        .map(|n| json!({"path": n.to_string(), "mode": "100644", "type": "blob", "content": ""}))
        .collect();
    let (status, words) = stage.refused("POST", "/git/trees", json!({"base_tree": tip, "tree": many}));
    assert!(status == 422 && words.starts_with("Sorry, your request timed out."), "{status} {words}");
}

#[test]
fn refs_are_refused_in_githubs_words() {
    let (stage, here, tip) = pushed();
    let next = commit(&here, "two", "2\n");
    ok(&here, &["push", "-q", "origin", "main"]);
    let create =
        |name: &str, sha: &str| stage.refused("POST", "/git/refs", json!({"ref": name, "sha": sha})).1;
    assert_eq!(create("refs/heads/main", &tip), "Reference already exists");
    assert_eq!(create("refs/heads/new", &"1".repeat(40)), "Object does not exist");
    assert_eq!(create("refs/heads/a..b", &tip), "Reference name is invalid");
    assert_eq!(create("refs/pull/1/head", &tip), "Reference name is invalid");
    assert_eq!(create("heads/x", &tip), "Reference name must begin with 'refs/'");
    let patch = |name: &str, body: Value| stage.refused("PATCH", &format!("/git/refs/{name}"), body);
    assert_eq!(patch("heads/main", json!({"sha": tip})), (422, "Update is not a fast forward".to_owned()));
    assert_eq!(patch("heads/none", json!({"sha": tip})), (422, "Reference does not exist".to_owned()));
    assert_eq!(patch("heads/main", json!({"sha": tip, "force": true})).0, 200);
    assert_eq!(patch("heads%2Fmain", json!({"sha": next})).0, 200);
    assert_eq!(
        stage.refused("DELETE", "/git/refs/heads/main", Value::Null).1,
        "Cannot delete the default branch"
    );
    stage.forge.change("octocat/app", |r| {
        r.protections.push(Protection { require_pull_request: true, ..Protection::of("main") });
    });
    let words = "Changes must be made through a pull request.";
    assert_eq!(patch("heads/main", json!({"sha": tip, "force": true})).1, "Cannot force-push to this branch");
    let third = commit(&here, "three", "3\n");
    assert!(fails(&here, &["push", "origin", "main"]).contains(words));
    ok(&here, &["push", "-q", "origin", "main:other"]);
    assert_eq!(patch("heads/main", json!({"sha": third})), (422, words.to_owned()));
}

#[test]
fn tags_commits_branches_and_comparisons_are_shown() {
    let (stage, here, tip) = pushed();
    let next = commit(&here, "two", "2\n");
    ok(&here, &["push", "-q", "origin", "main", &format!("{tip}:refs/heads/feature/x")]);
    let tagger = json!({"name": "T", "email": "t@example.com", "date": "2026-01-01T00:00:00Z"});
    let tag = stage.post(
        "/git/tags",
        json!({
            "tag": "v1", "message": "first\n", "object": tip, "type": "commit", "tagger": tagger
        }),
    );
    stage.post("/git/refs", json!({"ref": "refs/tags/v1", "sha": tag["sha"]}));
    ok(&here, &["fetch", "-q", "--tags", "origin"]);
    assert_eq!(ok(&here, &["rev-parse", "v1^{commit}"]), tip);
    let get = |path: &str| stage.call("GET", &format!("{BASE}{path}"), Value::Null).json();
    assert_eq!(get("/git/ref/tags/v1")["object"]["type"], "tag");
    assert_eq!(get("/git/matching-refs/heads/fea")[0]["ref"], "refs/heads/feature/x");
    assert_eq!(get("/branches/feature/x")["commit"]["sha"], tip);
    assert_eq!(get("/branches").as_array().unwrap().len(), 2);
    let compared = get(&format!("/compare/{tip}...main"));
    assert_eq!((&compared["status"], &compared["ahead_by"]), (&json!("ahead"), &json!(1)));
    assert_eq!(compared["files"][0]["filename"], "two");
    assert_eq!(get("/commits?per_page=1")[0]["sha"], next);
    assert_eq!(get("/commits/main")["stats"]["additions"], 1);
    assert_eq!(get(&format!("/git/commits/{next}"))["parents"][0]["sha"], tip);
}

#[test]
fn workflow_files_look_absent_without_their_scope() {
    let (stage, _, tip) = pushed();
    let plain = stage.forge.token(Token::classic("octocat").scopes(&["repo"]));
    let fine = stage.forge.token(Token::fine_grained("octocat").permission("contents", "write"));
    let entry =
        json!({"path": ".github/workflows/ci.yml", "mode": "100644", "type": "blob", "content": "on: push"});
    let body = json!({"base_tree": tip, "tree": [entry]});
    let path = format!("{BASE}/git/trees");
    assert_eq!(stage.acting(&plain).call("POST", &path, body.clone()).status, 404);
    assert_eq!(stage.acting(&fine).call("POST", &path, body.clone()).status, 403);
    assert_eq!(stage.call("POST", &path, body).status, 201);
}

#[test]
fn a_lagging_replica_shows_old_refs_and_knows_no_young_objects() {
    let (stage, here, tip) = pushed();
    stage.forge.lag("octocat/app", Lag { ref_reads: 2, object_uses: 1, ..Lag::default() });
    let next = commit(&here, "two", "2\n");
    ok(&here, &["push", "-q", "origin", "main"]);
    let seen = || {
        stage.call("GET", &format!("{BASE}/git/ref/heads/main"), Value::Null).json()["object"]["sha"].clone()
    };
    assert_eq!(seen(), tip);
    assert!(ok(&here, &["ls-remote", "origin", "main"]).starts_with(&tip));
    assert_eq!(seen(), next);
    let made = stage.post(
        "/git/trees",
        json!({"tree": [
        {"path": "a", "mode": "100644", "type": "blob", "content": "x"}]}),
    );
    let commit = json!({"message": "m", "tree": made["sha"], "parents": [next]});
    assert_eq!(stage.refused("POST", "/git/commits", commit.clone()).0, 422);
    stage.post("/git/commits", commit);
    stage.forge.lag("octocat/app", Lag { ref_ms: 60_000, ..Lag::default() });
    commit_and_push(&here);
    assert_eq!(seen(), next);
    stage.forge.advance(std::time::Duration::from_secs(61));
    assert_ne!(seen(), next);
}

fn commit_and_push(here: &std::path::Path) {
    commit(here, "more", "more\n");
    ok(here, &["push", "-q", "origin", "main"]);
}

#[test]
fn a_reader_may_not_write() {
    let (stage, _, tip) = pushed();
    stage.forge.change("octocat/app", |r| {
        *r = r.clone().collaborator("reader", coregit_tests::forge::Role::Pull);
    });
    let reader = stage.forge.token(Token::classic("reader"));
    let body = json!({"ref": "refs/heads/x", "sha": tip});
    assert_eq!(stage.acting(&reader).call("POST", &format!("{BASE}/git/refs"), body.clone()).status, 404);
    assert_eq!(stage.acting("").call("POST", &format!("{BASE}/git/refs"), body.clone()).status, 401);
    stage.forge.repo(Repo::new("octocat/old"));
    stage.forge.change("octocat/app", |r| r.archived = true);
    assert_eq!(
        stage.refused("POST", "/git/refs", body),
        (403, "Repository was archived so is read-only.".to_owned())
    );
}

#[test]
fn an_archive_is_reached_by_a_mark_that_dies() {
    let (stage, _, _) = pushed();
    let led = stage.call("GET", &format!("{BASE}/tarball/main"), Value::Null);
    assert_eq!(led.status, 302);
    let fetch = || coregit_tests::forge::ask("GET", led.header("location"), &[], b"").unwrap();
    assert!(fetch().status == 200 && fetch().body.starts_with(&[0x1f, 0x8b]));
    stage.forge.advance(std::time::Duration::from_secs(301));
    assert_eq!(fetch().status, 404);
}
