//! How a push's hooks ask the forge: a folder of hooks for this one push, and two pipes in it.
//!
//! `pre-receive` hands over the commands and the quarantine, waits for the verdict and prints what the forge
//! says; `update` declines the refs that were refused. Both are put there anew for every push that is judged.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe::OpenOptions;

use super::judge::{Judge, RefChange};

const PRE_RECEIVE: &str = r#"#!/bin/sh
here=${0%/*}
{ printf '%s\n' "$GIT_QUARANTINE_PATH"; cat; } >"$here/commands"
echo asked >"$here/ask"
read -r code <"$here/verdict"
cat "$here/said" >&2
exit "$code"
"#;

const UPDATE: &str = r#"#!/bin/sh
while IFS= read -r refused; do
	[ "$refused" = "$1" ] && exit 1
done <"${0%/*}/refused"
exit 0
"#;

/// The reasons that the verdict gave, by ref.
pub(super) type Reasons = Arc<Mutex<BTreeMap<String, String>>>;

/// A push's hooks and the forge's ear at them; gone when dropped.
pub(super) struct Exchange {
    folder: tempfile::TempDir,
    listening: tokio::task::JoinHandle<()>,
    pub(super) reasons: Reasons,
}

impl Exchange {
    /// Sets the hooks up and listens.
    pub(super) fn open(root: &Path, judge: Judge) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("push-").tempdir_in(root)?;
        for pipe in ["ask", "verdict"] {
            mknodat(CWD, folder.path().join(pipe), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        }
        script(folder.path(), "pre-receive", PRE_RECEIVE)?;
        let reasons = Reasons::default();
        let listening = tokio::spawn(listen(folder.path().to_owned(), judge, reasons.clone()));
        Ok(Self { folder, listening, reasons })
    }

    /// The folder that `core.hooksPath` names.
    pub(super) fn hooks(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

fn script(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let path = folder.join(name);
    std::fs::write(&path, text)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
}

/// Waits for the hook, judges, answers. A push that dies before its hook never asks; the drop ends this then.
async fn listen(folder: PathBuf, judge: Judge, reasons: Reasons) {
    // Opened for both ways, so that opening waits for nobody.
    let both = |pipe| folder.join(pipe);
    let mut options = OpenOptions::new();
    let options = options.read_write(true);
    let Ok(mut ask) = options.open_receiver(both("ask")) else { return };
    let Ok(mut verdict) = options.open_sender(both("verdict")) else { return };
    let mut asked = [0; 6];
    if ask.read_exact(&mut asked).await.is_err() {
        return;
    }
    let judged = tokio::task::spawn_blocking(move || judged(&folder, judge, &reasons)).await;
    let code = match judged {
        Ok(Ok(code)) => code,
        _ => 1,
    };
    if verdict.write_all(format!("{code}\n").as_bytes()).await.is_ok() {
        // The pipe must stay open until the hook has read.
        std::future::pending::<()>().await;
    }
}

/// Writes what the hooks will say and do; returns `pre-receive`'s exit code.
fn judged(folder: &Path, mut judge: Judge, reasons: &Reasons) -> io::Result<u8> {
    let commands = std::fs::read(folder.join("commands"))?;
    let commands = String::from_utf8_lossy(&commands);
    let (quarantine, lines) = commands.split_once('\n').unwrap_or((&commands, ""));
    judge.quarantine = (!quarantine.is_empty()).then(|| PathBuf::from(quarantine));
    let changes: Vec<RefChange> = lines.lines().filter_map(change).collect();
    let large = judge.too_large(&changes);
    if !large.is_empty() {
        std::fs::write(folder.join("said"), large.join("\n") + "\n")?;
        return Ok(1);
    }
    let refusals = judge.refusals(&changes);
    let said: String = refusals.iter().flat_map(|r| &r.lines).map(|l| format!("{l}\n")).collect();
    std::fs::write(folder.join("said"), said)?;
    if !refusals.is_empty() {
        let refused: String = refusals.iter().map(|r| format!("{}\n", r.name)).collect();
        std::fs::write(folder.join("refused"), refused)?;
        script(folder, "update", UPDATE)?;
    }
    let mut kept = reasons.lock().expect("no panic under this lock");
    kept.extend(refusals.into_iter().map(|r| (r.name, r.reason)));
    Ok(0)
}

fn change(line: &str) -> Option<RefChange> {
    let mut parts = line.splitn(3, ' ');
    let oid = |text: &str| (!text.bytes().all(|b| b == b'0')).then(|| text.to_owned());
    Some(RefChange { old: oid(parts.next()?), new: oid(parts.next()?), name: parts.next()?.to_owned() })
}
