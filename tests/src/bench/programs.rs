//! Figures of programs alone: how fast they start, how large they are, how much memory a hook takes.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::report::{Line, Report, median, mib, ms};
use super::scene::Scene;
use super::synthetic::{self, Dice};
use super::timing::{all_spent, measure, timed};
use crate::stage::bin_dir;

const HOOKS: [&str; 3] = ["coregit-pre-receive", "coregit-update", "coregit-post-receive"];
const MIB: u64 = 1024;

/// How fast a hook program starts, against a Rust program that does nothing.
pub fn start(report: &Report) {
    let nothing = nothing();
    let mut times = vec![Vec::new(); HOOKS.len()];
    let (mut empty, mut git) = (Vec::new(), Vec::new());
    let run = |program: &Path| ms(timed(with(program, &["--version"])));
    for _ in 0..report.effort.times(300) {
        for (hook, times) in HOOKS.iter().zip(&mut times) {
            empty.push(ms(timed(Command::new(&nothing))));
            times.push(run(&bin_dir().join(hook)));
        }
        git.push(run(Path::new("git")));
    }
    let (floor, git) = (median(&empty), median(&git));
    for (hook, times) in HOOKS.iter().zip(&times) {
        let (time, ratio) = (median(times), median(times) / floor);
        let said = format!("{ratio:.2}x ({time:.2} ms, a do-nothing Rust program {floor:.2} ms)");
        let line = Line::of(format!("start of `{hook}`"), said).mark("≤ 1.5x", ratio <= 1.5);
        report.tell(line.git(format!("`git --version` {git:.2} ms")));
    }
}

fn with(program: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    command
}

/// A Rust program that does nothing, compiled as ours are.
pub fn nothing() -> PathBuf {
    let folder = bin_dir().join("../bench");
    std::fs::create_dir_all(&folder).expect("the target folder is writable");
    let (source, program) = (folder.join("nothing.rs"), folder.join("nothing"));
    std::fs::write(&source, "fn main() {}\n").expect("the target folder is writable");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.args(["-C", "opt-level=3", "-C", "strip=symbols", "-o"]).arg(&program).arg(&source);
    timed(command);
    program
}

/// The size of the admin binary, and how fast it answers.
pub fn admin(report: &Report) {
    let size = std::fs::metadata(bin_dir().join("coregit")).expect("it was built").len() as f64 / 1e6;
    let git = Command::new("git").arg("--exec-path").output().expect("git is installed").stdout;
    let git = PathBuf::from(String::from_utf8_lossy(&git).trim()).join("git");
    let git =
        std::fs::metadata(git).map_or("-".to_owned(), |m| format!("`git` {:.1} MB", m.len() as f64 / 1e6));
    report
        .tell(Line::of("size of `coregit`", format!("{size:.1} MB")).mark("≤ 20 MB", size <= 20.0).git(git));
    let scene = Scene::new();
    let (mut ours, mut git) = (Vec::new(), Vec::new());
    for _ in 0..report.effort.times(100) {
        ours.push(ms(timed(scene.stage.command(&["connections", "list"]))));
        let mut list = scene.stage.program("git");
        list.args(["config", "--list"]);
        git.push(ms(timed(list)));
    }
    let time = median(&ours);
    let line = Line::of("`coregit connections list`", format!("{time:.1} ms")).mark("≤ 20 ms", time <= 20.0);
    report.tell(line.git(format!("`git config --list` {:.1} ms", median(&git))));
}

/// What `pre-receive` takes for a small push, for one of many objects, and for one with a large file.
pub fn memory(report: &Report) {
    let scene = Scene::new();
    let bare = scene.ours("app");
    let log = watch_pre_receive(&scene, &bare);
    let source = scene.plain("source");
    synthetic::commit(&scene.stage, &source, synthetic::files(200, 2_000, 1));
    let peak = |what: &str, most: u64| {
        let to = bare.to_string_lossy();
        timed(scene.git(&source, &["push", "-q", &to, "refs/heads/main"]));
        let rss = all_spent(&log).last().expect("the hook ran").rss_kib;
        let line = Line::of(format!("memory of `pre-receive`, {what}"), mib(rss));
        report.tell(line.mark(format!("≤ {}", mib(most)), rss <= most));
    };
    peak("a first push of 200 files", 64 * MIB);
    synthetic::commit(&scene.stage, &source, synthetic::files(1, 2_000, 2));
    peak("a push of one commit", 4 * MIB);
    synthetic::commit(&scene.stage, &source, synthetic::files(45_000, 500, 3));
    peak("a push of 50,000 objects", 64 * MIB);
    let large = ("large.bin".to_owned(), Dice(4).noise(200_000_000));
    // So many that git keeps the pack instead of unpacking it.
    synthetic::commit(&scene.stage, &source, synthetic::files(200, 2_000, 5).chain([large]));
    peak("a push with a file of 200 MB", 64 * MIB);
}

/// Installs the hooks with `measure` before `pre-receive`; returns the file that it writes.
fn watch_pre_receive(scene: &Scene, bare: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    scene.stage.coregit(&["hooks", "install", "app"]).ok();
    let (hook, log) = (bare.join("hooks/pre-receive"), scene.stage.path("pre-receive.log"));
    let program = bin_dir().join(HOOKS[0]);
    let text =
        format!("#!/bin/sh\nexec {} {} {} \"$@\"\n", measure().display(), log.display(), program.display());
    std::fs::remove_file(&hook).expect("the hook is installed");
    std::fs::write(&hook, text).expect("the repository is ours");
    std::fs::set_permissions(&hook, PermissionsExt::from_mode(0o755)).expect("the hook is ours");
    log
}
