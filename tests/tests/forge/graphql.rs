//! GraphQL: refs moved together, commits made on a branch that stands where one says.

use coregit_tests::forge::{Answer, App, Installation, Protection, Ruleset, Token, ask};
use serde_json::{Value, json};

use super::{Stage, commit, ok};

const ZERO: &str = "0000000000000000000000000000000000000000";
const UPDATE: &str = "mutation($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }";

impl Stage {
    fn graphql(&self, token: &str, query: &str, variables: Value) -> Answer {
        let bearer = format!("bearer {token}");
        let headers = [("user-agent", "tests"), ("authorization", bearer.as_str())];
        let body = json!({"query": query, "variables": variables}).to_string();
        ask("POST", &format!("{}/api/graphql", self.forge.url()), &headers, body.as_bytes()).unwrap()
    }

    /// The error type of an `updateRefs`; empty when it went well.
    fn update(&self, updates: Value) -> String {
        let repository = self.call("GET", "/repos/octocat/app", Value::Null).json();
        let input =
            json!({"repositoryId": repository["node_id"], "refUpdates": updates, "clientMutationId": "x"});
        let answer = self.graphql(&self.token, UPDATE, json!({"input": input}));
        assert_eq!(answer.status, 200);
        let body = answer.json();
        match body["errors"][0]["type"].as_str() {
            Some(kind) => kind.to_owned(),
            None => {
                assert_eq!(body["data"]["updateRefs"]["clientMutationId"], "x", "{body}");
                String::new()
            }
        }
    }
}

#[test]
fn refs_move_together_or_not_at_all() {
    let stage = Stage::new();
    let here = stage.work_tree("here");
    let one = ok(&here, &["rev-parse", "HEAD"]);
    let two = commit(&here, "two", "2\n");
    ok(&here, &["push", "-q", "origin", "main", &format!("{one}:refs/heads/old")]);
    let refs = || ok(&here, &["ls-remote", "--refs", "origin"]);
    let before = refs();
    let new = json!({"name": "refs/heads/new", "beforeOid": ZERO, "afterOid": one});
    let stale = json!({"name": "refs/heads/main", "beforeOid": one, "afterOid": two});
    assert_eq!(stage.update(json!([new, stale])), "STALE_DATA");
    assert_eq!(refs(), before);
    let forward = json!({"name": "refs/heads/old", "beforeOid": one, "afterOid": two});
    assert_eq!(stage.update(json!([new, forward])), "");
    let back = json!({"name": "refs/heads/old", "beforeOid": two, "afterOid": one});
    assert_eq!(stage.update(json!([back])), "UNPROCESSABLE");
    let forced = json!({"name": "refs/heads/old", "beforeOid": two, "afterOid": one, "force": true});
    let gone = json!({"name": "refs/heads/new", "beforeOid": one, "afterOid": ZERO});
    assert_eq!(stage.update(json!([forced, gone])), "");
    assert_eq!(refs(), before);
    let unknown = json!({"name": "refs/heads/x", "afterOid": "1".repeat(40)});
    assert_eq!(stage.update(json!([unknown])), "UNPROCESSABLE");
    let log = stage.forge.requests();
    assert!(log.iter().filter(|r| r.path == "/api/graphql").all(|r| r.mutating && r.body.is_some()));
}

#[test]
fn protected_branches_and_strangers_are_refused() {
    let stage = Stage::new();
    let here = stage.work_tree("here");
    let one = ok(&here, &["rev-parse", "HEAD"]);
    let two = commit(&here, "two", "2\n");
    ok(&here, &["push", "-q", "origin", "main", &format!("{one}:refs/heads/old")]);
    stage.forge.change("octocat/app", |r| r.protections.push(Protection::of("main")));
    let back = json!({"name": "refs/heads/main", "beforeOid": two, "afterOid": one, "force": true});
    assert_eq!(stage.update(json!([back])), "UNPROCESSABLE");
    stage.forge.change("octocat/app", |r| r.rulesets.push(Ruleset::of("refs/heads/old", &["update"])));
    assert_eq!(stage.update(json!([{"name": "refs/heads/old", "afterOid": two}])), "UNPROCESSABLE");
    let id = stage.call("GET", "/repos/octocat/app", Value::Null).json()["node_id"].clone();
    let stranger = stage.forge.token(Token::classic("stranger"));
    let input = json!({"repositoryId": id, "refUpdates": [{"name": "refs/heads/x", "afterOid": one}]});
    let answer = stage.graphql(&stranger, UPDATE, json!({"input": input})).json();
    assert_eq!(answer["errors"][0]["type"], "FORBIDDEN");
}

#[test]
fn a_commit_on_a_branch_wants_its_head() {
    let stage = Stage::new();
    let here = stage.work_tree("here");
    ok(&here, &["push", "-q", "origin", "main"]);
    let head = ok(&here, &["rev-parse", "HEAD"]);
    let query = "mutation($i: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $i) { commit { oid url } \
                 ref { name } } }";
    let create = |head: &str, changes: Value| {
        let branch = json!({"repositoryNameWithOwner": "octocat/app", "branchName": "main"});
        let message = json!({"headline": "h", "body": "b"});
        let input =
            json!({"branch": branch, "expectedHeadOid": head, "message": message, "fileChanges": changes});
        stage.graphql(&stage.token, query, json!({"i": input})).json()
    };
    let additions = json!([{"path": "a/b", "contents": "eA=="}]);
    let changes = json!({"additions": additions, "deletions": [{"path": "README.md"}]});
    assert_eq!(create(&"1".repeat(40), changes.clone())["errors"][0]["type"], "STALE_DATA");
    let made = create(&head, changes.clone());
    let oid = made["data"]["createCommitOnBranch"]["commit"]["oid"].as_str().unwrap().to_owned();
    ok(&here, &["fetch", "-q", "origin"]);
    assert_eq!(ok(&here, &["ls-tree", "-r", "--name-only", &oid]), "a/b");
    assert_eq!(ok(&here, &["show", "-s", "--format=%B", &oid]), "h\n\nb");
    assert_eq!(create(&oid, changes)["errors"][0]["type"], "UNPROCESSABLE");
}

#[test]
fn whoever_asks_learns_its_name() {
    let stage = Stage::new();
    let viewer = |token: &str| stage.graphql(token, "query { viewer { login } }", json!({})).json();
    assert_eq!(viewer(&stage.token), json!({"data": {"viewer": {"login": "octocat"}}}));
    let wrong = stage.graphql("ghp_wrong", "{ viewer { login } }", json!({}));
    assert_eq!((wrong.status, &wrong.json()["message"]), (401, &json!("Bad credentials")));
    let absent = stage.graphql(&stage.token, "{ viewer { shoeSize } }", json!({})).json();
    assert_eq!(absent["errors"][0]["type"], "undefinedField");
    let query = "{ repository(owner: \"octocat\", name: \"none\") { id } }";
    assert_eq!(stage.graphql(&stage.token, query, json!({})).json()["errors"][0]["type"], "NOT_FOUND");
    let installation = Installation { account: "octocat".to_owned(), ..Installation::default() };
    stage.forge.app(App { slug: "robot".to_owned(), installations: vec![installation], ..App::default() });
}
