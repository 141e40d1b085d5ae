//! Repositories: renamed, moved away, hidden, empty.

use coregit_model::{BranchName, ErrorClass, RemoteRepo};
use coregit_tests::forge::{Canned, Effect, Fault, Forge, Options, Repo, Ruleset, Token};

use super::{Scene, app, refused, run};

#[test]
fn a_repository_is_known_by_its_number_through_a_rename() {
    let scene = Scene::empty();
    let before = run(scene.provider().repository(&app())).unwrap();
    assert_eq!((before.full_name.as_str(), before.renamed_to.as_ref()), ("octocat/app", None));
    assert_eq!((before.private, before.archived, before.push), (false, false, Some(true)));
    scene.forge.rename("octocat/app", "octocat/tool");
    let after = run(scene.provider().repository(&app())).unwrap();
    assert_eq!(after.id, before.id);
    assert_eq!(after.renamed_to, Some(RemoteRepo::parse("octocat/tool").unwrap()));
    scene.forge.repo(Repo::new("octocat/app"));
    assert_ne!(
        run(scene.provider().repository(&app())).unwrap().id,
        before.id,
        "a squatter has another number"
    );
    scene.lawful();
}

#[test]
fn another_case_of_the_name_is_no_rename() {
    let scene = Scene::empty();
    let remote = RemoteRepo::parse("OctoCat/APP").unwrap();
    assert_eq!(run(scene.provider().repository(&remote)).unwrap().renamed_to, None);
}

#[test]
fn a_move_to_another_host_is_told_and_not_followed() {
    let scene = Scene::empty();
    let trap = Forge::start(Options::default());
    for to in
        [format!("{}/api/v3/repositories/1", trap.url()), "https://api.github.com/repositories/1".into()]
    {
        let moved = Canned { status: 301, ..Canned::default() }.header("location", &to);
        scene.forge.fault(Fault::on("GET", "*/repos/octocat/app", Effect::Answer(moved)));
        let error = refused(scene.provider().repository(&app()));
        assert_eq!((error.class(), error.location()), (ErrorClass::Moved, Some(to.as_str())));
        assert!(error.to_string().contains("nothing was sent there"), "{error}");
    }
    assert!(trap.requests().is_empty());
}

#[test]
fn a_move_in_a_circle_ends() {
    let scene = Scene::empty();
    let here = format!("{}/repos/octocat/app", scene.forge.api());
    let moved = Canned { status: 301, ..Canned::default() }.header("location", &here);
    scene.forge.fault(Fault::on("GET", "*/repos/octocat/app", Effect::Answer(moved)).always());
    assert_eq!(refused(scene.provider().repository(&app())).class(), ErrorClass::Invalid);
    assert_eq!(scene.forge.requests().len(), 4);
}

#[test]
fn missing_and_hidden_look_the_same() {
    let scene = Scene::empty();
    scene.forge.repo(Repo::new("octocat/secret").private());
    let stranger = scene.forge.token(Token::classic("stranger"));
    for name in ["octocat/secret", "octocat/nothing"] {
        let remote = RemoteRepo::parse(name).unwrap();
        let error = refused(scene.provider_with(&stranger).repository(&remote));
        assert_eq!((error.class(), error.message()), (ErrorClass::NotFound, "Not Found"));
    }
}

#[test]
fn answers_that_are_none_are_invalid() {
    let scene = Scene::empty();
    for body in [
        "<!DOCTYPE html><html>Please log in</html>",
        r#"{"id":"1","node_id":"R","full_name":"octocat/app","private":false}"#,
        r#"{"id":1,"node_id":"R","full_name":"oct\u001b[2Jocat/app","private":false}"#,
        r#"{"id":1"#,
        "null",
    ] {
        let canned = Canned { status: 200, body: body.into(), ..Canned::default() };
        scene.forge.fault(Fault::on("GET", "*/repos/octocat/app", Effect::Answer(canned)));
        assert_eq!(refused(scene.provider().repository(&app())).class(), ErrorClass::Invalid, "{body}");
    }
    let canned = Canned {
        status: 200,
        body: r#"{"id":1,"node_id":"R","full_name":"octocat/app","private":false,"default_branch":null}"#
            .into(),
        ..Canned::default()
    };
    scene.forge.fault(Fault::on("GET", "*/repos/octocat/app", Effect::Answer(canned)));
    assert_eq!(run(scene.provider().repository(&app())).unwrap().default_branch, None);
}

#[test]
fn groups_in_groups_are_not_githubs() {
    let scene = Scene::empty();
    let remote = RemoteRepo::parse("a/b/c").unwrap();
    assert_eq!(refused(scene.provider().repository(&remote)).class(), ErrorClass::Invalid);
    assert!(scene.forge.requests().is_empty());
}

#[test]
fn the_rules_of_a_branch_are_listed() {
    let (scene, ..) = Scene::with(&[("a", "100644", b"1\n")]);
    scene.forge.change("octocat/app", |repo| {
        repo.rulesets.push(Ruleset::of("refs/heads/*", &["non_fast_forward"]));
    });
    let branch = BranchName::new("main").unwrap();
    let rules = run(scene.provider().rules(&app(), &branch)).unwrap();
    assert!(rules.iter().any(|rule| rule.kind == "non_fast_forward"), "{rules:?}");
    scene.lawful();
}
