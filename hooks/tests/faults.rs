//! Hooks without a spool, without a policy, on a disk that is full or read-only, with nobody listening.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod support;

use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use support::{HOOKS, Stage, ZERO, git, said, text};

#[test]
fn every_hook_answers_its_version() {
    for (hook, binary) in HOOKS {
        let output = Command::new(binary).arg("--version").output().unwrap();
        assert!(output.status.success());
        let expected = format!("coregit-{hook} {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
}

#[test]
fn in_a_repository_that_is_not_ours_the_hooks_are_silent() {
    let stage = Stage::new();
    stage.spool().remove().unwrap();
    stage.commit("c");
    let output = stage.push(&["main", "main:refs/meta/config"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(said(&output), "");
    assert!(!stage.server.join("coregit").exists());
}

#[test]
fn without_a_policy_pushes_pass_with_a_warning_and_are_noted() {
    let stage = Stage::new();
    let policy = stage.server.join("coregit/policy.json");
    for damage in ["", "{", "null", "{\"home\": 1}"] {
        stage.spool().events().unwrap().iter().for_each(|e| stage.spool().remove_event(&e.id).unwrap());
        match damage {
            "" => std::fs::remove_file(&policy).unwrap(),
            damage => std::fs::write(&policy, damage).unwrap(),
        }
        stage.commit("c");
        let output = stage.push(&["main"]);
        assert!(output.status.success(), "{damage:?}: {}", said(&output));
        assert!(said(&output).contains("warning: this push is not checked"), "{damage:?}: {}", said(&output));
        assert_eq!(stage.spool().events().unwrap().len(), 1, "{damage:?}");
    }
}

#[test]
fn without_a_policy_pushes_are_refused_where_the_configuration_says_so() {
    let stage = Stage::new();
    stage.commit("c");
    git(&stage.server, &["config", "coregit.failClosed", "true"], b"");
    assert!(stage.push(&["main"]).status.success(), "with a policy it changes nothing");
    std::fs::remove_file(stage.server.join("coregit/policy.json")).unwrap();
    stage.commit("d");
    for _ in 0..2 {
        let output = stage.push(&["main"]);
        assert!(!output.status.success());
        assert!(
            said(&output).contains("refused: the policy of this repository cannot be read"),
            "{}",
            said(&output)
        );
        assert!(said(&output).contains("way out"), "{}", said(&output));
        // The same without any spool.
        stage.spool().remove().unwrap();
    }
    let update = support::run(
        support::hook("update", &stage.server).args(["refs/heads/main", ZERO, &"1".repeat(40)]),
        b"",
    );
    assert!(!update.status.success());
    git(&stage.server, &["config", "coregit.failClosed", "false"], b"");
    assert!(stage.push(&["main"]).status.success());
}

#[test]
fn a_policy_that_says_so_refuses_when_it_cannot_be_read_any_more() {
    let mut stage = Stage::new();
    stage.set(|p| p.fail_closed = true);
    stage.commit("c");
    assert!(stage.push(&["main"]).status.success());
    std::fs::write(stage.server.join("coregit/policy.json"), "{").unwrap();
    stage.commit("d");
    assert!(!stage.push(&["main"]).status.success());
    stage.set(|p| p.fail_closed = false);
    std::fs::write(stage.server.join("coregit/policy.json"), "{").unwrap();
    assert!(stage.push(&["main"]).status.success());
}

#[test]
fn a_link_in_place_of_the_spool_is_not_followed() {
    let stage = Stage::new();
    let elsewhere = stage.root().join("elsewhere");
    std::fs::rename(stage.server.join("coregit/events"), &elsewhere).unwrap();
    symlink(&elsewhere, stage.server.join("coregit/events")).unwrap();
    stage.commit("c");
    let output = stage.push(&["main"]);
    assert!(output.status.success());
    assert!(said(&output).contains("could not be noted; the next sweep will find it"), "{}", said(&output));
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 1, "only its own folder for damaged events");
    std::fs::remove_file(stage.server.join("coregit/events")).unwrap();
    let spool = stage.root().join("spool");
    std::fs::rename(stage.server.join("coregit"), &spool).unwrap();
    symlink(&spool, stage.server.join("coregit")).unwrap();
    stage.commit("d");
    let output = stage.push(&["main"]);
    assert!(output.status.success());
    assert!(said(&output).contains("it is not followed"), "{}", said(&output));
}

/// Runs a shell script in a mount namespace of its own; `None` where the machine does not let us.
fn in_namespace(script: &str) -> Option<std::process::Output> {
    let can = Command::new("unshare").args(["-r", "-m", "true"]).output().is_ok_and(|o| o.status.success());
    if !can {
        eprintln!("no namespaces here; the fault was not tried");
        return None;
    }
    Some(Command::new("unshare").args(["-r", "-m", "sh", "-c", script]).output().unwrap())
}

fn post_receive(stage: &Stage) -> String {
    let line = format!("{ZERO} {} refs/heads/main", "1".repeat(40));
    format!("cd {0} && echo '{line}' | GIT_DIR=. {0}/hooks/post-receive", text(&stage.server))
}

#[test]
fn a_read_only_spool_costs_a_warning_line() {
    let stage = Stage::new();
    let spool = stage.server.join("coregit");
    let script = format!(
        "mount --bind {0} {0} && mount -o remount,ro,bind {0} && {1}",
        text(&spool),
        post_receive(&stage)
    );
    let Some(output) = in_namespace(&script) else { return };
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("could not be noted"), "{}", said(&output));
    assert!(said(&output).contains("ead-only file system"), "{}", said(&output));
}

#[test]
fn a_full_disk_costs_a_warning_line_and_leaves_no_half_event() {
    let stage = Stage::new();
    let events = stage.server.join("coregit/events");
    let script = format!(
        "mount -t tmpfs -o size=16k none {0} && head -c 100000 /dev/zero > {0}/filler 2>/dev/null; {1}; echo code $?; ls -A {0}",
        text(&events),
        post_receive(&stage)
    );
    let Some(output) = in_namespace(&script) else { return };
    let listed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(listed, "code 0\nfiller\n", "{}", said(&output));
    assert!(said(&output).contains("o space left"), "{}", said(&output));
}

#[test]
fn a_pusher_who_is_gone_does_not_fail_the_hook() {
    let stage = Stage::new();
    stage.spool().write_failure("x").unwrap();
    for (hook, line) in [("post-receive", true), ("pre-receive", true), ("update", false)] {
        let mut command = support::hook(hook, &stage.server);
        if !line {
            command.args(["refs/heads/-x", ZERO, &"1".repeat(40)]);
        }
        let mut child =
            command.stdin(Stdio::piped()).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        drop(child.stderr.take());
        let line = format!("{ZERO} {} refs/heads/main\n", "1".repeat(40));
        let _ = child.stdin.take().unwrap().write_all(line.as_bytes());
        assert!(child.wait().unwrap().success(), "{hook}");
    }
    assert_eq!(stage.spool().events().unwrap().len(), 1);
    let closed = format!("{} 2>&- >&-", post_receive(&stage));
    assert!(Command::new("sh").args(["-c", &closed]).status().unwrap().success());
    assert_eq!(stage.spool().events().unwrap().len(), 2);
}

#[test]
fn a_folder_that_is_no_repository_is_named() {
    let stage = Stage::new();
    let mut hook = support::hook("post-receive", &stage.server);
    let output = support::run(hook.env("GIT_DIR", "/nonexistent"), b"");
    assert!(output.status.success());
    let mut hook = support::hook("pre-receive", &stage.server);
    assert!(!support::run(hook.env("GIT_DIR", "/nonexistent"), b"").status.success());
}

#[test]
fn a_quarantine_that_cannot_be_read_refuses() {
    let stage = Stage::new();
    let quarantine = stage.root().join("quarantine");
    std::fs::create_dir_all(quarantine.join("00")).unwrap();
    let line = format!("{ZERO} {} refs/heads/main\n", "1".repeat(40));
    let run = || {
        let mut hook = support::hook("pre-receive", &stage.server);
        support::run(hook.env("GIT_QUARANTINE_PATH", &quarantine), line.as_bytes())
    };
    assert!(run().status.success(), "an empty one is fine");
    let object = quarantine.join("00").join("1".repeat(38));
    for content in [&b""[..], b"not zlib at all", &[0x78, 0x9c, 0x03, 0, 0, 0, 0, 1]] {
        std::fs::write(&object, content).unwrap();
        let output = run();
        assert!(!output.status.success());
        assert!(said(&output).contains("cannot be read"), "{}", said(&output));
    }
    std::fs::remove_file(&object).unwrap();
    std::fs::create_dir(quarantine.join("pack")).unwrap();
    for content in [&b""[..], b"\xfftOc\0\0\0\x09", b"\xfftOc\0\0\0\x02short"] {
        std::fs::write(quarantine.join("pack/x.idx"), content).unwrap();
        assert!(!run().status.success());
    }
}

/// Feeds a hook a hundred thousand refs and looks at its memory before it may end.
fn peak_of(stage: &Stage, hook: &str, refs: usize) -> u64 {
    let quarantine = stage.root().join("quarantine");
    std::fs::create_dir_all(&quarantine).unwrap();
    let mut child = support::hook(hook, &stage.server)
        .env("GIT_QUARANTINE_PATH", quarantine)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let oid = "1".repeat(40);
    for n in 0..refs {
        writeln!(stdin, "{ZERO} {oid} refs/heads/some-branch-{n}").unwrap();
    }
    stdin.flush().unwrap();
    // Whatever is read by now shows; the rest is at most a pipe.
    std::thread::sleep(std::time::Duration::from_millis(100));
    let peak = support::peak_kb(child.id());
    drop(stdin);
    assert!(child.wait().unwrap().success());
    peak
}

#[test]
fn a_hundred_thousand_refs_take_little_memory() {
    let stage = Stage::new();
    let small = peak_of(&stage, "post-receive", 1);
    let large = peak_of(&stage, "post-receive", 100_000);
    assert!(large < small + 4096, "{small} kB, then {large} kB");
    let event = stage.spool().events().unwrap().pop().unwrap();
    assert_eq!(event.updates.len(), 100_000);
    assert!(peak_of(&stage, "pre-receive", 100_000) < small + 4096);
}
