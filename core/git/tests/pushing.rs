//! Pushes against real `git http-backend`: what moves, what is refused, what is said about it.
#![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

mod support;

use coregit_git::{Fetch, GitError, Push, PushReport, RefOutcome, Remote, Repo};
use coregit_model::{ObjectFormat, Oid, RefName, RefUpdate};
use support::server::Server;
use support::*;

struct Pair {
    dir: Dir,
    here: Repo,
    there: Repo,
    server: Server,
    remote: Remote,
}

fn pair() -> Pair {
    let dir = Dir::new();
    std::fs::create_dir(dir.at("served")).unwrap();
    let (here, there) = (dir.bare("here.git"), dir.bare("served/o/r.git"));
    let server = Server::start(&dir.at("served"));
    let remote = remote(&server, "o/r.git");
    Pair { dir, here, there, server, remote }
}

impl Pair {
    async fn push(&self, updates: &[RefUpdate]) -> Result<PushReport, GitError> {
        self.push_as(&Push::of(updates)).await
    }

    async fn push_as(&self, push: &Push<'_>) -> Result<PushReport, GitError> {
        let found = self.remote.receive_pack_advertisement().await?;
        self.remote.push(&self.here, &found, push).await
    }
}

fn rejected(report: &PushReport, of: &str) -> String {
    match &report.refs[&name(of)] {
        RefOutcome::Rejected(reason) => reason.clone(),
        other => panic!("{of}: {other:?}"),
    }
}

#[tokio::test]
async fn refs_are_created_moved_and_deleted_in_one_request_each() {
    let p = pair();
    let a = commit(p.here.path(), &[], &[("f", "a")]);
    let b = commit(p.here.path(), &[a], &[("f", "b")]);
    let x = commit(p.here.path(), &[a], &[("f", "x")]);
    git(p.here.path(), &["tag", "-a", "-m", "t", "v1", &b.to_string()]);
    let tag = oid(&git(p.here.path(), &["rev-parse", "refs/tags/v1"]));
    let first = [update("refs/heads/main", None, Some(a)), update("refs/heads/old", None, Some(a))];
    assert!(p.push(&first).await.unwrap().is_ok());
    let next = [
        update("refs/heads/main", Some(a), Some(b)),
        update("refs/heads/old", Some(a), None),
        update("refs/tags/v1", None, Some(tag)),
        update("refs/tags/light", None, Some(b)),
    ];
    p.server.take_seen();
    let report = p.push(&next).await.unwrap();
    assert!(report.is_ok(), "{report:?}");
    let seen = p.server.take_seen();
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!(seen[1].body as u64, report.bytes_sent);
    assert_eq!(seen[1].header("content-length").unwrap(), report.bytes_sent.to_string());
    let forced = p.push(&[update("refs/heads/main", Some(b), Some(x))]).await.unwrap();
    assert!(forced.is_ok(), "an update with its expected oid needs no force");
    let refs: Vec<_> = p.there.refs().unwrap();
    assert_eq!(
        refs,
        [(name("refs/heads/main"), x), (name("refs/tags/light"), b), (name("refs/tags/v1"), tag)]
    );
    git(p.there.path(), &["fsck", "--strict"]);
}

#[tokio::test]
async fn a_ref_that_moved_there_stays_and_does_not_sink_the_others() {
    let p = pair();
    let a = commit(p.here.path(), &[], &[("f", "a")]);
    let b = commit(p.here.path(), &[a], &[("f", "b")]);
    p.push(&[update("refs/heads/main", None, Some(a))]).await.unwrap();
    let theirs = commit(p.there.path(), &[a], &[("f", "theirs")]);
    let found = p.remote.receive_pack_advertisement().await.unwrap();
    set_ref(p.there.path(), "refs/heads/main", &theirs);
    let updates = [update("refs/heads/main", Some(a), Some(b)), update("refs/heads/new", None, Some(b))];
    let report = p.remote.push(&p.here, &found, &Push::of(&updates)).await.unwrap();
    assert!(!rejected(&report, "refs/heads/main").is_empty());
    assert_eq!(report.refs[&name("refs/heads/new")], RefOutcome::Ok);
    assert_eq!(p.there.ref_oid(&name("refs/heads/main")).unwrap(), Some(theirs));
    let told = coregit_git::classify_rejection(&rejected(&report, "refs/heads/main"), &report.messages);
    assert_eq!(told.0, coregit_model::ErrorClass::Conflict, "{told:?}");
}

#[tokio::test]
async fn an_atomic_push_moves_all_or_nothing() {
    let p = pair();
    let a = commit(p.here.path(), &[], &[("f", "a")]);
    let b = commit(p.here.path(), &[a], &[("f", "b")]);
    p.push(&[update("refs/heads/main", None, Some(a))]).await.unwrap();
    let updates = [update("refs/heads/main", Some(b), Some(a)), update("refs/heads/new", None, Some(b))];
    let report = p.push_as(&Push { atomic: true, ..Push::of(&updates) }).await.unwrap();
    assert!(report.atomic && !report.is_ok());
    assert!(report.dragged_down(&name("refs/heads/new")));
    assert_eq!(p.there.refs().unwrap(), [(name("refs/heads/main"), a)]);
}

#[tokio::test]
async fn a_hook_that_declines_is_quoted_printable_and_options_reach_it() {
    let p = pair();
    let hook = "#!/bin/sh\nprintf 'GH006: \\033[2J%s\\n' \"$GIT_PUSH_OPTION_0\" >&2\nexit 1\n";
    std::fs::create_dir_all(p.there.path().join("hooks")).unwrap();
    std::fs::write(p.there.path().join("hooks/pre-receive"), hook).unwrap();
    let runs = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(p.there.path().join("hooks/pre-receive"), runs).unwrap();
    git(p.there.path(), &["config", "receive.advertisePushOptions", "true"]);
    let a = commit(p.here.path(), &[], &[("f", "a")]);
    let updates = [update("refs/heads/main", None, Some(a))];
    let report = p.push_as(&Push { options: vec!["o=1".into()], ..Push::of(&updates) }).await.unwrap();
    assert_eq!(rejected(&report, "refs/heads/main"), "pre-receive hook declined");
    assert_eq!(report.messages, ["GH006: \\x1b[2Jo=1"]);
    assert!(p.there.refs().unwrap().is_empty());
}

#[tokio::test]
async fn odd_names_and_names_that_are_no_utf8_are_pushed_byte_for_byte() {
    let p = pair();
    let a = commit(p.here.path(), &[], &[("f", "a")]);
    let odd: [&[u8]; 9] =
        [b"-x", b"$(id)", b"`id`", b";id", b"a|b", b"@", b"\xff\xfe", b"refs/heads/x", b"%2e%2e%2fx"];
    let names: Vec<_> = odd.iter().map(|n| RefName::new([b"refs/heads/", *n].concat()).unwrap()).collect();
    let zero = Oid::zero(ObjectFormat::Sha1);
    let updates: Vec<_> =
        names.iter().map(|name| RefUpdate { name: name.clone(), expected: zero, new: a }).collect();
    assert!(p.push(&updates).await.unwrap().is_ok());
    let mut expected: Vec<_> = names.into_iter().map(|n| (n, a)).collect();
    expected.sort();
    assert_eq!(p.there.refs().unwrap(), expected);
    let listed = p.remote.ls_refs(&[b"refs/heads/"]).await.unwrap();
    assert_eq!(listed.refs.into_iter().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn sha256_repositories_are_pushed_and_formats_are_not_mixed() {
    let dir = Dir::new();
    for path in ["here.git", "served/r.git", "served/old.git"] {
        let format = if path.contains("old") { "sha1" } else { "sha256" };
        git(
            &dir.at(path),
            &["init", "-q", "--bare", &format!("--object-format={format}"), dir.at(path).to_str().unwrap()],
        );
    }
    let server = Server::start(&dir.at("served"));
    let here = Repo::open(dir.at("here.git")).unwrap();
    let a = commit(here.path(), &[], &[("f", "a")]);
    for twice in [1, 2] {
        let remote = remote(&server, "r.git").with_format(ObjectFormat::Sha256);
        let found = remote.receive_pack_advertisement().await.unwrap();
        assert_eq!(found.format, ObjectFormat::Sha256);
        let updates = [update(&format!("refs/heads/b{twice}"), None, Some(a))];
        assert!(remote.push(&here, &found, &Push::of(&updates)).await.unwrap().is_ok());
        assert_eq!(remote.ls_refs(&[]).await.unwrap().refs.len(), twice);
    }
    let old = remote(&server, "old.git");
    let found = old.receive_pack_advertisement().await.unwrap();
    let mixed = old.push(&here, &found, &Push::of(&[update("refs/heads/a", None, Some(a))])).await;
    assert!(matches!(mixed, Err(GitError::Unsupported(_))));
}

#[tokio::test]
async fn refs_to_what_is_there_already_carry_an_empty_pack_and_deletions_none() {
    let p = pair();
    let a = commit(p.here.path(), &[], &[("f", &"a\n".repeat(10_000))]);
    p.push(&[update("refs/heads/main", None, Some(a))]).await.unwrap();
    let report = p.push(&[update("refs/heads/same", None, Some(a))]).await.unwrap();
    assert!(report.is_ok() && report.bytes_sent < 300, "{report:?}");
    let report = p.push(&[update("refs/heads/same", Some(a), None)]).await.unwrap();
    assert!(report.is_ok() && report.bytes_sent < 300, "{report:?}");
    let absent = p.push(&[update("refs/heads/x", None, Some(oid(&"1".repeat(40))))]).await;
    assert!(matches!(absent, Err(GitError::Missing { .. })));
}

#[tokio::test]
async fn a_host_that_deletes_nothing_keeps_the_ref_and_takes_the_rest() {
    let p = pair();
    let a = commit(p.here.path(), &[], &[("f", "a")]);
    p.push(&[update("refs/heads/main", None, Some(a))]).await.unwrap();
    git(p.there.path(), &["config", "receive.denyDeletes", "true"]);
    let updates = [update("refs/heads/main", Some(a), None), update("refs/heads/b", None, Some(a))];
    let report = p.push(&updates).await.unwrap();
    assert!(!rejected(&report, "refs/heads/main").is_empty());
    assert_eq!(report.refs[&name("refs/heads/b")], RefOutcome::Ok);
}

/// Random text that does not shrink.
fn noise(bytes: usize) -> String {
    let mut state = 7u64;
    let next = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'!' + (*state >> 33) as u8 % 90)
    };
    (0..bytes).map(|_| next(&mut state)).collect()
}

#[tokio::test]
async fn a_large_pack_is_streamed_and_probed_for_only_when_nothing_was_proved() {
    let p = pair();
    let a = commit(p.here.path(), &[], &[("f", &noise(3 << 20))]);
    let b = commit(p.here.path(), &[], &[("g", &noise(3 << 20)[1..])]);
    let report = p.push(&[update("refs/heads/main", None, Some(a))]).await.unwrap();
    assert!(report.is_ok() && report.bytes_sent > 2 << 20);
    let seen = p.server.take_seen();
    assert_eq!(seen.len(), 2, "the list has proved the credential");
    assert_eq!(
        (seen[1].header("transfer-encoding"), seen[1].body as u64),
        (Some("chunked"), report.bytes_sent)
    );
    let found = p.remote.receive_pack_advertisement().await.unwrap();
    let fresh = remote(&p.server, "o/r.git");
    p.server.take_seen();
    let updates = [update("refs/heads/b", None, Some(b))];
    assert!(fresh.push(&p.here, &found, &Push::of(&updates)).await.unwrap().is_ok());
    let bodies: Vec<_> = p.server.take_seen().iter().map(|s| s.body).collect();
    assert!(bodies.len() == 2 && bodies[0] == 4, "a flush, then the push: {bodies:?}");
}

#[tokio::test]
async fn the_bytes_of_a_push_are_those_of_git_push() {
    let p = pair();
    let text: String = (0..2000).map(|i| format!("line {i} of a file that is not so small\n")).collect();
    let a = commit(p.here.path(), &[], &[("f", &text), ("d/g", &text.replace("line", "row"))]);
    p.push(&[update("refs/heads/main", None, Some(a))]).await.unwrap();
    p.push(&[update("refs/heads/other", None, Some(a))]).await.unwrap();
    let b = commit(
        p.here.path(),
        &[a],
        &[("f", &text.replace("line 7 ", "line seven ")), ("d/g", &text.replace("line", "row"))],
    );
    set_ref(p.here.path(), "refs/heads/main", &b);
    p.server.take_seen();
    git(p.here.path(), &["push", "-q", &p.server.url("o/r.git"), "refs/heads/main"]);
    let by_git: usize = p.server.take_seen().iter().map(|s| s.body).sum();
    set_ref(p.there.path(), "refs/heads/main", &a);
    let report = p.push(&[update("refs/heads/main", Some(a), Some(b))]).await.unwrap();
    assert!(report.is_ok());
    let ours = report.bytes_sent as f64;
    assert!(ours <= by_git as f64 * 1.05, "{ours} against {by_git}");
}

#[tokio::test]
async fn a_hundred_thousand_refs_are_compared_and_pushed() {
    let p = pair();
    let a = commit(p.here.path(), &[], &[("f", "a")]);
    let b = commit(p.here.path(), &[a], &[("f", "b")]);
    let mut packed = String::from("# pack-refs with: peeled fully-peeled sorted \n");
    (0..100_000).for_each(|i| packed.push_str(&format!("{a} refs/heads/b{i:06}\n")));
    p.push(&[update("refs/heads/a", None, Some(a))]).await.unwrap();
    std::fs::write(p.there.path().join("packed-refs"), packed).unwrap();
    let found = p.remote.receive_pack_advertisement().await.unwrap();
    assert_eq!(found.refs.len(), 100_001);
    let updates = [update("refs/heads/b000500", Some(a), Some(b))];
    assert!(p.remote.push(&p.here, &found, &Push::of(&updates)).await.unwrap().is_ok());
    let listing = p.remote.ls_refs(&[]).await.unwrap();
    assert_eq!((listing.refs.len(), listing.refs[&name("refs/heads/b000500")]), (100_001, b));
}

#[tokio::test]
async fn two_thousand_refs_go_in_one_push() {
    let p = pair();
    let a = commit(p.here.path(), &[], &[("f", "a")]);
    let updates: Vec<_> = (0..2000).map(|i| update(&format!("refs/heads/b{i}"), None, Some(a))).collect();
    let report = p.push(&updates).await.unwrap();
    assert!(report.is_ok() && report.refs.len() == 2000);
    assert_eq!(p.there.refs().unwrap().len(), 2000);
}

#[tokio::test]
async fn a_shadow_pushes_what_only_it_has() {
    let p = pair();
    let a = commit(p.here.path(), &[], &[("f", "a")]);
    p.push(&[update("refs/heads/main", None, Some(a))]).await.unwrap();
    let shadow = Repo::open_or_create_shadow(p.dir.at("shadow.git"), p.here.path()).unwrap();
    let mut parts = shadow.commit(&a).unwrap();
    let entry = coregit_git::Entry { mode: 0o100644, oid: shadow.write_blob(b"new").unwrap() };
    let change = coregit_git::TreeChange { path: b"d/g".to_vec(), old: None, new: Some(entry) };
    parts.tree = shadow.write_tree(Some(&a), &[change]).unwrap();
    parts.parents = vec![a];
    let made = shadow.write_commit(&parts).unwrap();
    let found = p.remote.receive_pack_advertisement().await.unwrap();
    let updates = [update("refs/heads/main", Some(a), Some(made))];
    assert!(p.remote.push(&shadow, &found, &Push::of(&updates)).await.unwrap().is_ok());
    assert_eq!(git(p.there.path(), &["show", "refs/heads/main:d/g"]), "new");
    assert!(!p.here.has(&made), "nothing of it is in the served repository");
}

#[test]
fn a_push_may_be_driven_from_any_thread() {
    fn is_send<T: Send>(_: &T) {}
    fn is_sync<T: Send + Sync>() {}
    is_sync::<Repo>();
    is_sync::<Remote>();
    let p = pair();
    is_send(&p.push(&[]));
    is_send(&p.remote.fetch(&p.here, &Fetch::of(&[])));
}
