//! Histories cut short, and made longer again.

use super::desk::{APP, Desk};

/// How many commits a clone has.
fn commits(desk: &Desk, name: &str) -> usize {
    desk.git_in(desk.path(name), &["rev-list", "--count", "--all"]).ok().out.trim().parse().unwrap()
}

#[test]
fn a_shallow_clone_deepens_and_becomes_whole() {
    let desk = Desk::new();
    let work = desk.published(APP, 9);
    desk.git(&["clone", "-q", "--depth", "2", APP, "copy"]).ok();
    assert_eq!(commits(&desk, "copy"), 2);
    let copy = desk.path("copy");
    desk.git_in(&copy, &["fetch", "-q", "--depth", "4"]).ok();
    assert_eq!(commits(&desk, "copy"), 4);
    desk.git_in(&copy, &["fetch", "-q", "--deepen", "1"]).ok();
    assert_eq!(commits(&desk, "copy"), 5);
    desk.git_in(&copy, &["fetch", "-q", "--unshallow"]).ok();
    assert_eq!(commits(&desk, "copy"), 9);
    assert_eq!(desk.head(&copy), desk.head(&work));
    desk.git_in(&copy, &["fsck", "--strict"]).ok();
}

#[test]
fn since_and_exclude_cut_where_they_say() {
    let desk = Desk::new();
    let work = desk.published(APP, 6);
    desk.git_in(&work, &["tag", "third", "main~3"]).ok();
    desk.git_in(&work, &["push", "-q", "--tags"]).ok();
    desk.git(&["clone", "-q", "--shallow-since", "1700014000 +0000", "--single-branch", APP, "since"]).ok();
    assert_eq!(commits(&desk, "since"), 2);
    desk.git(&["clone", "-q", "--shallow-exclude", "third", "--single-branch", "--no-tags", APP, "exclude"])
        .ok();
    assert_eq!(commits(&desk, "exclude"), 3);
}

#[test]
fn a_shallow_clone_is_pushed_from() {
    let desk = Desk::new();
    desk.published(APP, 4);
    desk.git(&["clone", "-q", "--depth", "1", APP, "copy"]).ok();
    let copy = desk.path("copy");
    let new = desk.commit(&copy, "from shallow", "1");
    desk.git_in(&copy, &["push", "-q"]).ok();
    desk.git_in(&copy, &["push", "-q"]).ok();
    assert_eq!(desk.rev(desk.there(), "main"), new);
    desk.git_in(desk.there(), &["fsck", "--strict"]).ok();
}
