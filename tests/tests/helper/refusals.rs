//! Refusals, failures and lies of hosts: what the user is told, and that nothing hangs.

use std::io::Write;

use coregit_tests::forge::{Canned, Effect, Fault, Repo, Role, Token};

use super::desk::{APP, Desk, helpers_of};
use super::servers::{Backend, Server, answer, begin, files};

fn faulty(desk: &Desk, method: &str, answer: Canned) {
    desk.stage.forge.clear_faults();
    desk.stage.forge.fault(Fault::on(method, "/octocat/app.git/*", Effect::Answer(answer)).times(9));
}

#[test]
fn each_refusal_says_what_happened_and_what_to_do() {
    let desk = Desk::new();
    let work = desk.published(APP, 1);
    for (answer, words) in [
        (
            Canned::message(403, "Permission denied to octocat."),
            &["access to", "Permission denied to octocat."][..],
        ),
        (Canned::message(404, "Repository not found."), &["not found, or you have no access", "hint:"]),
        (Canned::message(429, "slow down").header("retry-after", "17"), &["slow down", "try again in 17 s"]),
        (Canned::message(500, "boom"), &["boom", "(HTTP 500)", "hint: try again later"]),
        (Canned::message(503, "maintenance"), &["maintenance", "hint: try again later"]),
    ] {
        faulty(&desk, "GET", answer);
        let said = desk.git_in(&work, &["fetch"]);
        assert_ne!(said.code, 0);
        words.iter().for_each(|w| assert!(said.err.contains(w), "{w}: {}", said.err));
    }
    faulty(&desk, "POST", Canned::message(413, "client intended to send too large body"));
    desk.commit(&work, "x", "1");
    let said = desk.git_in(&work, &["push"]);
    assert!(
        said.code != 0 && said.err.contains("takes no push of this size") && said.err.contains("hint:"),
        "{}",
        said.err
    );
}

#[test]
fn a_server_error_that_passes_is_not_noticed() {
    let desk = Desk::new();
    let work = desk.published(APP, 1);
    let once =
        Fault::on("GET", "/octocat/app.git/info/refs", Effect::Answer(Canned::message(503, "restarting")));
    desk.stage.forge.fault(once.times(1));
    desk.git_in(&work, &["fetch"]).ok();
}

#[test]
fn who_may_read_but_not_write_is_told_so() {
    let desk = Desk::new();
    desk.stage.forge.repo(Repo::new("hubot/tool").collaborator("octocat", Role::Pull));
    desk.stage.forge.token(Token::classic("hubot"));
    let work = desk.published(APP, 1);
    let said = desk.git_in(&work, &["push", "coregit://work/hubot/tool", "main"]);
    assert!(
        said.code != 0 && said.err.contains("Permission to hubot/tool.git denied to octocat."),
        "{}",
        said.err
    );
}

#[test]
fn hosts_that_cannot_be_reached_are_told_apart() {
    let desk = Desk::without_home();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("coregit::http://{}/x.git", listener.local_addr().unwrap())
    };
    let plain = Server::start(|_, stream| answer(stream, "200 OK", &[], b""));
    let not_tls = plain.url.replace("http://", "coregit::https://");
    for (address, words) in [
        (closed.as_str(), "refuses connections on port"),
        ("coregit::https://no-such-host.invalid/x.git", "cannot be resolved"),
        (&format!("{not_tls}/x.git"), "no connection to 127.0.0.1"),
    ] {
        let said = desk.git(&["ls-remote", address]);
        assert!(said.code != 0 && said.err.contains(words), "{words}: {}", said.err);
    }
}

#[test]
fn a_login_portals_page_is_no_repository() {
    let page = b"<!DOCTYPE html><html><body>Welcome to the hotel</body></html>";
    let portal =
        Server::start(move |_, stream| answer(stream, "200 OK", &[("content-type", "text/html")], page));
    let desk = Desk::without_home();
    let said = desk.git(&["ls-remote", &portal.coregit("x.git")]);
    assert!(
        said.code != 0 && said.err.contains("a web page came") && said.err.contains("login portal"),
        "{}",
        said.err
    );
    let work = desk.path("w");
    desk.git(&["init", "-q", "w"]).ok();
    desk.commit(&work, "a", "1");
    let said = desk.git_in(&work, &["push", &portal.coregit("x.git"), "main"]);
    assert!(said.code != 0 && said.err.contains("a web page came"), "{}", said.err);
}

/// A host that answers well until git asks for something, and then like this.
fn liar(lie: &'static [u8], kind: &'static str) -> Server {
    Server::start(move |seen, stream| {
        if seen.method == "GET" {
            begin(stream, "upload-pack-advertisement");
            let list = b"000eversion 2\n0013ls-refs=unborn\n000afetch\n0017object-format=sha1\n0000";
            let _ = stream.write_all(list);
        } else {
            begin(stream, kind);
            let _ = stream.write_all(lie);
        }
    })
}

#[test]
fn answers_that_are_no_protocol_end_the_talk_at_once() {
    let desk = Desk::without_home();
    for (lie, words) in [
        (&b"0003"[..], "an impossible length"),
        (b"fff1xx", "an impossible length"),
        (b"<html>", "an impossible length"),
        (b"", "breaks off"),
        (b"003d", "breaks off"),
        (b"003d7777777777777777777777777777777777777777 refs/heads/main\n", "breaks off"),
    ] {
        let server = liar(lie, "upload-pack-result");
        let said = desk.git(&["ls-remote", &server.coregit("x.git")]);
        assert!(said.code != 0 && said.err.contains(words), "{lie:?}: {}", said.err);
    }
    let server = liar(b"0000", "something-else");
    let said = desk.git(&["ls-remote", &server.coregit("x.git")]);
    assert!(said.code != 0 && said.err.contains("application/x-git-something-else"), "{}", said.err);
}

#[test]
fn a_list_without_end_is_cut() {
    let server = Server::start(|_, stream| {
        begin(stream, "upload-pack-advertisement");
        let _ = stream.write_all(b"000eversion 2\n");
        while stream.write_all(&b"0012capability=x\n".repeat(1000)).is_ok() {}
    });
    let desk = Desk::without_home();
    let said = desk.git(&["ls-remote", &server.coregit("x.git")]);
    assert!(said.code != 0 && said.err.contains("does not end"), "{}", said.err);
}

#[test]
fn a_host_that_is_silent_for_a_while_is_waited_for() {
    let desk = Desk::new();
    let work = desk.published(APP, 1);
    desk.commit(&work, "x", "1");
    desk.stage.forge.fault(Fault::on("POST", "/octocat/app.git/git-receive-pack", Effect::Delay(3000)));
    desk.git_in(&work, &["push", "-q"]).ok();
}

/// Repositories with a few branches, and a work tree that made them.
fn old_host(desk: &Desk) -> (Backend, std::path::PathBuf) {
    let root = desk.path("srv");
    let bare = root.join("app.git");
    desk.git(&["init", "-q", "--bare", &bare.to_string_lossy()]).ok();
    desk.git_in(&bare, &["config", "http.receivepack", "true"]).ok();
    let work = desk.path("work");
    desk.git(&["init", "-q", "work"]).ok();
    desk.commit(&work, "a", "1");
    desk.git_in(&work, &["branch", "side"]).ok();
    desk.git_in(&work, &["push", "-q", &bare.to_string_lossy(), "main", "side"]).ok();
    desk.git_in(&bare, &["update-server-info"]).ok();
    (Backend { root, versions: false }, work)
}

#[test]
fn a_server_without_version_2_is_served_by_gits_own_helper() {
    let desk = Desk::without_home();
    let (backend, work) = old_host(&desk);
    let server = Server::start(move |seen, stream| backend.serve(seen, stream));
    let address = server.coregit("app.git");
    desk.git(&["clone", "-q", &address, "copy"]).ok();
    let copy = desk.path("copy");
    assert_eq!(desk.head(&copy), desk.head(&work));
    desk.git(&["clone", "-q", "--depth", "1", &address, "shallow"]).ok();
    let new = desk.commit(&copy, "b", "2");
    let said = desk.git_in(&copy, &["push", "origin", "main"]).ok();
    assert!(said.err.contains("main -> main"), "{}", said.err);
    assert_eq!(desk.git(&["ls-remote", &address, "main"]).ok().out, format!("{new}\trefs/heads/main\n"));
    desk.git_in(&work, &["pull", "-q", "--ff-only", &address, "main"]).ok();
    assert_eq!(desk.head(&work), new);
}

#[test]
fn a_pruning_fetch_through_the_fall_back_deletes_nothing() {
    let desk = Desk::without_home();
    let (backend, _) = old_host(&desk);
    let root = backend.root.clone();
    let old = Server::start(move |seen, stream| backend.serve(seen, stream));
    let dumb = Server::start(move |seen, stream| files(&root, seen, stream));
    for (server, name) in [(old, "old"), (dumb, "dumb")] {
        desk.git(&["clone", "-q", &server.coregit("app.git"), name]).ok();
        let copy = desk.path(name);
        let tracking = || desk.git_in(&copy, &["for-each-ref", "refs/remotes"]).ok().out;
        let before = tracking();
        assert!(before.contains("origin/side"), "{before}");
        desk.git_in(&copy, &["fetch", "--prune"]).ok();
        desk.git_in(&copy, &["remote", "update", "--prune"]).ok();
        assert_eq!(tracking(), before, "{name}");
    }
}

#[test]
fn a_kind_of_login_that_only_git_has_is_left_to_git() {
    let desk = Desk::without_home();
    let server = Server::start(|_, stream| {
        answer(
            stream,
            "401 Unauthorized",
            &[("www-authenticate", "Negotiate"), ("www-authenticate", "NTLM")],
            b"",
        )
    });
    let said = desk.git(&["ls-remote", &server.coregit("x.git")]);
    assert_ne!(said.code, 0);
    let agents: Vec<_> =
        server.seen().iter().map(|r| r.header("user-agent").unwrap_or("").to_owned()).collect();
    assert!(
        agents[0].contains("coregit") && agents.len() > 1 && !agents[1].contains("coregit"),
        "{agents:?}"
    );
}

#[test]
fn killed_with_git_it_leaves_nobody_behind() {
    let desk = Desk::new();
    let address = desk.stage.forge.git_url("octocat/app");
    let work = desk.published(&format!("coregit::{address}"), 1);
    desk.commit(&work, "x", "1");
    desk.stage.forge.fault(Fault::on("POST", "/octocat/app.git/git-receive-pack", Effect::Delay(60_000)));
    desk.stage.forge.reset_requests();
    let mut git = desk.command(&work, &["push", "-q"]).spawn().unwrap();
    desk.stage.wait_until("the helper waits for the host", || {
        desk.stage.forge.requests().iter().any(|r| r.method == "POST") && !helpers_of(&address).is_empty()
    });
    git.kill().unwrap();
    git.wait().unwrap();
    desk.stage.wait_until("the helper is gone", || helpers_of(&address).is_empty());
}
