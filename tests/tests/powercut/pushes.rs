//! Acknowledged pushes to a bare repository on a disk whose power is cut right after the last one.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use coregit_tests::powercut::Rule;

use crate::Lab;

/// What `coregit hooks install` sets.
const OURS: &str = "core.fsync=committed,loose-object";
const STOCK: &str = "core.fsync=default";

/// git's standard output, or what it said on its standard error when it failed.
fn git(dir: &Path, args: &[&str]) -> Result<String, String> {
    let mut command = Command::new("git");
    command.current_dir(dir).args(["-c", "user.name=t", "-c", "user.email=t@localhost"]).args(args);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.output().unwrap();
    let text = |raw: Vec<u8>| String::from_utf8_lossy(&raw).trim_end().to_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// A bare repository on the disk, durable as it is, and a work tree beside it.
fn repository(lab: &mut Lab, setting: &str) {
    let (key, value) = setting.split_once('=').unwrap();
    let bare = lab.on_disk("app.git");
    git(lab.disk.path(), &["init", "-q", "--bare", "-b", "main", "app.git"]).unwrap();
    git(&bare, &["config", key, value]).unwrap();
    std::fs::create_dir(lab.beside("work")).unwrap();
    git(&lab.beside("work"), &["init", "-q", "-b", "main"]).unwrap();
    lab.disk.settle().unwrap();
}

/// Pushes three commits one by one; returns the last that git said was pushed.
fn push_three(lab: &Lab) -> String {
    let (work, bare) = (lab.beside("work"), lab.on_disk("app.git"));
    for number in ["1", "2", "3"] {
        std::fs::write(work.join("file"), number).unwrap();
        git(&work, &["add", "file"]).unwrap();
        git(&work, &["commit", "-q", "-m", number]).unwrap();
        git(&work, &["push", "-q", bare.to_str().unwrap(), "main"]).unwrap();
    }
    git(&work, &["rev-parse", "HEAD"]).unwrap()
}

/// Where `main` stands after the cut, when it and all that it reaches is whole.
fn survived(lab: &mut Lab) -> Result<String, String> {
    lab.disk.cut().unwrap();
    let bare = lab.on_disk("app.git");
    git(&bare, &["fsck", "--full", "--strict", "--no-dangling"])?;
    git(&bare, &["rev-parse", "--verify", "refs/heads/main"])
}

#[test]
fn stock_git_loses_an_acknowledged_push() {
    let Some(mut lab) = Lab::new(Rule::NamesAtOnce) else { return };
    repository(&mut lab, STOCK);
    let pushed = push_three(&lab);
    assert_ne!(survived(&mut lab), Ok(pushed));
}

#[test]
fn with_our_fsync_setting_an_acknowledged_push_survives() {
    let Some(mut lab) = Lab::new(Rule::NamesAtOnce) else { return };
    repository(&mut lab, OURS);
    let pushed = push_three(&lab);
    assert_eq!(survived(&mut lab), Ok(pushed));
}

#[test]
fn on_a_journal_the_last_move_of_a_ref_is_lost_when_nothing_durable_follows_it() {
    let Some(mut lab) = Lab::new(Rule::Journal) else { return };
    repository(&mut lab, OURS);
    let pushed = push_three(&lab);
    let parent = git(&lab.beside("work"), &["rev-parse", "HEAD^"]);
    assert_ne!(parent, Ok(pushed));
    assert_eq!(survived(&mut lab), parent, "whole, but one push behind");
}

#[test]
fn on_a_journal_a_durable_file_of_post_receive_makes_the_push_durable_too() {
    let Some(mut lab) = Lab::new(Rule::Journal) else { return };
    repository(&mut lab, OURS);
    let hook = lab.on_disk("app.git/hooks/post-receive");
    std::fs::write(&hook, "#!/bin/sh\ncat >event && sync event\n").unwrap();
    std::fs::set_permissions(&hook, PermissionsExt::from_mode(0o755)).unwrap();
    lab.disk.settle().unwrap();
    let pushed = push_three(&lab);
    assert_eq!(survived(&mut lab), Ok(pushed));
}
