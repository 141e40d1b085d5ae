//! GitHub Apps: tokens minted when they are needed, kept while they are good, renewed once when they die.

use std::time::Duration;

use coregit_http::HttpError;
use coregit_model::{Connection, ErrorClass, Secret, TokenKind};
use coregit_providers::Provider;
use coregit_tests::forge::{App, Effect, Fault, Installation};

use super::{Scene, app, client, main_branch, refused, run, testdata};

const MINT: &str = "/access_tokens";

/// An App `robot`, installed at this account, which may do everything.
pub fn robot(account: &str) -> App {
    let may = |name: &str| (name.to_owned(), "write".to_owned());
    App {
        slug: "robot".into(),
        public_key: std::fs::read_to_string(testdata("app-public.pem")).unwrap(),
        permissions: ["contents", "metadata", "workflows", "repository_hooks"].map(may).into(),
        installations: vec![Installation { account: account.into(), ..Installation::default() }],
        ..App::default()
    }
}

pub fn provider(scene: &Scene, app: &App, installation: Option<u64>) -> Provider {
    with_key(scene, app, installation, "app-pkcs1.pem").unwrap()
}

fn with_key(
    scene: &Scene,
    app: &App,
    installation_id: Option<u64>,
    key: &str,
) -> Result<Provider, HttpError> {
    let connection = Connection {
        app_id: Some(app.client_id.clone()),
        installation_id,
        ..scene.connection(TokenKind::App)
    };
    let pem = Secret::new(std::fs::read_to_string(testdata(key)).unwrap());
    let provider = Provider::new(&connection, client(), pem, format!("fp-{key}"))?;
    Ok(provider.lag_patience(Duration::from_secs(1)))
}

fn minted(scene: &Scene) -> usize {
    scene.forge.requests().iter().filter(|r| r.path.ends_with(MINT)).count()
}

#[test]
fn an_app_is_proved_by_minting() {
    let scene = Scene::empty();
    let robot = scene.forge.app(robot("octocat"));
    for key in ["app-pkcs1.pem", "app-pkcs8.pem"] {
        let provider = with_key(&scene, &robot, Some(robot.installations[0].id), key).unwrap();
        let identity = run(provider.validate()).unwrap();
        assert_eq!((identity.username.as_str(), identity.kind), ("robot[bot]", TokenKind::App));
        assert!(identity.scopes.contains(&"contents:write".to_owned()), "{:?}", identity.scopes);
    }
    scene.lawful();
}

#[test]
fn one_token_serves_until_shortly_before_its_end() {
    let (scene, _, commit) = Scene::with(&[("a", "100644", b"1\n")]);
    let robot = scene.forge.app(robot("octocat"));
    let at_first = provider(&scene, &robot, None);
    run(async {
        for _ in 0..3 {
            assert_eq!(at_first.ref_oid(&app(), &main_branch()).await.unwrap(), Some(commit));
        }
        at_first.git_credential(&app()).await.unwrap();
    });
    assert_eq!(minted(&scene), 1);
    let later = provider(&scene, &robot, None);
    run(later.repository(&app())).unwrap();
    assert_eq!(minted(&scene), 1, "the next run of this process finds it");
    let looked_up = scene.forge.requests().iter().filter(|r| r.path.ends_with("/installation")).count();
    assert_eq!(looked_up, 1, "the installation too");
    scene.lawful();
}

#[test]
fn a_token_that_dies_is_renewed_once() {
    let (scene, _, commit) = Scene::with(&[("a", "100644", b"1\n")]);
    let robot = scene.forge.app(robot("octocat"));
    let provider = provider(&scene, &robot, None);
    run(provider.repository(&app())).unwrap();
    scene.forge.fault(Fault::on("GET", "*/git/ref/*", Effect::Revoke));
    assert_eq!(run(provider.ref_oid(&app(), &main_branch())).unwrap(), Some(commit));
    assert_eq!(minted(&scene), 2);
    scene.forge.fault(Fault::on("GET", "*/git/ref/*", Effect::Revoke).always());
    let error = refused(provider.ref_oid(&app(), &main_branch()));
    assert_eq!((error.class(), error.message()), (ErrorClass::Auth, "Bad credentials"));
    assert_eq!(minted(&scene), 3, "once, not for ever");
    scene.forge.clear_faults();
    assert!(provider.renew());
    run(provider.git_credential(&app())).unwrap();
    assert_eq!(minted(&scene), 4, "git asked for a new one");
}

#[test]
fn a_clock_that_is_wrong_is_set_by_the_hosts() {
    let scene = Scene::empty();
    let robot = scene.forge.app(robot("octocat"));
    scene.forge.advance(Duration::from_secs(7200));
    run(provider(&scene, &robot, Some(robot.installations[0].id)).validate()).unwrap();
    assert!(scene.forge.requests().iter().any(|r| r.status == 401), "the first try was refused");
}

#[test]
fn what_stands_in_an_apps_way_is_told() {
    let scene = Scene::empty();
    let elsewhere = scene.forge.app(robot("somebody"));
    let error = refused(provider(&scene, &elsewhere, None).repository(&app()));
    assert_eq!(error.class(), ErrorClass::NotFound);
    assert!(error.to_string().starts_with("the App is not installed for octocat/app"), "{error}");
    let mut stranger = robot("octocat");
    stranger.client_id = "Iv1.unknown".into();
    let error = refused(provider(&scene, &stranger, Some(1)).validate());
    assert_eq!((error.class(), error.status()), (ErrorClass::Auth, Some(401)));
    assert!(error.to_string().starts_with("GitHub token validation failed: 401 "), "{error}");
    assert!(with_key(&scene, &stranger, None, "app-too-short.pem").is_err());
    let mut suspended = robot("octocat");
    suspended.installations[0].suspended = true;
    let suspended = scene.forge.app(suspended);
    let error = refused(provider(&scene, &suspended, None).repository(&app()));
    assert_eq!(error.to_string(), "the App's installation is suspended");
}
