//! Everything that `git push` can ask, and what a host may say to it.

use std::path::Path;

use super::desk::{APP, Desk};

fn hook(desk: &Desk, name: &str, script: &str) {
    let file = desk.there().join("hooks").join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

fn there(desk: &Desk, name: &str) -> String {
    desk.rev(desk.there(), name)
}

#[test]
fn tags_follow_branches_and_refs_are_deleted() {
    let desk = Desk::new();
    let work = desk.published(APP, 2);
    desk.git_in(&work, &["tag", "-a", "v1", "-m", "one"]).ok();
    desk.git_in(&work, &["tag", "light", "main~1"]).ok();
    let tip = desk.commit(&work, "x", "1");
    desk.git_in(&work, &["push", "-q", "--follow-tags", "origin", "main", "main:refs/heads/side"]).ok();
    assert_eq!((there(&desk, "side"), there(&desk, "v1^{commit}")), (tip.clone(), desk.rev(&work, "main~1")));
    assert_eq!(there(&desk, "light"), "", "a lightweight tag does not follow");
    desk.git_in(&work, &["push", "-q", "--tags"]).ok();
    assert_ne!(there(&desk, "light"), "");
    let said = desk.git_in(&work, &["push", "origin", ":side", "--delete", "v1"]);
    assert!(said.code != 0, "git itself refuses the mixture: {}", said.err);
    desk.git_in(&work, &["push", "-q", "origin", ":side", ":v1"]).ok();
    assert_eq!(
        (there(&desk, "side"), there(&desk, "v1"), there(&desk, "main")),
        (String::new(), String::new(), tip)
    );
}

#[test]
fn atomic_is_all_or_nothing() {
    let desk = Desk::new();
    let work = desk.published(APP, 1);
    hook(&desk, "update", "[ \"$1\" = refs/heads/bad ] && { echo not this one; exit 1; }; exit 0");
    let old = there(&desk, "main");
    desk.commit(&work, "x", "1");
    let said = desk.git_in(&work, &["push", "--atomic", "origin", "main", "main:bad"]);
    assert!(
        said.code == 1 && said.err.contains("hook declined") && said.err.contains("remote: not this one"),
        "{}",
        said.err
    );
    assert_eq!((there(&desk, "main"), there(&desk, "bad")), (old, String::new()));
    let said = desk.git_in(&work, &["push", "origin", "main", "main:bad"]);
    assert!(
        said.code == 1 && said.err.contains("! [remote rejected] main -> bad (hook declined)"),
        "{}",
        said.err
    );
    assert_eq!(there(&desk, "main"), desk.head(&work), "without it the good one goes");
}

#[test]
fn leases_hold_and_stale_ones_are_refused() {
    let desk = Desk::new();
    let work = desk.published(APP, 2);
    let other = desk.clone("other");
    let theirs = desk.commit(&other, "theirs", "1");
    desk.git_in(&other, &["push", "-q"]).ok();
    desk.git_in(&work, &["commit", "-q", "--amend", "-m", "rewritten"]).ok();
    let plain = desk.git_in(&work, &["push"]);
    assert!(
        plain.code == 1 && plain.err.contains("[rejected]") && plain.err.contains("hint:"),
        "{}",
        plain.err
    );
    let stale = desk.git_in(&work, &["push", "--force-with-lease"]);
    assert!(stale.code == 1 && stale.err.contains("stale info"), "{}", stale.err);
    assert_eq!(there(&desk, "main"), theirs);
    desk.git_in(&work, &["fetch", "-q"]).ok();
    let included = desk.git_in(&work, &["push", "--force-with-lease", "--force-if-includes"]);
    assert!(included.code == 1 && included.err.contains("rejected"), "{}", included.err);
    desk.git_in(&work, &["push", "-q", &format!("--force-with-lease=main:{theirs}")]).ok();
    assert_eq!(there(&desk, "main"), desk.head(&work));
}

#[test]
fn options_reach_the_hooks_and_a_dry_run_changes_nothing() {
    let desk = Desk::new();
    desk.git_in(desk.there(), &["config", "receive.advertisePushOptions", "true"]).ok();
    let work = desk.published(APP, 1);
    hook(
        &desk,
        "pre-receive",
        "echo \"options: $GIT_PUSH_OPTION_COUNT $GIT_PUSH_OPTION_0 $GIT_PUSH_OPTION_1\"",
    );
    let tip = desk.commit(&work, "x", "1");
    let dry = desk.git_in(&work, &["push", "--dry-run", "-o", "a"]).ok();
    assert!(dry.err.contains("main -> main"), "{}", dry.err);
    assert_ne!(there(&desk, "main"), tip);
    let said = desk.git_in(&work, &["push", "-o", "ci.skip", "-o", "two words"]).ok();
    assert!(said.err.contains("remote: options: 2 ci.skip two words"), "{}", said.err);
    desk.git_in(&work, &["push", "-q", "-o", "x", "origin", "main:one", "main:two"]).ok();
    desk.git_in(&work, &["push", "-q", "-o", "x", "origin", ":one", ":two"]).ok();
    assert_eq!(there(&desk, "one"), "");
}

#[test]
fn a_mirror_push_and_a_pruning_fetch_leave_both_sides_equal() {
    let desk = Desk::new();
    let work = desk.published(APP, 2);
    for branch in ["a", "b/c", "d"] {
        desk.git_in(&work, &["branch", branch]).ok();
    }
    desk.git_in(&work, &["update-ref", "refs/notes/own", "HEAD"]).ok();
    desk.git_in(&work, &["push", "-q", "--mirror"]).ok();
    let copy = desk.clone("copy");
    assert_ne!(desk.rev(&copy, "origin/b/c"), "");
    desk.git_in(&work, &["branch", "-q", "-D", "a", "b/c"]).ok();
    desk.git_in(&work, &["push", "-q", "--mirror"]).ok();
    assert_eq!((there(&desk, "a"), there(&desk, "d")), (String::new(), desk.head(&work)));
    assert_ne!(there(&desk, "refs/notes/own"), "");
    desk.git_in(&copy, &["fetch", "-q", "--prune"]).ok();
    assert_eq!(
        (desk.rev(&copy, "origin/b/c"), desk.rev(&copy, "origin/d")),
        (String::new(), desk.head(&work))
    );
    desk.git_in(&work, &["push", "-q", "--prune", "origin", "refs/heads/main:refs/heads/main"]).ok();
}

/// Content that does not pack: git's packs of it are as large as it is.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ bytes as u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    })
    .take(bytes)
    .collect()
}

fn commit_noise(desk: &Desk, work: &Path, bytes: usize) -> String {
    std::fs::write(work.join("noise"), noise(bytes)).unwrap();
    desk.commit(work, "x", &bytes.to_string())
}

#[test]
fn a_large_pack_is_streamed_behind_a_probe_and_a_small_one_is_not() {
    let desk = Desk::new();
    let work = desk.published(APP, 1);
    let sizes = |requests: Vec<coregit_tests::forge::Request>| -> Vec<u64> {
        requests.iter().filter(|r| r.method == "POST").map(|r| r.bytes_in).collect()
    };
    commit_noise(&desk, &work, 900_000);
    let small = sizes(desk.requests_of(|| drop(desk.git_in(&work, &["push", "-q"]).ok())));
    assert!(small.len() == 1 && small[0] > 900_000, "{small:?}");
    let tip = commit_noise(&desk, &work, 5_000_000);
    let large = sizes(desk.requests_of(|| drop(desk.git_in(&work, &["push", "-q"]).ok())));
    assert!(large.len() == 2 && large[0] == 4 && large[1] > 5_000_000, "{large:?}");
    assert_eq!(there(&desk, "main"), tip);
    let tip = commit_noise(&desk, &work, 3_000_000);
    let buffered = ["-c", "http.postBuffer=8m", "push", "-q"];
    let told = sizes(desk.requests_of(|| drop(desk.git_in(&work, &buffered).ok())));
    assert!(told.len() == 1 && told[0] > 3_000_000, "{told:?}");
    assert_eq!(there(&desk, "main"), tip);
}

#[test]
fn sha_256_repositories_are_cloned_and_pushed_to() {
    let desk = Desk::new();
    let bare = desk.there();
    std::fs::remove_dir_all(&bare).unwrap();
    desk.git(&["init", "-q", "--bare", "--object-format=sha256", &bare.to_string_lossy()]).ok();
    desk.git(&["init", "-q", "--object-format=sha256", "work"]).ok();
    let work = desk.path("work");
    desk.git_in(&work, &["remote", "add", "origin", APP]).ok();
    let tip = desk.commit(&work, "a", "1");
    assert_eq!(tip.len(), 64);
    desk.git_in(&work, &["push", "-q", "origin", "main", "main:side"]).ok();
    desk.git_in(&work, &["push", "-q", "origin", ":side"]).ok();
    assert_eq!((desk.head(desk.clone("copy")), there(&desk, "side")), (tip, String::new()));
    commit_noise(&desk, &work, 2_000_000);
    desk.git_in(&work, &["push", "-q", "origin", "main"]).ok();
}

#[test]
fn a_hooks_message_cannot_steer_the_terminal() {
    let desk = Desk::new();
    let work = desk.published(APP, 1);
    hook(&desk, "pre-receive", "printf '\\033]0;owned\\007 \\033[31mred\\033[m \\033[2J\\n'; exit 1");
    desk.commit(&work, "x", "1");
    let said = desk.git_in(&work, &["push"]);
    assert!(said.code == 1 && said.err.contains("\x1b[31mred\x1b[m"), "{:?}", said.err);
    assert!(
        !said.err.contains("\x1b]") && !said.err.contains("\x1b[2J") && !said.err.contains('\x07'),
        "{:?}",
        said.err
    );
}

#[test]
fn signing_if_asked_pushes_unsigned_where_nobody_asks() {
    let desk = Desk::new();
    let work = desk.published(APP, 1);
    let tip = desk.commit(&work, "x", "1");
    desk.git_in(&work, &["push", "-q", "--signed=if-asked"]).ok();
    assert_eq!(there(&desk, "main"), tip);
}
