//! Fetches into repositories that are never served, and backups.
#![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

mod support;

use coregit_git::{Backup, Depth, Fetch, GitError, Push, Remote, Repo, TreeChange};
use coregit_model::{ErrorClass, ObjectFormat, Oid, RunId};
use support::server::{Server, What};
use support::*;

struct Setting {
    dir: Dir,
    here: Repo,
    there: Repo,
    server: Server,
    remote: Remote,
}

fn setting() -> Setting {
    let dir = Dir::new();
    let (here, there) = (dir.bare("here.git"), dir.bare("served/r.git"));
    let server = Server::start(&dir.at("served"));
    let remote = remote(&server, "r.git");
    Setting { dir, here, there, server, remote }
}

impl Setting {
    fn shadow(&self) -> Repo {
        Repo::open_or_create_shadow(self.dir.at("shadow.git"), self.here.path()).unwrap()
    }

    /// Five commits there, the first two of them here.
    fn histories(&self) -> Vec<Oid> {
        let text: String = (0..500).map(|i| format!("line {i}\n")).collect();
        let mut made: Vec<Oid> = Vec::new();
        for i in 0..5 {
            let parents: Vec<Oid> = made.last().copied().into_iter().collect();
            let files = [("f", text.replace("line 7\n", &format!("seven {i}\n"))), ("d/g", text.clone())];
            let files: Vec<_> = files.iter().map(|(p, t)| (*p, t.as_str())).collect();
            made.push(commit(self.there.path(), &parents, &files));
            if i < 2 {
                assert_eq!(commit(self.here.path(), &parents, &files), made[i]);
            }
        }
        set_ref(self.there.path(), "refs/heads/main", &made[4]);
        set_ref(self.here.path(), "refs/heads/main", &made[1]);
        made
    }
}

fn packs(repo: &Repo) -> usize {
    let objects = std::fs::read_dir(repo.path().join("objects")).unwrap();
    assert!(!objects.into_iter().any(|e| e.unwrap().file_name().to_string_lossy().starts_with("tmp")));
    let dir = std::fs::read_dir(repo.path().join("objects/pack")).unwrap();
    let names: Vec<_> = dir.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    assert!(!names.iter().any(|n| n.ends_with(".keep") || n.starts_with("tmp_")), "{names:?}");
    names.iter().filter(|n| n.ends_with(".pack")).count()
}

#[tokio::test]
async fn a_tip_arrives_one_deep_and_only_where_it_is_not_served() {
    let s = setting();
    let made = s.histories();
    let (shadow, wants) = (s.shadow(), [made[4]]);
    let ask = Fetch {
        haves: &[made[1]],
        depth: Depth::Commits(1),
        strict: Some(String::new()),
        ..Fetch::of(&wants)
    };
    s.server.take_seen();
    let brought = s.remote.fetch(&shadow, &ask).await.unwrap();
    assert_eq!(s.server.take_seen().len(), 1);
    assert_eq!(brought.shallow, [made[4]]);
    assert!(brought.pack_bytes < 1500, "{brought:?}: deltas stand on what is here");
    assert!(shadow.has(&made[4]) && !shadow.has(&made[3]) && !s.here.has(&made[4]));
    assert_eq!(shadow.diff_trees(Some(&made[1]), Some(&made[4]), 10).unwrap().len(), 1);
    assert_eq!(packs(&shadow), 1);
    let again = s.remote.fetch(&shadow, &Fetch { haves: &wants, ..ask.clone() }).await.unwrap();
    assert_eq!((again.shallow.len(), packs(&shadow)), (0, 1), "an empty pack is not kept");
    git(shadow.path(), &["fsck", "--no-dangling", &made[4].to_string()]);
}

#[tokio::test]
async fn a_commit_on_a_shallow_tip_is_pushed_with_only_what_is_new() {
    let s = setting();
    let made = s.histories();
    let (shadow, wants) = (s.shadow(), [made[4]]);
    s.remote.fetch(&shadow, &Fetch { depth: Depth::Commits(1), ..Fetch::of(&wants) }).await.unwrap();
    let mut parts = shadow.commit(&made[4]).unwrap();
    let new = coregit_git::Entry { mode: 0o100644, oid: shadow.write_blob(b"new").unwrap() };
    let change = TreeChange { path: b"e/new".to_vec(), old: None, new: Some(new) };
    parts.tree = shadow.write_tree(Some(&made[4]), &[change]).unwrap();
    parts.parents = vec![made[4]];
    let tip = shadow.write_commit(&parts).unwrap();
    let found = s.remote.receive_pack_advertisement().await.unwrap();
    let updates = [update("refs/heads/main", Some(made[4]), Some(tip))];
    let report = s.remote.push(&shadow, &found, &Push::of(&updates)).await.unwrap();
    assert!(report.is_ok() && report.bytes_sent < 1000, "{report:?}");
    git(s.there.path(), &["fsck", "--strict"]);
    assert_eq!(s.there.count_between(None, &tip).unwrap(), 6);
}

#[tokio::test]
async fn a_commit_on_a_head_that_is_only_known_by_its_tree_is_pushed_as_its_difference() {
    let s = setting();
    let made = s.histories();
    let noise: String =
        (0..30_000u64).map(|i| format!("{:x}\n", i.wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect();
    let head = commit(s.there.path(), &[made[4]], &[("big", &noise), ("d/g", "x")]);
    set_ref(s.there.path(), "refs/heads/main", &head);
    // What an API tells: the tree's objects are here (by another commit), the head is not.
    let same = commit(s.here.path(), &[], &[("big", &noise), ("d/g", "x")]);
    let shadow = s.shadow();
    let mut parts = shadow.commit(&same).unwrap();
    let tree = parts.tree;
    let mut changed = shadow.tree_entries(&tree).unwrap().remove(0).entry;
    changed.oid = shadow.write_blob(noise.replacen('a', "b", 3).as_bytes()).unwrap();
    let change = TreeChange { path: b"big".to_vec(), old: None, new: Some(changed) };
    (parts.tree, parts.parents) = (shadow.write_tree(Some(&tree), &[change]).unwrap(), vec![head]);
    let tip = shadow.write_commit(&parts).unwrap();
    assert!(!shadow.has(&head));
    let found = s.remote.receive_pack_advertisement().await.unwrap();
    let updates = [update("refs/heads/main", Some(head), Some(tip))];
    let push = Push { onto_tree: Some(tree), ..Push::of(&updates) };
    let report = s.remote.push(&shadow, &found, &push).await.unwrap();
    assert!(report.is_ok() && report.bytes_sent < 2000, "{report:?} for a file of {} bytes", noise.len());
    git(s.there.path(), &["fsck", "--strict"]);
    assert_eq!(s.there.count_between(None, &tip).unwrap(), 7);
}

#[tokio::test]
async fn what_is_not_there_cut_or_damaged_leaves_nothing_behind() {
    let s = setting();
    let made = s.histories();
    let shadow = s.shadow();
    let absent = [oid(&"1".repeat(40))];
    let error = s.remote.fetch(&shadow, &Fetch::of(&absent)).await.unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::Conflict), "{error}");
    let wants = [made[4]];
    for cut in [0, 5, 40, 300] {
        s.server.fault("/git-upload-pack", What::CutAnswer(cut));
        assert!(s.remote.fetch(&shadow, &Fetch::of(&wants)).await.is_err(), "{cut}");
        s.server.heal();
        assert_eq!(packs(&shadow), 0);
    }
    let few = Fetch { limit: 100, ..Fetch::of(&wants) };
    assert!(matches!(s.remote.fetch(&shadow, &few).await, Err(GitError::TooLarge { .. })));
    let body = b"000dpackfile\n0015\x01PACK\0\0\0\x02\0\0\0\x01junk0000".to_vec();
    let kind = ("content-type", "application/x-git-upload-pack-result".to_owned());
    s.server.fault("/git-upload-pack", What::Answer(200, vec![kind], body));
    assert!(matches!(s.remote.fetch(&shadow, &Fetch::of(&wants)).await, Err(GitError::Child { .. })));
    assert!(packs(&shadow) == 0 && !shadow.has(&made[4]));
}

#[tokio::test]
async fn objects_that_fsck_refuses_are_refused_where_that_is_asked() {
    let s = setting();
    let raw = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor x\ncommitter x\n\nx";
    git_in(s.there.path(), &["mktree"], b"");
    let args = ["hash-object", "-t", "commit", "-w", "--stdin", "--literally"];
    let bad = oid(std::str::from_utf8(&git_in(s.there.path(), &args, raw)).unwrap());
    set_ref(s.there.path(), "refs/heads/main", &bad);
    let (shadow, wants) = (s.shadow(), [bad]);
    let strict = Fetch { strict: Some(String::new()), ..Fetch::of(&wants) };
    let error = s.remote.fetch(&shadow, &strict).await.unwrap_err();
    assert!(matches!(&error, GitError::Child { command, .. } if command == "index-pack"), "{error}");
    let lenient =
        "missingEmail=ignore,missingNameBeforeEmail=ignore,missingSpaceBeforeEmail=ignore,badDate=ignore";
    let lenient = Fetch { strict: Some(lenient.into()), ..Fetch::of(&wants) };
    s.remote.fetch(&shadow, &lenient).await.unwrap();
    assert_eq!(shadow.commit(&bad).unwrap().author.name, b"x");
}

#[tokio::test]
async fn backups_are_whole_and_outlive_their_source() {
    let s = setting();
    let made = s.histories();
    let backup = Backup::open_or_create(s.dir.at("backup/r.git"), ObjectFormat::Sha1).unwrap();
    let (first, second) = (RunId::random(), RunId::random());
    let (a, b) =
        (Backup::name(&first, &name("refs/heads/main")), Backup::name(&second, &name("refs/heads/main")));
    backup.keep(&s.here, &made[1], &a).await.unwrap();
    backup.keep(&s.here, &made[1], &a).await.unwrap();
    assert!(backup.keep(&s.here, &made[0], &a).await.is_err(), "a name keeps what it kept");
    assert!(backup.keep(&s.here, &made[1], &name("refs/heads/main")).await.is_err());
    // What stands there and is not here is fetched, and only the difference.
    backup.keep_theirs(&s.here, &s.remote, &[(made[4], b.clone()), (made[1], a.clone())]).await.unwrap();
    let left: Vec<_> = std::fs::read_dir(s.dir.at("backup")).unwrap().collect();
    assert_eq!(left.len(), 1, "the place to fetch into is gone");
    std::fs::remove_dir_all(s.here.path()).unwrap();
    git(backup.repo().path(), &["fsck", "--strict", "--full"]);
    assert_eq!(backup.repo().count_between(None, &made[4]).unwrap(), 5);
    // It can be put back from there.
    set_ref(s.there.path(), "refs/heads/main", &made[0]);
    let found = s.remote.receive_pack_advertisement().await.unwrap();
    let updates = [update("refs/heads/main", Some(made[0]), Some(made[4]))];
    assert!(s.remote.push(backup.repo(), &found, &Push::of(&updates)).await.unwrap().is_ok());
    backup.forget(&[b]).unwrap();
    backup.collect().unwrap();
    assert_eq!(backup.repo().refs().unwrap(), [(a, made[1])]);
}

#[tokio::test]
async fn history_that_is_cut_off_is_no_backup() {
    let s = setting();
    let made = s.histories();
    let (shadow, wants) = (s.shadow(), [made[4]]);
    s.remote.fetch(&shadow, &Fetch { depth: Depth::Commits(1), ..Fetch::of(&wants) }).await.unwrap();
    let backup = Backup::open_or_create(s.dir.at("backup.git"), ObjectFormat::Sha1).unwrap();
    let kept = Backup::name(&RunId::random(), &name("refs/heads/main"));
    let error = backup.keep(&shadow, &made[4], &kept).await.unwrap_err();
    assert!(error.to_string().contains("not whole"), "{error}");
    assert!(backup.repo().refs().unwrap().is_empty());
    // Fetched with all its history all the same.
    backup.keep_theirs(&s.here, &s.remote, &[(made[4], kept.clone())]).await.unwrap();
    assert_eq!(backup.repo().refs().unwrap(), [(kept, made[4])]);
}
