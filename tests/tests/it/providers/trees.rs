//! Trees by API: equal to git's, in few calls, whatever the host makes of large ones.

use coregit_model::{ErrorClass, Oid};
use coregit_providers::{Content, NewTree, TreeEntry};
use coregit_tests::forge::{Canned, Effect, Fault, Limits, Token};

use super::{File, Scene, app, refused, run};

const TREES: &str = "*/git/trees";

fn entry(scene: &Scene, (path, mode, content): &File<'_>) -> TreeEntry {
    let mode = u32::from_str_radix(mode, 8).unwrap();
    let content = match mode {
        0o160000 => Content::Known(std::str::from_utf8(content).unwrap().parse().unwrap()),
        _ => {
            let oid = scene.git(&["hash-object", "--stdin"], content).parse().unwrap();
            Content::Bytes(content.to_vec(), oid)
        }
    };
    TreeEntry { path: (*path).to_owned(), mode, content }
}

fn gone(path: &str) -> TreeEntry {
    TreeEntry { path: path.into(), mode: 0o100644, content: Content::Deleted }
}

fn many(count: usize) -> Vec<(String, Vec<u8>)> {
    (0..count).map(|n| (format!("d{}/f{n}", n % 7), format!("text {n}\n").into_bytes())).collect()
}

fn as_files(many: &[(String, Vec<u8>)]) -> Vec<File<'_>> {
    many.iter().map(|(path, raw)| (path.as_str(), "100644", raw.as_slice())).collect()
}

/// Entries without asking git for each name: text goes along, so the oid is not needed.
fn as_entries(many: &[(String, Vec<u8>)]) -> Vec<TreeEntry> {
    let any: Oid = "1".repeat(40).parse().unwrap();
    let entry = |(path, raw): &(String, Vec<u8>)| TreeEntry {
        path: path.clone(),
        mode: 0o100644,
        content: Content::Bytes(raw.clone(), any),
    };
    many.iter().map(entry).collect()
}

const MODULE: &[u8] = b"7f3b7f3b7f3b7f3b7f3b7f3b7f3b7f3b7f3b7f3b";

const BEFORE: [File<'_>; 6] = [
    ("keep", "100644", b"kept\n"),
    ("gone", "100644", b"x"),
    ("file-to-folder", "100644", b"x"),
    ("folder-to-file/a/b", "100644", b"x"),
    ("run", "100644", b"#!/bin/sh\n"),
    ("dir/only", "100644", b"x"),
];

const ADDED: [File<'_>; 9] = [
    ("file-to-folder/in/side", "100644", b"y"),
    ("folder-to-file", "100644", b"y"),
    ("run", "100755", b"#!/bin/sh\n"),
    ("link", "120000", b"../else where"),
    ("module", "160000", MODULE),
    ("binary", "100644", b"\0\xff\x01"),
    ("latin1", "100644", b"caf\xe9\n"),
    ("empty", "100644", b""),
    ("odd \"name\\\u{202e}\u{e9}\n-x", "100644", b"crlf\r\nno newline at the end"),
];

#[test]
fn every_kind_of_change_makes_the_tree_that_git_makes() {
    let (scene, base, _) = Scene::with(&BEFORE);
    let after: Vec<File<'_>> = BEFORE[..1].iter().chain(&ADDED).copied().collect();
    let expected = scene.name_of(&after);
    let mut entries: Vec<_> = ADDED.iter().map(|file| entry(&scene, file)).collect();
    entries.extend(["gone", "file-to-folder", "folder-to-file/a/b", "dir/only"].map(gone));
    let new = NewTree { base: Some(base), entries, expected: Some(expected) };
    assert_eq!(run(scene.provider().put_tree(&app(), new)).unwrap(), expected);
    let paths: Vec<_> = scene.writes().into_iter().map(|r| r.path).collect();
    assert_eq!(paths.iter().filter(|p| p.ends_with("/git/blobs")).count(), 2, "what is not text");
    let trees = paths.iter().filter(|p| p.ends_with("/git/trees")).count();
    assert_eq!(trees, 2, "what takes the place of something comes behind the deletions");
    scene.lawful();
}

#[test]
fn a_tree_may_be_emptied_and_filled_again() {
    let (scene, base, _) = Scene::with(&[("a", "100644", b"x")]);
    let expected = scene.name_of(&[("a/b", "100644", b"y")]);
    let entries = vec![entry(&scene, &("a/b", "100644", b"y")), gone("a")];
    let new = NewTree { base: Some(base), entries, expected: Some(expected) };
    assert_eq!(run(scene.provider().put_tree(&app(), new)).unwrap(), expected);
    let expected = scene.name_of(&[]);
    let new = NewTree { base: Some(base), entries: vec![gone("a")], expected: Some(expected) };
    assert_eq!(run(scene.provider().put_tree(&app(), new)).unwrap(), expected);
}

#[test]
fn a_hundred_files_are_one_call_and_none_is_a_blob() {
    let (scene, base, _) = Scene::with(&[("keep", "100644", b"")]);
    let many = many(250);
    let expected = scene.name_of(&[&[("keep", "100644", &b""[..])], &as_files(&many)[..]].concat());
    let new = NewTree { base: Some(base), entries: as_entries(&many), expected: Some(expected) };
    run(scene.provider().put_tree(&app(), new)).unwrap();
    assert_eq!(scene.writes().len(), 3);
    scene.lawful();
}

#[test]
fn binary_goes_in_parallel_and_each_content_once() {
    let (scene, base, _) = Scene::with(&[("keep", "100644", b"")]);
    scene.forge.fault(Fault::on("POST", "*/git/blobs", Effect::Delay(30)).always());
    let mut many: Vec<_> = (0..60).map(|n| (format!("b{n}"), vec![0, n])).collect();
    many.push(("again".into(), vec![0, 1]));
    let files = as_files(&many);
    let expected = scene.name_of(&[&[("keep", "100644", &b""[..])], &files[..]].concat());
    let entries = files.iter().map(|file| entry(&scene, file)).collect();
    run(scene.provider().put_tree(&app(), NewTree { base: Some(base), entries, expected: Some(expected) }))
        .unwrap();
    let writes = scene.writes();
    assert_eq!(writes.len(), 61);
    let peak = writes.iter().map(|r| r.in_flight).max().unwrap();
    assert!((2..=20).contains(&peak), "{peak} at once");
}

#[test]
fn a_call_that_is_too_large_is_halved() {
    for (refusal, times) in [
        (Canned::message(422, "Sorry, your request timed out. It's likely that your input was too large"), 2),
        (Canned::bad_gateway(), 2),
    ] {
        let (scene, base, _) = Scene::with(&[("keep", "100644", b"")]);
        let many = many(100);
        let expected = scene.name_of(&[&[("keep", "100644", &b""[..])], &as_files(&many)[..]].concat());
        scene.forge.fault(Fault::on("POST", TREES, Effect::Answer(refusal)).times(times));
        let new = NewTree { base: Some(base), entries: as_entries(&many), expected: Some(expected) };
        run(scene.provider().put_tree(&app(), new)).unwrap();
        assert_eq!(scene.writes().len(), 2 + 4, "100, 50, then four of 25");
    }
}

#[test]
fn githubs_own_limits_are_kept_to() {
    let (scene, base, _) = Scene::with(&[("keep", "100644", b"")]);
    scene.forge.limit(Limits { content_per_minute: None, content_per_hour: None, ..Limits::github() });
    let large: Vec<_> = (0..40).map(|n| (format!("l{n}"), vec![b'a' + n % 26; 200_000])).collect();
    let expected = scene.name_of(&[&[("keep", "100644", &b""[..])], &as_files(&large)[..]].concat());
    let new = NewTree { base: Some(base), entries: as_entries(&large), expected: Some(expected) };
    run(scene.provider().put_tree(&app(), new)).unwrap();
    assert!(scene.writes().iter().all(|r| r.status == 201), "none was refused");
}

#[test]
fn what_is_too_large_by_itself_is_told() {
    let (scene, base, _) = Scene::with(&[("keep", "100644", b"")]);
    let refusal = Canned::message(422, "Sorry, your request timed out.");
    scene.forge.fault(Fault::on("POST", TREES, Effect::Answer(refusal)).always());
    let new = NewTree { base: Some(base), entries: as_entries(&many(100)), expected: None };
    let error = refused(scene.provider().put_tree(&app(), new));
    assert_eq!(error.class(), ErrorClass::TooLarge);
    assert_eq!(scene.writes().len(), 7, "100 50 25 12 6 3 1");
    let any: Oid = "1".repeat(40).parse().unwrap();
    let content = Content::Bytes(vec![0; (20 << 20) + 1], any);
    let entries = vec![TreeEntry { path: "b".into(), mode: 0o100644, content }];
    let error =
        refused(scene.provider().put_tree(&app(), NewTree { base: Some(base), entries, expected: None }));
    assert_eq!(error.class(), ErrorClass::TooLarge);
    assert_eq!(scene.writes().len(), 7, "nothing was sent for it");
}

#[test]
fn a_lost_answer_makes_the_same_tree_again() {
    let (scene, base, _) = Scene::with(&[("keep", "100644", b"")]);
    let expected = scene.name_of(&[("keep", "100644", b""), ("b", "100644", b"\0"), ("t", "100644", b"t")]);
    scene.forge.fault(Fault::on("POST", TREES, Effect::CutAfter));
    scene.forge.fault(Fault::on("POST", "*/git/blobs", Effect::CutAnswer(10)));
    let entries =
        [("b", "100644", &b"\0"[..]), ("t", "100644", b"t")].map(|file| entry(&scene, &file)).into();
    let new = NewTree { base: Some(base), entries, expected: Some(expected) };
    assert_eq!(run(scene.provider().put_tree(&app(), new)).unwrap(), expected);
}

#[test]
fn another_tree_than_expected_is_not_taken() {
    let (scene, base, _) = Scene::with(&[("keep", "100644", b"")]);
    let entries = as_entries(&many(1));
    let error = refused(
        scene.provider().put_tree(&app(), NewTree { base: Some(base), entries, expected: Some(base) }),
    );
    assert_eq!(error.class(), ErrorClass::Invalid);
    assert!(error.to_string().starts_with("the host answered another id for the tree"), "{error}");
}

#[test]
fn paths_and_scopes_that_the_host_refuses_are_told() {
    let (scene, base, _) = Scene::with(&[("keep", "100644", b"")]);
    let put = |token: &str, path: &str| {
        let entries = as_entries(&[(path.to_owned(), b"x".to_vec())]);
        refused(
            scene
                .provider_with(token)
                .put_tree(&app(), NewTree { base: Some(base), entries, expected: None }),
        )
    };
    let error = put(&scene.token, "a/../b");
    assert_eq!(error.message(), "tree.path contains a malformed path component");
    assert_eq!(error.class(), ErrorClass::Invalid);
    let workflows = ".github/workflows/ci.yml";
    let no_scope = scene.forge.token(Token::classic("octocat").scopes(&["repo"]));
    let error = put(&no_scope, workflows);
    assert_eq!(error.class(), ErrorClass::Scope, "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("workflow")));
    let fine = scene.forge.token(Token::fine_grained("octocat").permission("contents", "write"));
    assert_eq!(put(&fine, workflows).class(), ErrorClass::Scope);
}
