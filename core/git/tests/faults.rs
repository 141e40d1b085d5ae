//! Networks that break and servers that babble or lie: what is known afterwards, and that nothing is half done.
#![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

mod support;

use coregit_git::{GitError, Push, PushReport, RefOutcome, Remote, Repo};
use coregit_http::Credential;
use coregit_model::{ErrorClass, Oid, Origin, Secret};
use support::server::{Server, What};
use support::*;

struct Pair {
    here: Repo,
    there: Repo,
    server: Server,
    remote: Remote,
    tip: Oid,
    _dir: Dir,
}

fn pair() -> Pair {
    let dir = Dir::new();
    let (here, there) = (dir.bare("here.git"), dir.bare("served/r.git"));
    let server = Server::start(&dir.at("served"));
    let remote = remote(&server, "r.git");
    let tip = commit(here.path(), &[], &[("f", "a")]);
    Pair { here, there, server, remote, tip, _dir: dir }
}

impl Pair {
    /// Pushes after a good list; the fault is set between the two.
    async fn push_under(&self, what: What) -> Result<PushReport, GitError> {
        let found = self.remote.receive_pack_advertisement().await.unwrap();
        self.server.fault("/git-receive-pack", what);
        let updates = [update("refs/heads/main", None, Some(self.tip))];
        let pushed = self.remote.push(&self.here, &found, &Push::of(&updates)).await;
        self.server.heal();
        pushed
    }

    fn moved(&self) -> bool {
        !self.there.refs().unwrap().is_empty()
    }
}

fn lines(lines: &[&str]) -> Vec<u8> {
    let mut raw: Vec<u8> =
        lines.iter().flat_map(|l| format!("{:04x}{l}", l.len() + 4).into_bytes()).collect();
    raw.extend_from_slice(b"0000");
    raw
}

fn result(body: Vec<u8>) -> What {
    What::Answer(200, vec![("content-type", "application/x-git-receive-pack-result".into())], body)
}

/// A report in a sideband.
fn report(told: &[&str]) -> Vec<u8> {
    let inner = String::from_utf8(lines(told)).unwrap();
    lines(&[&format!("\x01{inner}")])
}

#[tokio::test]
async fn a_request_that_is_cut_moves_nothing_and_is_of_unknown_effect() {
    for at in [0, 1, 50, 200] {
        let p = pair();
        let error = p.push_under(What::CutRequest(at)).await.unwrap_err();
        assert!(error.effect_unknown() && error.try_again(), "{at}: {error}");
        assert!(!p.moved());
        assert!(p.push_under(What::CutRequest(1 << 30)).await.is_err());
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_leaves_the_effect_unknown_and_the_ref_moved() {
    for at in [0, 1, 20, 40] {
        let p = pair();
        let error = p.push_under(What::CutAnswer(at)).await.unwrap_err();
        assert!(error.effect_unknown(), "{at}: {error}");
        assert!(p.moved());
        let listed = p.remote.ls_refs(&[b"refs/heads/main"]).await.unwrap();
        assert_eq!(listed.refs[&name("refs/heads/main")], p.tip);
    }
    let p = pair();
    assert!(p.push_under(What::NoAnswer).await.unwrap_err().effect_unknown());
    assert!(p.moved());
}

#[tokio::test]
async fn reports_that_are_garbage_cut_or_silent_are_of_unknown_effect() {
    let whole = report(&["unpack ok\n", "ok refs/heads/main\n"]);
    let p = pair();
    for body in [
        vec![],
        b"0000".to_vec(),
        b"garbage that is no pkt-line".to_vec(),
        b"0003".to_vec(),
        whole[..whole.len() - 8].to_vec(),
        report(&["unpack ok\n"]),
        report(&["ok refs/heads/main\n"]),
        report(&["unpack ok\n", "ok refs/heads/other\n"]),
        lines(&["\x09what band is this"]),
        lines(&["\x03fatal: the disk is full\n"]),
    ] {
        let error = p.push_under(result(body.clone())).await.unwrap_err();
        assert!(error.effect_unknown(), "{body:?}: {error}");
    }
    assert!(!p.moved());
}

#[tokio::test]
async fn a_page_in_place_of_a_report_is_told_as_such() {
    let p = pair();
    let page = What::Answer(200, vec![("content-type", "text/html".into())], b"<html>login</html>".to_vec());
    let error = p.push_under(page).await.unwrap_err();
    assert!(error.effect_unknown() && error.to_string().contains("text/html"), "{error}");
    let page = What::Answer(200, vec![("content-type", "text/html".into())], b"<html>login</html>".to_vec());
    p.server.fault("/info/refs", page);
    let error = p.remote.receive_pack_advertisement().await.unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::Invalid), "{error}");
}

#[tokio::test]
async fn a_host_that_says_ok_and_does_nothing_is_found_out_by_listing() {
    let p = pair();
    let lie = result(report(&["unpack ok\n", "ok refs/heads/main\n"]));
    let told = p.push_under(lie).await.unwrap();
    assert_eq!(told.outcome(&name("refs/heads/main")), &RefOutcome::Ok);
    assert!(p.remote.ls_refs(&[]).await.unwrap().refs.is_empty());
}

#[tokio::test]
async fn statuses_have_their_classes_and_refusals_no_effect() {
    let p = pair();
    for (status, class, unknown) in [
        (401, ErrorClass::Auth, false),
        (403, ErrorClass::Scope, false),
        (404, ErrorClass::NotFound, false),
        (413, ErrorClass::TooLarge, false),
        (500, ErrorClass::Transient, true),
        (502, ErrorClass::Transient, true),
    ] {
        let error = p.push_under(What::Answer(status, vec![], b"no".to_vec())).await.unwrap_err();
        assert_eq!((error.class(), error.effect_unknown()), (Some(class), unknown), "{status}: {error}");
    }
}

#[tokio::test]
async fn an_endless_list_is_cut_and_an_endless_report_too() {
    let mut p = pair();
    p.remote = remote(&p.server, "r.git").with_longest_answer(1 << 20);
    let line = format!("{} refs/heads/x\n", "7f".repeat(20));
    let first =
        [lines(&["# service=git-receive-pack\n"]), lines(&[&line])[..line.len() + 4].to_vec()].concat();
    // Always the same ref: what grows is only what is read.
    let again: Vec<u8> = lines(&[&line])[..line.len() + 4].repeat(1000);
    p.server.fault("/info/refs", What::Endless("application/x-git-receive-pack-advertisement", first, again));
    let error = p.remote.receive_pack_advertisement().await.unwrap_err();
    assert!(matches!(error, GitError::TooLarge { .. }), "{error}");
    p.server.heal();
    let noise = lines(&["\x02remote talks and talks and talks\n"])[..38].repeat(1000);
    let endless = What::Endless("application/x-git-receive-pack-result", vec![], noise);
    let error = p.push_under(endless).await.unwrap_err();
    assert!(error.effect_unknown(), "{error}");
}

#[tokio::test]
async fn lists_that_break_off_or_are_garbage_are_errors_and_no_empty_repository() {
    let p = pair();
    let typed = |body: Vec<u8>| {
        let kind = ("content-type", "application/x-git-receive-pack-advertisement".to_owned());
        What::Answer(200, vec![kind], body)
    };
    let service = lines(&["# service=git-receive-pack\n"]);
    for body in
        [vec![], service.clone(), [&service[..], b"00"].concat(), b"0000".to_vec(), b"<html>".to_vec()]
    {
        p.server.fault("/info/refs", typed(body.clone()));
        assert!(p.remote.receive_pack_advertisement().await.is_err(), "{body:?}");
    }
}

#[tokio::test]
async fn a_server_without_version_2_is_listed_the_old_way() {
    let p = pair();
    p.push_under(What::CutRequest(0)).await.unwrap_err();
    set_ref(p.there.path(), "refs/heads/main", &commit(p.there.path(), &[], &[("f", "x")]));
    git(p.there.path(), &["tag", "-a", "-m", "t", "v1", "refs/heads/main"]);
    for refusal in [
        What::Answer(400, vec![], vec![]),
        What::Answer(500, vec![], vec![]),
        What::Answer(200, vec![("content-type", "text/plain".into())], vec![]),
        What::Answer(
            200,
            vec![("content-type", "application/x-git-upload-pack-result".into())],
            lines(&["ERR upload-pack: protocol error, expected to get object ID, not 'command=ls-refs'"]),
        ),
    ] {
        let old = remote(&p.server, "r.git");
        p.server.fault("/git-upload-pack", refusal);
        let listed = old.ls_refs(&[b"refs/heads/"]).await.unwrap();
        assert_eq!(listed.refs.len(), 1);
        assert_eq!(listed.head, Some(name("refs/heads/main")));
        p.server.take_seen();
        assert_eq!(old.ls_refs(&[]).await.unwrap().refs.len(), 2);
        assert_eq!(p.server.take_seen().len(), 1, "it is remembered");
        p.server.heal();
    }
}

#[tokio::test]
async fn a_list_is_one_request_and_is_never_mistaken_for_empty() {
    let p = pair();
    set_ref(p.there.path(), "refs/heads/main", &commit(p.there.path(), &[], &[("f", "x")]));
    p.server.take_seen();
    let listed = p.remote.ls_refs(&[b"refs/heads/main"]).await.unwrap();
    let seen = p.server.take_seen();
    assert_eq!((seen.len(), listed.refs.len(), listed.head.is_some()), (1, 1, true));
    assert_eq!(seen[0].header("git-protocol"), Some("version=2"));
    p.server.fault("", What::CutAnswer(10));
    assert!(p.remote.ls_refs(&[]).await.is_err());
    p.server.fault("", What::Answer(404, vec![], vec![]));
    assert_eq!(p.remote.ls_refs(&[]).await.unwrap_err().class(), Some(ErrorClass::NotFound));
}

#[tokio::test]
async fn a_moved_repository_is_told_and_the_token_follows_no_redirect() {
    let (p, other) = (pair(), pair());
    let origin = Origin::parse(&p.server.url("")).unwrap().0;
    let token = Credential::basic("x-access-token", Secret::new("ghp_canary".into()), &[origin]);
    let remote = Remote::new(client(), p.server.url("r.git"), Some(token));
    let same = ("/o/new.git/info/refs?service=git-receive-pack".to_owned(), p.server.url("o/new.git"), true);
    let away = (other.server.url("o/new.git/info/refs"), other.server.url("o/new.git"), false);
    for (location, expected, at_home) in [same, away] {
        p.server.fault("/info/refs", What::Answer(301, vec![("location", location)], vec![]));
        match remote.receive_pack_advertisement().await.unwrap_err() {
            GitError::Moved { to, same_origin } => assert_eq!((to, same_origin), (expected, at_home)),
            other => panic!("{other}"),
        }
    }
    assert!(other.server.take_seen().is_empty(), "nothing was sent there");
    assert!(p.server.take_seen()[0].header("authorization").unwrap().starts_with("Basic "));
}

#[tokio::test]
async fn a_pack_that_cannot_be_made_is_our_error_and_not_the_hosts() {
    let p = pair();
    let noise: String =
        (0..400_000u64).map(|i| format!("{:x}", i.wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect();
    let big = commit(p.here.path(), &[], &[("f", &noise), ("g", "small")]);
    let blob = git(p.here.path(), &["rev-parse", &format!("{big}:g")]);
    std::fs::remove_file(p.here.path().join("objects").join(&blob[..2]).join(&blob[2..])).unwrap();
    let found = p.remote.receive_pack_advertisement().await.unwrap();
    let updates = [update("refs/heads/main", None, Some(big))];
    let error = p.remote.push(&p.here, &found, &Push::of(&updates)).await.unwrap_err();
    assert!(matches!(error, GitError::Child { .. }) && !error.effect_unknown(), "{error}");
    assert!(!p.moved());
}
