//! Whatever the bytes, judging them ends with findings, and names agree with git's own judgement.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::process::{Command, Stdio};

use coregit_check as check;
use coregit_model::ObjectFormat::{Sha1, Sha256};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

fn everything(raw: &[u8]) {
    let findings = [
        check::tree(raw, Sha1),
        check::tree(raw, Sha256),
        check::commit(raw),
        check::tag(raw),
        check::gitmodules(raw),
        check::gitattributes(raw),
        check::symlink(raw),
        check::ref_name(raw),
    ];
    let _ = (check::tree_of_commit(raw), check::target_of_tag(raw), check::dot_file(raw));
    for finding in findings.iter().flatten() {
        let shown = finding.path.clone().unwrap_or_default();
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
        assert!(shown.len() < 3000);
    }
}

fn tree_bytes() -> impl Strategy<Value = Vec<u8>> {
    let mode = prop::sample::select(vec!["100644", "40000", "120000", "160000", "100755", "0100644", "7"]);
    let name = prop_oneof![
        prop::collection::vec(1u8.., 0..12),
        "[.gGiItT~1 \\\\:/\u{200c}éE]{0,8}".prop_map(String::into_bytes),
    ];
    let entry = (mode, name, prop::array::uniform20(any::<u8>()))
        .prop_map(|(mode, name, oid)| [mode.as_bytes(), b" ", &name, b"\0", &oid].concat());
    prop::collection::vec(entry, 0..6).prop_map(|entries| entries.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_judged(raw in prop::collection::vec(any::<u8>(), 0..400)) {
        everything(&raw);
    }

    #[test]
    fn anything_like_an_object_is_judged(
        raw in "(tree |parent |author |committer |object |type |tag |[a-f0-9]{40}|<|>|\n|\0| |[0-9]{1,22}|\\+|-){0,40}"
    ) {
        everything(raw.as_bytes());
    }

    #[test]
    fn anything_like_a_configuration_is_judged(
        raw in "(\\[|\\]|submodule|\"|\\\\|=|path|url|\n|\r|#|;| |\\.\\.|/|:|ext::|-){0,60}"
    ) {
        everything(raw.as_bytes());
    }

    #[test]
    fn anything_like_a_tree_is_judged(raw in tree_bytes()) {
        everything(&raw);
        everything(&raw[..raw.len() / 2]);
    }
}

/// Runs a git command outside any repository's configuration.
fn git(dir: &std::path::Path, args: &[&str], input: &[u8]) -> (bool, String) {
    let mut child = Command::new("git")
        .current_dir(dir)
        .args(args)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    (
        output.status.success(),
        [output.stdout, output.stderr].map(|o| String::from_utf8_lossy(&o).into_owned()).concat(),
    )
}

/// Rules of ours that `git fsck --strict` must know too, with its words for them. (It checks some names
/// under Windows' rules only where it runs there, or not at all: those are ours alone.)
const SHARED: [(&str, &str); 17] = [
    ("has-dot", "hasDot:"),
    ("has-dotdot", "hasDotdot:"),
    ("full-pathname", "fullPathname:"),
    ("duplicate-entries", "duplicateEntries:"),
    ("tree-not-sorted", "treeNotSorted:"),
    ("null-oid", "nullSha1:"),
    ("zero-padded-filemode", "zeroPaddedFilemode:"),
    ("missing-author", "missingAuthor:"),
    ("missing-committer", "missingCommitter:"),
    ("missing-email", "missingEmail:"),
    ("bad-email", "badEmail:"),
    ("bad-date", "badDate:"),
    ("bad-date-overflow", "badDateOverflow:"),
    ("bad-timezone", "badTimezone:"),
    ("zero-padded-date", "zeroPaddedDate:"),
    ("missing-space-before-email", "missingSpaceBeforeEmail:"),
    ("missing-space-before-date", "missingSpaceBeforeDate:"),
];

/// What `git hash-object` says of an object that it checks as fsck does.
fn fsck(dir: &std::path::Path, kind: &str, raw: &[u8]) -> String {
    git(dir, &["hash-object", "-t", kind, "--stdin"], raw).1
}

fn repository() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    assert!(git(dir.path(), &["init", "-q", "--bare", "."], b"").0);
    dir
}

#[test]
fn identity_lines_are_judged_as_git_judges_them() {
    let dir = repository();
    let hex = "1".repeat(40);
    for author in [
        "A <a@x> 1 +0000",
        "A<a@x> 1 +0000",
        "A 1 +0000",
        "A <a<x> 1 +0000",
        "A <a@x>1 +0000",
        "A <a@x> 01 +0000",
        "A <a@x> 1 +00000",
        "A <a@x> 1 0000",
        "A <a@x> -1 +0000",
        "A <a@x> 99999999999999999999 +0000",
        "A <a@x> x +0000",
        "A <a@x> 1",
        "A <a@x",
        "<a@x> 1 +0000",
    ] {
        let raw = format!("tree {hex}\nauthor {author}\ncommitter C <c@x> 1 +0000\n\nm\n");
        agree(&fsck(dir.path(), "commit", raw.as_bytes()), &check::commit(raw.as_bytes()), author);
    }
}

/// git stops at the first defect: what it names we must name; what it passes we must pass.
fn agree(said: &str, found: &[check::Finding], input: &str) {
    for (rule, word) in SHARED {
        if said.contains(word) {
            assert!(found.iter().any(|f| f.rule == rule), "{input:?}: git says {said}, we say {found:?}");
        }
    }
    if !said.contains("error") && !said.contains("warning") {
        assert!(!check::refuses(found), "{input:?}: git passes it, we say {found:?}");
    }
}

#[test]
fn trees_that_git_refuses_are_refused() {
    let dir = repository();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..150 {
        let raw = tree_bytes().new_tree(&mut runner).unwrap().current();
        let (ok, said) = git(dir.path(), &["hash-object", "-t", "tree", "--stdin"], &raw);
        let found = check::tree(&raw, Sha1);
        if !ok
            && !said.contains("adFilemode")
            && !said.contains("zeroPaddedFilemode")
            && !said.contains("largePathname")
        {
            assert!(check::refuses(&found), "{raw:?}: git says {said}, we say {found:?}");
        }
        for (rule, word) in SHARED.iter().filter(|(_, word)| said.contains(word)) {
            assert!(found.iter().any(|f| f.rule == *rule), "{raw:?}: git says {word}, we say {found:?}");
        }
    }
}
