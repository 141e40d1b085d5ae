//! The forge as a program, and over TLS.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use coregit_tests::forge::{Forge, Options, Repo, Token, ask};
use serde_json::{Value, json};

use super::{git, ok};

fn started(arguments: &[&str]) -> (Child, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_test-forge"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, serde_json::from_str(&line).unwrap())
}

#[test]
fn the_program_prints_its_address_serves_and_ends_with_its_input() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    let (mut child, said) = started(&["--root", root.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    let url = said["url"].as_str().unwrap();
    let control = |path: &str, body: Value| {
        ask("POST", &format!("{url}/_forge/{path}"), &[], body.to_string().as_bytes()).unwrap().json()
    };
    let token = control("tokens", json!({"login": "octocat", "scopes": ["repo"]}))["value"].clone();
    let id = control("repos", json!({"owner": "octocat", "name": "app"}))["id"].clone();
    let with_token = url.replace("http://", &format!("http://x:{}@", token.as_str().unwrap()));
    ok(dir.path(), &["init", "-q", "here"]);
    let here = dir.path().join("here");
    ok(&here, &["commit", "-q", "--allow-empty", "-m", "one"]);
    ok(&here, &["push", "-q", &format!("{with_token}/octocat/app"), "HEAD:main"]);
    assert!(root.join(format!("repos/{id}.git/HEAD")).exists());
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_program_ends_at_sigterm() {
    let (mut child, _) = started(&[]);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn git_speaks_tls_with_the_forges_authority_and_only_with_it() {
    let forge = Forge::start(Options { tls: true, ..Options::default() });
    forge.token(Token::classic("octocat"));
    forge.repo(Repo::new("octocat/app"));
    let dir = tempfile::tempdir().unwrap();
    let url = forge.git_url("octocat/app");
    assert!(url.starts_with("https://127.0.0.1:"));
    assert!(!git(dir.path(), &["ls-remote", &url]).status.success());
    let ca = format!("http.sslCAInfo={}", forge.ca_file().unwrap().display());
    for version in ["HTTP/1.1", "HTTP/2"] {
        let version = format!("http.version={version}");
        ok(dir.path(), &["-c", &ca, "-c", &version, "ls-remote", &url]);
    }
}
