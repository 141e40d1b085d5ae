//! Hooks under a real gitolite: beside what it owns, through its own door, and out again.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use coregit_tests::stage::{Said, Stage};

const AUTO: [&str; 3] = ["--mode", "history", "--auto-sync"];

/// A stage, and a gitolite with `team/app` (alice writes, bob reads) that it knows.
struct Lab {
    stage: Stage,
    bare: PathBuf,
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("gitolite").join(name)
}

fn program(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
}

/// Everything below these folders: content, or where a link points.
fn picture(folders: &[PathBuf]) -> BTreeMap<PathBuf, String> {
    let (mut seen, mut left) = (BTreeMap::new(), folders.to_vec());
    while let Some(folder) = left.pop() {
        for path in std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()) {
            let kind = path.symlink_metadata().unwrap().file_type();
            let what = match (kind.is_dir(), kind.is_symlink()) {
                (true, _) => "folder".to_owned(),
                (_, true) => format!("-> {}", std::fs::read_link(&path).unwrap().display()),
                _ => std::fs::read_to_string(&path).unwrap(),
            };
            left.extend(kind.is_dir().then(|| path.clone()));
            seen.insert(path, what);
        }
    }
    seen
}

impl Lab {
    /// `None`, and one line that says why, where gitolite is not on this machine.
    fn new() -> Option<Self> {
        let stage = Stage::new();
        let made = stage.said(Command::new("sh").arg(script("setup.sh")).arg(stage.path("gl")));
        if made.code == 3 {
            assert!(std::env::var_os("COREGIT_REQUIRE_ALL").is_none(), "{}", made.err);
            println!("not run: {}", made.err.trim());
            return None;
        }
        made.ok();
        let bare = stage.path("gl/home/repositories/team/app.git");
        std::fs::create_dir_all(stage.path("user")).unwrap();
        let work = stage.work().to_string_lossy().into_owned();
        stage.git(&stage.path("user"), &["init", "-q", "-b", "main", &work]).ok();
        stage.coregit(&["repos", "create", "team/app", "--path", &bare.to_string_lossy()]).ok();
        Some(Self { stage, bare })
    }

    fn local_code(&self, name: &str) -> PathBuf {
        self.stage.path("gl/home/local").join(name)
    }

    /// Runs `gitolite` as its own user.
    fn gitolite(&self, args: &[&str]) -> Said {
        let mut command = self.stage.program("gitolite");
        let home = self.stage.path("gl/home");
        self.stage
            .said(command.env("HOME", &home).env_remove("COREGIT_HOME").current_dir(&home).args(args))
            .ok()
    }

    /// Replaces text in `gitolite.conf` and compiles it.
    fn configure(&self, from: &str, to: &str) {
        let conf = self.stage.path("gl/home/.gitolite/conf/gitolite.conf");
        let text = std::fs::read_to_string(&conf).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(&conf, text.replace(from, to)).unwrap();
        self.gitolite(&["setup"]);
    }

    fn push_as(&self, user: &str, to: &str) -> Said {
        let mut git = self.stage.program("git");
        git.env("GIT_SSH_COMMAND", script("ssh")).env("COREGIT_GITOLITE_HOME", self.stage.path("gl/home"));
        let url = format!("ssh://{user}@gitolite/team/app");
        self.stage.said(git.arg("-C").arg(self.stage.work()).args(["push", &url, to]))
    }

    fn exported(&self) {
        self.stage
            .wait_until("the export", || self.stage.refs(&self.bare) == self.stage.refs(&self.stage.there()));
    }

    fn install(&self) -> Said {
        self.stage.coregit(&["hooks", "install", "team/app"])
    }

    fn status(&self) -> Said {
        self.stage.coregit(&["hooks", "status", "team/app"])
    }

    fn pictures(&self) -> BTreeMap<PathBuf, String> {
        picture(&[self.bare.join("hooks"), self.local_code("."), self.bare.join("info")])
    }
}

#[test]
fn pushes_through_gitolite_are_judged_and_exported_and_setup_keeps_it_so() {
    let Some(lab) = Lab::new() else { return };
    let update = std::fs::read_link(lab.bare.join("hooks/update")).unwrap();
    lab.stage.sync(&AUTO);
    assert_eq!(std::fs::read_link(lab.bare.join("hooks/update")).unwrap(), update, "gitolite's own");
    lab.status().ok();
    lab.stage.commit("first", &[("a", "1\n")]);
    lab.push_as("alice", "main").ok();
    lab.exported();

    let refused = lab.push_as("bob", "main:refs/heads/bobs");
    assert!(refused.code != 0 && refused.err.contains("DENIED"), "{refused:?}");
    let refused = lab.push_as("alice", &format!("main:refs/replace/{}", "1".repeat(40)));
    assert!(refused.code != 0 && refused.err.contains("coregit: refused: refs/replace/"), "{refused:?}");

    let before = lab.pictures();
    lab.gitolite(&["setup"]);
    assert_eq!(lab.pictures(), before);
    lab.status().ok();
    lab.stage.commit("second", &[("a", "2\n")]);
    lab.push_as("alice", "main").ok();
    lab.exported();
}

#[test]
fn the_vref_says_nothing_that_gitolite_takes_for_a_rule() {
    let Some(lab) = Lab::new() else { return };
    lab.install().ok();
    for name in ["VREF/coregit", "refs/heads/VREF/x", "refs/heads/a\nVREF/coregit", "refs/replace/x"] {
        let mut vref = lab.stage.program(lab.local_code("VREF/coregit"));
        let zero = "0".repeat(40);
        vref.current_dir(&lab.bare).env("GIT_DIR", ".").args([name, &zero, &"1".repeat(40)]);
        let said = lab.stage.said(vref.args([&zero, &zero, "W", "VREF/coregit"]));
        let lines = said.out.lines().chain(said.err.lines());
        assert_eq!(lines.filter(|l| l.starts_with("VREF/")).count(), 0, "{said:?}");
    }
}

#[test]
fn uninstall_leaves_gitolite_as_it_was() {
    let Some(lab) = Lab::new() else { return };
    let before = lab.pictures();
    lab.install().ok();
    assert_ne!(lab.pictures(), before);
    lab.stage.coregit(&["hooks", "uninstall", "team/app"]).ok();
    assert_eq!(lab.pictures(), before);
    assert!(!lab.bare.join("coregit").exists());
}

#[test]
fn a_vref_that_a_rule_names_stays_because_gitolite_refuses_every_push_without_it() {
    let Some(lab) = Lab::new() else { return };
    std::fs::remove_file(lab.local_code("VREF/coregit")).unwrap();
    lab.install().ok();
    let said = lab.stage.coregit(&["hooks", "uninstall", "team/app"]).ok();
    assert!(said.err.contains("VREF/coregit stays"), "{said:?}");
    lab.stage.commit("first", &[("a", "1\n")]);
    let said = lab.push_as("alice", "main").ok();
    assert!(!said.err.contains("coregit:"), "{said:?}");

    lab.install().ok();
    lab.configure("    -   VREF/coregit    =   @all\n", "");
    std::fs::remove_file(lab.local_code("VREF/coregit")).unwrap();
    let before = picture(&[lab.bare.join("hooks"), lab.local_code("VREF")]);
    assert_eq!(lab.status().code, 1);
    lab.install();
    lab.stage.coregit(&["hooks", "uninstall", "team/app"]).ok();
    assert!(!lab.local_code("VREF/coregit").exists() && !before.is_empty(), "no rule, so it goes");
}

#[test]
fn what_the_administrator_has_to_do_is_said() {
    let Some(lab) = Lab::new() else { return };
    lab.configure("    -   VREF/coregit    =   @all\n", "");
    let said = lab.install();
    assert!(said.code == 1 && said.err.contains("-   VREF/coregit    =   @all"), "{said:?}");
    lab.configure(
        "    R       =   bob\n",
        "    R       =   bob\n\nrepo @all\n    -   VREF/coregit    =   @all\n\n",
    );
    lab.status().ok();

    lab.stage.coregit(&["hooks", "uninstall", "team/app"]).ok();
    let rc = lab.stage.path("gl/home/.gitolite.rc");
    let text = std::fs::read_to_string(&rc).unwrap().replace("    LOCAL_CODE =>", "    # LOCAL_CODE =>");
    std::fs::write(&rc, text).unwrap();
    let said = lab.install();
    assert!(said.code == 1 && said.err.contains("set LOCAL_CODE in .gitolite.rc"), "{said:?}");
    assert!(lab.bare.join("hooks/post-receive").exists(), "the others are installed all the same");
}

#[test]
fn repositories_share_the_vref_until_the_last_one_leaves() {
    let Some(lab) = Lab::new() else { return };
    let stub = std::fs::read_to_string(lab.local_code("VREF/coregit")).unwrap();
    let other = lab.stage.path("gl/home/repositories/team/other.git");
    lab.stage.coregit(&["repos", "create", "team/other", "--path", &other.to_string_lossy()]).ok();
    lab.install().ok();
    let asked = lab.stage.coregit(&["hooks", "install", "team/other"]);
    assert!(asked.code == 1 && asked.err.contains("add to gitolite.conf"), "no rule for it yet: {asked:?}");
    lab.stage.coregit(&["hooks", "uninstall", "team/app"]).ok();
    assert!(lab.local_code("VREF/coregit").is_symlink(), "the other still uses it");
    lab.stage.coregit(&["hooks", "uninstall", "team/other"]).ok();
    assert_eq!(std::fs::read_to_string(lab.local_code("VREF/coregit")).unwrap(), stub);
}

#[test]
fn repo_specific_hooks_keep_their_driver_and_run_ours_by_option() {
    let Some(lab) = Lab::new() else { return };
    let rc = lab.stage.path("gl/home/.gitolite.rc");
    let text = std::fs::read_to_string(&rc).unwrap();
    std::fs::write(
        &rc,
        text.replace("    ENABLE => [\n", "    ENABLE => [\n        'repo-specific-hooks',\n"),
    )
    .unwrap();
    program(&lab.local_code("hooks/repo-specific/own"), "#!/bin/sh\ncat >>seen\n");
    let options = |hooks: &str| {
        format!(
            "    RW+     =   alice\n    option hook.pre-receive = own {hooks}\n    option hook.post-receive = own\n"
        )
    };
    lab.configure("    RW+     =   alice\n    R  ", &format!("{}    R  ", options("")));
    let driver = std::fs::read_link(lab.bare.join("hooks/pre-receive")).unwrap();

    let said = lab.install();
    assert!(said.code == 1 && said.err.contains("option hook.pre-receive = coregit-pre-receive"), "{said:?}");
    assert_eq!(std::fs::read_link(lab.bare.join("hooks/pre-receive")).unwrap(), driver);
    assert!(!lab.bare.join("hooks/pre-receive.d").exists(), "which would refuse every push");
    lab.configure("hook.pre-receive = own", "hook.pre-receive = own coregit-pre-receive");
    lab.configure("hook.post-receive = own", "hook.post-receive = own coregit-post-receive");
    lab.status().ok();
    lab.stage.sync(&AUTO);
    lab.stage.commit("first", &[("a", "1\n")]);
    lab.push_as("alice", "main").ok();
    lab.exported();
    let seen = std::fs::read_to_string(lab.bare.join("seen")).unwrap();
    assert_eq!(seen.matches("refs/heads/main").count(), 2, "their own still run: {seen}");
}

#[test]
fn a_hook_that_gitolite_links_again_at_each_setup_is_left_alone() {
    let Some(lab) = Lab::new() else { return };
    let common = lab.local_code("hooks/common/post-receive");
    program(&common, "#!/bin/sh\ncat >>seen\n");
    lab.gitolite(&["setup"]);
    let said = lab.install();
    assert!(said.code == 1 && said.err.contains("links") | said.err.contains("link to"), "{said:?}");
    assert_eq!(std::fs::read_link(lab.bare.join("hooks/post-receive")).unwrap(), common);

    // What the note says to do: let that hook start ours.
    let ours = coregit_tests::stage::bin_dir().join("coregit-post-receive");
    std::fs::remove_file(&common).unwrap();
    std::os::unix::fs::symlink(ours, &common).unwrap();
    lab.gitolite(&["setup"]);
    lab.status().ok();
}
