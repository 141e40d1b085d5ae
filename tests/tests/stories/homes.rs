//! The home: made once, opened only by whom it belongs to, told plainly when it is not in order.

use std::os::unix::fs::PermissionsExt;

use coregit_tests::stage::Stage;

fn set_mode(path: &std::path::Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &std::path::Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn init_is_private_says_what_it_made_and_is_repeatable() {
    let stage = Stage::bare();
    let said = stage.coregit(&["init"]).ok();
    assert!(said.out.contains("Keep a copy of the identity"), "{}", said.out);
    assert_eq!(mode(&stage.home()), 0o700);
    assert_eq!(mode(&stage.home().join("identity.txt")), 0o600);
    assert_eq!(mode(&stage.home().join("coregit.db")), 0o600);
    let identity = std::fs::read(stage.home().join("identity.txt")).unwrap();
    stage.coregit(&["init"]).ok();
    assert_eq!(std::fs::read(stage.home().join("identity.txt")).unwrap(), identity);
}

#[test]
fn without_init_the_way_is_told() {
    let stage = Stage::bare();
    let said = stage.coregit(&["connections", "list"]);
    assert!(said.code == 1 && said.err.contains("coregit init"), "{said:?}");
}

#[test]
fn an_identity_that_is_missing_open_to_others_or_wrong_is_refused_with_the_way_out() {
    let stage = Stage::new();
    let identity = stage.home().join("identity.txt");
    let right = std::fs::read(&identity).unwrap();
    let test = || stage.coregit(&["connections", "test", "work"]);
    set_mode(&identity, 0o644);
    let said = test();
    assert!(said.code == 1 && said.err.contains("chmod"), "{said:?}");
    set_mode(&identity, 0o600);
    std::fs::remove_file(&identity).unwrap();
    let said = test();
    assert!(said.code == 1 && said.err.contains("identity"), "{said:?}");
    let other = Stage::bare();
    other.coregit(&["init"]).ok();
    std::fs::copy(other.home().join("identity.txt"), &identity).unwrap();
    let said = test();
    assert!(said.code == 1 && said.err.contains("hint:"), "{said:?}");
    std::fs::write(&identity, right).unwrap();
    test().ok();
}

#[test]
fn an_ssh_key_opens_the_keyring() {
    let stage = Stage::bare();
    let key = stage.path("id_ed25519");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f", &key.to_string_lossy()])
        .status();
    if !made.is_ok_and(|s| s.success()) {
        assert!(std::env::var_os("COREGIT_REQUIRE_ALL").is_none(), "ssh-keygen is missing");
        println!("note: without ssh-keygen this is not tried");
        return;
    }
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    stage.coregit(&["init", "--recipient", public.trim()]).ok();
    stage.connect("work", &stage.token).ok();
    std::fs::remove_file(stage.home().join("identity.txt")).unwrap();
    let mut command = stage.command(&["connections", "test", "work"]);
    let output = command.env("COREGIT_IDENTITY", &key).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn keyring_rotate_check_and_recipients_work_while_connections_stay_valid() {
    let stage = Stage::new();
    stage.coregit(&["keyring", "rotate"]).ok();
    stage.coregit(&["keyring", "check"]).ok();
    stage.coregit(&["connections", "test", "work"]).ok();
    let list = stage.coregit(&["--json", "keyring", "recipients", "list"]).ok().json();
    assert_eq!(list["recipients"].as_array().map(Vec::len), Some(1));
    let only = list["recipients"][0].as_str().unwrap().to_owned();
    assert_ne!(stage.coregit(&["keyring", "recipients", "remove", &only]).code, 0, "the last one stays");
    let export = stage.coregit(&["keyring", "export"]).ok();
    assert!(export.out.contains("BEGIN AGE ENCRYPTED FILE"), "{}", export.out);
}

/// Command lines, words separated by spaces, and what the error or its hint must say.
const WRONG: [(&str, &str); 12] = [
    ("repos create ../x", "NAMESPACE/NAME"),
    ("repos create org/x", "reserved"),
    ("repos create x --path /nonexistent", "bare repository"),
    ("repos create team/app", "already"),
    ("sync config create nowhere --connection work --remote a/b", "repos list"),
    ("sync config create team/app --connection no --remote a/b", "connections list"),
    ("sync config create team/app --connection work --remote https://x/a/b", "OWNER/REPO"),
    ("sync config create team/app --connection work --remote a/b --direction both", "import or export"),
    ("sync trigger no", "sync status"),
    ("sync history team/app --cursor x", "next_cursor"),
    ("connections create --provider gitlob --label x --token-file /dev/null", ""),
    ("hooks install nowhere", "repos list"),
];

#[test]
fn wrong_input_is_named_and_changes_nothing() {
    let stage = Stage::new();
    stage.repo();
    for (line, words) in WRONG {
        let args: Vec<_> = line.split(' ').collect();
        let said = stage.coregit(&args);
        assert!(matches!(said.code, 1 | 2), "{args:?}: {said:?}");
        assert!(said.err.starts_with("error: ") && said.err.contains(words), "{args:?}: {}", said.err);
    }
    assert_eq!(stage.coregit(&["--json", "sync", "status"]).ok().json().as_array().map(Vec::len), Some(0));
}

#[test]
fn doctor_names_what_is_wrong_and_the_command_that_mends_it() {
    let stage = Stage::new();
    let bare = stage.repo();
    stage.sync(&["--mode", "history", "--auto-sync"]);
    let said = stage.coregit(&["doctor"]).ok();
    assert!(said.out.contains("service install"), "{}", said.out);
    std::fs::remove_file(bare.join("hooks/post-receive")).unwrap();
    let said = stage.coregit(&["doctor"]);
    assert!(said.code == 1 && said.out.contains("`coregit hooks install team/app`"), "{said:?}");
    stage.coregit(&["hooks", "install", "team/app"]).ok();
    stage.forge.revoke("mine");
    let said = stage.coregit(&["doctor"]);
    assert!(said.code == 1 && said.out.contains("connections update"), "{said:?}");
}
