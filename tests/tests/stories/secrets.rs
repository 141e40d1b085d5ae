//! A canary token is searched for everywhere a secret could leak.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use coregit_tests::stage::Stage;

/// The forms in which a token could stand somewhere: as it is, percent-encoded dots, in Basic credentials.
fn forms(token: &str) -> Vec<Vec<u8>> {
    let base64 = base64::engine::general_purpose::STANDARD;
    // The middle of a Basic credential is the same wherever the user name ends.
    let basic = base64.encode(format!("x-access-token:{token}"));
    let bare = base64.encode(token);
    vec![token.as_bytes().to_vec(), basic.into_bytes(), bare.into_bytes(), token.bytes().rev().collect()]
}

fn found_in(forms: &[Vec<u8>], haystack: &[u8]) -> bool {
    forms.iter().any(|form| haystack.windows(form.len()).any(|w| w == form))
}

fn files_with(forms: &[Vec<u8>], folder: &Path, hits: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(t) if t.is_dir() => files_with(forms, &path, hits),
            Ok(t) if t.is_file() && found_in(forms, &std::fs::read(&path).unwrap_or_default()) => {
                hits.push(path.display().to_string());
            }
            _ => {}
        }
    }
}

/// argv and environment of every process but this test's own.
fn processes_with(forms: &[Vec<u8>], hits: &mut Vec<String>) {
    let own = std::process::id().to_string();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == own || !name.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        for file in ["cmdline", "environ"] {
            if found_in(forms, &std::fs::read(entry.path().join(file)).unwrap_or_default()) {
                hits.push(format!("/proc/{name}/{file}"));
            }
        }
    }
}

fn story(stage: &Stage, mode: &str, said: &mut String) {
    let mut run = |args: &[&str]| {
        let mut command = stage.command(args);
        for name in [
            "GIT_TRACE",
            "GIT_TRACE_CURL",
            "GIT_TRACE_PACKET",
            "GIT_TRACE2",
            "GIT_TRACE2_EVENT",
            "GIT_CURL_VERBOSE",
        ] {
            command.env(name, "1");
        }
        let output = command.env("COREGIT_LOG", "trace").env("GIT_TRACE_REDACT", "0").output().unwrap();
        said.push_str(&String::from_utf8_lossy(&output.stdout));
        said.push_str(&String::from_utf8_lossy(&output.stderr));
    };
    stage.commit(mode, &[("a", mode)]);
    stage.push(&["origin", "main"]).ok();
    run(&[
        "sync",
        "config",
        "create",
        "team/app",
        "--connection",
        "work",
        "--remote",
        "octocat/app",
        "--direction",
        "export",
        "--mode",
        mode,
        "--label",
        mode,
    ]);
    run(&["sync", "trigger", mode]);
    stage.commit("more", &[("b", mode)]);
    stage.push(&["origin", "main"]).ok();
    run(&["--json", "sync", "trigger", mode]);
    run(&["sync", "verify", mode]);
    run(&["sync", "delete", mode]);
    run(&["sync", "config", "delete", mode]);
    for args in [
        &["connections", "list"][..],
        &["connections", "test", "work"],
        &["doctor"],
        &["keyring", "check"],
        &["--json", "connections", "show", "work"],
        &["keyring", "rotate"],
        &["sync", "status"],
    ] {
        run(args);
    }
}

#[test]
fn the_token_is_found_nowhere() {
    let stage = Stage::new();
    stage.repo();
    let forms = forms(&stage.token);
    let done = AtomicBool::new(false);
    let mut said = String::new();
    let mut hits = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut hits = Vec::new();
            while !done.load(Ordering::Relaxed) {
                processes_with(&forms, &mut hits);
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            hits
        });
        story(&stage, "history", &mut said);
        stage.forge.fault(
            coregit_tests::forge::Fault::on(
                "*",
                "*",
                coregit_tests::forge::Effect::Answer(coregit_tests::forge::Canned::message(500, "boom")),
            )
            .times(3),
        );
        story(&stage, "snapshot", &mut said);
        stage.forge.revoke("mine");
        story(&stage, "history", &mut said);
        done.store(true, Ordering::Relaxed);
        watcher.join().unwrap()
    });
    assert!(said.contains("success"), "the story was told: {said}");
    if found_in(&forms, said.as_bytes()) {
        hits.push("output and logs".to_owned());
    }
    for folder in ["home", "srv", "work", "user"] {
        files_with(&forms, &stage.path(folder), &mut hits);
    }
    assert!(hits.is_empty(), "the token was found in {hits:?}");
}

#[test]
fn an_error_never_echoes_what_was_given_as_a_token() {
    let stage = Stage::bare();
    stage.coregit(&["init"]).ok();
    for token in ["ghp_canary with space", "ghp_canary\u{7}", "ghp_canary\nsecond", "ghp_canarÿ"] {
        let said = stage.connect("work", token);
        assert_eq!(said.code, 2, "{said:?}");
        assert!(!said.err.contains("canar") && !said.out.contains("canar"), "{said:?}");
    }
    let said = stage.coregit(&["connections", "create", "--token", "ghp_canary"]);
    assert_eq!(said.code, 2, "a token is no argument");
}
