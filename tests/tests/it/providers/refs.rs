//! Refs by API: looked at, and moved only from where they were expected.

use coregit_http::Effect as Known;
use coregit_model::{ErrorClass, ObjectFormat, Oid, RefName, RefUpdate, RemoteRepo};
use coregit_tests::forge::{Canned, Effect, Fault, Lag, Protection, Token};

use super::{Scene, app, main_branch, refused, run};

const GRAPHQL: &str = "/api/graphql";

fn zero() -> Oid {
    Oid::zero(ObjectFormat::Sha1)
}

fn update(name: &RefName, expected: Oid, new: Oid) -> RefUpdate {
    RefUpdate { name: name.clone(), expected, new }
}

/// A scene, its commit, and a child of that commit which no ref names yet.
fn two() -> (Scene, Oid, Oid) {
    let (scene, tree, first) = Scene::with(&[("a", "100644", b"1\n")]);
    let second = scene.commit_of(&tree, &[first]);
    (scene, first, second)
}

#[test]
fn a_ref_is_where_it_is_or_nowhere() {
    let (scene, commit, _) = two();
    let at = |name: &[u8]| run(scene.provider().ref_oid(&app(), &RefName::new(name).unwrap()));
    assert_eq!(at(b"refs/heads/main").unwrap(), Some(commit));
    assert_eq!(at(b"refs/heads/mai").unwrap(), None, "a beginning is no name");
    scene.git(&["update-ref", "refs/heads/a#b;%2e/$(id)", &commit.to_string()], b"");
    assert_eq!(at(b"refs/heads/a#b;%2e/$(id)").unwrap(), Some(commit));
    scene.lawful();
    let missing = RemoteRepo::parse("octocat/nothing").unwrap();
    let error = refused(scene.provider().ref_oid(&missing, &main_branch()));
    assert_eq!(error.class(), ErrorClass::NotFound, "no repository is not no ref");
}

#[test]
fn an_empty_repository_has_no_refs() {
    let scene = Scene::empty();
    assert_eq!(run(scene.provider().ref_oid(&app(), &main_branch())).unwrap(), None);
}

#[test]
fn refs_are_made_moved_and_deleted_together() {
    let (scene, first, second) = two();
    let side = RefName::new("refs/heads/side/x").unwrap();
    let provider = scene.provider();
    let both = [update(&main_branch(), first, second), update(&side, zero(), first)];
    run(provider.update_refs(&app(), &both)).unwrap();
    assert_eq!(
        (scene.stands("refs/heads/main"), scene.stands("refs/heads/side/x")),
        (Some(second), Some(first))
    );
    run(provider.update_refs(&app(), &[update(&side, first, zero())])).unwrap();
    assert_eq!(scene.stands("refs/heads/side/x"), None);
    run(provider.update_refs(&app(), &[])).unwrap();
    assert_eq!(scene.writes().len(), 2);
    scene.lawful();
}

#[test]
fn a_ref_that_somebody_moved_is_a_conflict_and_stays() {
    let (scene, first, second) = two();
    let other = scene.commit_of(&scene.tree_of(&[("b", "100644", b"")]), &[first]);
    scene.git(&["update-ref", "refs/heads/main", &other.to_string()], b"");
    let side = RefName::new("refs/heads/side").unwrap();
    let both = [update(&side, zero(), first), update(&main_branch(), first, second)];
    let error = refused(scene.provider().update_refs(&app(), &both));
    assert_eq!((error.class(), error.effect()), (ErrorClass::Conflict, Known::Refused));
    assert_eq!(error.to_string(), format!("main was moved there to {}", other.short()));
    assert_eq!((scene.stands("refs/heads/main"), scene.stands("refs/heads/side")), (Some(other), None));
    scene.git(&["update-ref", "-d", "refs/heads/main"], b"");
    scene.git(&["update-ref", "refs/heads/keep", &first.to_string()], b"");
    let error = refused(scene.provider().update_refs(&app(), &[update(&main_branch(), first, second)]));
    assert_eq!((error.class(), error.to_string().as_str()), (ErrorClass::Conflict, "main is gone there"));
}

#[test]
fn a_move_that_is_not_forward_needs_force() {
    let (scene, first, second) = two();
    scene.git(&["update-ref", "refs/heads/main", &second.to_string()], b"");
    let back = [update(&main_branch(), second, first)];
    let error = refused(scene.provider().update_refs(&app(), &back));
    assert_eq!((error.class(), error.message()), (ErrorClass::Conflict, "Update is not a fast forward"));
    run(scene.provider().force_refs(&app(), &back)).unwrap();
    assert_eq!(scene.stands("refs/heads/main"), Some(first));
    run(scene.provider().force_refs(&app(), &back)).unwrap();
    let other = scene.commit_of(&scene.tree_of(&[]), &[]);
    let stale = refused(scene.provider().force_refs(&app(), &[update(&main_branch(), second, other)]));
    assert_eq!(stale.class(), ErrorClass::Conflict, "force compares too");
    assert_eq!(scene.stands("refs/heads/main"), Some(first));
}

#[test]
fn a_lost_answer_is_made_up_for_by_looking() {
    let (scene, first, second) = two();
    scene.forge.fault(Fault::on("POST", GRAPHQL, Effect::CutAfter));
    run(scene.provider().update_refs(&app(), &[update(&main_branch(), first, second)])).unwrap();
    assert_eq!(scene.writes().len(), 1, "not sent twice");
    let (scene, first, second) = two();
    scene.forge.fault(Fault::on("POST", GRAPHQL, Effect::CutBefore));
    let error = refused(scene.provider().update_refs(&app(), &[update(&main_branch(), first, second)]));
    assert_eq!((error.class(), error.effect()), (ErrorClass::Transient, Known::Unknown));
    assert_eq!(scene.stands("refs/heads/main"), Some(first));
}

#[test]
fn refusals_keep_the_hosts_words() {
    let (scene, first, second) = two();
    let moved = [update(&main_branch(), first, second)];
    let reader = scene.forge.token(Token::fine_grained("octocat").permission("contents", "read"));
    assert_eq!(refused(scene.provider_with(&reader).update_refs(&app(), &moved)).class(), ErrorClass::Scope);
    scene.forge.change("octocat/app", |repo| {
        repo.protections.push(Protection {
            pattern: "main".into(),
            require_pull_request: true,
            ..Protection::default()
        });
    });
    let error = refused(scene.provider().update_refs(&app(), &moved));
    assert_eq!(error.class(), ErrorClass::RejectedByRule, "{error}");
    scene.forge.change("octocat/app", |repo| repo.archived = true);
    assert_eq!(refused(scene.provider().update_refs(&app(), &moved)).class(), ErrorClass::RejectedByRule);
    scene.forge.revoke("mine");
    assert_eq!(refused(scene.provider().update_refs(&app(), &moved)).class(), ErrorClass::Auth);
    assert_eq!(scene.stands("refs/heads/main"), Some(first));
}

#[test]
fn limits_are_told_with_their_wait_also_by_graphql() {
    let (scene, first, second) = two();
    let limited = Effect::Answer(Canned::secondary_limit(Some(900)));
    scene.forge.fault(Fault::on("POST", GRAPHQL, limited).always());
    let error = refused(scene.provider().update_refs(&app(), &[update(&main_branch(), first, second)]));
    assert_eq!((error.class(), error.effect()), (ErrorClass::Rate, Known::Refused));
    assert_eq!(error.wait().unwrap().as_secs(), 900);
    let asked = scene.forge.requests().iter().filter(|r| r.path == GRAPHQL).count();
    assert_eq!(asked, 1, "no second request before the time");
}

#[test]
fn a_commit_that_not_every_replica_knows_is_waited_for() {
    let (scene, _, first) = Scene::with(&[("a", "100644", b"1\n")]);
    scene.forge.lag("octocat/app", Lag { object_uses: 2, ..Lag::default() });
    let provider = scene.provider();
    let second = run(async {
        let tree = super::objects::one_file(&provider, "b", b"2\n").await;
        provider.put_commit(&app(), &super::objects::commit(tree, vec![first])).await.unwrap()
    });
    run(provider.update_refs(&app(), &[update(&main_branch(), first, second)])).unwrap();
    assert_eq!(scene.stands("refs/heads/main"), Some(second));
}
