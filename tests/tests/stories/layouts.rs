//! Hosts that keep hooks in folders of their own: Gitea, Forgejo and GitLab, as hand-made folders of their shape.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use coregit_tests::stage::Stage;

const AUTO: [&str; 3] = ["--mode", "history", "--auto-sync"];
const HOOKS: [&str; 3] = ["pre-receive", "update", "post-receive"];

fn program(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
}

/// A host's hook that runs what matches, one after the other, with git's arguments and input.
fn runner(patterns: &str) -> String {
    format!(
        "#!/bin/sh\ndata=$(cat)\nfor h in {patterns}; do\n test -f $h && test -x $h || continue\n \
             printf '%s\\n' \"$data\" | $h \"$@\" || exit 1\ndone\n"
    )
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn exports(stage: &Stage, bare: &Path) {
    stage.commit("first", &[("a", "1\n")]);
    stage.push(&["origin", "main"]).ok();
    stage.wait_until("the export", || stage.refs(bare) == stage.refs(&stage.there()));
    let refused = stage.push(&["origin", &format!("main:refs/replace/{}", "1".repeat(40))]);
    assert!(refused.code != 0 && refused.err.contains("coregit: refused"), "{refused:?}");
}

#[test]
fn under_gitea_and_forgejo_ours_stands_beside_theirs_in_each_folder() {
    let stage = Stage::new();
    let bare = stage.repo();
    for name in HOOKS {
        program(&bare.join(format!("hooks/{name}")), &runner(&format!("hooks/{name}.d/*")));
        program(&bare.join(format!("hooks/{name}.d/gitea")), &format!("#!/bin/sh\necho x >>{name}-ran\n"));
    }
    let before: Vec<_> = HOOKS.map(|name| names(&bare.join(format!("hooks/{name}.d")))).into();
    stage.sync(&AUTO);
    stage.coregit(&["hooks", "status", "team/app"]).ok();
    for name in HOOKS {
        assert!(!bare.join(format!("hooks/{name}")).is_symlink(), "Gitea writes this one again at will");
        assert_eq!(names(&bare.join(format!("hooks/{name}.d"))), ["coregit", "gitea"]);
    }
    exports(&stage, &bare);
    let ran = std::fs::read_to_string(bare.join("post-receive-ran")).unwrap();
    assert_eq!(ran, "x\n", "theirs runs once for each push that passed");
    stage.coregit(&["hooks", "uninstall", "team/app"]).ok();
    assert_eq!(HOOKS.map(|name| names(&bare.join(format!("hooks/{name}.d")))).to_vec(), before);
}

#[test]
fn under_gitlab_ours_stand_in_custom_hooks_and_what_was_there_runs_once() {
    let stage = Stage::new();
    let bare = stage.repo();
    for name in HOOKS {
        let runs = format!("custom_hooks/{name} custom_hooks/{name}.d/*");
        program(&bare.join(format!("hooks/{name}")), &runner(&runs));
    }
    program(&bare.join("custom_hooks/post-receive"), "#!/bin/sh\necho x >>ran\n");
    stage.sync(&AUTO);
    stage.coregit(&["hooks", "status", "team/app"]).ok();
    assert_eq!(
        names(&bare.join("custom_hooks")),
        ["post-receive", "post-receive.d", "pre-receive", "update"]
    );
    exports(&stage, &bare);
    assert_eq!(std::fs::read_to_string(bare.join("ran")).unwrap(), "x\n");
    stage.coregit(&["hooks", "uninstall", "team/app"]).ok();
    assert_eq!(names(&bare.join("custom_hooks")), ["post-receive"]);
}
