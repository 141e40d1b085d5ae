//! Hooks as they are installed: beside what is there, wherever git looks for them, and out again byte for byte.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use coregit_tests::forge::{Forge, Options, Repo, Token};
use coregit_tests::stage::Stage;

const AUTO: [&str; 3] = ["--mode", "history", "--auto-sync"];

/// Every file of the hooks folder and the configuration: mode and content, or where a link points.
fn picture(bare: &Path) -> BTreeMap<String, String> {
    let mut seen = BTreeMap::new();
    let mut folders = vec![bare.join("hooks")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let (path, meta) = (entry.path(), entry.path().symlink_metadata().unwrap());
            let what = match meta.file_type() {
                t if t.is_dir() => {
                    folders.push(path.clone());
                    "folder".to_owned()
                }
                t if t.is_symlink() => format!("-> {}", std::fs::read_link(&path).unwrap().display()),
                _ => format!("{:o} {}", meta.permissions().mode(), std::fs::read_to_string(&path).unwrap()),
            };
            seen.insert(path.display().to_string(), what);
        }
    }
    seen.insert("config".into(), std::fs::read_to_string(bare.join("config")).unwrap());
    seen
}

fn script(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn equal(stage: &Stage) -> bool {
    stage.refs(&stage.path("srv/app.git")) == stage.refs(&stage.there())
}

#[test]
fn install_is_repeatable_and_uninstall_is_byte_for_byte() {
    let stage = Stage::new();
    let bare = stage.repo();
    script(&bare.join("hooks/post-receive"), "#!/bin/sh\ncat > ran\n");
    std::fs::write(bare.join("config"), "# ours\n[core]\n\tbare = true\n\trepositoryformatversion = 0\n")
        .unwrap();
    let before = picture(&bare);
    stage.coregit(&["hooks", "install", "team/app"]).ok();
    let installed = picture(&bare);
    stage.coregit(&["hooks", "install", "team/app"]).ok();
    assert_eq!(picture(&bare), installed, "installing twice changes nothing");
    stage.coregit(&["hooks", "status", "team/app"]).ok();
    stage.coregit(&["hooks", "uninstall", "team/app"]).ok();
    assert_eq!(picture(&bare), before);
    assert_eq!(stage.coregit(&["hooks", "status", "team/app"]).code, 1);
}

#[test]
fn a_configuration_edited_meanwhile_keeps_its_edits() {
    let stage = Stage::new();
    let bare = stage.repo();
    stage.coregit(&["hooks", "install", "team/app"]).ok();
    stage.git(&bare, &["config", "user.added", "later"]).ok();
    stage.coregit(&["hooks", "uninstall", "team/app"]).ok();
    let config = std::fs::read_to_string(bare.join("config")).unwrap();
    assert!(config.contains("later") && !config.contains("fsckObjects"), "{config}");
}

#[test]
fn an_existing_hook_still_runs_with_the_same_input() {
    let stage = Stage::new();
    let bare = stage.repo();
    script(&bare.join("hooks/post-receive"), "#!/bin/sh\ncat > ran\n");
    stage.sync(&AUTO);
    let commit = stage.commit("first", &[("a", "1\n")]);
    stage.push(&["origin", "main"]).ok();
    let ran = std::fs::read_to_string(bare.join("ran")).unwrap();
    assert!(ran.contains(&commit) && ran.contains("refs/heads/main"), "{ran}");
    stage.wait_until("the export", || equal(&stage));
}

#[test]
fn a_hook_that_refused_before_still_refuses() {
    let stage = Stage::new();
    let bare = stage.repo();
    script(&bare.join("hooks/update"), "#!/bin/sh\ntest \"$1\" != refs/heads/no\n");
    stage.sync(&AUTO);
    stage.commit("first", &[("a", "1\n")]);
    assert_ne!(stage.push(&["origin", "main:refs/heads/no"]).code, 0);
    stage.push(&["origin", "main"]).ok();
    stage.wait_until("the export", || equal(&stage));
}

#[test]
fn core_hooks_path_is_honoured_and_a_shared_folder_needs_a_word() {
    let stage = Stage::new();
    let bare = stage.repo();
    stage.git(&bare, &["config", "core.hooksPath", "my-hooks"]).ok();
    stage.sync(&AUTO);
    assert!(bare.join("my-hooks/post-receive").symlink_metadata().is_ok());
    stage.commit("first", &[("a", "1\n")]);
    stage.push(&["origin", "main"]).ok();
    stage.wait_until("the export", || equal(&stage));

    stage.coregit(&["hooks", "uninstall", "team/app"]).ok();
    let outside = stage.path("all-hooks").to_string_lossy().into_owned();
    std::fs::create_dir_all(&outside).unwrap();
    stage.git(&bare, &["config", "core.hooksPath", &outside]).ok();
    let refused = stage.coregit(&["hooks", "install", "team/app"]);
    assert!(refused.code == 3 && refused.err.contains("--shared"), "{refused:?}");
    stage.coregit(&["hooks", "install", "team/app", "--shared"]).ok();
    stage.coregit(&["hooks", "status", "team/app"]).ok();
    let other = stage.path("other.git");
    stage.git(&stage.path("."), &["init", "-q", "--bare", &other.to_string_lossy()]).ok();
    stage.git(&other, &["config", "core.hooksPath", &outside]).ok();
    let said = stage.git(&stage.work(), &["push", &other.to_string_lossy(), "main"]).ok();
    assert!(!said.err.contains("coregit"), "silent in a repository that is not ours: {}", said.err);
}

#[test]
fn pushes_through_git_http_backend_start_exports() {
    let stage = Stage::new();
    stage.repo();
    let server = Forge::start(Options::default());
    let token = server.token(Token::classic("ada"));
    server.repo(Repo::new("ada/app"));
    let bare = server.bare("ada/app");
    stage.coregit(&["repos", "create", "web", "--path", &bare.to_string_lossy()]).ok();
    let base = ["sync", "config", "create", "web", "--connection", "work", "--remote", "octocat/app"];
    stage.coregit(&[&base[..], &["--direction", "export"], &AUTO].concat()).ok();
    stage.commit("first", &[("a", "1\n")]);
    let url = server.git_url("ada/app").replace("://", &format!("://ada:{token}@"));
    stage.git(&stage.work(), &["push", "-q", &url, "main"]).ok();
    stage.wait_until("the export", || stage.refs(&bare) == stage.refs(&stage.there()));
}

#[test]
fn push_options_wait_skip_and_choose() {
    let stage = Stage::new();
    stage.repo();
    stage.sync(&AUTO);
    stage.commit("first", &[("a", "1\n")]);
    let said = stage.push(&["-o", "coregit.sync=wait", "origin", "main"]).ok();
    assert!(said.err.contains("octocat/app"), "a line for each ref and remote: {}", said.err);
    assert!(equal(&stage), "it had arrived when the push ended");

    stage.commit("second", &[("a", "2\n")]);
    stage.push(&["-o", "coregit.sync=skip", "origin", "main"]).ok();
    stage.coregit(&["worker", "--drain"]).ok();
    assert!(!equal(&stage), "the sweep honours a skip");
    stage.push(&["-o", "coregit.only=nobody", "origin", "main:refs/heads/alone"]).ok();
    stage.coregit(&["worker", "--drain"]).ok();
    assert!(!equal(&stage));
    stage.coregit(&["sync", "trigger", "work"]).ok();
    assert!(equal(&stage), "until it is triggered by hand");
}

#[test]
fn the_last_failure_is_told_to_the_next_pusher_in_one_line() {
    let stage = Stage::new();
    stage.repo();
    stage.sync(&AUTO);
    stage.forge.delete("octocat/app");
    stage.commit("first", &[("a", "1\n")]);
    stage.push(&["origin", "main"]).ok();
    stage.wait_until("the failure", || stage.path("srv/app.git/coregit/failure").exists());
    stage.commit("second", &[("a", "2\n")]);
    let said = stage.push(&["origin", "main"]).ok();
    let lines: Vec<_> = said.err.lines().filter(|l| l.contains("the last sync to octocat/app")).collect();
    assert_eq!(lines.len(), 1, "{}", said.err);
}

#[test]
fn nothing_stays_attached_to_a_push() {
    let stage = Stage::new();
    stage.repo();
    stage.sync(&AUTO);
    stage.forge.fault(coregit_tests::forge::Fault::on("*", "*", coregit_tests::forge::Effect::Delay(3000)));
    stage.commit("first", &[("a", "1\n")]);
    let began = std::time::Instant::now();
    stage.push(&["origin", "main"]).ok();
    assert!(began.elapsed().as_millis() < 2500, "the push did not wait for its export");
    stage.wait_until("the export", || equal(&stage));
}
