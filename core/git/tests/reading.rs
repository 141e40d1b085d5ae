//! Repositories, refs, objects and history are read as git reads them.
#![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

mod support;

use coregit_git::{GitError, ObjectKind, Repo};
use coregit_model::{BranchName, ObjectFormat, Oid, RefName};
use support::*;

#[test]
fn a_new_repository_is_bare_and_its_unborn_branch_is_known() {
    let dir = Dir::new();
    let repo = Repo::create_bare(dir.at("deep/down/a.git"), &BranchName::parse("été").unwrap()).unwrap();
    assert_eq!(repo.head_branch(), Some(BranchName::parse("été").unwrap()));
    assert_eq!((repo.format(), repo.refs().unwrap().len()), (ObjectFormat::Sha1, 0));
    assert!(Repo::create_bare(dir.at("deep/down/a.git"), &BranchName::parse("x").unwrap()).is_err());
    assert_eq!(std::fs::read_dir(dir.at("deep/down")).unwrap().count(), 1, "nothing half made is left");
}

#[test]
fn what_cannot_be_worked_with_is_refused_with_the_reason() {
    let dir = Dir::new();
    let flaw = |path: &str| Repo::inspect(dir.at(path)).unwrap().flaw();
    std::fs::create_dir(dir.at("empty")).unwrap();
    assert!(flaw("empty").unwrap().contains("not a git repository"));
    git(&dir.at("w/.git"), &["init", "-q", dir.at("w").to_str().unwrap()]);
    assert!(flaw("w").unwrap().contains("not a git repository"));
    assert!(flaw("w/.git").unwrap().contains("not bare"));
    assert!(Repo::open(dir.at("w")).is_err());
    dir.bare("ok.git");
    assert_eq!(flaw("ok.git"), None);
    dir.bare("ext.git");
    git(&dir.at("ext.git"), &["config", "core.repositoryFormatVersion", "1"]);
    git(
        &dir.at("ext.git"),
        &["config", "--file", dir.at("ext.git/config").to_str().unwrap(), "extensions.future", "1"],
    );
    assert!(flaw("ext.git").unwrap().contains("future"));
    assert!(matches!(Repo::inspect(dir.at("absent")), Err(GitError::Open { .. })));
}

#[test]
fn a_reftable_repository_is_refused_with_the_way_out() {
    let dir = Dir::new();
    let path = dir.at("r.git");
    git(&path, &["init", "-q", "--bare", "--ref-format=reftable", path.to_str().unwrap()]);
    let flaw = Repo::inspect(&path).unwrap().flaw().unwrap();
    assert!(flaw.contains("reftable") && flaw.contains("refs migrate"), "{flaw}");
    assert!(Repo::open(&path).unwrap_err().to_string().contains("reftable"));
}

#[test]
fn a_sha256_repository_is_read_and_its_format_told() {
    let dir = Dir::new();
    let path = dir.at("s.git");
    git(&path, &["init", "-q", "--bare", "--object-format=sha256", path.to_str().unwrap()]);
    let tip = commit(&path, &[], &[("a", "1")]);
    set_ref(&path, "refs/heads/main", &tip);
    let repo = Repo::open(&path).unwrap();
    assert_eq!(repo.format(), ObjectFormat::Sha256);
    assert_eq!(repo.refs().unwrap(), [(name("refs/heads/main"), tip)]);
    assert_eq!(repo.diff_trees(None, Some(&tip), 10).unwrap().len(), 1);
    assert!(!repo.has(&Oid::zero(ObjectFormat::Sha1)));
}

/// Odd names, tags, packed and loose refs, symbolic ones, and the lock of a push that is under way.
fn many_refs(dir: &Dir) -> (Repo, Oid) {
    let repo = dir.bare("a.git");
    let path = repo.path();
    let tip = commit(path, &[], &[("a", "1")]);
    for odd in ["heads/main", "heads/-x", "heads/$(id)", "heads/@", "heads/a/b", "tags/v1"] {
        set_ref(path, &format!("refs/{odd}"), &tip);
    }
    let line = [b"create refs/heads/\xff\xfe ", tip.to_string().as_bytes(), b"\n"].concat();
    git_in(path, &["update-ref", "--stdin"], &line);
    git(path, &["tag", "-a", "-m", "x", "v2", &tip.to_string()]);
    git(path, &["pack-refs", "--all"]);
    set_ref(path, "refs/heads/loose", &tip);
    git(path, &["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
    git(path, &["symbolic-ref", "refs/heads/dangling", "refs/heads/absent"]);
    std::fs::write(dir.at("a.git/refs/heads/main.lock"), "").unwrap();
    (repo, tip)
}

#[test]
fn refs_are_listed_by_their_bytes_unpeeled_packed_or_loose() {
    let dir = Dir::new();
    let (repo, tip) = many_refs(&dir);
    let shown = git_in(repo.path(), &["for-each-ref", "--format=%(objectname) %(refname)"], b"");
    let read = |line: &[u8]| (RefName::new(&line[41..]).unwrap(), Oid::from_hex(&line[..40]).unwrap());
    let expected: Vec<_> = shown.split(|b| *b == b'\n').map(read).collect();
    assert_eq!(repo.refs().unwrap(), expected);
    assert_eq!(repo.kind(&repo.ref_oid(&name("refs/tags/v2")).unwrap().unwrap()).unwrap(), ObjectKind::Tag);
    assert_eq!(repo.ref_oid(&name("refs/heads/alias")).unwrap(), Some(tip));
    assert_eq!(repo.ref_oid(&name("refs/heads/dangling")).unwrap(), None);
    assert_eq!(repo.ref_oid(&name("refs/heads/absent")).unwrap(), None);
}

#[test]
fn a_ref_emptied_by_a_power_cut_is_an_error_and_no_deletion() {
    let dir = Dir::new();
    let repo = dir.bare("a.git");
    set_ref(repo.path(), "refs/heads/main", &commit(repo.path(), &[], &[("a", "1")]));
    std::fs::write(dir.at("a.git/refs/heads/main"), "").unwrap();
    let error = repo.refs().unwrap_err();
    assert!(
        matches!(&error, GitError::BrokenRef { .. }) && error.to_string().contains("refs/heads/main"),
        "{error}"
    );
    assert!(repo.ref_oid(&name("refs/heads/main")).is_err());
}

#[test]
fn refs_that_are_packed_meanwhile_are_never_missed() {
    let dir = Dir::new();
    let repo = dir.bare("a.git");
    let tip = commit(repo.path(), &[], &[("a", "1")]);
    let all: String = (0..300).map(|i| format!("create refs/heads/b{i} {tip}\n")).collect();
    git_in(repo.path(), &["update-ref", "--stdin"], all.as_bytes());
    std::thread::scope(|scope| {
        let packing = scope.spawn(|| {
            for round in 0..10 {
                git(repo.path(), &["pack-refs", "--all"]);
                let next = commit(repo.path(), &[], &[("a", &round.to_string())]);
                let all: String = (0..300).map(|i| format!("update refs/heads/b{i} {next}\n")).collect();
                git_in(repo.path(), &["update-ref", "--stdin"], all.as_bytes());
            }
        });
        while !packing.is_finished() {
            assert_eq!(repo.refs().unwrap().len(), 300);
        }
    });
}

#[test]
fn a_hundred_thousand_refs_are_listed_from_one_file() {
    let dir = Dir::new();
    let repo = dir.bare("a.git");
    let tip = commit(repo.path(), &[], &[("a", "1")]);
    let mut packed = String::from("# pack-refs with: peeled fully-peeled sorted \n");
    (0..100_000).for_each(|i| packed.push_str(&format!("{tip} refs/heads/b{i:06}\n")));
    std::fs::write(dir.at("a.git/packed-refs"), packed).unwrap();
    assert_eq!(repo.refs().unwrap().len(), 100_000);
}

#[test]
fn replaced_objects_are_read_as_they_are() {
    let dir = Dir::new();
    let repo = dir.bare("a.git");
    let good = commit(repo.path(), &[], &[("a", "good")]);
    let evil = commit(repo.path(), &[good], &[("a", "evil")]);
    set_ref(repo.path(), &format!("refs/replace/{good}"), &evil);
    let repo = Repo::open(repo.path()).unwrap();
    assert_eq!(repo.commit(&good).unwrap().parents, []);
    assert_ne!(repo.tree_of(&good).unwrap(), repo.tree_of(&evil).unwrap());
    assert_eq!(repo.diff_trees(Some(&good), Some(&evil), 10).unwrap().len(), 1);
}

#[test]
fn objects_tell_their_kind_and_size_and_large_blobs_stay_where_they_are() {
    let dir = Dir::new();
    let repo = dir.bare("a.git");
    let big = blob(repo.path(), &vec![b'x'; 100_000]);
    let tip = commit(repo.path(), &[], &[("d/a", "1")]);
    assert_eq!((repo.kind(&big).unwrap(), repo.blob_size(&big).unwrap()), (ObjectKind::Blob, 100_000));
    assert_eq!(repo.blob(&big, 100_000).unwrap().len(), 100_000);
    assert!(matches!(repo.blob(&big, 99_999), Err(GitError::TooLarge { .. })));
    assert!(matches!(repo.blob(&tip, 1 << 20), Err(GitError::BadObject { .. })));
    let entries = repo.tree_entries(&tip).unwrap();
    assert_eq!((entries[0].name.as_slice(), entries[0].entry.mode), (&b"d"[..], 0o40000));
    let absent = oid(&"1".repeat(40));
    assert!(matches!(repo.commit(&absent), Err(GitError::Missing { .. })) && !repo.has(&absent));
}

#[test]
fn packs_that_arrive_later_are_seen() {
    let dir = Dir::new();
    let (repo, other) = (dir.bare("a.git"), dir.bare("b.git"));
    let tip = commit(other.path(), &[], &[("a", "1")]);
    assert!(!repo.has(&tip));
    let pack =
        git_in(other.path(), &["pack-objects", "--revs", "--stdout", "-q"], format!("{tip}\n").as_bytes());
    git_in(repo.path(), &["index-pack", "--stdin"], &pack);
    assert!(repo.has(&tip));
    assert_eq!(repo.commit(&tip).unwrap().author.name, b"T");
}

/// a - b - c - m   (m merges c and x; t is a tag on b)
///      \     /
///       x --
fn history(repo: &Repo) -> [Oid; 6] {
    let path = repo.path();
    let a = commit(path, &[], &[("f", "a")]);
    let b = commit(path, &[a], &[("f", "b")]);
    let c = commit(path, &[b], &[("f", "c")]);
    let x = commit(path, &[b], &[("f", "x")]);
    let m = commit(path, &[c, x], &[("f", "m")]);
    git(path, &["tag", "-a", "-m", "t", "t", &b.to_string()]);
    set_ref(path, "refs/heads/main", &m);
    [a, b, c, x, m, oid(&git(path, &["rev-parse", "refs/tags/t"]))]
}

#[test]
fn descent_is_told_with_and_without_a_commit_graph() {
    let dir = Dir::new();
    let repo = dir.bare("a.git");
    let [a, b, c, x, m, t] = history(&repo);
    for graph in [false, true] {
        if graph {
            git(repo.path(), &["commit-graph", "write", "--reachable"]);
        }
        let repo = Repo::open(repo.path()).unwrap();
        for (old, new, is) in [
            (a, m, true),
            (x, m, true),
            (m, a, false),
            (c, x, false),
            (t, m, true),
            (a, t, true),
            (m, t, false),
            (b, b, true),
        ] {
            assert_eq!(repo.is_ancestor(&old, &new).unwrap(), is, "{old} {new} {graph}");
        }
        let absent = oid(&"1".repeat(40));
        assert!(!repo.is_ancestor(&absent, &m).unwrap() && !repo.is_ancestor(&a, &absent).unwrap());
        assert_eq!(repo.count_between(Some(&b), &m).unwrap(), 3);
        assert_eq!(repo.count_between(None, &m).unwrap(), 5);
        assert_eq!(repo.count_between(Some(&m), &a).unwrap(), 0);
    }
}

#[test]
fn one_commit_is_told_from_several() {
    let dir = Dir::new();
    let repo = dir.bare("a.git");
    let [a, b, c, x, m, t] = history(&repo);
    assert_eq!(repo.only_commit_between(&b, &c).unwrap(), Some(c));
    assert_eq!(repo.only_commit_between(&t, &c).unwrap(), Some(c));
    assert_eq!(repo.only_commit_between(&a, &c).unwrap(), None);
    assert_eq!(repo.only_commit_between(&c, &m).unwrap(), None, "x came too");
    let merge = commit(repo.path(), &[m, x], &[("f", "z")]);
    assert_eq!(repo.only_commit_between(&m, &merge).unwrap(), Some(merge));
    assert_eq!(repo.only_commit_between(&m, &m).unwrap(), None);
}

/// A stream for `git fast-import`: 60 commits with random parents and dates that run in any direction.
fn random_history() -> String {
    let mut state = 42u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut stream = String::new();
    for i in 1..=60 {
        let when = 1_700_000_000 + random(1_000_000);
        stream.push_str(&format!(
            "commit refs/heads/c{i}\nmark :{i}\ncommitter T <t@e> {when} +0000\ndata 1\nx\n"
        ));
        let parents = (0..random(3)).filter(|_| i > 1).map(|_| 1 + random(i - 1));
        for (n, p) in parents.collect::<std::collections::BTreeSet<_>>().iter().enumerate() {
            stream.push_str(&format!("{} :{p}\n", if n == 0 { "from" } else { "merge" }));
        }
    }
    stream
}

#[test]
fn descent_agrees_with_git_on_random_histories_with_wild_dates() {
    let dir = Dir::new();
    let repo = dir.bare("a.git");
    git_in(repo.path(), &["fast-import", "--quiet"], random_history().as_bytes());
    let refs = repo.refs().unwrap();
    for (_, new) in refs.iter().step_by(3) {
        let ancestors = git(repo.path(), &["rev-list", &new.to_string()]);
        assert_eq!(repo.count_between(None, new).unwrap() as usize, ancestors.lines().count());
        for (_, old) in &refs {
            assert_eq!(
                repo.is_ancestor(old, new).unwrap(),
                ancestors.contains(&old.to_string()),
                "{old} {new}"
            );
        }
    }
}

#[test]
fn configuration_of_a_hostile_repository_runs_nothing() {
    let dir = Dir::new();
    let repo = dir.bare("a.git");
    let mark = dir.at("mark");
    let tip = commit(repo.path(), &[], &[("a", "1")]);
    set_ref(repo.path(), "refs/heads/main", &tip);
    let touch = format!("touch {}", mark.display());
    for key in [
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "core.alternateRefsCommand",
        "credential.helper",
        "uploadpack.packObjectsHook",
        "core.gitProxy",
        "filter.x.process",
        "core.editor",
    ] {
        git(repo.path(), &["config", key, &touch]);
    }
    let repo = Repo::open(repo.path()).unwrap();
    repo.refs().unwrap();
    let shadow = Repo::open_or_create_shadow(dir.at("s.git"), repo.path()).unwrap();
    assert!(shadow.has(&tip));
    assert!(!mark.exists());
}
