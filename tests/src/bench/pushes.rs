//! Figures of a push: what our hooks add to it, and how soon it stands on the other side.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::programs::nothing;
use super::report::{Line, Report, median, ms, percentile};
use super::scene::{Scene, with_token};
use super::synthetic::{self, small_commits};
use super::timing::{came_to_pass, stands, timed};
use crate::delay::{self, Delay};
use crate::forge::{Effect, Fault, Forge, Options, Repo, Token};

const MAIN: &str = "refs/heads/main";
const AUTO: [&str; 3] = ["--mode", "history", "--auto-sync"];
/// The distance of the far figures.
const ROUND_TRIP_MS: u64 = 50;

/// A server of ours with four repositories: as git makes them, with the settings of `coregit hooks install` but
/// no hooks, with hooks that do nothing, and with everything.
struct Server {
    scene: Scene,
    forge: Forge,
    token: String,
    source: PathBuf,
}

impl Server {
    const ARMS: [&str; 4] = ["plain", "settled", "idle", "hooked"];

    fn start() -> Self {
        let scene = Scene::new();
        let forge = Forge::start(Options::default());
        let token = forge.token(Token::classic("ada"));
        for arm in Self::ARMS {
            forge.repo(Repo::new(&format!("ada/{arm}")));
            let bare = forge.bare(&format!("ada/{arm}"));
            // The forge spares its own repositories what a server of ours does not.
            scene.stage.git(&bare, &["config", "--unset", "core.fsync"]).ok();
        }
        let hooked = forge.bare("ada/hooked");
        scene.adopt("hooked", &hooked);
        scene.theirs("hooked");
        scene.link("hooked", "hooked", &AUTO);
        for arm in ["settled", "idle"] {
            let config = forge.bare(&format!("ada/{arm}")).join("config");
            std::fs::copy(hooked.join("config"), config).expect("the forge's folder is ours");
        }
        hooks_that_do_nothing(&forge.bare("ada/idle"));
        let source = scene.plain("source");
        Self { scene, forge, token, source }
    }

    /// Pushes a commit over HTTP and returns how many milliseconds that took.
    fn push(&self, arm: &str, commit: &str) -> f64 {
        let url = with_token(&self.forge.git_url(&format!("ada/{arm}")), "ada", &self.token);
        ms(timed(self.scene.git(&self.source, &["push", "-q", &url, &format!("{commit}:{MAIN}")])))
    }

    fn events(&self) -> usize {
        let folder = self.forge.bare("ada/hooked").join("coregit/events");
        let files = std::fs::read_dir(folder).expect("hooks are installed").flatten();
        files.filter(|f| f.path().is_file()).count()
    }
}

fn hooks_that_do_nothing(bare: &Path) {
    let (hooks, program) = (bare.join("hooks"), nothing().canonicalize().expect("just compiled"));
    std::fs::create_dir_all(&hooks).expect("the forge's folder is ours");
    for name in ["pre-receive", "update", "post-receive"] {
        std::os::unix::fs::symlink(&program, hooks.join(name)).expect("the forge has no hooks of its own");
    }
}

/// What our three hooks and a durable event add to a push over HTTP, and that it does not wait for its sync.
pub fn hooks(report: &Report) {
    let server = Server::start();
    let rounds = report.effort.times(100);
    let commits = small_commits(&server.scene.stage, &server.source, rounds + 3);
    let listening = listen(&server.scene);
    let mut times = [const { Vec::new() }; Server::ARMS.len()];
    for (round, commit) in commits[..rounds + 2].iter().enumerate() {
        for turn in 0..times.len() {
            let arm = (round + turn) % times.len();
            times[arm].push(server.push(Server::ARMS[arm], commit));
        }
    }
    assert_eq!(server.events(), rounds + 2, "every push left its event");
    drop(listening);
    // The first two create the branch and warm the disk.
    let times = times.map(|t| t[2..].to_vec());
    tell_hooks(report, &times);
    attached(report, &server, &commits[rounds + 2]);
}

fn tell_hooks(report: &Report, [plain, settled, idle, hooked]: &[Vec<f64>; 4]) {
    let added = |with: &[f64], without: &[f64]| {
        median(&with.iter().zip(without).map(|(w, o)| w - o).collect::<Vec<_>>())
    };
    let hooks = added(hooked, settled);
    let said = format!("{hooks:+.1} ms ({:.1} → {:.1} ms)", median(settled), median(hooked));
    let line = Line::of("hooks and a durable event, on a push over http", said).mark("≤ +5 ms", hooks <= 5.0);
    report.tell(line.git(format!("three hooks that do nothing {:+.1} ms", added(idle, settled))));
    let said = format!("{:+.1} ms", added(settled, plain));
    let line = Line::of("git's own settings for durable pushes and checked objects", said);
    report.tell(line.git(format!("`git push` {:.1} ms", median(plain))));
    let said = format!("{:+.1} ms", added(hooked, plain));
    report.tell(Line::of("both together", said));
}

/// Takes the hooks' datagrams as a worker does, and does nothing about them.
fn listen(scene: &Scene) -> impl Drop {
    struct Listening(PathBuf, Option<std::thread::JoinHandle<()>>);
    impl Drop for Listening {
        fn drop(&mut self) {
            let _ = UnixDatagram::unbound().and_then(|s| s.send_to(b"stop", &self.0));
            let _ = self.1.take().map(std::thread::JoinHandle::join);
            let _ = std::fs::remove_file(&self.0);
        }
    }
    let path = scene.stage.home().join("run/worker.sock");
    std::fs::create_dir_all(scene.stage.home().join("run")).expect("the home is ours");
    let socket = UnixDatagram::bind(&path).expect("no worker runs");
    let mut word = [0; 256];
    let thread = std::thread::spawn(move || while !matches!(socket.recv(&mut word), Ok(4)) {});
    Listening(path, Some(thread))
}

/// A push whose drain talks to a host that takes three seconds for its first answer.
fn attached(report: &Report, server: &Server, commit: &str) {
    server.scene.stage.forge.fault(Fault::on("*", "*", Effect::Delay(3_000)));
    let began = Instant::now();
    let push = server.push("hooked", commit);
    let there = server.scene.stage.forge.bare("octocat/hooked");
    let arrived = came_to_pass("the export", || stands(&there, MAIN, commit)) - began;
    server.scene.no_drain();
    assert!(arrived > Duration::from_secs(3), "the host was slow");
    let said = format!("the push ended after {push:.0} ms, its export after {:.0} ms", ms(arrived));
    let line = Line::of("nothing stays attached to the push (a host of 3 s)", said);
    report.tell(line.mark("push ≤ 1 s", push <= 1_000.0));
}

/// A push with nobody up: hook, drain, forge, all on this machine.
pub fn visible(report: &Report) {
    let scene = Scene::new();
    let bare = scene.ours("app");
    let (there, other) = (scene.theirs("app"), scene.theirs("other"));
    scene.link("app", "app", &AUTO);
    let source = scene.plain("source");
    let commits = small_commits(&scene.stage, &source, report.effort.times(50) + 1);
    let url = scene.address("other", scene.stage.forge.url());
    let (mut ours, mut pushes, mut git) = (Vec::new(), Vec::new(), Vec::new());
    for commit in &commits {
        let (push, arrived) = arrival(&scene, (&source, &bare), (&there, commit));
        ours.push(arrived);
        pushes.push(push);
        scene.no_drain();
        git.push(direct(&scene, (&source, &url), (&other, commit)));
    }
    let (ours, git) = (&ours[1..], median(&git[1..]));
    let time = median(ours);
    let said = format!(
        "{time:.0} ms (p99 {:.0} ms; the push itself {:.0} ms)",
        percentile(ours, 99),
        median(&pushes)
    );
    let line =
        Line::of("push → visible there, hook and drain, loopback", said).mark("≤ 150 ms", time <= 150.0);
    report.tell(line.git(format!("`git push` straight there {git:.0} ms")));
}

/// Pushes a commit to a repository of ours; returns the milliseconds until the push ended, and from its start
/// until the commit stood there.
fn arrival(scene: &Scene, (source, to): (&Path, &Path), (there, commit): (&Path, &str)) -> (f64, f64) {
    let began = Instant::now();
    timed(scene.git(source, &["push", "-q", &to.to_string_lossy(), &format!("{commit}:{MAIN}")]));
    let push = began.elapsed();
    let arrived = came_to_pass("the export", || stands(there, MAIN, commit));
    (ms(push), ms(arrived - began))
}

/// Pushes a commit straight to the forge; returns the milliseconds until it stood there.
fn direct(scene: &Scene, (source, url): (&Path, &str), (there, commit): (&Path, &str)) -> f64 {
    let mut push = scene.git(source, &["push", "-q", url, &format!("{commit}:{MAIN}")]);
    let began = Instant::now();
    let mut child = push.spawn().expect("git starts");
    let arrived = came_to_pass("the push", || stands(there, MAIN, commit));
    assert!(child.wait().expect("a child of ours can be waited for").success());
    ms(arrived - began)
}

/// A worker that is up, and a host 50 ms away.
pub fn distance(report: &Report) {
    let (scene, delay) = Scene::behind(delay::Line::round_trip(ROUND_TRIP_MS));
    one_commit(report, &scene, &delay);
    many_files(report, &scene, &delay.url(), "history");
    many_files(report, &scene, &delay.url(), "snapshot");
}

fn one_commit(report: &Report, scene: &Scene, delay: &Delay) {
    let bare = scene.ours("app");
    let (there, other) = (scene.theirs("app"), scene.theirs("other"));
    scene.link("app", "app", &AUTO);
    let source = scene.plain("source");
    let commits = small_commits(&scene.stage, &source, report.effort.times(100) + 2);
    let address = scene.address("other", &delay.url());
    let _worker = scene.worker();
    let (mut ours, mut git, mut opened) = (Vec::new(), Vec::new(), 0);
    for commit in &commits {
        let before = delay.connections();
        ours.push(arrival(scene, (&source, &bare), (&there, commit)).1);
        // The run also proves and records what it did.
        std::thread::sleep(Duration::from_millis(200));
        opened += delay.connections() - before;
        git.push(direct(scene, (&source, &address), (&other, commit)));
    }
    let (time, late) = (median(&ours[2..]), percentile(&ours[2..], 99));
    let name = format!("push → there, {ROUND_TRIP_MS} ms round trips, worker up");
    let line = Line::of(name, format!("{time:.0} ms (p99 {late:.0} ms)"));
    let line = line.mark("≤ 200 ms, p99 ≤ 1 s", time <= 200.0 && late <= 1_000.0);
    report.tell(line.git(format!("`git push` straight there {:.0} ms", median(&git[2..]))));
    let line = Line::of(format!("connections for those {} pushes", commits.len()), format!("{opened}"));
    report.tell(line.mark("1", opened == 1).git(format!("`git push` {}", commits.len())));
}

/// 10,000 changed files of 4 KB in one commit, from the end of the push to their being there.
fn many_files(report: &Report, scene: &Scene, url: &str, mode: &str) {
    let (bare, source) = (scene.ours(mode), scene.plain(&format!("{mode}-source")));
    let (there, beside) = (scene.theirs(mode), format!("{mode}-git"));
    let other = scene.theirs(&beside);
    scene.link(mode, mode, &["--mode", mode, "--auto-sync"]);
    let _worker = scene.worker();
    let (mut ours, mut git) = (Vec::new(), Vec::new());
    for round in 0..=report.effort.times(5) {
        let commit = synthetic::commit(&scene.stage, &source, synthetic::files(10_000, 4_096, round as u64));
        let before = head(&there);
        timed(scene.git(&source, &["push", "-q", &bare.to_string_lossy(), MAIN]));
        let began = Instant::now();
        ours.push(ms(came_to_pass("the export", || head(&there) != before) - began));
        std::thread::sleep(Duration::from_millis(500));
        git.push(direct(scene, (&source, &scene.address(&beside, url)), (&other, &commit)));
    }
    let time = median(&ours[1..]);
    let name = format!("{mode} of 10,000 changed files, {ROUND_TRIP_MS} ms round trips");
    let line = Line::of(name, format!("{time:.0} ms")).mark("≤ 2,500 ms", time <= 2_500.0);
    report.tell(line.git(format!("`git push` {:.0} ms", median(&git[1..]))));
}

fn head(bare: &Path) -> Option<String> {
    std::fs::read_to_string(bare.join(MAIN)).ok().filter(|oid| oid.ends_with('\n'))
}
