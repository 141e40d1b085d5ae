//! Whose token goes where, and that it stands nowhere else.

use coregit_tests::forge::Repo;

use super::desk::{APP, Desk};
use super::servers::{Server, answer};

#[test]
fn a_connection_is_found_by_id_label_provider_and_host() {
    let desk = Desk::new();
    desk.stage.forge.repo(Repo::new("octocat/secret").private());
    let listed = desk.stage.coregit(&["--json", "connections", "list"]).ok().json();
    let id = listed[0]["id"].as_str().or(listed["connections"][0]["id"].as_str()).unwrap().to_owned();
    for connection in [&id, "work", "github"] {
        let said = desk.git(&["ls-remote", &format!("coregit://{connection}/octocat/secret")]);
        assert_eq!(said.code, 0, "{connection}: {}", said.err);
    }
    let by_host = desk.requests_of(|| drop(desk.git(&["ls-remote", &desk.url("octocat/secret")]).ok()));
    assert!(by_host.iter().all(|r| r.token == "mine" && r.status == 200), "{by_host:?}");
    let said = desk.git(&["ls-remote", "coregit://nobody/octocat/app"]);
    assert!(said.code != 0 && said.err.contains("no connection is called \"nobody\""), "{}", said.err);
    assert!(said.err.contains("hint: `coregit connections list`"), "{}", said.err);
}

#[test]
fn two_connections_for_one_host_are_an_error_that_names_both() {
    let desk = Desk::new();
    desk.stage.forge.repo(Repo::new("octocat/secret").private());
    desk.stage.connect("second one", &desk.token("second")).ok();
    let url = desk.url("octocat/secret");
    let said = desk.git(&["ls-remote", &url]);
    assert!(
        said.code != 0 && said.err.contains("\"work\"") && said.err.contains("\"second one\""),
        "{}",
        said.err
    );
    desk.git(&["init", "-q", "w"]).ok();
    let work = desk.path("w");
    desk.git_in(&work, &["remote", "add", "origin", &url]).ok();
    desk.git_in(&work, &["config", "remote.origin.coregitConnection", "second one"]).ok();
    let used = desk.requests_of(|| drop(desk.git_in(&work, &["fetch"]).ok()));
    assert!(used.iter().all(|r| r.token == "second"), "{used:?}");
    let spelled =
        desk.requests_of(|| drop(desk.git(&["ls-remote", "coregit://second%20one/octocat/secret"]).ok()));
    assert!(spelled.iter().all(|r| r.token == "second"), "{spelled:?}");
}

#[test]
fn without_a_home_gits_own_credential_helpers_are_asked_and_told() {
    let desk = Desk::without_home();
    desk.stage.forge.repo(Repo::new("octocat/secret").private());
    let log = desk.with_git_login("octocat", &desk.stage.token);
    desk.git(&["ls-remote", &desk.url("octocat/secret")]).ok();
    let told = std::fs::read_to_string(&log).unwrap();
    let host = desk.stage.forge.url().trim_start_matches("http://").to_owned();
    assert!(
        told.contains("get\n") && told.contains("store\n") && told.contains(&format!("host={host}\n")),
        "{told}"
    );
    assert!(told.contains("wwwauth[]=Basic realm=\"GitHub\""), "{told}");
    std::fs::remove_file(&log).unwrap();
    desk.stage.forge.revoke("mine");
    let said = desk.git(&["ls-remote", &desk.url("octocat/secret")]);
    let told = std::fs::read_to_string(&log).unwrap();
    assert!(said.code != 0 && said.err.contains("Authentication failed for"), "{}", said.err);
    assert!(told.contains("erase\n") && !told.contains("store\n"), "{told}");
}

#[test]
fn a_login_in_the_address_is_used_and_never_shown() {
    let desk = Desk::without_home();
    desk.stage.forge.repo(Repo::new("octocat/secret").private());
    let host = desk.stage.forge.url().trim_start_matches("http://").to_owned();
    let url = |name: &str| format!("coregit::http://octocat:{}@{host}/octocat/{name}.git", desk.stage.token);
    let requests = desk.requests_of(|| drop(desk.git(&["ls-remote", &url("secret")]).ok()));
    assert_eq!(requests.len(), 2, "no request without it: {requests:?}");
    let said = desk.git(&["ls-remote", &url("nothing")]);
    assert!(said.code != 0 && said.err.contains("not found, or you have no access"), "{}", said.err);
    assert!(!said.err.contains(&desk.stage.token), "{}", said.err);
}

#[test]
fn a_rename_on_the_same_host_is_followed_and_told() {
    let desk = Desk::new();
    desk.stage.forge.repo(Repo::new("octocat/secret").private());
    desk.stage.forge.rename("octocat/secret", "hidden");
    let said = desk.git(&["ls-remote", "coregit://work/octocat/secret"]).ok();
    assert!(
        said.err.contains("warning: redirecting to ") && said.err.contains("/octocat/hidden.git"),
        "{}",
        said.err
    );
    let work = desk.published("coregit://work/octocat/secret", 1);
    desk.git_in(&work, &["fetch", "-q"]).ok();
    let refused = desk.git_in(&work, &["-c", "http.followRedirects=false", "fetch"]);
    assert!(refused.code != 0 && refused.err.contains("is not followed"), "{}", refused.err);
}

/// A server that sends everybody to this address.
fn pointing_at(to: &str) -> Server {
    let to = to.to_owned();
    Server::start(move |seen, stream| {
        let location = format!("{to}{}", seen.target);
        answer(stream, "302 Found", &[("location", location.as_str())], b"");
    })
}

#[test]
fn a_redirect_to_another_origin_takes_no_credential_along() {
    let thief = Server::start(|_, stream| answer(stream, "404 Not Found", &[], b""));
    let door = pointing_at(&thief.url);
    let desk = Desk::without_home();
    let log = desk.with_git_login("ada", "canary-password");
    let login = door.url.replace("http://", "coregit::http://ada:canary-password@");
    for address in [format!("{login}/x.git"), door.coregit("x.git")] {
        let said = desk.git(&["ls-remote", &address]);
        assert_ne!(said.code, 0, "{}", said.err);
    }
    assert_eq!(thief.seen().len(), 2);
    assert!(thief.seen().iter().all(|r| r.header("authorization").is_none()), "{:?}", thief.seen());
    assert!(!std::fs::read_to_string(log).unwrap_or_default().contains("get"), "nobody asked for a login");
    desk.stage.coregit(&["init"]).ok();
}

#[test]
fn a_connections_token_does_not_leave_its_host() {
    let thief = Server::start(|_, stream| answer(stream, "404 Not Found", &[], b""));
    let desk = Desk::new();
    let location = format!("{}/octocat/app.git/info/refs?service=git-upload-pack", thief.url);
    desk.stage.forge.fault(coregit_tests::forge::Fault::on(
        "GET",
        "/octocat/app.git/info/refs",
        coregit_tests::forge::Effect::Answer(
            coregit_tests::forge::Canned::message(302, "").header("location", &location),
        ),
    ));
    let said = desk.git(&["ls-remote", APP]);
    assert!(said.code != 0 && said.err.contains("is not followed"), "{}", said.err);
    assert!(thief.seen().is_empty());
    let other =
        desk.git(&["-c", "remote.origin.coregitConnection=work", "ls-remote", &thief.coregit("octocat/app")]);
    assert_ne!(other.code, 0);
    assert!(thief.seen().iter().all(|r| r.header("authorization").is_none()));
}

#[test]
fn a_post_that_is_redirected_is_not_followed() {
    let thief = Server::start(|_, stream| answer(stream, "404 Not Found", &[], b""));
    let desk = Desk::new();
    let work = desk.published(APP, 1);
    for service in ["git-upload-pack", "git-receive-pack"] {
        let location = format!("{}/{service}", thief.url);
        desk.stage.forge.fault(coregit_tests::forge::Fault::on(
            "POST",
            &format!("/octocat/app.git/{service}"),
            coregit_tests::forge::Effect::Answer(
                coregit_tests::forge::Canned::message(307, "").header("location", &location),
            ),
        ));
    }
    desk.commit(&work, "x", "1");
    for args in [&["fetch"][..], &["push"]] {
        assert_ne!(desk.git_in(&work, args).code, 0);
    }
    assert!(thief.seen().is_empty());
}

#[test]
fn a_refused_connection_says_how_it_is_mended() {
    let desk = Desk::new();
    desk.stage.forge.revoke("mine");
    let said = desk.git(&["ls-remote", APP]);
    assert!(
        said.err.contains("Authentication failed for")
            && said.err.contains("coregit connections update work"),
        "{}",
        said.err
    );
}

#[test]
fn when_gits_own_helper_serves_a_connection_it_gets_the_token_through_a_pipe() {
    let desk = Desk::new();
    desk.stage.forge.repo(Repo::new("octocat/secret").private());
    let log = desk.with_git_login("nobody", "nothing");
    let address = "coregit://work/octocat/secret";
    for setting in ["http.extraHeader=X-Test: 1", "protocol.version=0", "http.sslVerify=false"] {
        let requests = desk.requests_of(|| drop(desk.git(&["-c", setting, "ls-remote", address]).ok()));
        assert!(requests.iter().any(|r| r.token == "mine" && r.status == 200), "{setting}: {requests:?}");
        assert!(
            requests[0].agent.starts_with("git/2.") && !requests[0].agent.contains("coregit"),
            "{requests:?}"
        );
    }
    assert!(!log.exists(), "the user's own helper is neither asked nor given our token");
}
