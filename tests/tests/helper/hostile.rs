//! Hosts that mean harm: what they send is bounded, refused or passed on without being kept.

use std::io::Write;

use coregit_tests::forge::{Canned, Effect, Fault};

use super::desk::{APP, Desk, helpers_of, said};
use super::servers::{Server, answer, begin};

const CAPABILITIES: &[u8] = b"000eversion 2\n0013ls-refs=unborn\n000afetch\n0017object-format=sha1\n0000";

/// A host of protocol version 2 with one branch, whose packs are made by `pack`.
fn host(pack: impl Fn(&mut std::net::TcpStream) + Send + Sync + 'static) -> Server {
    Server::start(move |seen, stream| {
        if seen.method == "GET" {
            begin(stream, "upload-pack-advertisement");
            let _ = stream.write_all(CAPABILITIES);
        } else if seen.body.windows(7).any(|w| w == b"ls-refs") {
            begin(stream, "upload-pack-result");
            let _ = stream.write_all(format!("003d{} refs/heads/main\n0000", "7".repeat(40)).as_bytes());
        } else {
            begin(stream, "upload-pack-result");
            pack(stream);
        }
    })
}

/// The most memory that a process has used so far, in KiB.
fn peak(pid: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?.trim().trim_end_matches(" kB").parse().ok()
}

#[test]
fn messages_without_end_are_passed_on_and_not_kept() {
    let server = host(|stream| {
        let line = [&b"fff0\x02"[..], &[b'x'; 65_514], b"\n"].concat();
        let _ = stream.write_all(b"000dpackfile\n");
        while stream.write_all(&line).is_ok() {}
    });
    let desk = Desk::without_home();
    let mut command = desk.command(desk.path("."), &["clone", &server.coregit("x.git"), "copy"]);
    let mut git = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    let address = format!("{}/x.git", server.url);
    let (mut most, mut looks) = (0, 0);
    desk.stage.wait_until("it has run for a while", || {
        let seen = helpers_of(&address).iter().filter_map(|pid| peak(pid)).max().unwrap_or(0);
        (most, looks) = (most.max(seen), looks + usize::from(seen > 0));
        looks > 50
    });
    git.kill().unwrap();
    git.wait().unwrap();
    assert!(most < 64 << 10, "{most} KiB");
}

#[test]
fn a_pack_that_breaks_off_leaves_nothing() {
    let desk = Desk::new();
    let work = desk.published(APP, 3);
    let pack = Fault::on("POST", "/octocat/app.git/git-upload-pack", Effect::CutAnswer(400));
    desk.stage.forge.fault(pack.skip(1));
    let said = desk.git(&["clone", APP, "copy"]);
    assert!(said.code != 0 && said.err.contains("broke off"), "{}", said.err);
    assert!(!desk.path("copy").exists());
    desk.stage.forge.clear_faults();
    let copy = desk.clone("copy");
    desk.commit(&work, "x", "1");
    desk.git_in(&work, &["push", "-q"]).ok();
    let pack = Fault::on("POST", "/octocat/app.git/git-upload-pack", Effect::CutAnswer(100));
    desk.stage.forge.fault(pack.skip(1));
    let before = desk.rev(&copy, "origin/main");
    assert_ne!(desk.git_in(&copy, &["fetch"]).code, 0);
    assert_eq!(desk.rev(&copy, "origin/main"), before);
    desk.git_in(&copy, &["fsck", "--strict"]).ok();
}

#[test]
fn a_push_whose_report_is_lost_says_that_its_end_is_not_known() {
    let desk = Desk::new();
    let work = desk.published(APP, 1);
    for effect in [Effect::CutAfter, Effect::CutBefore, Effect::CutAnswer(10)] {
        desk.stage.forge.fault(Fault::on("POST", "/octocat/app.git/git-receive-pack", effect).times(1));
        desk.commit(&work, "x", &format!("{:?}", std::time::Instant::now()));
        let said = desk.git_in(&work, &["push"]);
        assert!(said.code != 0 && said.err.contains("whether the refs moved is not known"), "{}", said.err);
        desk.git_in(&work, &["fetch", "-q"]).ok();
        desk.git_in(&work, &["push", "-q"]).ok();
        assert_eq!(desk.rev(desk.there(), "main"), desk.head(&work));
    }
}

#[test]
fn a_packed_answer_that_nobody_asked_for_is_refused() {
    let bomb = b"\x1f\x8b\x08\0\0\0\0\0\0\x03";
    let server = Server::start(move |seen, stream| {
        if seen.method == "GET" {
            begin(stream, "upload-pack-advertisement");
            let _ = stream.write_all(CAPABILITIES);
        } else {
            let headers =
                [("content-type", "application/x-git-upload-pack-result"), ("content-encoding", "gzip")];
            answer(stream, "200 OK", &headers, bomb);
        }
    });
    let desk = Desk::without_home();
    let said = desk.git(&["ls-remote", &server.coregit("x.git")]);
    assert!(said.code != 0 && said.err.contains("packed as \"gzip\""), "{}", said.err);
}

#[test]
fn control_characters_in_refusals_are_shown_and_not_obeyed() {
    let desk = Desk::without_home();
    let server = Server::start(|_, stream| {
        answer(
            stream,
            "403 Forbidden",
            &[("content-type", "text/plain")],
            b"no\x1b]0;owned\x07 entry\r\nforged: line",
        );
    });
    let said = desk.git(&["ls-remote", &server.coregit("x.git")]);
    assert!(said.code != 0 && said.err.contains("no\\x1b]0;owned\\x07 entry"), "{:?}", said.err);
    assert!(!said.err.contains('\x1b') && !said.err.contains("\nforged"), "{:?}", said.err);
}

#[test]
fn a_redirect_that_goes_round_ends() {
    let server = Server::start(|seen, stream| {
        let to = format!("/x{}", seen.target);
        answer(stream, "301 Moved Permanently", &[("location", to.as_str())], b"");
    });
    let desk = Desk::without_home();
    let said = desk.git(&["ls-remote", &server.coregit("x.git")]);
    assert!(said.code != 0 && server.seen().len() < 10, "{}", said.err);
}

#[test]
fn options_hidden_in_addresses_start_nothing() {
    let desk = Desk::without_home();
    let mark = desk.path("mark");
    let touch = format!("touch {}", mark.display());
    for address in [
        format!("coregit://-oProxyCommand={touch}/x/y"),
        format!("coregit::--upload-pack={touch}"),
        format!("coregit::ext::sh -c '{touch}'"),
        format!("coregit://work/--upload-pack={touch}/x"),
        "coregit::https://h/%0ahost=evil/x".to_owned(),
    ] {
        let said = said(&mut desk.command(desk.path("."), &["clone", "--", &address, "copy"]));
        assert_ne!(said.code, 0, "{address}");
        assert!(!mark.exists(), "{address}");
    }
}

#[test]
fn a_garbled_list_of_refs_is_not_taken_for_an_empty_one() {
    let desk = Desk::new();
    desk.published(APP, 1);
    let copy = desk.clone("copy");
    for body in ["", "0000", "001f# service=git-receive-pack\n", "001f# service=git-receive-pack\n0000zzzz"] {
        let kind = "application/x-git-receive-pack-advertisement";
        let answer =
            Canned { status: 200, body: body.into(), ..Canned::default() }.header("content-type", kind);
        desk.stage.forge.clear_faults();
        desk.stage.forge.fault(Fault::on("GET", "/octocat/app.git/info/refs", Effect::Answer(answer)));
        let said = desk.git_in(&copy, &["push", "--mirror"]);
        assert_ne!(said.code, 0, "{body:?}: {}", said.err);
    }
    desk.stage.forge.clear_faults();
    assert_ne!(desk.rev(desk.there(), "main"), "");
}
