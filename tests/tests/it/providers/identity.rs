//! Tokens of every kind, good and bad.

use coregit_model::{ErrorClass, Timestamp, TokenKind};
use coregit_providers::Rights;
use coregit_tests::forge::{Canned, Effect, Fault, Repo, Role, Token, User};

use super::{Scene, app, refused, run};

#[test]
fn every_kind_of_token_is_told_by_what_the_host_says() {
    let scene = Scene::empty();
    let opaque = Token::classic("octocat").value(&"0123456789abcdef".repeat(3)[..40]);
    let long = Token::classic("octocat").value(&format!("ghp_{}", "x".repeat(4000)));
    for (token, kind, scopes) in [
        (Token::classic("octocat"), TokenKind::Classic, 3),
        (opaque, TokenKind::Classic, 3),
        (long, TokenKind::Classic, 3),
        (Token::classic("octocat").scopes(&[]), TokenKind::Classic, 0),
        (Token::fine_grained("octocat"), TokenKind::FineGrained, 0),
        (Token::oauth("octocat"), TokenKind::Oauth, 1),
    ] {
        let value = scene.forge.token(token);
        let identity = run(scene.provider_with(&value).validate()).unwrap();
        assert_eq!((identity.username.as_str(), identity.kind), ("octocat", kind));
        assert_eq!(identity.scopes.len(), scopes, "{identity:?}");
    }
    scene.lawful();
}

#[test]
fn a_wrong_token_is_refused_in_the_known_words() {
    let scene = Scene::empty();
    let error = refused(scene.provider_with("ghp_wrong_canary_token").validate());
    assert_eq!(error.to_string(), "GitHub token validation failed: 401 Bad credentials");
    assert_eq!(error.class(), ErrorClass::Auth);
    assert!(error.request_id().is_some());
    assert!(!format!("{error:?}").contains("canary"));
}

#[test]
fn a_login_with_an_escape_in_it_is_shown_harmless() {
    let scene = Scene::empty();
    let canned =
        Canned { status: 200, body: r#"{"login":"oct\u001b]0;x\u0007ocat"}"#.into(), ..Canned::default() };
    scene.forge.fault(Fault::on("GET", "*/user", Effect::Answer(canned)));
    let identity = run(scene.provider().validate()).unwrap();
    assert_eq!(identity.username, "oct\\x1b]0;x\\x07ocat");
}

#[test]
fn a_host_that_cannot_be_asked_is_no_refusal() {
    let scene = Scene::empty();
    scene.forge.fault(Fault::on("GET", "*/user", Effect::Answer(Canned::bad_gateway())).always());
    let error = refused(scene.provider().validate());
    assert_eq!((error.class(), error.status()), (ErrorClass::Transient, Some(502)));
    assert!(!error.to_string().contains("<html>"), "{error}");
}

#[test]
fn the_end_of_a_token_is_told_and_an_end_that_is_now_is_not_believed() {
    let scene = Scene::empty();
    let ending = |seconds| {
        let expires = Some(scene.forge.now() + seconds);
        let value = scene.forge.token(Token { expires, ..Token::classic("octocat") });
        run(scene.provider_with(&value).validate()).unwrap()
    };
    let far = ending(30 * 86_400);
    assert!(far.expires_at.is_some_and(|at| at > Timestamp::now()) && far.note.is_none());
    assert!(ending(86_400).note.unwrap().starts_with("the token ends at"));
    let now = ending(20);
    assert!(now.expires_at.is_none() && now.note.unwrap().contains("may be mistaken"));
}

#[test]
fn rights_come_from_scopes_and_roles() {
    let scene = Scene::empty();
    scene.forge.repo(Repo::new("octocat/secret").private());
    scene.forge.change("octocat/app", |repo| {
        repo.permissions.insert("mona".into(), Role::Push);
    });
    let rights = |token: Token, repo: &str| {
        let value = scene.forge.token(token);
        run(scene.provider_with(&value).rights(&repo.parse_remote())).unwrap()
    };
    let all = |yes| Rights { read: Some(yes), write: Some(yes), hooks: Some(yes), workflows: Some(yes) };
    assert_eq!(rights(Token::classic("octocat"), "octocat/app"), all(true));
    let no_workflows = Token::classic("octocat").scopes(&["repo"]);
    assert_eq!(rights(no_workflows, "octocat/app"), Rights { workflows: Some(false), ..all(true) });
    let public_only = Token::classic("octocat").scopes(&["public_repo"]);
    assert_eq!(rights(public_only, "octocat/app").write, Some(true));
    assert_eq!(rights(Token::classic("mona"), "octocat/app").hooks, Some(false));
    assert_eq!(rights(Token::classic("stranger"), "octocat/app").write, Some(false));
    let hidden = rights(Token::classic("stranger"), "octocat/secret");
    assert_eq!((hidden.read, hidden.write), (Some(false), Some(false)));
    let fine = rights(Token::fine_grained("octocat").permission("contents", "write"), "octocat/app");
    assert_eq!((fine.read, fine.write), (Some(true), None), "the role is not the grant");
    scene.forge.change("octocat/app", |repo| repo.archived = true);
    assert_eq!(rights(Token::classic("octocat"), "octocat/app").write, Some(false));
    assert!(scene.writes().is_empty(), "by reading alone");
    scene.lawful();
}

#[test]
fn single_sign_on_is_told_with_its_link() {
    let scene = Scene::empty();
    let members = [("octocat".to_owned(), Role::Admin)].into();
    scene.forge.user(User { sso: true, members, ..User::organization("acme") });
    scene.forge.repo(Repo::new("acme/app").private());
    let error = refused(scene.provider().repository(&"acme/app".parse_remote()));
    assert_eq!(error.class(), ErrorClass::Sso, "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("https://")), "{error:?}");
}

#[test]
fn a_ready_made_installation_token_is_known_by_its_bot() {
    let scene = Scene::empty();
    let robot = scene.forge.app(app::robot("octocat"));
    let provider = app::provider(&scene, &robot, Some(robot.installations[0].id));
    let credential = run(provider.git_credential(&app())).unwrap();
    assert!(credential.is_for(provider.addresses().git_origin()));
    let value = scene.forge.token(Token {
        kind: coregit_tests::forge::TokenKind::Installation,
        login: "robot[bot]".into(),
        installation: Some(robot.installations[0].id),
        ..Token::default()
    });
    let identity = run(scene.provider_with(&value).validate()).unwrap();
    assert_eq!((identity.username.as_str(), identity.kind), ("robot[bot]", TokenKind::Installation));
}

trait ParseRemote {
    fn parse_remote(&self) -> coregit_model::RemoteRepo;
}

impl ParseRemote for str {
    fn parse_remote(&self) -> coregit_model::RemoteRepo {
        coregit_model::RemoteRepo::parse(self).unwrap()
    }
}
