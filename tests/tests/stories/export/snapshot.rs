//! Snapshot exports: one branch, one commit per run, by the API and by git.

use coregit_tests::stage::Stage;

/// Both roads must give the same commit for the same change.
const ROADS: [&str; 2] = ["git", "api"];

fn tree(stage: &Stage, bare: &std::path::Path, rev: &str) -> String {
    stage.git(bare, &["rev-parse", &format!("{rev}^{{tree}}")]).ok().out.trim().to_owned()
}

/// A sync whose first commit has arrived (an empty remote takes git).
fn synced(via: &str) -> (Stage, std::path::PathBuf) {
    let stage = Stage::new();
    let bare = stage.repo();
    stage.sync(&["--mode", "snapshot"]);
    stage.commit("first", &[("a", "1\n"), ("dir/b", "1\n"), ("gone", "1\n")]);
    stage.push(&["origin", "main"]).ok();
    stage.coregit(&["sync", "trigger", "work"]).ok();
    stage.coregit(&["sync", "update", "work", "--via", via]).ok();
    (stage, bare)
}

#[test]
fn several_commits_arrive_as_one_with_the_same_tree() {
    for via in ROADS {
        let (stage, bare) = synced(via);
        stage.commit("two", &[("a", "2\n")]);
        std::fs::remove_file(stage.work().join("gone")).unwrap();
        stage.commit("three", &[("dir/b/c", "file became folder\n")].map(|(_, c)| ("new/c", c)));
        stage.push(&["origin", "main"]).ok();
        let said = stage.coregit(&["--json", "sync", "trigger", "work"]).ok().json();
        assert_eq!((said["files_changed"].clone(), said["deleted"].clone()), (2.into(), 1.into()), "{via}");
        assert_eq!(tree(&stage, &bare, "main"), tree(&stage, &stage.there(), "main"), "{via}");
        let count = stage.git(&stage.there(), &["rev-list", "--count", "main"]).ok().out;
        assert_eq!(count.trim(), "2", "{via}: one commit per run");
        let message = stage.git(&stage.there(), &["log", "-1", "--format=%B", "main"]).ok().out;
        assert!(message.starts_with("Sync from coregit: team/app@"), "{message}");
        assert!(message.contains("Coregit-Plan: "), "{message}");
        let again = stage.coregit(&["--json", "sync", "trigger", "work"]).ok().json();
        assert_eq!(again["synced"], false, "{via}");
    }
}

#[test]
fn one_commit_keeps_its_author_and_message() {
    for via in ROADS {
        let (stage, _) = synced(via);
        stage.commit("Mend the gate\n\nIt squeaked.", &[("a", "2\n")]);
        stage.push(&["origin", "main"]).ok();
        stage.coregit(&["sync", "trigger", "work"]).ok();
        let shown = stage.git(&stage.there(), &["log", "-1", "--format=%an|%s", "main"]).ok().out;
        assert_eq!(shown.trim(), "Ada|Mend the gate", "{via}");
    }
}

#[test]
fn modes_links_submodules_and_folders_that_become_files_arrive() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    for via in ROADS {
        let (stage, bare) = synced(via);
        let work = stage.work();
        symlink("a", work.join("link")).unwrap();
        std::fs::set_permissions(work.join("a"), std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::remove_dir_all(work.join("dir")).unwrap();
        std::fs::write(work.join("dir"), "now a file\n").unwrap();
        std::fs::remove_file(work.join("gone")).unwrap();
        std::fs::create_dir(work.join("gone")).unwrap();
        std::fs::write(work.join("gone/now-a-folder"), [0u8, 159, 146, 150, 255]).unwrap();
        let head = stage.git(&work, &["rev-parse", "HEAD"]).ok().out.trim().to_owned();
        stage.git(&work, &["update-index", "--add", "--cacheinfo", &format!("160000,{head},module")]).ok();
        std::fs::create_dir(work.join("module")).unwrap();
        stage.git(&work, &["add", "-A", ":!module"]).ok();
        stage.git(&work, &["commit", "-q", "-m", "odd things"]).ok();
        stage.push(&["origin", "main"]).ok();
        stage.coregit(&["sync", "trigger", "work"]).ok();
        assert_eq!(tree(&stage, &bare, "main"), tree(&stage, &stage.there(), "main"), "{via}");
    }
}

#[test]
fn files_that_only_exist_there_stay_and_conflicts_stop_with_their_paths() {
    for via in ROADS {
        let (stage, bare) = synced(via);
        let there = stage.path("there");
        let (url, path) = (stage.there(), there.to_string_lossy().into_owned());
        stage.git(&stage.path("."), &["clone", "-q", &url.to_string_lossy(), &path]).ok();
        std::fs::write(there.join("theirs"), "kept\n").unwrap();
        stage.git(&there, &["add", "-A"]).ok();
        stage.git(&there, &["commit", "-q", "-m", "theirs"]).ok();
        stage.git(&there, &["push", "-q", "origin", "main"]).ok();
        stage.commit("ours", &[("a", "2\n")]);
        stage.push(&["origin", "main"]).ok();
        stage.coregit(&["sync", "trigger", "work"]).ok();
        let names = stage.git(&stage.there(), &["ls-tree", "--name-only", "main"]).ok().out;
        assert!(names.contains("theirs"), "{via}: {names}");
        assert_ne!(tree(&stage, &bare, "main"), tree(&stage, &stage.there(), "main"));

        stage.git(&there, &["pull", "-q", "origin", "main"]).ok();
        std::fs::write(there.join("a"), "their a\n").unwrap();
        stage.git(&there, &["commit", "-qam", "their a"]).ok();
        stage.git(&there, &["push", "-q", "origin", "main"]).ok();
        let before = stage.refs(&stage.there());
        stage.commit("our a", &[("a", "our a\n")]);
        stage.push(&["origin", "main"]).ok();
        let said = stage.coregit(&["sync", "trigger", "work"]);
        assert_eq!(said.code, 3, "{via}: {said:?}");
        assert!(said.err.contains(": a;"), "{via}: the path is named: {}", said.err);
        assert_eq!(stage.refs(&stage.there()), before, "{via}: nothing was changed");
    }
}

#[test]
fn the_first_run_onto_a_clone_starts_from_it() {
    let stage = Stage::new();
    let bare = stage.repo();
    stage.commit("first", &[("a", "1\n"), ("b", "1\n")]);
    stage.push(&["origin", "main"]).ok();
    stage.git(&stage.work(), &["push", "-q", &stage.there().to_string_lossy(), "main"]).ok();
    stage.commit("second", &[("a", "2\n")]);
    stage.push(&["origin", "main"]).ok();
    stage.sync(&["--mode", "snapshot"]);
    let said = stage.coregit(&["--json", "sync", "trigger", "work"]).ok().json();
    assert_eq!(said["files_changed"], 1, "only what came after the clone: {said}");
    assert_eq!(tree(&stage, &bare, "main"), tree(&stage, &stage.there(), "main"));
}

#[test]
fn paths_that_no_json_can_say_go_by_git() {
    let stage = Stage::new();
    let bare = stage.repo();
    stage.sync(&["--mode", "snapshot"]);
    stage.commit("first", &[("a", "1\n")]);
    stage.push(&["origin", "main"]).ok();
    stage.coregit(&["sync", "trigger", "work"]).ok();
    use std::os::unix::ffi::OsStrExt;
    let odd = std::ffi::OsStr::from_bytes(b"\xff\xfe\nline 'quote\"");
    std::fs::write(stage.work().join(odd), "x").unwrap();
    stage.commit("odd", &[]);
    stage.push(&["origin", "main"]).ok();
    stage.coregit(&["sync", "trigger", "work"]).ok();
    assert_eq!(tree(&stage, &bare, "main"), tree(&stage, &stage.there(), "main"));
    stage.coregit(&["sync", "update", "work", "--via", "api"]).ok();
    std::fs::write(stage.work().join(odd), "y").unwrap();
    stage.commit("odd again", &[]);
    stage.push(&["origin", "main"]).ok();
    let said = stage.coregit(&["sync", "trigger", "work"]);
    assert!(said.code != 0 && said.err.contains("--via"), "{said:?}");
}

#[test]
fn the_first_run_onto_other_files_keeps_them_and_stops_where_both_differ() {
    for via in ROADS {
        let stage = Stage::new();
        stage.repo();
        let there = stage.path("there");
        stage.git(&stage.path("."), &["init", "-q", "-b", "main", &there.to_string_lossy()]).ok();
        std::fs::write(there.join("LICENSE"), "theirs\n").unwrap();
        std::fs::write(there.join("same"), "same\n").unwrap();
        stage.git(&there, &["add", "-A"]).ok();
        stage.git(&there, &["commit", "-q", "-m", "theirs"]).ok();
        stage.git(&there, &["push", "-q", &stage.there().to_string_lossy(), "main"]).ok();
        stage.commit("ours", &[("a", "1\n"), ("same", "same\n")]);
        stage.push(&["origin", "main"]).ok();
        stage.sync(&["--mode", "snapshot", "--via", via]);
        stage.coregit(&["sync", "trigger", "work"]).ok();
        let names = stage.git(&stage.there(), &["ls-tree", "--name-only", "main"]).ok().out;
        assert_eq!(names.split_whitespace().collect::<Vec<_>>(), ["LICENSE", "a", "same"], "{via}");
        stage.commit("collides", &[("LICENSE", "ours\n")]);
        stage.push(&["origin", "main"]).ok();
        let said = stage.coregit(&["sync", "trigger", "work"]);
        assert!(said.code == 0 || said.err.contains("LICENSE"), "{via}: {said:?}");
    }
}

#[test]
fn an_empty_remote_and_a_new_branch_take_the_first_commit() {
    let stage = Stage::new();
    let bare = stage.repo();
    stage.sync(&["--mode", "snapshot"]);
    stage.commit("first", &[("a", "1\n")]);
    stage.push(&["origin", "main"]).ok();
    stage.coregit(&["sync", "trigger", "work"]).ok();
    stage.git(&stage.work(), &["checkout", "-q", "-b", "other"]).ok();
    stage.commit("second", &[("b", "1\n")]);
    stage.push(&["origin", "other"]).ok();
    for via in ROADS {
        let branch = format!("other-{via}");
        stage.push(&["origin", &format!("other:{branch}")]).ok();
        stage.coregit(&["sync", "update", "work", "--via", via]).ok();
        let said = stage.coregit(&["--json", "sync", "trigger", "work", "--branch", &branch]).ok().json();
        assert_eq!(said["synced"], true, "{via}");
        assert_eq!(tree(&stage, &bare, &branch), tree(&stage, &stage.there(), &branch), "{via}");
    }
    let absent = stage.coregit(&["sync", "trigger", "work", "--branch", "nowhere"]);
    assert!(absent.code == 1 && absent.err.contains("no branch nowhere"), "{absent:?}");
}
