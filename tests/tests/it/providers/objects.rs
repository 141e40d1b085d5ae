//! Commits made and objects read: what comes is what git has.

use coregit_model::{ErrorClass, Oid};
use coregit_providers::{Content, NewCommit, NewTree, Person, Provider, TreeEntry};
use coregit_tests::forge::{Canned, Effect, Fault};

use super::{Scene, app, refused, run};

/// A tree of one text file.
pub async fn one_file(provider: &Provider, path: &str, raw: &[u8]) -> Oid {
    let content = Content::Bytes(raw.to_vec(), "1".repeat(40).parse().unwrap());
    let entries = vec![TreeEntry { path: path.into(), mode: 0o100644, content }];
    provider.put_tree(&app(), NewTree { entries, ..NewTree::default() }).await.unwrap()
}

/// A commit as `Scene::commit_of` makes it.
pub fn commit(tree: Oid, parents: Vec<Oid>) -> NewCommit {
    let mona =
        Person { name: "mona".into(), email: "mona".into(), seconds: 1_775_390_400, offset: "+0130".into() };
    NewCommit {
        message: "a commit\n".into(),
        tree,
        parents,
        author: mona.clone(),
        committer: mona,
        expected: None,
    }
}

#[test]
fn a_commit_by_api_is_the_commit_that_git_makes() {
    let (scene, tree, first) = Scene::with(&[("a", "100644", b"1\n")]);
    let second = scene.commit_of(&tree, &[first]);
    let octopus = scene.commit_of(&tree, &[second, first]);
    let provider = scene.provider();
    for (parents, expected) in [(vec![], first), (vec![first], second), (vec![second, first], octopus)] {
        let new = NewCommit { expected: Some(expected), ..commit(tree, parents) };
        assert_eq!(run(provider.put_commit(&app(), &new)).unwrap(), expected);
    }
    let odd =
        NewCommit { message: "no newline\u{202e} é".into(), expected: Some(first), ..commit(tree, vec![]) };
    let error = refused(provider.put_commit(&app(), &odd));
    assert_eq!(error.class(), ErrorClass::Invalid);
    assert!(error.to_string().starts_with("the host answered another id for the commit"), "{error}");
    scene.lawful();
}

#[test]
fn a_lost_answer_makes_the_same_commit_again() {
    let (scene, tree, first) = Scene::with(&[("a", "100644", b"1\n")]);
    let expected = scene.commit_of(&tree, &[first]);
    for fault in [Effect::CutAfter, Effect::CutBefore, Effect::AnswerAfter(Canned::bad_gateway())] {
        scene.forge.fault(Fault::on("POST", "*/git/commits", fault));
        let made = run(scene.provider().put_commit(&app(), &commit(tree, vec![first])));
        assert_eq!(made.unwrap(), expected);
    }
}

#[test]
fn a_time_that_the_api_cannot_say_is_refused_before_it_is_sent() {
    let (scene, tree, _) = Scene::with(&[("a", "100644", b"1\n")]);
    let mut new = commit(tree, vec![]);
    new.committer.offset = "-0000".into();
    assert_eq!(refused(scene.provider().put_commit(&app(), &new)).class(), ErrorClass::Invalid);
    assert!(scene.writes().is_empty());
}

#[test]
fn an_empty_repository_takes_no_objects() {
    let scene = Scene::empty();
    let entries =
        vec![TreeEntry { path: "a".into(), mode: 0o120000, content: Content::Bytes(b"x".to_vec(), zeros()) }];
    let error = refused(scene.provider().put_tree(&app(), NewTree { entries, ..NewTree::default() }));
    assert_eq!((error.class(), error.status()), (ErrorClass::Conflict, Some(409)));
    assert_eq!(error.message(), "Git Repository is empty.");
}

fn zeros() -> Oid {
    "0".repeat(40).parse().unwrap()
}

#[test]
fn commits_trees_and_blobs_are_read_as_they_are() {
    let long: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let (scene, tree, oid) = Scene::with(&[("d/e/long", "100755", &long), ("link", "120000", b"d")]);
    let provider = scene.provider();
    let read = run(provider.commit(&app(), &oid)).unwrap();
    assert_eq!(
        (read.oid, read.tree, read.parents.len(), read.message.as_str()),
        (oid, tree, 0, "a commit\n")
    );
    assert_eq!(run(provider.commit_tree(&app(), &oid)).unwrap(), tree);
    let level = run(provider.tree(&app(), &tree)).unwrap();
    assert_eq!((level.oid, level.truncated), (tree, false));
    let shown: Vec<_> = level.entries.iter().map(|e| (e.path.as_str(), e.mode, e.is_tree())).collect();
    assert_eq!(shown, [("d", 0o040000, true), ("link", 0o120000, false)]);
    let whole = run(provider.whole_tree(&app(), &tree, 10)).unwrap();
    assert_eq!(whole.iter().map(|e| e.path.as_str()).collect::<Vec<_>>(), ["d/e/long", "link"]);
    assert_eq!(refused(provider.whole_tree(&app(), &tree, 1)).class(), ErrorClass::TooLarge);
    assert_eq!(run(provider.blob(&app(), &whole[0].oid)).unwrap(), long);
    let missing = refused(provider.commit(&app(), &"2".repeat(40).parse().unwrap()));
    assert_eq!(missing.class(), ErrorClass::NotFound);
    scene.lawful();
}

#[test]
fn a_listing_that_is_cut_short_is_walked() {
    let (scene, tree, _) =
        Scene::with(&[("a/b/c", "100644", b"1"), ("a/d", "100644", b"2"), ("e", "100755", b"3")]);
    let body = format!(r#"{{"sha":"{tree}","tree":[],"truncated":true}}"#);
    let cut = Canned { status: 200, body, ..Canned::default() };
    scene.forge.fault(Fault::on("GET", "*/git/trees/*?*recursive*", Effect::Answer(cut)));
    let mut whole = run(scene.provider().whole_tree(&app(), &tree, 10)).unwrap();
    whole.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(whole.iter().map(|e| e.path.as_str()).collect::<Vec<_>>(), ["a/b/c", "a/d", "e"]);
}

#[test]
fn a_blob_that_is_not_what_its_name_says_is_refused() {
    let (scene, ..) = Scene::with(&[("a", "100644", b"1\n")]);
    let oid: Oid = scene.git(&["hash-object", "--stdin"], b"1\n").parse().unwrap();
    for (content, encoding) in [("Mgo=", "base64"), ("", "none"), ("%%%", "base64")] {
        let body = format!(r#"{{"sha":"{oid}","content":"{content}","encoding":"{encoding}"}}"#);
        let lie = Canned { status: 200, body, ..Canned::default() };
        scene.forge.fault(Fault::on("GET", "*/git/blobs/*", Effect::Answer(lie)));
        assert_eq!(refused(scene.provider().blob(&app(), &oid)).class(), ErrorClass::Invalid, "{content}");
    }
}
