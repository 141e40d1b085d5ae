//! What `post-receive` leaves behind, whom it wakes, and what it tells.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod support;

use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use coregit_model::RefName;
use coregit_spool::{Event, EventResult, Wanted, wake};
use support::{Stage, ZERO, git, said, soon, text, uid};

fn only_event(stage: &Stage) -> Event {
    let mut events = stage.spool().events().unwrap();
    assert_eq!(events.len(), 1);
    events.remove(0)
}

/// A worker that is there and takes datagrams.
fn worker(stage: &Stage) -> UnixDatagram {
    UnixDatagram::bind(&stage.policy.socket).unwrap()
}

fn with_options() -> Stage {
    let stage = Stage::new();
    git(&stage.server, &["config", "receive.advertisePushOptions", "true"], b"");
    stage
}

#[test]
fn a_push_leaves_one_event_that_says_what_moved() {
    let stage = Stage::new();
    let _worker = worker(&stage);
    let tip = stage.commit("c");
    let output = stage.push(&["main", "main:refs/tags/v1"]);
    assert!(output.status.success());
    assert_eq!(said(&output), "");
    let event = only_event(&stage);
    let moved: Vec<_> =
        event.updates.iter().map(|u| format!("{} {} {}", u.name, u.expected, u.new)).collect();
    assert_eq!(moved, [format!("refs/heads/main {ZERO} {tip}"), format!("refs/tags/v1 {ZERO} {tip}")]);
    assert_eq!((event.sync, event.only, event.uid), (Wanted::Run, None, uid()));
    stage.spool().remove_event(&event.id).unwrap();
    assert!(stage.push(&["--delete", "refs/tags/v1"]).status.success());
    let event = only_event(&stage);
    assert!(event.updates[0].new.is_zero());
}

#[test]
fn names_that_are_not_utf_8_arrive_whole() {
    let stage = Stage::new();
    let tree = stage.tree(&[]);
    let tip = stage.commit_of(&tree);
    let name = b"refs/heads/\xff\xfe\"";
    assert!(stage.send(&[(ZERO, &tip, name)], &[tree, tip.clone()]).accepted());
    assert_eq!(only_event(&stage).updates[0].name, RefName::new(name.as_slice()).unwrap());
}

#[test]
fn what_was_refused_is_in_no_event() {
    let stage = Stage::new();
    stage.commit("c");
    assert!(!stage.push(&["main:refs/heads/ok", "main:refs/coregit/journal"]).status.success());
    let names: Vec<_> = only_event(&stage).updates.iter().map(|u| u.name.to_string()).collect();
    assert_eq!(names, ["refs/heads/ok"]);
    assert!(!stage.push(&["--atomic", "main:refs/heads/a", "main:refs/meta/x"]).status.success());
    assert_eq!(stage.spool().events().unwrap().len(), 1);
}

#[test]
fn a_running_worker_gets_one_datagram_and_no_drain_is_started() {
    let stage = Stage::new();
    let drained = stage.root().join("drained");
    stage.script(&stage.policy.coregit, &format!("touch {}", text(&drained)));
    let worker = worker(&stage);
    stage.commit("c");
    assert!(stage.push(&["main"]).status.success());
    let mut buffer = [0; wake::MAX_LEN];
    worker.set_nonblocking(true).unwrap();
    let len = worker.recv(&mut buffer).unwrap();
    assert_eq!(wake::read(&buffer[..len]), Some(stage.policy.repo_id.clone()));
    assert!(worker.recv(&mut buffer).is_err());
    assert!(!drained.exists());
}

/// Pushes with a drain that writes down how it was started, then sleeps; returns what it wrote.
fn drain_report(stage: &Stage) -> String {
    let out = stage.root().join("drain");
    let script = format!(
        "{{ echo \"$*\"; env; ls -l /proc/$$/fd; cut -d' ' -f5 /proc/$$/stat; echo $$; pwd; }} > {0}.new
        mv {0}.new {0}; sleep 5",
        text(&out)
    );
    stage.script(&stage.policy.coregit, &script);
    // A socket file that nobody listens on is no worker.
    drop(worker(stage));
    stage.commit("c");
    let mut push = support::command(&stage.local);
    push.args(["push", "-q", "origin", "main"]).env("GIT_TRACE", "1").env("GIT_CONFIG_COUNT", "0");
    push.env("HTTP_AUTHORIZATION", "Bearer canary").env("COREGIT_IDENTITY", "/x");
    let began = Instant::now();
    assert!(support::run(&mut push, b"").status.success());
    assert!(began.elapsed() < Duration::from_secs(4), "the push waited for the drain");
    soon(&out)
}

#[test]
fn without_a_worker_a_drain_is_started_that_holds_nothing_of_the_push() {
    let stage = Stage::new();
    let report = drain_report(&stage);
    let home = text(&stage.policy.home);
    assert!(
        report.starts_with(&format!("worker --drain --repo {} --home {home}\n", text(&stage.server))),
        "{report}"
    );
    let environment = environment(&report);
    let names: Vec<_> = environment.iter().map(|l| l.split('=').next().unwrap()).collect();
    // The shell that the drain is here adds the folder.
    assert_eq!(names, ["COREGIT_HOME", "HOME", "LANG", "PATH", "PWD"], "{environment:?}");
    assert!(environment.contains(&format!("COREGIT_HOME={home}").as_str()));
    // What the test itself was started with is not of the push.
    let ours = Command::new("ls").args(["-l", "/proc/self/fd"]).output().unwrap().stdout;
    let ours = String::from_utf8(ours).unwrap();
    let held = report.lines().filter_map(|l| l.split(" -> ").nth(1));
    let held: Vec<_> = held.filter(|to| to.contains(":[") && !ours.contains(to)).collect();
    assert_eq!(held, [""; 0], "pipes and sockets of the push");
    let last: Vec<_> = report.lines().rev().take(3).collect();
    assert_eq!(last[0], "/", "it holds no folder");
    assert_eq!(last[1], last[2], "it leads a process group of its own");
}

/// The lines `NAME=value` of a report, in order.
fn environment(report: &str) -> Vec<&str> {
    let mut lines: Vec<_> = report.lines().filter(|l| l.contains('=')).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn a_drain_that_cannot_be_started_costs_a_line() {
    let stage = Stage::new();
    std::fs::remove_file(&stage.policy.coregit).unwrap();
    stage.commit("c");
    let output = stage.push(&["main"]);
    assert!(output.status.success());
    assert!(said(&output).contains("a worker could not be started"), "{}", said(&output));
    only_event(&stage);
}

#[test]
fn a_push_by_another_user_waits_for_a_worker_of_the_owner() {
    if uid() != 0 {
        return;
    }
    let mut stage = Stage::new();
    let drained = stage.root().join("drained");
    stage.script(&stage.policy.coregit, &format!("touch {}", text(&drained)));
    stage.set(|p| p.owner_uid = 65534);
    stage.commit("c");
    let output = stage.push(&["main"]);
    assert!(output.status.success());
    assert!(said(&output).contains("kept for a worker of the repository's owner"), "{}", said(&output));
    assert!(said(&output).contains("coregit service install"), "{}", said(&output));
    assert!(!drained.exists());
    only_event(&stage);
}

/// Pushes as a user of a group, to whom the repository belongs.
fn push_as(stage: &Stage, user: u32, group: u32) -> std::process::Output {
    let trusting = stage.root().join("gitconfig");
    std::fs::write(&trusting, "[safe]\n\tdirectory = *\n").unwrap();
    let mut push = Command::new("setpriv");
    push.args([format!("--reuid={user}"), format!("--regid={user}"), format!("--groups={group}")]);
    push.args(["git", "push", "-q", text(&stage.server), "main"]);
    support::run(push.current_dir(&stage.local).env("GIT_CONFIG_GLOBAL", trusting), b"")
}

#[test]
fn a_shared_repository_takes_events_of_every_user_of_the_group() {
    if uid() != 0 || !reachable_by_others() {
        eprintln!("not root, or the hooks were built where other users cannot run them; not tried");
        return;
    }
    let stage = Stage::new();
    git(&stage.server, &["config", "core.sharedRepository", "group"], b"");
    std::fs::set_permissions(stage.dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    share(&stage.server, 4242);
    stage.spool().create().unwrap();
    stage.spool().write_policy(&stage.policy).unwrap();
    stage.commit("c");
    let output = push_as(&stage, 4001, 4242);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("kept for a worker"), "{}", said(&output));
    let event = only_event(&stage);
    assert_eq!(event.uid, 4001);
    let file = stage.server.join(format!("coregit/events/{}.json", event.id));
    let facts = std::fs::metadata(file).unwrap();
    assert_eq!((facts.gid(), facts.mode() & 0o777), (4242, 0o664));
}

/// Gives a repository to a group, as `git init --shared` would have.
fn share(path: &Path, group: u32) {
    lchown(path, None, Some(group)).unwrap();
    if path.is_symlink() {
        return;
    }
    let mode = if path.is_dir() { 0o2775 } else { 0o664 };
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    for entry in path.read_dir().into_iter().flatten() {
        share(&entry.unwrap().path(), group);
    }
}

/// Whether other users can run what was built.
fn reachable_by_others() -> bool {
    let mut run = Command::new("setpriv");
    run.args(["--reuid=4001", "--regid=4001", "--clear-groups", support::HOOKS[0].1, "--version"]);
    run.output().is_ok_and(|o| o.status.success())
}

/// Options, what the event then says, and the warning.
type Row = (&'static [&'static str], Wanted, Option<&'static [&'static str]>, &'static str);
const NOBODY: &str = "no sync here is called \"nobody\" (there are: github, lab)";
const BOTH: Option<&[&str]> = Some(&["github", "lab"]);
const OPTIONS: [Row; 7] = [
    (&["coregit.sync=skip"], Wanted::Skip, None, ""),
    (&["coregit.only=github"], Wanted::Run, Some(&["github"]), ""),
    (&["coregit.only=github,lab"], Wanted::Run, BOTH, ""),
    (&["coregit.only=github", "coregit.only=lab", "coregit.sync=skip"], Wanted::Skip, BOTH, ""),
    (&["ci.skip", "coregit.skip", "x=$(id)"], Wanted::Run, None, ""),
    (&["coregit.sync=never"], Wanted::Run, None, "neither wait nor skip"),
    (&["coregit.only=nobody"], Wanted::Run, Some(&[]), NOBODY),
];

#[test]
fn push_options_say_what_to_do_about_the_syncs() {
    for (options, sync, only, warned) in OPTIONS {
        let stage = with_options();
        let _worker = worker(&stage);
        stage.commit("c");
        let args: Vec<_> = options.iter().flat_map(|o| ["-o", o]).chain(["main"]).collect();
        let output = stage.push(&args);
        assert!(output.status.success());
        let event = only_event(&stage);
        let only = only.map(|o| o.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>());
        assert_eq!((event.sync, event.only), (sync, only), "{options:?}");
        assert_eq!(said(&output).contains("coregit"), !warned.is_empty(), "{options:?}: {}", said(&output));
        assert!(said(&output).contains(warned), "{options:?}: {}", said(&output));
    }
}

#[test]
fn a_thousand_odd_options_change_nothing() {
    let stage = with_options();
    let _worker = worker(&stage);
    stage.commit("c");
    let options: Vec<_> = (0..1000).map(|n| format!("coregit.sync={n}\u{1b}")).collect();
    let mut args: Vec<_> = options.iter().flat_map(|o| ["-o", o]).collect();
    args.push("main");
    let output = stage.push(&args);
    assert!(output.status.success());
    assert_eq!(said(&output).matches("coregit:").count(), 1, "{}", said(&output));
    assert!(!said(&output).contains('\u{1b}'));
    assert_eq!(only_event(&stage).sync, Wanted::Run);
}

#[test]
fn a_push_that_waits_tells_each_line_as_it_comes() {
    let stage = with_options();
    let socket = worker(&stage);
    let spool = stage.spool();
    let fake = std::thread::spawn(move || {
        socket.recv(&mut [0; wake::MAX_LEN]).unwrap();
        let id = spool.events().unwrap().remove(0).id;
        let mut result = EventResult::default();
        for line in ["main → github: ok", "v1 → github: rejected\n\u{1b}"] {
            result.lines.push(line.into());
            spool.write_result(&id, &result).unwrap();
            std::thread::sleep(Duration::from_millis(30));
        }
        result.done = true;
        spool.write_result(&id, &result).unwrap();
    });
    stage.commit("c");
    let output = stage.push(&["-o", "coregit.sync=wait", "main"]);
    fake.join().unwrap();
    assert!(output.status.success());
    let lines: Vec<_> = said(&output).lines().map(|l| l.trim_end().to_owned()).collect();
    assert_eq!(
        lines,
        ["remote: coregit: main → github: ok", "remote: coregit: v1 → github: rejected\\x0a\\x1b"]
    );
}

#[test]
fn a_push_that_waits_too_long_says_where_to_look() {
    let mut stage = with_options();
    stage.set(|p| p.wait_for_s = 1);
    let _worker = worker(&stage);
    stage.commit("c");
    let output = stage.push(&["-o", "coregit.sync=wait", "main"]);
    assert!(output.status.success());
    let expected =
        format!("not finished after 1 s; it goes on. See: coregit sync status {}", text(&stage.server));
    assert!(said(&output).contains(&expected), "{}", said(&output));
}

#[test]
fn a_push_does_not_wait_for_a_worker_that_is_not_there() {
    let stage = with_options();
    std::fs::remove_file(&stage.policy.coregit).unwrap();
    stage.commit("c");
    let began = Instant::now();
    assert!(stage.push(&["-o", "coregit.sync=wait", "main"]).status.success());
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn the_last_failure_is_told_to_the_next_pusher_in_one_line() {
    let stage = Stage::new();
    let _worker = worker(&stage);
    stage.spool().write_failure("github: the token was refused. coregit connections update work").unwrap();
    stage.commit("c");
    let output = stage.push(&["main"]);
    let line = "coregit: the last sync of this repository failed: github: the token was refused.";
    assert!(said(&output).contains(line), "{}", said(&output));
    stage.spool().clear_failure().unwrap();
    stage.commit("d");
    assert_eq!(said(&stage.push(&["main"])), "");
}

#[test]
fn two_pushes_at_once_leave_two_events() {
    let stage = Stage::new();
    let _worker = worker(&stage);
    stage.commit("c");
    let push = |branch: usize| stage.push(&[&format!("main:refs/heads/b{branch}")]).status.success();
    std::thread::scope(|scope| {
        let pushes: Vec<_> = (0..6).map(|n| scope.spawn(move || push(n))).collect();
        assert!(pushes.into_iter().all(|p| p.join().unwrap()));
    });
    let mut names: Vec<_> =
        stage.spool().events().unwrap().iter().map(|e| e.updates[0].name.to_string()).collect();
    names.sort();
    assert_eq!(names, (0..6).map(|n| format!("refs/heads/b{n}")).collect::<Vec<_>>());
}

#[test]
fn the_event_is_durable_before_the_first_byte_of_output() {
    let stage = Stage::new();
    stage.spool().write_failure("x").unwrap();
    let trace = stage.root().join("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-o", text(&trace), "-e", "trace=fsync,rename,renameat,renameat2,write,sendto"]);
    strace.arg(stage.server.join("hooks/post-receive")).current_dir(&stage.server).env("GIT_DIR", ".");
    let line = format!("{ZERO} {} refs/heads/main\n", "1".repeat(40));
    let Ok(mut child) =
        strace.stdin(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn()
    else {
        eprintln!("strace is not here; the order was not looked at");
        return;
    };
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), line.as_bytes()).unwrap();
    child.wait_with_output().unwrap();
    let calls = std::fs::read_to_string(trace).unwrap_or_default();
    if !calls.contains("fsync") {
        eprintln!("strace cannot trace here; the order was not looked at");
        return;
    }
    let at = |what: &str| calls.find(what).unwrap_or_else(|| panic!("{what}: {calls}"));
    let renamed = at("renameat");
    assert!(at("fsync(") < renamed, "{calls}");
    let synced = renamed + calls[renamed..].find("fsync(").unwrap();
    assert!(synced < at("sendto(") && synced < at("write(2,"), "{calls}");
}
