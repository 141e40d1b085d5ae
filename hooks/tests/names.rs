//! Which refs a push may move: every name of the table over the wire, the allow-list, protected refs.

#![allow(clippy::unwrap_used)]

#[path = "../../core/check/tests/cases/refs.rs"]
mod refs;
mod support;

use coregit_spool::ProtectedRef;
use refs::{Case, REFS};
use support::{Answer, Stage, ZERO, git, said};

fn is_allowed(name: &[u8]) -> bool {
    name.starts_with(b"refs/heads/") || name.starts_with(b"refs/tags/")
}

#[test]
fn every_name_that_git_takes_is_kept_byte_for_byte_or_refused_with_a_reason() {
    let stage = Stage::new();
    let tree = stage.tree(&[]);
    let tip = stage.commit_of(&tree);
    for case in REFS {
        std::fs::remove_dir_all(stage.server.join("refs")).unwrap();
        std::fs::create_dir_all(stage.server.join("refs/heads")).unwrap();
        let answer = stage.send(&[(ZERO, &tip, case.name)], &[tree.clone(), tip.clone()]);
        as_the_table_says(&stage, case, &answer);
    }
}

fn as_the_table_says(stage: &Stage, case: &Case, answer: &Answer) {
    let (shown, said) = (coregit_check::escaped(case.name), &answer.said);
    let expected = case.git_takes && is_allowed(case.name);
    assert_eq!(answer.accepted(), expected, "{shown}: {} {said}", answer.report);
    if expected {
        let mut list = support::command(&stage.server);
        let listed = support::run(list.args(["for-each-ref", "--format=%(refname)"]), b"");
        assert_eq!(listed.stdout.strip_suffix(b"\n").unwrap(), case.name, "{shown}");
        assert!(case.rule.is_empty() || said.contains(&format!("({})", case.rule)), "{shown}: {said}");
    } else if case.git_takes {
        assert!(said.contains("lies outside the refs"), "{shown}: {said}");
        assert!(said.contains("way out: push to refs/heads/ or refs/tags/"), "{shown}: {said}");
    }
    for ours in said.lines().filter(|line| line.starts_with("coregit:")) {
        assert!(!ours.contains(char::is_control), "{shown}: {ours:?}");
    }
}

#[test]
fn a_replacement_ref_cannot_be_pushed_but_can_be_deleted() {
    let stage = Stage::new();
    let (tip, other) = (stage.commit("c"), stage.commit("d"));
    assert!(stage.push(&["main"]).status.success());
    let name = format!("refs/replace/{tip}");
    let output = stage.push(&[&format!("main:{name}")]);
    assert!(!output.status.success());
    git(&stage.server, &["update-ref", &name, &other], b"");
    let answer = support::receive_pack(&stage.server, &[(&other, ZERO, name.as_bytes())], b"");
    assert!(answer.accepted(), "{} {}", answer.report, answer.said);
    assert!(!stage.refs().contains("refs/replace"));
}

#[test]
fn the_allow_list_can_be_widened() {
    let mut stage = Stage::new();
    stage.commit("c");
    assert!(!stage.push(&["main:refs/notes/x"]).status.success());
    stage.set(|p| p.allowed.push("refs/notes/".into()));
    assert!(stage.push(&["main:refs/notes/x"]).status.success());
}

#[test]
fn a_protected_ref_is_refused_with_reason_and_way_out_and_others_pass() {
    let mut stage = Stage::new();
    stage.set(|p| {
        p.protected.push(ProtectedRef {
            pattern: "refs/heads/* ^refs/heads/ours/*".into(),
            reason: "octocat/app on GitHub is imported into it".into(),
            way_out: "push there, or coregit sync update work --no-protect\n\x1b".into(),
        });
    });
    stage.commit("c");
    for args in [&["main"][..], &["main:refs/heads/other"]] {
        let output = stage.push(args);
        assert!(!output.status.success());
        let said = said(&output);
        assert!(said.contains("is protected: octocat/app on GitHub is imported into it"), "{said}");
        assert!(
            said.contains("way out: push there, or coregit sync update work --no-protect\\x0a\\x1b"),
            "{said}"
        );
    }
    assert!(stage.push(&["main:refs/heads/ours/x", "main:refs/tags/v1"]).status.success());
    let output = stage.push(&["main", "main:refs/heads/ours/y", "main:refs/tags/v2"]);
    assert!(!output.status.success());
    let refs = stage.refs();
    assert!(refs.contains("ours/y") && refs.contains("v2") && !refs.contains("heads/main"), "{refs}");
    let answer = support::receive_pack(&stage.server, &[(ZERO, ZERO, b"refs/heads/main")], b"");
    assert!(!answer.accepted(), "a deletion moves it too");
}

#[test]
fn each_ref_of_a_push_is_judged_alone_in_any_order() {
    let mut stage = Stage::new();
    stage.set(|p| {
        let text = String::new();
        p.protected.push(ProtectedRef {
            pattern: "refs/heads/p/*".into(),
            reason: text.clone(),
            way_out: text,
        });
    });
    let tree = stage.tree(&[]);
    let tip = stage.commit_of(&tree);
    let names: Vec<_> = (0..60).map(|n| format!("refs/heads/{}/{n}", ["p", "q"][n % 2])).collect();
    let commands: Vec<_> = names.iter().map(|n| (ZERO, tip.as_str(), n.as_bytes())).collect();
    let answer = stage.send(&commands, &[tree, tip.clone()]);
    assert_eq!(answer.report.matches("ok refs/heads/q/").count(), 30, "{}", answer.report);
    assert_eq!(answer.report.matches("ng refs/heads/p/").count(), 30, "{}", answer.report);
}

#[test]
fn odd_commands_end_as_git_ends_them() {
    let stage = Stage::new();
    let tip = stage.commit("c");
    assert!(stage.push(&["main"]).status.success());
    let random = "5".repeat(40);
    let main = b"refs/heads/main";
    for (commands, why) in [
        (&[(&*random, &*tip, &main[..])][..], "an old oid that is not there"),
        (&[(ZERO, &tip, main)], "creating what exists"),
        (&[(&tip, ZERO, main)], "deleting the current branch"),
        (&[(&tip, &tip, &b"refs/heads/main \0report-status"[..])], "capabilities in a name"),
    ] {
        let answer = support::receive_pack(&stage.server, commands, &empty_pack(&stage));
        assert!(!answer.accepted(), "{why}: {}", answer.report);
        assert_eq!(stage.refs(), format!("refs/heads/main {tip}"), "{why}");
    }
    let answer = support::receive_pack(&stage.server, &[(&tip, &tip, main)], &empty_pack(&stage));
    assert!(answer.accepted(), "new equals old: {}", answer.report);
    let answer = support::receive_pack(&stage.server, &[(&random, ZERO, b"refs/heads/gone")], b"");
    assert_eq!(stage.refs(), format!("refs/heads/main {tip}"), "{}", answer.report);
    let twice = [(ZERO, &*tip, &b"refs/heads/x"[..]), (ZERO, &tip, b"refs/heads/x")];
    let answer = support::receive_pack(&stage.server, &twice, &empty_pack(&stage));
    assert!(answer.report.contains("ng refs/heads/x"), "{}", answer.report);
}

fn empty_pack(stage: &Stage) -> Vec<u8> {
    support::run(support::command(&stage.local).args(["pack-objects", "--stdout", "-q"]), b"").stdout
}

#[test]
fn gitolite_may_give_the_update_hook_more_arguments() {
    let stage = Stage::new();
    let run = |name: &str| {
        let mut hook = support::hook("update", &stage.server);
        hook.args([name, ZERO, &"1".repeat(40), "tree1", "tree2", "refex", "VREF/coregit"]);
        support::run(&mut hook, b"").status.success()
    };
    assert!(run("refs/heads/main"));
    assert!(!run("refs/meta/config"));
    assert!(!support::run(&mut support::hook("update", &stage.server), b"").status.success());
}

#[test]
fn a_name_of_64_kilobytes_is_refused_and_shown_short() {
    let stage = Stage::new();
    let tree = stage.tree(&[]);
    let tip = stage.commit_of(&tree);
    let name = [b"refs/heads/", &b"x/".repeat(32_000)[..], b"x"].concat();
    let answer = stage.send(&[(ZERO, &tip, &name)], &[tree, tip.clone()]);
    assert!(!answer.accepted());
    assert_eq!(stage.refs(), "");
    assert!(
        answer.said.lines().filter(|l| l.starts_with("coregit:")).all(|l| l.len() < 500),
        "{}",
        answer.said
    );
}
