//! Ref names are judged as the table and as git say.

#![allow(clippy::unwrap_used)]

#[path = "cases/refs.rs"]
mod refs;

use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use coregit_check::{ref_name, refuses};
use proptest::prelude::*;
use refs::REFS;

/// Whether git takes the name, as long as it fits into an argument.
fn git_takes(name: &[u8]) -> bool {
    let name = std::ffi::OsStr::from_bytes(name);
    Command::new("git").arg("check-ref-format").arg(name).status().unwrap().success()
}

#[test]
fn every_name_is_judged_as_the_table_says() {
    assert_eq!(REFS.len(), 76);
    for case in REFS {
        let found = ref_name(case.name);
        let shown = coregit_check::escaped(case.name);
        match case.rule {
            "" => assert_eq!(found, [], "{shown}"),
            rule => assert!(found.iter().any(|f| f.rule == rule), "{shown}: {found:?}"),
        }
        if case.git_takes {
            assert!(!refuses(&found), "{shown}: {found:?}");
        }
    }
}

#[test]
fn a_name_of_64_kilobytes_is_refused() {
    let name = [b"refs/heads/", &b"x".repeat(65_536)[..]].concat();
    assert!(refuses(&ref_name(&name)));
}

#[test]
fn names_of_the_table_are_judged_as_git_judges_them() {
    for case in REFS.iter().filter(|c| c.name.starts_with(b"refs/")) {
        assert_eq!(
            git_takes(case.name),
            !refuses(&ref_name(case.name)),
            "{}",
            coregit_check::escaped(case.name)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn names_are_judged_as_git_judges_them(tail in "[a.@{~^:?*\\[\\\\ /\u{7f}\u{1}é-]{1,8}(lock)?") {
        let name = format!("refs/heads/{tail}");
        prop_assert_eq!(git_takes(name.as_bytes()), !refuses(&ref_name(name.as_bytes())), "{:?}", name);
    }
}
