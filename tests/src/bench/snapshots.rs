//! Figures of snapshots: what a run asks of the host, and what its plan costs here.

use super::report::{Line, Report, median, mib};
use super::scene::Scene;
use super::synthetic::{self, Dice};
use super::timing::{Spent, spent};
use crate::forge::{Effect, Fault, Request, summary};
use crate::stage::bin_dir;

/// How many requests a snapshot by API takes for so many changed files.
pub fn requests(report: &Report) {
    let scene = Scene::new();
    let bare = scene.ours("app");
    scene.theirs("app");
    scene.link("app", "app", &["--mode", "snapshot"]);
    synthetic::commit(&scene.stage, &bare, synthetic::files(20, 500, 0));
    // An empty remote takes git; the API has nothing to stand on there.
    scene.trigger("app");
    scene.stage.coregit(&["sync", "update", "app", "--via", "api"]).ok();
    for n in [1, 100, 1_000, 10_000] {
        synthetic::commit(&scene.stage, &bare, synthetic::files(n, 1_024, n as u64));
        let log = scene.requests(|| scene.trigger("app"));
        let (seen, most) = (summary(&log).mutating, 3 + n.div_ceil(100));
        let said = format!("{seen} mutating of {} requests", log.len());
        let line = Line::of(format!("snapshot of {n} text files by API"), said);
        let beside = format!("a blob for each file: {}", n + 3);
        report.tell(line.mark(format!("≤ {most}"), seen <= most).git(beside));
    }
    binary(report, &scene, &bare);
}

fn binary(report: &Report, scene: &Scene, bare: &std::path::Path) {
    let mut dice = Dice(30);
    let files: Vec<_> = (0..30).map(|n| (format!("images/{n}.png"), dice.noise(2_000))).collect();
    synthetic::commit(&scene.stage, bare, files);
    // On loopback answers come so fast that hardly two would be seen at once.
    scene.stage.forge.fault(Fault::on("POST", "*/git/blobs", Effect::Delay(30)).always());
    let log = scene.requests(|| scene.trigger("app"));
    scene.stage.forge.clear_faults();
    let seen = summary(&log).mutating;
    let line =
        Line::of("snapshot of 30 binary files by API", format!("{seen} mutating of {} requests", log.len()));
    report.tell(line.mark("≤ 34", seen <= 34));
    let blobs: Vec<Request> = log.into_iter().filter(|r| r.path.ends_with("/git/blobs")).collect();
    let peak = summary(&blobs).peak;
    let line = Line::of("blobs in flight at once", format!("{peak} of {}", blobs.len()));
    report.tell(line.mark("2 to 20", (2..=20).contains(&peak)));
}

/// What the plan for one changed file costs, in a tree of 100,000 files and in one of 100.
pub fn plan(report: &Report) {
    let scene = Scene::new();
    let (small, large) = (prepared(&scene, "small", 100), prepared(&scene, "large", 100_000));
    assert_eq!(small.1, large.1, "the same requests for both");
    let (mut few, mut many) = (Vec::new(), Vec::new());
    for _ in 0..report.effort.times(50) {
        few.push(dry_run(&scene, "small"));
        many.push(dry_run(&scene, "large"));
    }
    let cpu = |all: &[Spent]| median(&all.iter().map(|s| s.cpu_ms).collect::<Vec<_>>());
    let (few_ms, many_ms) = (cpu(&few), cpu(&many));
    let said = format!(
        "{:+.1} ms CPU ({few_ms:.1} → {many_ms:.1} ms), {} requests in both",
        many_ms - few_ms,
        small.1
    );
    let line = Line::of("plan of 1 changed file, tree of 100,000 against 100", said);
    report.tell(line.mark("≤ +10 ms", many_ms - few_ms <= 10.0));
    let rss = |all: &[Spent]| all.iter().map(|s| s.rss_kib).max().unwrap_or(0);
    let (few_kib, many_kib) = (rss(&few), rss(&many));
    let line = Line::of("memory of that plan", format!("{} (tree of 100: {})", mib(many_kib), mib(few_kib)));
    report.tell(line.mark("≤ 40 MB", many_kib * 1_024 <= 40_000_000));
}

/// A synced repository of so many files in which one has changed since; with the requests of its dry run.
fn prepared(scene: &Scene, name: &str, files: usize) -> (std::path::PathBuf, usize) {
    let bare = scene.ours(name);
    scene.theirs(name);
    scene.link(name, name, &["--mode", "snapshot"]);
    synthetic::commit(&scene.stage, &bare, synthetic::files(files, 200, 1));
    scene.trigger(name);
    synthetic::commit(&scene.stage, &bare, [(synthetic::path(7), b"changed\n".to_vec())]);
    scene.stage.git(&bare, &["repack", "-adq"]).ok();
    let log = scene.requests(|| dry_run(scene, name));
    (bare, log.len())
}

fn dry_run(scene: &Scene, label: &str) -> Spent {
    spent(&scene.stage, &bin_dir().join("coregit"), &["--json", "sync", "trigger", label, "--dry-run"])
}
