//! A client that was not made with this forge in mind finds GitHub in it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::{Stage, ok};

/// The release that is driven.
const CLIENT: &str = "PyGithub==2.8.1";

/// The interpreter of a virtual environment with the client in it, below the target folder; what is in the way.
fn interpreter() -> Result<PathBuf, String> {
    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
    let folder = target.join("foreign").join(CLIENT.replace("==", "-"));
    let python = folder.join("bin/python");
    let works =
        || Command::new(&python).args(["-c", "import github"]).output().is_ok_and(|o| o.status.success());
    if works() {
        return Ok(python);
    }
    let folder = folder.to_str().unwrap();
    run(Command::new("python3").args(["-m", "venv", "--clear", folder]))?;
    run(Command::new(&python).args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        CLIENT,
    ]))?;
    if works() { Ok(python) } else { Err("the client cannot be imported".to_owned()) }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

fn drive(python: &Path, stage: &Stage) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign/pygithub_drive.py");
    let mut command = Command::new(python);
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.env_remove("http_proxy").env_remove("HTTP_PROXY").spawn().unwrap();
    let given = json!({"api": stage.forge.api(), "token": stage.token}).to_string();
    child.stdin.take().unwrap().write_all(given.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that could not run must say so")]
fn pygithub_finds_github() {
    let python = match interpreter() {
        Ok(python) => python,
        Err(why) => {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "no foreign client: {why}");
            return eprintln!("note: the foreign client was not driven: {why}");
        }
    };
    let stage = Stage::new();
    let output = drive(&python, &stage);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(stage.forge.violations(), [""; 0]);
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&seen["login"], &seen["viewer"]), (&json!("octocat"), &json!("octocat")));
    assert_eq!(seen["scopes"], json!(["repo", "workflow", "admin:repo_hook"]));
    assert_eq!(seen["contents"]["empty"], json!([409, "Git Repository is empty."]));
    assert_eq!(seen["contents"]["text"], "hello again\n");
    assert_eq!(seen["contents"]["commits"], json!(["gone", "other", "changed", "made"]));
    assert_eq!(seen["database"]["back"], json!([422, "Update is not a fast forward"]));
    assert_eq!(seen["database"]["compare"], "ahead");
    assert_eq!(seen["database"]["tags"], json!(["refs/tags/v1"]));
    assert_eq!(seen["hooks"]["listed"], json!([["********", ["create", "push"]]]));
    assert_eq!((&seen["hooks"]["again"][0], &seen["hooks"]["left"]), (&json!(422), &json!(0)));
    assert_eq!((&seen["absent"][0], &seen["wrong"][0]), (&json!(404), &json!(401)));
    assert_eq!(seen["renamed"], "octocat/renamed");
    let dir = stage.dir.path();
    ok(dir, &["clone", "-q", "-b", "v1", &stage.url("octocat/renamed", &stage.token), "clone"]);
    assert_eq!(ok(&dir.join("clone"), &["rev-parse", "HEAD"]), seen["database"]["commit"].as_str().unwrap());
    assert_eq!(ok(&dir.join("clone"), &["show", "-s", "--format=%aI"]), "2026-11-20T11:22:33+02:00");
}
