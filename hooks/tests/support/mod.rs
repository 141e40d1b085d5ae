//! A bare repository with our hooks, pushes to it, and raw conversations with its receive-pack.

#![allow(clippy::unwrap_used, dead_code)]

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use coregit_model::{Oid, RepoId};
use coregit_spool::{Policy, Spool};
use tempfile::TempDir;

/// Our three hooks as they were built.
pub const HOOKS: [(&str, &str); 3] = [
    ("pre-receive", env!("CARGO_BIN_EXE_coregit-pre-receive")),
    ("update", env!("CARGO_BIN_EXE_coregit-update")),
    ("post-receive", env!("CARGO_BIN_EXE_coregit-post-receive")),
];

/// The all-zero oid.
pub const ZERO: &str = "0000000000000000000000000000000000000000";

pub fn uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// A git command that knows no configuration but its repository's.
pub fn command(dir: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(dir).env_clear();
    git.env("PATH", std::env::var_os("PATH").unwrap());
    git.env("HOME", "/nonexistent").env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{who}_NAME"), "A U Thor").env(format!("GIT_{who}_EMAIL"), "author@example.com");
        git.env(format!("GIT_{who}_DATE"), "1700000000 +0000");
    }
    git
}

/// Runs git with this input.
pub fn run(command: &mut Command, input: &[u8]) -> Output {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // A program may end before it has read everything.
        scope.spawn(move || _ = stdin.write_all(input));
        child.wait_with_output().unwrap()
    })
}

/// What git answers; it must succeed.
pub fn git(dir: &Path, args: &[&str], input: &[u8]) -> String {
    let output = run(command(dir).args(args), input);
    assert!(output.status.success(), "git {args:?}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Everything that a command said to people.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A server's repository, a pusher's repository, and a home for what hooks start.
pub struct Stage {
    pub dir: TempDir,
    pub server: PathBuf,
    pub local: PathBuf,
    pub policy: Policy,
}

impl Stage {
    pub fn new() -> Self {
        Self::of_format("sha1")
    }

    pub fn of_format(format: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let (server, local, home) = (root.join("server.git"), root.join("local"), root.join("home"));
        let object_format = format!("--object-format={format}");
        let init = ["-c", "init.defaultBranch=main", "init", "-q", &object_format];
        git(&root, &[&init[..], &["--bare", "--template=", "server.git"]].concat(), b"");
        git(&root, &[&init[..], &["--template=", "local"]].concat(), b"");
        std::fs::create_dir_all(home.join("bin")).unwrap();
        std::fs::create_dir(server.join("hooks")).unwrap();
        for (hook, binary) in HOOKS {
            symlink(binary, server.join("hooks").join(hook)).unwrap();
        }
        let policy = Policy {
            home: home.clone(),
            coregit: home.join("bin/coregit"),
            owner_uid: uid(),
            socket: home.join("worker.sock"),
            repo_id: RepoId::random(),
            allowed: Policy::USUAL_REFS.map(str::to_owned).to_vec(),
            protected: Vec::new(),
            labels: vec!["github".into(), "lab".into()],
            fail_closed: false,
            wait_for_s: 60,
        };
        let stage = Self { dir, server, local, policy };
        stage.script(&stage.policy.coregit.clone(), "exit 0");
        stage.spool().create().unwrap();
        stage.spool().write_policy(&stage.policy).unwrap();
        git(&stage.local, &["remote", "add", "origin", stage.server.to_str().unwrap()], b"");
        stage
    }

    pub fn spool(&self) -> Spool {
        Spool::at(&self.server)
    }

    pub fn root(&self) -> &Path {
        self.server.parent().unwrap()
    }

    /// Changes the policy.
    pub fn set(&mut self, change: impl FnOnce(&mut Policy)) {
        change(&mut self.policy);
        self.spool().write_policy(&self.policy).unwrap();
    }

    /// Writes an executable shell script.
    pub fn script(&self, path: &Path, body: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Written elsewhere and moved: a file that is open for writing cannot be run.
        let new = path.with_extension("new");
        std::fs::write(&new, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(&new, PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::rename(&new, path).unwrap();
    }

    /// Makes a commit on the local `main`.
    pub fn commit(&self, message: &str) -> String {
        git(&self.local, &["commit", "-q", "--allow-empty", "-m", message], b"");
        git(&self.local, &["rev-parse", "HEAD"], b"")
    }

    /// Pushes with these arguments.
    pub fn push(&self, args: &[&str]) -> Output {
        run(command(&self.local).args(["push", "-q", "origin"]).args(args), b"")
    }

    /// Writes an object whatever git thinks of it.
    pub fn object(&self, kind: &str, raw: &[u8]) -> String {
        git(&self.local, &["hash-object", "-t", kind, "--literally", "-w", "--stdin"], raw)
    }

    /// A commit of this tree.
    pub fn commit_of(&self, tree: &str) -> String {
        let who = "A <a@x> 1 +0000";
        self.object("commit", format!("tree {tree}\nauthor {who}\ncommitter {who}\n\nm\n").as_bytes())
    }

    /// A tree of these entries.
    pub fn tree(&self, entries: &[(&str, &[u8], &str)]) -> String {
        let entry = |(mode, name, oid): &(&str, &[u8], &str)| {
            let oid: Oid = oid.parse().unwrap();
            [mode.as_bytes(), b" ", name, b"\0", oid.as_bytes()].concat()
        };
        self.object("tree", &entries.iter().flat_map(entry).collect::<Vec<_>>())
    }

    /// Sends a pack of exactly these objects, and these commands, to receive-pack as any client could.
    pub fn send(&self, commands: &[(&str, &str, &[u8])], objects: &[String]) -> Answer {
        let list = objects.iter().map(|o| format!("{o}\n")).collect::<String>();
        let pack = run(command(&self.local).args(["pack-objects", "--stdout", "-q"]), list.as_bytes());
        assert!(pack.status.success(), "{}", said(&pack));
        receive_pack(&self.server, commands, &pack.stdout)
    }

    /// Whether an object is in the server's repository.
    pub fn has(&self, oid: &str) -> bool {
        run(command(&self.server).args(["cat-file", "-e", oid]), b"").status.success()
    }

    pub fn refs(&self) -> String {
        git(&self.server, &["for-each-ref", "--format=%(refname) %(objectname)"], b"")
    }
}

/// What a receive-pack answered.
pub struct Answer {
    /// The status report, raw.
    pub report: String,
    /// What hooks and git said.
    pub said: String,
}

impl Answer {
    pub fn accepted(&self) -> bool {
        self.report.contains("unpack ok") && self.report.contains("ok refs/") && !self.report.contains("ng ")
    }
}

fn pkt(payload: &[u8]) -> Vec<u8> {
    [format!("{:04x}", payload.len() + 4).as_bytes(), payload].concat()
}

/// One conversation: the advertisement is passed over, commands and pack are sent, the answer is read.
pub fn receive_pack(server: &Path, commands: &[(&str, &str, &[u8])], pack: &[u8]) -> Answer {
    let mut request = Vec::new();
    for (n, (old, new, name)) in commands.iter().enumerate() {
        let mut line = [old.as_bytes(), b" ", new.as_bytes(), b" ", name].concat();
        if n == 0 {
            line.extend_from_slice(b"\0report-status");
            line.extend_from_slice(if new.len() == 64 { b" object-format=sha256" } else { b"" });
        }
        request.extend(pkt(&line));
    }
    request.extend_from_slice(b"0000");
    if commands.iter().any(|(_, new, _)| new.bytes().any(|b| b != b'0')) {
        request.extend_from_slice(pack);
    }
    let output = run(command(server).args(["receive-pack", "."]), &request);
    let report = after_advertisement(&output.stdout);
    Answer { report: String::from_utf8_lossy(report).into_owned(), said: said(&output) }
}

fn after_advertisement(raw: &[u8]) -> &[u8] {
    let mut rest = raw;
    while let Some(len) =
        rest.get(..4).and_then(|l| usize::from_str_radix(std::str::from_utf8(l).ok()?, 16).ok())
    {
        if len == 0 {
            return &rest[4..];
        }
        rest = &rest[len..];
    }
    b""
}

/// Starts a hook by itself, as git would in this repository.
pub fn hook(name: &str, server: &Path) -> Command {
    let mut hook = Command::new(server.join("hooks").join(name));
    hook.current_dir(server).env_clear().env("GIT_DIR", ".").env("PATH", std::env::var_os("PATH").unwrap());
    hook.env("HOME", "/nonexistent");
    hook
}

/// A file that appears soon: its content.
pub fn soon(path: &Path) -> String {
    for _ in 0..1000 {
        if let Ok(text) = std::fs::read_to_string(path)
            && !text.is_empty()
        {
            return text;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{} did not appear", path.display());
}

/// Bytes of the most memory a process has had so far, in kB.
pub fn peak_kb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Reads all of a stream.
pub fn all(mut from: impl Read) -> String {
    let mut raw = Vec::new();
    from.read_to_end(&mut raw).unwrap();
    String::from_utf8_lossy(&raw).into_owned()
}

/// A path as text.
pub fn text(path: &(impl AsRef<OsStr> + ?Sized)) -> &str {
    path.as_ref().to_str().unwrap()
}
