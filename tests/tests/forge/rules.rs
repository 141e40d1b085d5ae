//! Pushes that GitHub refuses, and its words for it.

use coregit_tests::forge::{Protection, Repo, Ruleset, Token};

use super::{Stage, commit, fails, git, ok};

/// A stage whose repository has the branches `main` (two commits) and `free`.
fn pushed(repo: Repo) -> (Stage, std::path::PathBuf) {
    let stage = Stage::with(repo);
    let here = stage.work_tree("here");
    commit(&here, "two", "2\n");
    ok(&here, &["push", "-q", "origin", "main", "main:free"]);
    (stage, here)
}

#[test]
fn a_protected_branch_is_neither_forced_nor_deleted_and_others_go_on() {
    let (stage, here) = pushed(Repo::new("octocat/app").protect(Protection::of("main")));
    let said = fails(&here, &["push", "-f", "origin", "main~1:main", "main~1:free"]);
    assert!(
        said.contains("remote: error: GH006: Protected branch update failed for refs/heads/main."),
        "{said}"
    );
    assert!(said.contains("remote: error: Cannot force-push to this branch"), "{said}");
    assert!(said.contains("[remote rejected] main~1 -> main (protected branch hook declined)"), "{said}");
    assert!(said.contains("main~1 -> free (forced update)"), "{said}");
    stage.forge.change("octocat/app", |r| r.default_branch = "free".to_owned());
    ok(&stage.forge.bare("octocat/app"), &["symbolic-ref", "HEAD", "refs/heads/free"]);
    assert!(fails(&here, &["push", "origin", ":main"]).contains("Cannot delete this branch"));
}

#[test]
fn rulesets_name_the_rules_that_are_broken() {
    let (stage, here) = pushed(Repo::new("octocat/app"));
    stage.forge.change("octocat/app", |r| {
        r.rulesets.push(Ruleset::of("refs/heads/main", &["pull_request", "required_signatures"]));
    });
    commit(&here, "three", "3\n");
    let said = fails(&here, &["push", "origin", "main"]);
    assert!(said.contains("GH013: Repository rule violations found for refs/heads/main."), "{said}");
    assert!(said.contains("remote: - Changes must be made through a pull request."), "{said}");
    assert!(said.contains("(push declined due to repository rule violations)"), "{said}");
}

#[test]
fn hidden_refs_and_the_current_branch_are_refused() {
    let (_stage, here) = pushed(Repo::new("octocat/app"));
    let said = fails(&here, &["push", "origin", "main:refs/pull/1/head"]);
    assert!(said.contains("(deny updating a hidden ref)"), "{said}");
    let said = fails(&here, &["push", "origin", ":main"]);
    assert!(said.contains("(refusing to delete the current branch: refs/heads/main)"), "{said}");
}

#[test]
fn workflow_files_need_their_scope() {
    let (stage, here) = pushed(Repo::new("octocat/app"));
    let plain = stage.forge.token(Token::classic("octocat").scopes(&["repo"]));
    let url = stage.url("octocat/app", &plain);
    commit(&here, "code.rs", "x\n");
    ok(&here, &["push", "-q", &url, "main"]);
    commit(&here, ".github/workflows/ci.yml", "on: push\n");
    commit(&here, "after", "y\n");
    let said = fails(&here, &["push", &url, "main"]);
    let words = "refusing to allow a Personal Access Token to create or update workflow `.github/workflows/ci.yml` \
                 without `workflow` scope";
    assert!(said.contains(words), "{said}");
    ok(&here, &["push", "-q", "origin", "main"]);
    // What is there already is nobody's change.
    ok(&here, &["push", "-q", &url, "main:copy"]);
}

#[test]
fn a_large_file_refuses_the_whole_push() {
    let mut repo = Repo::new("octocat/app");
    repo.blob_limit = Some(1000);
    let (_stage, here) = pushed(repo);
    commit(&here, "sub/big", &"x".repeat(2000));
    let said = fails(&here, &["push", "origin", "main", "main:other"]);
    assert!(said.contains("remote: error: GH001: Large files detected."), "{said}");
    assert!(said.contains("File sub/big is 0.00 MB"), "{said}");
    assert_eq!(said.matches("(pre-receive hook declined)").count(), 2, "{said}");
}

#[test]
fn an_atomic_push_fails_as_a_whole_and_a_stale_lease_is_noticed() {
    let (_stage, here) = pushed(Repo::new("octocat/app").protect(Protection::of("main")));
    let said = fails(&here, &["push", "--atomic", "-f", "origin", "main~1:main", "main:new"]);
    assert!(said.contains("main -> new (atomic"), "{said}");
    let wrong = "--force-with-lease=free:1111111111111111111111111111111111111111";
    assert!(fails(&here, &["push", wrong, "origin", "main~1:free"]).contains("stale info"));
    assert!(git(&here, &["push", "-o", "x=y", "origin", "main:with-option"]).status.success());
}
