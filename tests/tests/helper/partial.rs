//! Clones without all objects, which fetch the rest when it is needed.

use super::desk::{APP, Desk};

fn missing(desk: &Desk, name: &str) -> usize {
    let list = desk.git_in(desk.path(name), &["rev-list", "--all", "--objects", "--missing=print"]).ok().out;
    list.lines().filter(|line| line.starts_with('?')).count()
}

#[test]
fn blobs_left_out_come_when_they_are_looked_at() {
    let desk = Desk::new();
    desk.git_in(desk.there(), &["config", "uploadpack.allowFilter", "true"]).ok();
    desk.git_in(desk.there(), &["config", "uploadpack.allowAnySHA1InWant", "true"]).ok();
    let work = desk.published(APP, 3);
    desk.commit(&work, "file 1", "changed");
    desk.git_in(&work, &["push", "-q"]).ok();
    desk.git(&["clone", "-q", "--no-checkout", "--filter=blob:none", APP, "copy"]).ok();
    assert_eq!(missing(&desk, "copy"), 4);
    let copy = desk.path("copy");
    assert_eq!(desk.git_in(&copy, &["show", "main~1:file 1"]).ok().out, "content 1");
    assert_eq!(missing(&desk, "copy"), 3);
    desk.git_in(&copy, &["checkout", "-q", "main"]).ok();
    assert_eq!(missing(&desk, "copy"), 0);
    desk.git_in(&copy, &["fetch", "-q", "--refetch"]).ok();
    desk.git_in(&copy, &["fsck"]).ok();
}

#[test]
fn a_treeless_clone_works_too() {
    let desk = Desk::new();
    desk.git_in(desk.there(), &["config", "uploadpack.allowFilter", "true"]).ok();
    desk.git_in(desk.there(), &["config", "uploadpack.allowAnySHA1InWant", "true"]).ok();
    desk.published(APP, 5);
    desk.git(&["clone", "-q", "--filter=tree:0", APP, "copy"]).ok();
    let log = desk.git_in(desk.path("copy"), &["log", "--name-only", "--format="]).ok().out;
    assert_eq!(log.matches("file").count(), 5);
}
