//! Every hostile object of the table, pushed for real, loose and packed.

#![allow(clippy::unwrap_used)]

#[path = "../../core/check/tests/cases/objects.rs"]
mod objects;
mod support;

use objects::{Case, Make, OBJECTS, Outcome, To};
use support::{Answer, Stage, ZERO, git};

/// Writes what a row describes, and returns the objects to send; the tip is the last.
fn made(stage: &Stage, make: Make) -> Vec<String> {
    let file = stage.object("blob", b"content\n");
    let folder = stage.tree(&[("100644", b"f", &file)]);
    let mut all = vec![file.clone(), folder.clone()];
    let tree = match make {
        Make::Tree(rows) => rows_tree(stage, rows, &mut all),
        Make::LongName(len) => stage.tree(&[("100644", &vec![b'n'; len], &file)]),
        Make::LongLink(len) => {
            all.push(stage.object("blob", &vec![b't'; len]));
            stage.tree(&[("120000", b"l", all.last().unwrap())])
        }
        Make::Deep(depth) => deep_tree(stage, depth, &mut all),
        Make::Commit(_) | Make::Tag(_) => folder,
    };
    let commit = stage.commit_of(&tree);
    all.extend([tree.clone(), commit.clone()]);
    match make {
        Make::Commit(raw) => all.push(stage.object("commit", &filled(raw, &tree, &commit))),
        Make::Tag(raw) => all.push(stage.object("tag", &filled(raw, &tree, &commit))),
        _ => {}
    }
    all
}

/// A tree of these rows; `all` begins with a file and a folder, and gets what is made besides.
fn rows_tree(stage: &Stage, rows: &[(&str, &[u8], To)], all: &mut Vec<String>) -> String {
    let (file, folder) = (all[0].clone(), all[1].clone());
    let mut entries = Vec::new();
    for (mode, name, to) in rows {
        let oid = match to {
            To::File => file.clone(),
            To::Holds(raw) => {
                all.push(stage.object("blob", raw));
                all.last().unwrap().clone()
            }
            To::Folder => folder.clone(),
            To::NoCommit | To::Missing => "7".repeat(file.len()),
            To::Null => "0".repeat(file.len()),
        };
        entries.push((*mode, *name, oid));
    }
    let entries: Vec<_> = entries.iter().map(|(m, n, o)| (*m, *n, o.as_str())).collect();
    stage.tree(&entries)
}

fn deep_tree(stage: &Stage, depth: usize, all: &mut Vec<String>) -> String {
    let path = format!("{}f", "d/".repeat(depth));
    let commit = "commit refs/heads/deep\ncommitter C <c@x> 1 +0000\ndata 0\n";
    let stream = format!("{commit}M 100644 inline {path}\ndata 0\n");
    git(&stage.local, &["fast-import", "--quiet", "--force"], stream.as_bytes());
    let list =
        ["-c", "core.maxTreeDepth=10000", "rev-list", "--objects", "--no-object-names", "refs/heads/deep"];
    all.extend(git(&stage.local, &list, b"").lines().map(str::to_owned));
    git(&stage.local, &["rev-parse", "refs/heads/deep^{tree}"], b"")
}

fn filled(text: &[u8], tree: &str, commit: &str) -> Vec<u8> {
    let mut out = text.to_vec();
    for (word, oid) in [("{tree}", tree), ("{parent}", commit), ("{commit}", commit)] {
        while let Some(at) = out.windows(word.len()).position(|w| w == word.as_bytes()) {
            out.splice(at..at + word.len(), oid.bytes());
        }
    }
    out
}

fn push(stage: &Stage, case: &Case) -> (Answer, String) {
    let all = made(stage, case.make);
    let tip = all.last().unwrap().clone();
    let name = match case.make {
        Make::Tag(_) => format!("refs/tags/{}", case.id),
        _ => format!("refs/heads/{}", case.id),
    };
    let zero = "0".repeat(tip.len());
    (stage.send(&[(&zero, &tip, name.as_bytes())], &all), tip)
}

fn outcome(stage: &Stage, case: &Case) {
    let (answer, tip) = push(stage, case);
    let (id, said, report) = (case.id, &answer.said, &answer.report);
    match case.outcome {
        Outcome::GitRefuses => assert!(!answer.accepted(), "{id}: {report}"),
        Outcome::Refused(rule) => {
            assert!(!answer.accepted(), "{id}: {report} {said}");
            assert!(said.contains(&format!("({rule})")), "{id}: {said}");
            assert!(said.contains("way out: "), "{id}: {said}");
        }
        Outcome::Told(rule) => {
            assert!(answer.accepted(), "{id}: {report} {said}");
            assert!(said.contains(&format!("({rule})")), "{id}: {said}");
        }
        Outcome::Passes => {
            assert!(answer.accepted(), "{id}: {report} {said}");
            assert_eq!(said.trim(), "", "{id}");
        }
    }
    assert_eq!(stage.has(&tip), answer.accepted(), "{id}: what was refused must not stay");
    assert!(!said.contains(|c: char| c.is_control() && c != '\n'), "{id}: {said:?}");
}

fn stage_of(format: &str, unpack_limit: &str) -> Stage {
    let stage = Stage::of_format(format);
    git(&stage.server, &["config", "receive.unpackLimit", unpack_limit], b"");
    stage
}

#[test]
fn every_object_is_judged_when_it_is_unpacked() {
    let stage = stage_of("sha1", "100000");
    OBJECTS.iter().for_each(|case| outcome(&stage, case));
}

#[test]
fn every_object_is_judged_when_its_pack_is_kept() {
    let stage = stage_of("sha1", "1");
    OBJECTS.iter().for_each(|case| outcome(&stage, case));
}

#[test]
fn every_object_is_judged_in_sha256_repositories() {
    let (unpacked, kept) = (stage_of("sha256", "100000"), stage_of("sha256", "1"));
    for (n, case) in OBJECTS.iter().enumerate() {
        outcome([&unpacked, &kept][n % 2], case);
    }
}

#[test]
fn packs_with_an_index_of_version_1_are_read() {
    let stage = Stage::new();
    git(&stage.server, &["config", "receive.unpackLimit", "1"], b"");
    git(&stage.server, &["config", "pack.indexVersion", "1"], b"");
    for id in ["O07", "O12", "O42", "O28", "O78"] {
        outcome(&stage, OBJECTS.iter().find(|c| c.id == id).unwrap());
    }
}

#[test]
fn a_hostile_tree_below_the_tip_and_behind_it_is_found() {
    for unpack_limit in ["1", "100"] {
        let stage = Stage::new();
        git(&stage.server, &["config", "receive.unpackLimit", unpack_limit], b"");
        let file = stage.object("blob", b"x");
        let evil = stage.tree(&[("100644", b"GIT~2", &file)]);
        let middle = stage.tree(&[("40000", b"d", &evil)]);
        let root = stage.tree(&[("40000", b"d", &middle)]);
        let first = stage.commit_of(&root);
        let clean = stage.tree(&[("100644", b"f", &file)]);
        let who = "A <a@x> 2 +0000";
        let tip = format!("tree {clean}\nparent {first}\nauthor {who}\ncommitter {who}\n\nm\n");
        let tip = stage.object("commit", tip.as_bytes());
        let all = [file, evil.clone(), middle, root, first.clone(), clean, tip.clone()];
        let answer = stage.send(&[(ZERO, &tip, b"refs/heads/main")], &all);
        assert!(!answer.accepted());
        assert!(answer.said.contains(&evil), "{}", answer.said);
        assert!(all.iter().all(|oid| !stage.has(oid)));
        let reader = Stage::new();
        let url = format!("file://{}", support::text(&stage.server));
        let fetch = support::run(support::command(&reader.local).args(["fetch", &url, &first]), b"");
        assert!(!fetch.status.success(), "what was refused cannot be fetched by its id");
    }
}

#[test]
fn gitmodules_that_came_in_as_something_else_are_judged_when_they_get_their_name() {
    for unpack_limit in ["1", "100"] {
        let stage = Stage::new();
        git(&stage.server, &["config", "receive.unpackLimit", unpack_limit], b"");
        let modules = stage.object("blob", b"[submodule \"a\"]\n\tpath = a\n\turl = ext::sh -c id\n");
        let harmless = stage.tree(&[("100644", b"notes.txt", &modules)]);
        let first = stage.commit_of(&harmless);
        let answer =
            stage.send(&[(ZERO, &first, b"refs/heads/a")], &[modules.clone(), harmless, first.clone()]);
        assert!(answer.accepted(), "{}", answer.said);
        let named = stage.tree(&[("100644", b".gitmodules", &modules)]);
        let second = stage.commit_of(&named);
        let answer = stage.send(&[(ZERO, &second, b"refs/heads/b")], &[named, second.clone()]);
        assert!(!answer.accepted());
        assert!(answer.said.contains("gitmodules-transport"), "{}", answer.said);
    }
}

/// `levels` trees, each with ten entries for the one below.
fn bomb(stage: &Stage, below: &str, levels: usize) -> Vec<String> {
    let mut inner = below.to_owned();
    let names: Vec<String> = (0..10).map(|n| format!("d{n}")).collect();
    (0..levels)
        .map(|_| {
            let entries: Vec<_> = names.iter().map(|n| ("40000", n.as_bytes(), &*inner)).collect();
            inner = stage.tree(&entries);
            inner.clone()
        })
        .collect()
}

#[test]
fn a_tree_bomb_is_refused_also_when_it_comes_in_several_pushes() {
    for unpack_limit in ["1", "100"] {
        let stage = Stage::new();
        git(&stage.server, &["config", "receive.unpackLimit", unpack_limit], b"");
        let file = stage.object("blob", b"x");
        let leaf = stage.tree(&[("100644", b"f", &file)]);
        let mut objects = vec![file, leaf.clone()];
        let at_once = bomb(&stage, &leaf, 10);
        let tip = stage.commit_of(at_once.last().unwrap());
        let all = [&objects[..], &at_once, std::slice::from_ref(&tip)].concat();
        let answer = stage.send(&[(ZERO, &tip, b"refs/heads/bomb")], &all);
        assert!(answer.said.contains("tree-budget"), "{}", answer.said);
        let mut below = leaf;
        for level in 1..=10 {
            below = bomb(&stage, &below, 1).remove(0);
            let tip = stage.commit_of(&below);
            objects.extend([below.clone(), tip.clone()]);
            let name = format!("refs/heads/l{level}");
            let answer = stage.send(&[(ZERO, &tip, name.as_bytes())], &std::mem::take(&mut objects));
            assert_eq!(answer.accepted(), level < 8, "level {level}: {}", answer.said);
            if level >= 8 {
                assert!(answer.said.contains("tree-budget"), "{}", answer.said);
                break;
            }
        }
    }
}

#[test]
fn copies_of_old_folders_are_no_bomb() {
    let stage = Stage::new();
    let file = stage.object("blob", b"x");
    let leaf = stage.tree(&[("100644", b"f", &file)]);
    let first = stage.commit_of(&leaf);
    assert!(stage.send(&[(ZERO, &first, b"refs/heads/a")], &[file, leaf.clone(), first.clone()]).accepted());
    let names: Vec<String> = (0..200).map(|n| format!("d{n:03}")).collect();
    let wide: Vec<_> = names.iter().map(|n| ("40000", n.as_bytes(), &*leaf)).collect();
    let wide = stage.tree(&wide);
    let tip = stage.commit_of(&wide);
    let answer = stage.send(&[(ZERO, &tip, b"refs/heads/b")], &[wide, tip.clone()]);
    assert!(answer.accepted(), "{}", answer.said);
    assert_eq!(answer.said.trim(), "");
}

#[test]
fn many_refused_objects_make_a_short_list() {
    let stage = Stage::new();
    let file = stage.object("blob", b"x");
    let mut all = vec![file.clone()];
    let mut entries = Vec::new();
    for n in 0..50 {
        let name = format!("file{n}");
        all.push(stage.tree(&[("100644", b"GIT~2", &file), ("100644", name.as_bytes(), &file)]));
        entries.push((format!("d{n:02}"), all.last().unwrap().clone()));
    }
    let entries: Vec<_> = entries.iter().map(|(n, o)| ("40000", n.as_bytes(), o.as_str())).collect();
    all.push(stage.tree(&entries));
    all.push(stage.commit_of(all.last().unwrap()));
    let tip = all.last().unwrap().clone();
    let answer = stage.send(&[(ZERO, &tip, b"refs/heads/main")], &all);
    assert!(answer.said.contains("and 40 more"), "{}", answer.said);
    assert_eq!(answer.said.matches("way out").count(), 10);
}

#[test]
fn an_odd_name_in_many_objects_is_told_once() {
    let stage = Stage::new();
    for n in 0..20 {
        let dir = stage.local.join(format!("d{n}"));
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(dir.join("aux.c"), format!("{n}")).unwrap();
    }
    git(&stage.local, &["add", "."], b"");
    stage.commit("odd");
    let output = stage.push(&["main"]);
    assert!(output.status.success());
    let said = support::said(&output);
    assert_eq!(said.matches("windows-name").count(), 1, "{said}");
    assert!(said.contains("19 more like it"), "{said}");
}

#[test]
fn a_link_that_many_folders_have_is_told_once() {
    for unpack_limit in ["1", "100000"] {
        let stage = Stage::new();
        git(&stage.server, &["config", "receive.unpackLimit", unpack_limit], b"");
        for n in 0..1200 {
            let dir = stage.local.join(format!("d{n}"));
            std::fs::create_dir(&dir).unwrap();
            std::os::unix::fs::symlink("/etc/passwd", dir.join(format!("l{n}"))).unwrap();
        }
        git(&stage.local, &["add", "."], b"");
        stage.commit("links");
        let said = support::said(&stage.push(&["main"]));
        assert!(said.contains("symlink-absolute") && !said.contains("more like it"), "{said}");
    }
}

#[test]
fn a_tree_of_100_000_files_passes_in_little_memory() {
    let stage = Stage::new();
    git(&stage.server, &["config", "receive.unpackLimit", "1"], b"");
    let file = stage.object("blob", b"x");
    let names: Vec<String> = (0..100_000).map(|n| format!("file-with-a-name-{n:06}")).collect();
    let entries: Vec<_> = names.iter().map(|n| ("100644", n.as_bytes(), &*file)).collect();
    let tree = stage.tree(&entries);
    let tip = stage.commit_of(&tree);
    let answer = stage.send(&[(ZERO, &tip, b"refs/heads/main")], &[file, tree, tip.clone()]);
    assert!(answer.accepted(), "{}", answer.said);
    assert_eq!(answer.said.trim(), "");
}

#[test]
fn a_commit_that_is_too_large_to_judge_is_refused() {
    let stage = Stage::new();
    let tree = stage.tree(&[]);
    let who = "A <a@x> 1 +0000";
    let text = format!("tree {tree}\nauthor {who}\ncommitter {who}\n\n{}\n", "m".repeat(17 << 20));
    let tip = stage.object("commit", text.as_bytes());
    let answer = stage.send(&[(ZERO, &tip, b"refs/heads/main")], &[tree, tip.clone()]);
    assert!(answer.said.contains("object-too-large"), "{}", answer.said);
}

#[test]
fn tags_of_tags_and_deep_history_pass() {
    let stage = Stage::new();
    for n in 0..150 {
        stage.commit(&format!("c{n}"));
    }
    let mut target = stage.commit("last");
    let mut kind = "commit";
    for n in 0..200 {
        let tag = format!("object {target}\ntype {kind}\ntag t{n}\ntagger T <t@x> 1 +0000\n\nm\n");
        (target, kind) = (stage.object("tag", tag.as_bytes()), "tag");
    }
    git(&stage.local, &["update-ref", "refs/tags/deep", &target], b"");
    let output = stage.push(&["main", "refs/tags/deep"]);
    assert!(output.status.success(), "{}", support::said(&output));
    assert_eq!(support::said(&output), "");
}
