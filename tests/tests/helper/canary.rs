//! A token is searched for everywhere it could leak while git works through the helper.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use coregit_tests::forge::Repo;

use super::desk::{Desk, said};

/// The forms in which a token could stand somewhere.
fn forms(token: &str) -> Vec<Vec<u8>> {
    let base64 = base64::engine::general_purpose::STANDARD;
    let pairs =
        ["x-access-token", "octocat"].map(|user| base64.encode(format!("{user}:{token}")).into_bytes());
    let mut forms = vec![token.as_bytes().to_vec(), base64.encode(token).into_bytes()];
    forms.extend(pairs);
    forms
}

fn found_in(forms: &[Vec<u8>], haystack: &[u8]) -> bool {
    forms.iter().any(|form| haystack.windows(form.len()).any(|w| w == form))
}

fn files_with(forms: &[Vec<u8>], folder: &Path, hits: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files_with(forms, &path, hits),
            Ok(kind) if kind.is_file() && found_in(forms, &std::fs::read(&path).unwrap_or_default()) => {
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

/// The traces of git itself, and those of curl, which send the talk to git's own helper.
const TRACES: [&[&str]; 2] = [
    &[
        "GIT_TRACE",
        "GIT_TRACE_PACKET",
        "GIT_TRACE_SETUP",
        "GIT_TRACE2",
        "GIT_TRACE2_EVENT",
        "GIT_TRACE2_PERF",
        "GIT_TRANSPORT_HELPER_DEBUG",
        "GIT_TRANSLOOP_DEBUG",
    ],
    &["GIT_TRACE_CURL", "GIT_CURL_VERBOSE"],
];

/// git with traces, and nothing blackened.
fn traced(desk: &Desk, dir: &str, args: &[&str], told: &mut String) {
    for traces in TRACES {
        let mut command = desk.command(desk.path(dir), args);
        command.envs(traces.iter().map(|name| (name, "1")));
        command.env("GIT_TRACE_REDACT", "0").env("GIT_TRACE2_CONFIG_PARAMS", "*").env("COREGIT_LOG", "trace");
        command.env("GIT_TRACE2_ENV_VARS", "GIT_CONFIG_PARAMETERS,GIT_CONFIG_COUNT,HOME");
        command.env("COREGIT_TRACE_WIRE", desk.path("wire.log"));
        let said = said(&mut command);
        told.push_str(&said.out);
        told.push_str(&said.err);
    }
}

/// A day's work, by our own client and by git's own helper, and a day on which the token is refused.
fn story(desk: &Desk, told: &mut String) {
    let address = "coregit://work/octocat/secret";
    for (name, setting) in
        [("ours", "a.b=c"), ("gits", "http.extraHeader=X-A: b"), ("old", "protocol.version=0")]
    {
        let mut run = |dir: &str, args: &[&str]| traced(desk, dir, &[&["-c", setting], args].concat(), told);
        run(".", &["clone", address, name]);
        desk.commit(&desk.path(name), name, "1");
        run(name, &["push", "origin", "main"]);
        run(name, &["fetch"]);
        run(name, &["ls-remote"]);
        run(name, &["push", &desk.url("octocat/secret"), "main:side"]);
    }
    desk.stage.forge.revoke("mine");
    traced(desk, "ours", &["fetch"], told);
    traced(desk, "ours", &["-c", "http.extraHeader=X-A: b", "fetch"], told);
}

#[test]
fn the_token_is_found_nowhere() {
    let desk = Desk::new();
    desk.stage.forge.repo(Repo::new("octocat/secret").private());
    let forms = forms(&desk.stage.token);
    let done = AtomicBool::new(false);
    let mut told = String::new();
    let mut hits = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut hits = Vec::new();
            while !done.load(Ordering::Relaxed) {
                processes_with(&forms, &mut hits);
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            hits
        });
        story(&desk, &mut told);
        done.store(true, Ordering::Relaxed);
        watcher.join().unwrap()
    });
    for name in ["ours", "gits", "old"] {
        assert_ne!(desk.rev(desk.stage.forge.bare("octocat/secret"), &format!("main:{name}")), "", "{told}");
    }
    assert!(told.contains("Authentication failed"), "the end was told: {told}");
    if found_in(&forms, told.as_bytes()) {
        let line = told.lines().find(|line| found_in(&forms, line.as_bytes())).unwrap();
        hits.push(format!("output and traces: {line}"));
    }
    files_with(&forms, &desk.path("."), &mut hits);
    assert!(hits.is_empty(), "the token was found in {hits:?}");
}
