//! git over HTTP: clone, fetch, push, and who may.

use coregit_tests::forge::{Repo, Role, Token, User};

use super::{Stage, commit, fails, git, ok};

#[test]
fn a_push_arrives_and_a_clone_brings_it_back() {
    let stage = Stage::new();
    let here = stage.work_tree("here");
    ok(&here, &["tag", "-a", "v1", "-m", "first"]);
    ok(&here, &["push", "-q", "origin", "main", "v1"]);
    let url = stage.url("octocat/app", &stage.token);
    for version in ["0", "2"] {
        let clone = format!("clone{version}");
        let protocol = format!("protocol.version={version}");
        ok(stage.dir.path(), &["-c", &protocol, "clone", "-q", &url, &clone]);
        let there = ok(&stage.dir.path().join(clone), &["rev-parse", "HEAD", "v1"]);
        assert_eq!(there, ok(&here, &["rev-parse", "HEAD", "v1"]));
    }
    assert_eq!(stage.forge.requests().iter().filter(|r| r.mutating && r.status == 200).count(), 1);
}

#[test]
fn the_first_pushed_branch_becomes_the_default_one() {
    let stage = Stage::new();
    let here = stage.work_tree("here");
    ok(&here, &["push", "-q", "origin", "main:trunk"]);
    let answer = stage.call("GET", "/repos/octocat/app", serde_json::Value::Null);
    assert_eq!(answer.json()["default_branch"], "trunk");
    let listed = ok(&here, &["ls-remote", "--symref", "origin", "HEAD"]);
    assert!(listed.contains("ref: refs/heads/trunk\tHEAD"), "{listed}");
}

#[test]
fn large_pushes_are_streamed_chunked_and_gzipped_requests_are_understood() {
    let stage = Stage::new();
    let here = stage.work_tree("here");
    let noise: String =
        (0..300_000u64).map(|n| format!("{:x}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    commit(&here, "noise", &noise);
    ok(&here, &["-c", "http.postBuffer=65536", "push", "-q", "origin", "main"]);
    // Many haves make git compress its fetch request.
    for n in 0..60 {
        ok(&here, &["commit", "-q", "--allow-empty", "-m", &n.to_string()]);
    }
    ok(&here, &["fetch", "-q", "origin"]);
    let other = stage.work_tree("other");
    for n in 0..300 {
        ok(&other, &["commit", "-q", "--allow-empty", "-m", &n.to_string()]);
    }
    ok(&other, &["-c", "protocol.version=0", "fetch", "-q", "origin"]);
    assert_eq!(ok(&other, &["rev-parse", "origin/main"]), ok(&here, &["rev-parse", "main~60"]));
}

#[test]
fn who_may_not_gets_githubs_words() {
    let stage = Stage::with(Repo::new("octocat/app").private());
    stage.forge.repo(Repo::new("octocat/public").collaborator("reader", Role::Pull));
    let reader = stage.forge.token(Token::classic("reader"));
    let dir = stage.dir.path();
    let asked = |full_name: &str, token: &str| git(dir, &["ls-remote", &stage.url(full_name, token)]);
    let complaint = |full_name: &str, token: &str| String::from_utf8(asked(full_name, token).stderr).unwrap();
    assert!(complaint("octocat/app", "wrong").contains("Invalid username or token."));
    assert!(complaint("octocat/app", &reader).contains("Repository not found."));
    assert!(complaint("octocat/nothing", &reader).contains("Repository not found."));
    assert!(complaint("octocat/app", "").contains("could not read Username"));
    assert!(asked("octocat/public", "").status.success());
    let here = stage.work_tree("here");
    let pushed = fails(&here, &["push", &stage.url("octocat/public", &reader), "main"]);
    assert!(pushed.contains("Permission to octocat/public.git denied to reader."), "{pushed}");
    stage.forge.change("octocat/app", |r| r.archived = true);
    assert!(fails(&here, &["push", "origin", "main"]).contains("archived so it is read-only"));
}

#[test]
fn single_sign_on_keeps_unauthorised_tokens_out() {
    let stage = Stage::new();
    let mut org = User::organization("acme");
    org.sso = true;
    org.members.insert("octocat".to_owned(), Role::Admin);
    stage.forge.user(org);
    stage.forge.repo(Repo::new("acme/app").private());
    let complaint = fails(stage.dir.path(), &["ls-remote", &stage.url("acme/app", &stage.token)]);
    assert!(complaint.contains("SAML SSO"), "{complaint}");
    let answer = stage.call("GET", "/repos/acme/app", serde_json::Value::Null);
    assert_eq!(answer.status, 403);
    assert!(answer.header("x-github-sso").starts_with("required; url="));
}

#[test]
fn a_renamed_repository_redirects_and_a_new_one_takes_the_name() {
    let stage = Stage::new();
    let here = stage.work_tree("here");
    ok(&here, &["push", "-q", "origin", "main"]);
    let old_id = stage.forge.find("octocat/app").unwrap().id;
    stage.forge.rename("octocat/app", "other");
    assert!(ok(&here, &["ls-remote", "origin"]).contains("refs/heads/main"));
    let answer = stage.call("GET", "/repos/octocat/app", serde_json::Value::Null);
    assert_eq!(answer.status, 301);
    let to = answer.header("location").strip_prefix(&stage.forge.api()).unwrap().to_owned();
    assert_eq!(stage.call("GET", &to, serde_json::Value::Null).json()["full_name"], "octocat/other");
    let new_id = stage.forge.repo(Repo::new("octocat/app"));
    assert_ne!(new_id, old_id);
    assert_eq!(ok(&here, &["ls-remote", "origin"]), "");
}
