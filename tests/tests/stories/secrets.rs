//! A canary token is searched for everywhere a secret could leak.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use coregit_tests::forge::{Canned, Effect, Fault};
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

/// Variables that make git say much; `GIT_TRACE_REDACT=0` is the user's own word not to hide anything.
const LOUD: [(&str, &str); 8] = [
    ("GIT_TRACE", "1"),
    ("GIT_TRACE_CURL", "1"),
    ("GIT_TRACE_PACKET", "1"),
    ("GIT_TRACE2", "1"),
    ("GIT_TRACE2_EVENT", "1"),
    ("GIT_CURL_VERBOSE", "1"),
    ("GIT_TRACE_REDACT", "0"),
    ("COREGIT_LOG", "trace"),
];

/// What is run between two pushes and after them; `MODE` is the mode, which is the label too.
const BETWEEN: [&str; 2] = [
    "sync config create team/app --connection work --remote octocat/app --direction export --mode MODE --label MODE",
    "sync trigger MODE",
];
const AFTER: [&str; 10] = [
    "--json sync trigger MODE",
    "sync verify MODE",
    "sync config delete MODE",
    "connections list",
    "connections test work",
    "doctor",
    "keyring check",
    "--json connections show work",
    "keyring rotate",
    "sync status",
];

fn run(stage: &Stage, lines: &[&str], mode: &str, said: &mut String) {
    for line in lines {
        let line = line.replace("MODE", mode);
        let args: Vec<_> = line.split(' ').collect();
        let output = stage.command(&args).envs(LOUD).output().unwrap();
        said.push_str(&String::from_utf8_lossy(&output.stdout));
        said.push_str(&String::from_utf8_lossy(&output.stderr));
    }
}

fn story(stage: &Stage, mode: &str, said: &mut String) {
    stage.commit(mode, &[("a", mode)]);
    stage.push(&["origin", "main"]).ok();
    run(stage, &BETWEEN, mode, said);
    stage.commit("more", &[("b", mode)]);
    stage.push(&["origin", "main"]).ok();
    run(stage, &AFTER, mode, said);
}

/// Every mode, a host that fails, a token that dies: all that is said goes into `said`.
fn stories(stage: &Stage, said: &mut String) {
    story(stage, "history", said);
    stage.forge.fault(Fault::on("*", "*", Effect::Answer(Canned::message(500, "boom"))).times(3));
    story(stage, "snapshot", said);
    stage.forge.revoke("mine");
    story(stage, "history", said);
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
        stories(&stage, &mut said);
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
