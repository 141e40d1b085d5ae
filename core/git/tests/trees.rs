//! Diffing and writing trees agree with git on random trees, and a bomb is refused.
#![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

mod support;

use std::collections::BTreeMap;

use coregit_git::{Entry, GitError, Repo, TreeChange};
use coregit_model::Oid;
use proptest::prelude::*;
use support::*;

type Files = BTreeMap<Vec<u8>, Entry>;

/// Names that sort differently as files and as folders, and names that are no UTF-8.
fn part() -> impl Strategy<Value = Vec<u8>> {
    let names: [&[u8]; 9] = [b"a", b"a.b", b"a-b", b"a0", b"b", b"ab", b"\xff\xfe", b" x\n", b"-c"];
    prop::sample::select(names.to_vec()).prop_map(<[u8]>::to_vec)
}

fn files(blobs: Vec<Oid>) -> impl Strategy<Value = Files> {
    let path = prop::collection::vec(part(), 1..5).prop_map(|parts| parts.join(&b"/"[..]));
    let mode = prop::sample::select(vec![0o100644, 0o100755, 0o120000, 0o160000]);
    let entry = (mode, prop::sample::select(blobs)).prop_map(|(mode, oid)| Entry { mode, oid });
    prop::collection::vec((path, entry), 0..25).prop_map(|all| {
        let mut files = Files::new();
        for (path, entry) in all {
            // The last one wins where a file stands in the way of a folder.
            let below = [&path[..], b"/"].concat();
            files.retain(|p, _| !p.starts_with(&below) && !path.starts_with(&[&p[..], b"/"].concat()));
            files.insert(path, entry);
        }
        files
    })
}

fn as_tree(repo: &Repo, files: &Files) -> Oid {
    tree(repo.path(), files.iter().map(|(p, e)| (p.as_slice(), e.mode, e.oid)))
}

/// What `git diff-tree -r -z --no-renames` says.
fn git_diff(repo: &Repo, old: &Oid, new: &Oid) -> Vec<TreeChange> {
    let args = ["diff-tree", "-r", "-z", "--no-renames", "--full-index", &old.to_string(), &new.to_string()];
    let out = git_in(repo.path(), &args, b"");
    let mut fields = out.split(|b| *b == 0).filter(|f| !f.is_empty());
    let mut by_path: BTreeMap<Vec<u8>, TreeChange> = BTreeMap::new();
    while let (Some(meta), Some(path)) = (fields.next(), fields.next()) {
        let meta = std::str::from_utf8(&meta[1..]).unwrap().to_owned();
        let meta: Vec<_> = meta.split(' ').collect();
        let side = |mode: &str, id: &str| {
            (mode != "000000").then(|| Entry { mode: u32::from_str_radix(mode, 8).unwrap(), oid: oid(id) })
        };
        let change =
            by_path.entry(path.to_vec()).or_insert(TreeChange { path: path.to_vec(), old: None, new: None });
        change.old = side(meta[0], meta[2]).or(change.old.take());
        change.new = side(meta[1], meta[3]).or(change.new.take());
    }
    by_path.into_values().collect()
}

fn setting() -> (Dir, Repo, Vec<Oid>) {
    let dir = Dir::new();
    let repo = dir.bare("a.git");
    let blobs = ["1", "2", "3"].map(|text| blob(repo.path(), text.as_bytes())).to_vec();
    (dir, repo, blobs)
}

#[test]
fn diffs_and_written_trees_are_those_of_git() {
    let (_dir, repo, blobs) = setting();
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig { cases: 24, ..Default::default() });
    let pairs = (files(blobs.clone()), files(blobs));
    runner
        .run(&pairs, |(from, to)| {
            let (old, new) = (as_tree(&repo, &from), as_tree(&repo, &to));
            let changes = repo.diff_trees(Some(&old), Some(&new), 1000).unwrap();
            prop_assert_eq!(&changes, &git_diff(&repo, &old, &new));
            // The same trees, made in a repository that has them not.
            let dir = Dir::new();
            let fresh = dir.bare("b.git");
            let from_nothing = repo.diff_trees(None, Some(&old), 1000).unwrap();
            prop_assert_eq!(fresh.write_tree(None, &from_nothing).unwrap(), old);
            prop_assert_eq!(fresh.write_tree(Some(&old), &changes).unwrap(), new);
            prop_assert!(fresh.has(&new));
            let back = repo.diff_trees(Some(&new), Some(&old), 1000).unwrap();
            prop_assert_eq!(fresh.write_tree(Some(&new), &back).unwrap(), old);
            Ok(())
        })
        .unwrap();
}

#[test]
fn nothing_changed_is_nothing_and_sides_may_be_absent() {
    let (_dir, repo, blobs) = setting();
    let one = tree(repo.path(), [(&b"d/a"[..], 0o100644, blobs[0])]);
    assert_eq!(repo.diff_trees(Some(&one), Some(&one), 0).unwrap(), []);
    assert_eq!(repo.diff_trees(None, None, 0).unwrap(), []);
    let added = repo.diff_trees(None, Some(&one), 10).unwrap();
    assert_eq!((added[0].path.as_slice(), added[0].old.is_none()), (&b"d/a"[..], true));
    let gone = repo.diff_trees(Some(&one), None, 10).unwrap();
    assert!(gone[0].new.is_none());
    let empty = repo.write_tree(Some(&one), &gone).unwrap();
    assert_eq!(empty.to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    assert!(repo.has(&empty));
}

#[test]
fn odd_modes_of_old_tools_are_no_changes_and_keep_their_bytes() {
    let (_dir, repo, blobs) = setting();
    let raw = |mode: &str| [mode.as_bytes(), b" f\0", blobs[0].as_bytes()].concat();
    let write = |raw: &[u8]| {
        let args = ["hash-object", "-t", "tree", "-w", "--stdin", "--literally"];
        oid(std::str::from_utf8(&git_in(repo.path(), &args, raw)).unwrap())
    };
    let (odd, plain) = (write(&raw("100664")), write(&raw("100644")));
    assert_ne!(odd, plain);
    assert_eq!(repo.diff_trees(Some(&odd), Some(&plain), 10).unwrap(), git_diff(&repo, &odd, &plain));
    let change =
        TreeChange { path: b"g".to_vec(), old: None, new: Some(Entry { mode: 0o100644, oid: blobs[1] }) };
    let both = repo.write_tree(Some(&odd), &[change]).unwrap();
    let kept = git_in(repo.path(), &["cat-file", "tree", &both.to_string()], b"");
    assert!(kept.starts_with(b"100664 f\0"));
}

#[test]
fn a_tree_bomb_is_refused_at_the_budget() {
    let (_dir, repo, blobs) = setting();
    let mut level = tree(repo.path(), [(&b"f"[..], 0o100644, blobs[0])]);
    for _ in 0..10 {
        let lines: String = (0..10).map(|i| format!("040000 tree {level}\td{i}\n")).collect();
        level = oid(std::str::from_utf8(&git_in(repo.path(), &["mktree"], lines.as_bytes())).unwrap());
    }
    for (old, new) in [(None, Some(&level)), (Some(&level), None)] {
        let error = repo.diff_trees(old, new, 20_000).unwrap_err();
        assert!(matches!(error, GitError::DiffTooLarge { budget: 20_000 }), "{error}");
    }
}

#[test]
fn a_tree_bomb_without_files_is_refused_too() {
    let (_dir, repo, _) = setting();
    let mut level = oid(std::str::from_utf8(&git_in(repo.path(), &["mktree"], b"")).unwrap());
    for _ in 0..10 {
        let lines: String = (0..10).map(|i| format!("040000 tree {level}\td{i}\n")).collect();
        level = oid(std::str::from_utf8(&git_in(repo.path(), &["mktree"], lines.as_bytes())).unwrap());
    }
    assert!(matches!(repo.diff_trees(None, Some(&level), 5_000), Err(GitError::DiffTooLarge { .. })));
}

#[test]
fn paths_and_modes_that_no_tree_may_hold_are_not_written() {
    let (_dir, repo, blobs) = setting();
    let put = |path: &[u8], mode: u32| {
        let entry = Entry { mode, oid: blobs[0] };
        repo.write_tree(None, &[TreeChange { path: path.to_vec(), old: None, new: Some(entry) }])
    };
    for bad in [&b""[..], b"/etc/x", b"a//b", b"a/", b"../x", b"a/./b", b".git/hooks/x", b"a/.GIT/x", b"a\0b"]
    {
        assert!(matches!(put(bad, 0o100644), Err(GitError::Unwritable(_))), "{bad:?}");
    }
    for mode in [0, 0o40000, 0o100664, 0o777] {
        assert!(matches!(put(b"a", mode), Err(GitError::Unwritable(_))), "{mode:o}");
    }
}

#[test]
fn many_trees_and_a_commit_are_written_whole_and_leave_no_scraps() {
    let (dir, repo, blobs) = setting();
    let shadow = Repo::open_or_create_shadow(dir.at("shadow.git"), repo.path()).unwrap();
    let changes: Vec<_> = (0..200)
        .map(|i| TreeChange {
            path: format!("d{i}/e/f").into_bytes(),
            old: None,
            new: Some(Entry { mode: 0o100644, oid: blobs[i % 3] }),
        })
        .collect();
    let tree = shadow.write_tree(None, &changes).unwrap();
    let base = commit(repo.path(), &[], &[("a", "1")]);
    let mut parts = shadow.commit(&base).unwrap();
    (parts.tree, parts.parents) = (tree, vec![base]);
    let made = shadow.write_commit(&parts).unwrap();
    assert_eq!(shadow.write_commit(&parts).unwrap(), made);
    assert!(
        shadow.has(&made) && !Repo::open(repo.path()).unwrap().has(&made),
        "the served one has nothing of it"
    );
    assert_eq!(
        git(&dir.at("shadow.git"), &["log", "--format=%an %ct", "-1", &made.to_string()]),
        "T 1700000000"
    );
    git(&dir.at("shadow.git"), &["fsck", "--strict", "--no-dangling"]);
    let scraps = std::fs::read_dir(dir.at("shadow.git/objects")).unwrap();
    assert!(scraps.into_iter().all(|e| !e.unwrap().file_name().to_string_lossy().starts_with("tmp")));
}

#[test]
fn a_shadow_follows_a_served_repository_that_moved() {
    let (dir, repo, blobs) = setting();
    let shadow = || Repo::open_or_create_shadow(dir.at("shadow.git"), &dir.at("a.git"));
    assert!(shadow().unwrap().has(&blobs[0]));
    drop(repo);
    std::fs::rename(dir.at("a.git"), dir.at("b.git")).unwrap();
    assert!(shadow().is_err());
    let moved = Repo::open_or_create_shadow(dir.at("shadow.git"), &dir.at("b.git")).unwrap();
    assert!(moved.has(&blobs[0]));
}
