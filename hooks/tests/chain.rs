//! Hooks that stood there before us still run: same input, same arguments, same say.

#![allow(clippy::unwrap_used)]

mod support;

use std::os::unix::fs::{PermissionsExt, symlink};

use support::{HOOKS, Stage, ZERO, git, said, text};

fn log(stage: &Stage) -> String {
    std::fs::read_to_string(stage.root().join("log")).unwrap_or_default()
}

/// Puts a script that notes its name, arguments and input beside a hook.
fn noting(stage: &Stage, hook: &str, name: &str, then: &str) {
    let log = stage.root().join("log");
    let body = format!("echo \"{hook}/{name} $*\" >> {0}; {then}", text(&log))
        .replace("INPUT", &format!("cat >> {}", text(&log)));
    stage.script(&stage.server.join(format!("hooks/{hook}.d/{name}")), &body);
}

#[test]
fn chained_hooks_run_in_order_with_the_same_input_and_arguments() {
    let stage = Stage::new();
    for (hook, _) in HOOKS {
        noting(&stage, hook, "60-second", "INPUT");
        noting(&stage, hook, "50-local", "INPUT");
        noting(&stage, hook, "70-reads-nothing", "exit 0");
        noting(&stage, hook, ".hidden", "exit 1");
        noting(&stage, hook, "x.sample", "exit 1");
        noting(&stage, hook, "80-not-executable", "exit 1");
        let plain = stage.server.join(format!("hooks/{hook}.d/80-not-executable"));
        std::fs::set_permissions(plain, PermissionsExt::from_mode(0o644)).unwrap();
        std::fs::create_dir(stage.server.join(format!("hooks/{hook}.d/90-folder"))).unwrap();
    }
    let tip = stage.commit("c");
    let output = stage.push(&["main"]);
    assert!(output.status.success(), "{}", said(&output));
    let line = format!("{ZERO} {tip} refs/heads/main");
    let args = format!("refs/heads/main {ZERO} {tip}");
    let fed = |hook: &str| {
        format!("{hook}/50-local \n{line}\n{hook}/60-second \n{line}\n{hook}/70-reads-nothing \n")
    };
    let update =
        ["50-local", "60-second", "70-reads-nothing"].map(|n| format!("update/{n} {args}\n")).concat();
    assert_eq!(log(&stage), [fed("pre-receive"), update, fed("post-receive")].concat());
}

#[test]
fn chained_hooks_have_the_environment_that_git_gave_and_ours_does_not_run_twice() {
    let stage = Stage::new();
    let out = stage.root().join("env");
    for (hook, binary) in HOOKS {
        let script = format!("env | sort > {}.{hook}; pwd >> {0}.{hook}", text(&out));
        stage.script(&stage.server.join(format!("hooks/{hook}.d/50-local")), &script);
        symlink(binary, stage.server.join(format!("hooks/{hook}.d/40-coregit"))).unwrap();
    }
    git(&stage.server, &["config", "receive.advertisePushOptions", "true"], b"");
    stage.commit("c");
    let output = stage.push(&["-o", "ci.skip", "main"]);
    assert!(output.status.success(), "{}", said(&output));
    let env = |hook: &str| std::fs::read_to_string(format!("{}.{hook}", text(&out))).unwrap();
    assert!(env("pre-receive").contains("GIT_QUARANTINE_PATH="));
    for (hook, _) in HOOKS {
        assert!(env(hook).contains("GIT_DIR=."), "{hook}");
        assert!(env(hook).ends_with(&format!("{}\n", text(&stage.server))), "{hook}");
    }
    assert!(env("post-receive").contains("GIT_PUSH_OPTION_0=ci.skip"));
    assert_eq!(stage.spool().events().unwrap().len(), 1);
}

#[test]
fn a_chained_hook_that_refuses_refuses_the_push() {
    for hook in ["pre-receive", "update"] {
        let stage = Stage::new();
        noting(&stage, hook, "50-local", "echo no >&2; exit 3");
        noting(&stage, hook, "60-second", "exit 0");
        stage.commit("c");
        let output = stage.push(&["main"]);
        assert!(!output.status.success());
        assert!(said(&output).contains("no"), "{}", said(&output));
        assert_eq!(stage.refs(), "");
        assert!(!log(&stage).contains("60-second"));
    }
}

#[test]
fn what_we_refuse_chained_hooks_do_not_see() {
    let stage = Stage::new();
    noting(&stage, "pre-receive", "50-local", "exit 0");
    let file = stage.object("blob", b"x");
    let tree = stage.tree(&[("100644", b".git", &file)]);
    let tip = stage.commit_of(&tree);
    assert!(!stage.send(&[(ZERO, &tip, b"refs/heads/main")], &[file, tree, tip.clone()]).accepted());
    assert_eq!(log(&stage), "");
}

#[test]
fn a_chained_post_receive_cannot_fail_the_push_and_comes_after_the_event() {
    let stage = Stage::new();
    let events = stage.server.join("coregit/events");
    noting(&stage, "post-receive", "50-local", &format!("ls {} >&2; exit 1", text(&events)));
    stage.commit("c");
    let output = stage.push(&["main"]);
    assert!(output.status.success());
    assert!(said(&output).contains("ev_"), "{}", said(&output));
}

#[test]
fn a_chained_program_that_cannot_run_refuses() {
    let stage = Stage::new();
    let broken = stage.server.join("hooks/pre-receive.d/50-local");
    stage.script(&broken, "");
    std::fs::write(&broken, "#!/nonexistent\n").unwrap();
    stage.commit("c");
    let output = stage.push(&["main"]);
    assert!(!output.status.success());
    assert!(said(&output).contains("50-local could not be run"), "{}", said(&output));
}

#[test]
fn a_chained_hook_gets_all_of_5_000_refs() {
    let stage = Stage::new();
    let count = stage.root().join("count");
    for hook in ["pre-receive", "post-receive"] {
        let script = format!("wc -l >> {}", text(&count));
        stage.script(&stage.server.join(format!("hooks/{hook}.d/50-local")), &script);
    }
    std::fs::remove_file(stage.server.join("hooks/update")).unwrap();
    let tip = stage.commit("c");
    let refs: String = (0..5000).map(|n| format!("create refs/heads/b{n} {tip}\n")).collect();
    git(&stage.local, &["update-ref", "--stdin"], refs.as_bytes());
    let output = stage.push(&["refs/heads/*:refs/heads/*"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(std::fs::read_to_string(count).unwrap(), "5001\n5001\n");
    assert_eq!(stage.spool().events().unwrap()[0].updates.len(), 5001);
}

#[test]
fn hooks_in_a_folder_that_core_hooks_path_names_find_theirs() {
    let stage = Stage::new();
    let elsewhere = stage.root().join("hooks folder");
    std::fs::rename(stage.server.join("hooks"), &elsewhere).unwrap();
    git(&stage.server, &["config", "core.hooksPath", text(&elsewhere)], b"");
    let out = stage.root().join("ran");
    stage.script(&elsewhere.join("post-receive.d/50-local"), &format!("echo yes > {}", text(&out)));
    stage.commit("c");
    assert!(stage.push(&["main"]).status.success());
    assert_eq!(stage.spool().events().unwrap().len(), 1);
    assert_eq!(std::fs::read_to_string(out).unwrap(), "yes\n");
}
