//! Several unix users: one runs coregit and owns the repository, another pushes to it.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use coregit_tests::stage::{Said, Stage, bin_dir};

const AUTO: [&str; 3] = ["--mode", "history", "--auto-sync"];
const HINT: &str = "coregit: this push is kept for a worker of the repository's owner";
const OWNER: u32 = 47_301;
const PUSHER: u32 = 47_302;
const GROUP: u32 = 47_300;

/// A stage whose home and repository belong to one user; another one of the same group pushes.
struct Lab {
    stage: Stage,
    bare: PathBuf,
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

impl Lab {
    /// `None`, and one line that says why, where this test cannot become other users.
    fn new(shared: &str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            assert!(std::env::var_os("COREGIT_REQUIRE_ALL").is_none(), "only root can become other users");
            println!("not run: only root can become other users");
            return None;
        }
        let lab = Self { stage: Stage::bare(), bare: PathBuf::new() };
        let bare = lab.stage.path("srv/app.git");
        let lab = Self { bare, ..lab };
        lab.prepare(shared);
        Some(lab)
    }

    fn prepare(&self, shared: &str) {
        let path = |name: &str| self.stage.path(name);
        mode(&path("."), 0o755);
        for (name, uid) in [("user", OWNER), ("srv", OWNER), ("home", OWNER), ("work", PUSHER)] {
            std::fs::create_dir_all(path(name)).unwrap();
            chown(path(name), Some(uid), Some(GROUP)).unwrap();
        }
        mode(&path("home"), 0o700);
        // What a user has to say before git lets a push into another one's folder.
        std::fs::write(path("user/.gitconfig"), "[safe]\n\tdirectory = *\n").unwrap();
        let bare = self.bare.to_string_lossy().into_owned();
        let shared = format!("--shared={shared}");
        self.git_as(OWNER, &path("srv"), &["init", "-q", "--bare", "-b", "main", &shared, &bare]).ok();
        self.git_as(PUSHER, &path("work"), &["init", "-q", "-b", "main"]).ok();
        self.owner(&["init"]).ok();
        self.connect();
        self.owner(&["repos", "create", "team/app", "--path", &bare]).ok();
        let base =
            ["sync", "config", "create", "team/app", "--connection", "work", "--remote", "octocat/app"];
        self.owner(&[&base[..], &["--direction", "export"], &AUTO].concat()).ok();
    }

    fn connect(&self) {
        std::fs::write(self.stage.path("token"), &self.stage.token).unwrap();
        let args = ["connections", "create", "--provider", "github", "--label", "work"];
        let token = self.stage.path("token").to_string_lossy().into_owned();
        chown(&token, Some(OWNER), None).unwrap();
        mode(Path::new(&token), 0o600);
        self.owner(&[&args[..], &["--url", self.stage.forge.url(), "--token-file", &token]].concat()).ok();
    }

    /// A program as another user.
    fn as_user(&self, uid: u32, program: &Path) -> Command {
        let mut command = self.stage.program("setpriv");
        command.args([format!("--reuid={uid}"), format!("--regid={GROUP}"), "--clear-groups".to_owned()]);
        command.arg("--").arg(program);
        command
    }

    fn git_as(&self, uid: u32, dir: &Path, args: &[&str]) -> Said {
        let mut git = self.as_user(uid, Path::new("git"));
        self.stage.said(git.arg("-C").arg(dir).args(args))
    }

    /// Runs `coregit` as the owner.
    fn owner(&self, args: &[&str]) -> Said {
        self.stage.said(self.as_user(OWNER, &bin_dir().join("coregit")).args(args))
    }

    /// Commits and pushes as the other user.
    fn push(&self, message: &str) -> Said {
        let (work, bare) = (self.stage.work(), self.bare.to_string_lossy().into_owned());
        self.git_as(PUSHER, &work, &["commit", "-q", "--allow-empty", "-m", message]).ok();
        self.git_as(PUSHER, &work, &["push", &bare, "main"])
    }

    fn events(&self) -> usize {
        let entries = std::fs::read_dir(self.bare.join("coregit/events")).unwrap();
        entries.filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|x| x == "json")).count()
    }

    fn tip(&self, dir: &Path) -> String {
        self.stage.git(dir, &["rev-parse", "--verify", "-q", "refs/heads/main"]).out
    }

    fn is_exported(&self) -> bool {
        let here = self.tip(&self.bare);
        !here.is_empty() && here == self.tip(&self.stage.there())
    }
}

/// A running worker, ended with the test.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn another_users_push_is_kept_for_a_worker_of_the_owner() {
    let Some(lab) = Lab::new("group") else { return };
    let said = lab.push("first").ok();
    assert_eq!(said.err.matches(HINT).count(), 1, "{}", said.err);
    assert_eq!(lab.events(), 1, "it waits");
    assert!(!lab.is_exported(), "nobody ran it as another user");
    lab.owner(&["worker", "--drain"]).ok();
    assert!(lab.is_exported());
    assert_eq!(lab.events(), 0);

    lab.push("second").ok();
    lab.owner(&["worker", "--drain"]).ok();
    assert!(lab.is_exported(), "what a sync leaves behind is still for both to write");
}

#[test]
fn a_worker_of_the_owner_is_woken_by_another_users_push() {
    let Some(lab) = Lab::new("group") else { return };
    let mut worker = lab.as_user(OWNER, &bin_dir().join("coregit"));
    let _worker = Worker(worker.arg("worker").spawn().unwrap());
    lab.stage.wait_until("the worker", || lab.stage.path("home/run/worker.sock").exists());
    // Past the sweep that it begins with, so that only a word from the hook can tell it.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let began = std::time::Instant::now();
    let said = lab.push("first").ok();
    assert!(!said.err.contains(HINT), "{}", said.err);
    lab.stage.wait_until("the export", || lab.is_exported());
    assert!(began.elapsed().as_secs() < 15, "long before the next sweep");
}

#[test]
fn the_home_stays_closed_to_other_users() {
    let Some(lab) = Lab::new("group") else { return };
    let said = lab.stage.said(lab.as_user(PUSHER, &bin_dir().join("coregit")).args(["connections", "list"]));
    assert_ne!(said.code, 0);
    assert!(!said.out.contains("work"), "{said:?}");
}

#[test]
fn where_git_refuses_another_user_we_change_nothing() {
    let Some(lab) = Lab::new("umask") else { return };
    let said = lab.push("first");
    assert_ne!(said.code, 0, "git cannot write its objects there: {said:?}");
    assert!(said.err.matches("coregit:").count() <= 1, "{}", said.err);
    assert_eq!(lab.events(), 0);
}

#[test]
fn where_git_lets_another_user_in_but_not_into_our_folder_one_line_says_so() {
    let Some(lab) = Lab::new("group") else { return };
    for folder in ["coregit", "coregit/events"] {
        mode(&lab.bare.join(folder), 0o755);
    }
    let said = lab.push("first").ok();
    assert_eq!(said.err.matches("this push could not be noted").count(), 1, "{}", said.err);
    assert_eq!(lab.events(), 0);
    lab.owner(&["worker", "--drain"]).ok();
    assert!(lab.is_exported(), "the sweep finds it");
}
