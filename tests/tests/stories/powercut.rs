//! Power cuts under the real programs: what was acknowledged is there afterwards, and goes on to where it belongs.

use std::path::Path;

use coregit_spool::Spool;
use coregit_tests::powercut::{PoweredDisk, Rule};
use coregit_tests::stage::{Said, Stage};

const AUTO: [&str; 3] = ["--mode", "history", "--auto-sync"];

/// A stage whose home and bare repositories lie on a disk that loses its power; the forge and the work tree do not.
struct Lab {
    disk: PoweredDisk,
    stage: Stage,
}

impl Lab {
    /// `None`, and one line that says why, where this machine cannot mount FUSE.
    fn new(rule: Rule) -> Option<Self> {
        let stage = Stage::bare();
        let program = Path::new(env!("CARGO_BIN_EXE_powercut-fs"));
        let disk = match PoweredDisk::mount(&stage.path("."), rule, program) {
            Ok(disk) => disk,
            Err(error) => {
                assert!(std::env::var_os("COREGIT_REQUIRE_ALL").is_none(), "cannot mount FUSE: {error}");
                println!("not run: this machine cannot mount FUSE ({error})");
                return None;
            }
        };
        std::os::unix::fs::symlink(disk.path().join("srv"), stage.path("srv")).unwrap();
        std::fs::create_dir(disk.path().join("srv")).unwrap();
        let stage = stage.with_home(disk.path().join("home"));
        Some(Self { disk, stage })
    }

    /// The same, with an initialised home, a connection and a sync, all of it long durable. No drain gets at
    /// pushes until `free` lets it: the cut comes first.
    fn linked(rule: Rule) -> Option<(Self, Held)> {
        let mut lab = Self::new(rule)?;
        lab.stage.coregit(&["init"]).ok();
        lab.stage.connect("work", &lab.stage.token).ok();
        lab.stage.repo();
        lab.stage.sync(&AUTO);
        lab.disk.settle().unwrap();
        let held = Held::take(&lab);
        Some((lab, held))
    }

    /// Pushes `n` commits one by one; each was acknowledged.
    fn push(&self, n: usize) -> String {
        let mut tip = String::new();
        for number in 0..n {
            tip = self.stage.commit("more", &[("file", &format!("{number}\n"))]);
            self.stage.push(&["origin", "main"]).ok();
        }
        tip
    }

    fn main(&self) -> Said {
        self.stage.git(&self.stage.path("srv/app.git"), &["rev-parse", "--verify", "refs/heads/main"])
    }

    fn fsck(&self) {
        self.stage
            .git(&self.stage.path("srv/app.git"), &["fsck", "--full", "--strict", "--no-dangling"])
            .ok();
    }

    fn exported(&self) -> bool {
        self.stage.refs(&self.stage.path("srv/app.git")) == self.stage.refs(&self.stage.there())
    }
}

/// The lock of the repository's drain, held: drains that pushes start end at once.
struct Held {
    _lock: std::fs::File,
}

impl Held {
    fn take(lab: &Lab) -> Self {
        let repo = lab.stage.coregit(&["--json", "repos", "show", "team/app"]).ok().json();
        let run = lab.stage.home().join("run");
        std::fs::create_dir_all(&run).unwrap();
        let name = format!("drain-{}.lock", repo["repo"]["id"].as_str().unwrap());
        let file = std::fs::File::options().create(true).append(true).open(run.join(name)).unwrap();
        file.try_lock().unwrap();
        Self { _lock: file }
    }
}

#[test]
fn an_acknowledged_push_survives_a_power_cut_and_is_exported_afterwards() {
    for rule in [Rule::NamesAtOnce, Rule::Journal] {
        let Some((mut lab, held)) = Lab::linked(rule) else { return };
        let tip = lab.push(3);
        lab.disk.cut().unwrap();
        drop(held);
        assert_eq!(lab.main().ok().out.trim(), tip, "{rule:?}");
        lab.fsck();
        assert!(!lab.exported(), "{rule:?}: the cut came before the export");
        lab.stage.coregit(&["worker", "--drain"]).ok();
        assert!(lab.exported(), "{rule:?}");
    }
}

#[test]
fn on_a_journal_it_is_our_event_that_makes_the_push_durable() {
    let Some((mut lab, held)) = Lab::linked(Rule::Journal) else { return };
    let before = lab.push(1);
    std::fs::remove_file(lab.stage.path("srv/app.git/hooks/post-receive")).unwrap();
    lab.disk.settle().unwrap();
    let lost = lab.push(1);
    lab.disk.cut().unwrap();
    drop(held);
    assert_eq!(lab.main().ok().out.trim(), before, "without post-receive the last move of the ref is lost");
    assert_ne!(before, lost);
    lab.fsck();
    // The rename that was lost is that of git's lock: it stays behind, and git asks people to remove it.
    std::fs::remove_file(lab.stage.path("srv/app.git/refs/heads/main.lock")).unwrap();
    lab.stage.push(&["origin", "main"]).ok();
    lab.stage.coregit(&["worker", "--drain"]).ok();
    assert!(lab.exported());
}

#[test]
fn on_the_strictest_disk_nothing_is_damaged_and_what_is_pushed_again_is_exported() {
    // git syncs no folder, so there a ref may be one push behind whatever we do.
    let Some((mut lab, held)) = Lab::linked(Rule::Strict) else { return };
    lab.push(3);
    lab.disk.cut().unwrap();
    drop(held);
    lab.stage.push(&["origin", "main"]).ok();
    lab.fsck();
    lab.stage.coregit(&["worker", "--drain"]).ok();
    assert!(lab.exported());
}

#[test]
fn a_cut_in_the_middle_of_exports_loses_and_doubles_nothing() {
    for rule in [Rule::NamesAtOnce, Rule::Journal] {
        let Some((mut lab, held)) = Lab::linked(rule) else { return };
        lab.push(1);
        drop(held);
        lab.stage.coregit_killed_at("history.pushed", &["worker", "--drain"]);
        lab.disk.cut().unwrap();
        lab.stage.coregit(&["worker", "--drain"]).ok();
        assert!(lab.exported(), "{rule:?}");
        lab.fsck();
    }
}

#[test]
fn an_acknowledged_connection_survives_a_power_cut() {
    for rule in [Rule::NamesAtOnce, Rule::Journal, Rule::Strict] {
        let Some(mut lab) = Lab::new(rule) else { return };
        lab.stage.coregit(&["init"]).ok();
        lab.stage.connect("work", &lab.stage.token).ok();
        lab.disk.cut().unwrap();
        let said = lab.stage.coregit(&["connections", "test", "work"]).ok();
        assert!(said.out.contains("valid"), "{rule:?}: its token opens: {said:?}");
    }
}

#[test]
fn hooks_that_were_said_to_be_installed_survive_a_power_cut() {
    for rule in [Rule::NamesAtOnce, Rule::Journal, Rule::Strict] {
        let Some(mut lab) = Lab::new(rule) else { return };
        lab.stage.coregit(&["init"]).ok();
        lab.stage.repo();
        lab.disk.settle().unwrap();
        lab.stage.coregit(&["hooks", "install", "team/app"]).ok();
        lab.disk.cut().unwrap();
        lab.stage.coregit(&["hooks", "status", "team/app"]).ok();
        let config = std::fs::read_to_string(lab.stage.path("srv/app.git/config")).unwrap();
        assert!(config.contains("fsckObjects") && config.contains("loose-object"), "{rule:?}: {config}");
    }
}

#[test]
fn the_folders_of_a_spool_are_durable_when_they_were_made() {
    let Some(mut lab) = Lab::new(Rule::Strict) else { return };
    let bare = lab.disk.path().join("srv");
    lab.disk.settle().unwrap();
    Spool::at(&bare).create().unwrap();
    lab.disk.cut().unwrap();
    for folder in ["coregit/events/damaged", "coregit/results"] {
        assert!(bare.join(folder).is_dir(), "{folder}");
    }
}
