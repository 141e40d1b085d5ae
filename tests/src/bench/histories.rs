//! Figures of histories: one commit, and a whole mirror, beside what `git push` takes for the same.

use std::path::Path;
use std::process::Command;

use super::memory::peak_of_tree;
use super::report::{Line, Report, median, mib, ms};
use super::scene::Scene;
use super::synthetic;
use super::timing::timed;
use crate::forge::Request;

const HISTORY: [&str; 2] = ["--mode", "history"];
/// Objects of the mirror that is measured in full.
const OBJECTS: usize = 118_000;
const QUICK_OBJECTS: usize = 20_000;
const MIB_30: u64 = 30 * 1024;

/// The export of one commit, and the same by git.
struct Round {
    ours: Vec<Request>,
    git: Vec<Request>,
}

/// What one new commit takes: requests, and bytes against `git push`.
pub fn commit(report: &Report) {
    let scene = Scene::new();
    let bare = scene.ours("app");
    scene.theirs("app");
    scene.theirs("beside");
    scene.link("app", "app", &HISTORY);
    let mut rounds = Vec::new();
    for round in 0..=report.effort.times(10) as u64 {
        let files = if round == 0 { 500 } else { 3 };
        synthetic::commit(&scene.stage, &bare, synthetic::files(files, 4_000, round));
        let ours = scene.requests(|| scene.trigger("app"));
        let git = scene.requests(|| timed(straight(&scene, &bare, "beside")));
        rounds.push(Round { ours, git });
    }
    // The first one creates the branch.
    tell_commit(report, &rounds[1..]);
}

fn tell_commit(report: &Report, rounds: &[Round]) {
    let most = |count: fn(&Round) -> usize| rounds.iter().map(count).max().unwrap_or(0);
    let requests = most(|r| r.ours.len());
    let line = Line::of("requests of one commit's export, one of them to verify", format!("{requests}"));
    let git = format!("`git push` {} unverified", most(|r| r.git.len()));
    report.tell(line.mark("≤ 3", requests <= 3).git(git));
    let middle = |bytes: fn(&Round) -> f64| median(&rounds.iter().map(bytes).collect::<Vec<_>>());
    let ratio = middle(|r| pushed(&r.ours) / pushed(&r.git));
    let total = middle(|r| r.ours.iter().map(|r| r.bytes_in as f64).sum());
    let said = format!("{ratio:.3}x ({:.0} bytes; {total:.0} with the proof)", middle(|r| pushed(&r.ours)));
    let line = Line::of("bytes that it sends, against `git push`", said).mark("≤ 1.05x", ratio <= 1.05);
    report.tell(line.git(format!("`git push` {:.0} bytes", middle(|r| pushed(&r.git)))));
}

/// Bytes of the bodies of pushes.
fn pushed(log: &[Request]) -> f64 {
    let pushes = log.iter().filter(|r| r.path.ends_with("/git-receive-pack"));
    pushes.map(|r| r.bytes_in as f64).sum()
}

fn straight(scene: &Scene, bare: &Path, to: &str) -> Command {
    let url = scene.address(to, scene.stage.forge.url());
    scene.git(bare, &["push", "-q", "--mirror", &url])
}

/// What a whole history takes, time and memory, against `git push --mirror` to the same forge.
pub fn mirror(report: &Report) {
    let scene = Scene::new();
    let bare = scene.ours("app");
    let full = report.effort.times(5) == 5;
    synthetic::history(&scene.stage, &bare, if full { OBJECTS } else { QUICK_OBJECTS });
    let objects = scene.stage.git(&bare, &["rev-list", "--all", "--objects", "--count"]).ok().out;
    let (mut ours, mut git) = (Vec::new(), Vec::new());
    for round in 0..=report.effort.times(7) {
        ours.push(ms(timed(export(&scene, &format!("ours{round}")))));
        git.push(ms(timed(fresh(&scene, &bare, &format!("git{round}")))));
        assert_eq!(tips(&scene, &format!("ours{round}")), tips(&scene, &format!("git{round}")));
    }
    let (time, stock) = (median(&ours[1..]), median(&git[1..]));
    let ratio = time / stock;
    let name = format!("history export of {} objects, against `git push --mirror`", objects.trim());
    let line = Line::of(name, format!("{ratio:.2}x ({time:.0} ms)")).mark("≤ 1.15x", ratio <= 1.15);
    report.tell(line.git(format!("`git push --mirror` {stock:.0} ms")));
    let rss = |peaks: [u64; 3]| median(&peaks.map(|p| p as f64)) as u64;
    let ours = rss([1, 2, 3].map(|n| peak_of_tree(export(&scene, &format!("memory{n}")))));
    let git = rss([1, 2, 3].map(|n| peak_of_tree(fresh(&scene, &bare, &format!("stock{n}")))));
    let line = Line::of("memory of that export, its children included", mib(ours));
    report.tell(
        line.mark("≤ git's + 30 MB", ours <= git + MIB_30).git(format!("`git push --mirror` {}", mib(git))),
    );
}

/// The export of `app` to a remote repository that is new.
fn export(scene: &Scene, to: &str) -> Command {
    scene.theirs(to);
    scene.link("app", to, &HISTORY);
    scene.stage.command(&["sync", "trigger", to])
}

/// The same by git.
fn fresh(scene: &Scene, bare: &Path, to: &str) -> Command {
    scene.theirs(to);
    straight(scene, bare, to)
}

fn tips(scene: &Scene, name: &str) -> std::collections::BTreeSet<String> {
    scene.stage.refs(&scene.stage.forge.bare(&format!("octocat/{name}")))
}
