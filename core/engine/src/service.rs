//! Keeping a worker running: a systemd unit, a user unit, or a cron line.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Engine, Error};

const UNIT: &str = "coregit-worker.service";
const CRON_MARK: &str = "# coregit worker";

/// What `service install` did, or would do.
#[derive(Debug, serde::Serialize)]
pub struct ServiceReport {
    /// `systemd`, `systemd-user` or `cron`.
    pub kind: &'static str,
    /// The unit file; `None` for a cron line.
    pub file: Option<PathBuf>,
    /// What was written.
    pub text: String,
    /// Sentences for the user.
    pub notes: Vec<String>,
}

impl Engine {
    /// Installs a worker that stays up: a system unit for root, a user unit elsewhere, a cron line where
    /// systemd does not run. `write = false` only says what would be written.
    pub fn install_service(&self, write: bool) -> Result<ServiceReport, Error> {
        let mut report = self.service()?;
        if !write {
            return Ok(report);
        }
        match &report.file {
            Some(file) => {
                write_unit(file, &report.text)?;
                report.notes.extend(start_unit(report.kind));
            }
            None => write_crontab(Some(&report.text))?,
        }
        Ok(report)
    }

    /// Takes it out again.
    pub fn uninstall_service(&self) -> Result<ServiceReport, Error> {
        let report = self.service()?;
        match &report.file {
            Some(file) if file.exists() => {
                let _ = systemctl(report.kind, &["disable", "--now", UNIT]);
                std::fs::remove_file(file)
                    .map_err(|e| Error::failed(format!("{} cannot be removed: {e}", file.display())))?;
            }
            Some(_) => {}
            None => write_crontab(None)?,
        }
        Ok(report)
    }

    /// Whether a unit or cron line is there, or a worker answers.
    pub(crate) fn worker_is_installed(&self) -> bool {
        let file = self.service().ok().and_then(|r| r.file);
        file.is_some_and(|f| f.exists()) || self.worker_answers() || crontab().contains(CRON_MARK)
    }

    /// Whether a worker listens on the socket right now.
    pub(crate) fn worker_answers(&self) -> bool {
        let Ok(socket) = std::os::unix::net::UnixDatagram::unbound() else { return false };
        let _ = socket.set_nonblocking(true);
        socket.connect(self.home.worker_socket()).is_ok()
    }

    fn service(&self) -> Result<ServiceReport, Error> {
        let coregit = std::env::current_exe()
            .and_then(|p| p.canonicalize())
            .map_err(|e| Error::failed(format!("coregit's own path is not known: {e}")))?;
        let home = self.home.path();
        let root = rustix::process::geteuid().is_root();
        let systemd = Path::new("/run/systemd/system").is_dir();
        let (kind, file) = match (systemd, root) {
            (false, _) => ("cron", None),
            (true, true) => ("systemd", Some(PathBuf::from("/etc/systemd/system").join(UNIT))),
            (true, false) => ("systemd-user", Some(user_units()?.join(UNIT))),
        };
        let text = match kind {
            "cron" => format!(
                "* * * * * {} --home {} worker --drain {CRON_MARK}\n",
                quoted(&coregit, "\\%"),
                quoted(home, "\\%")
            ),
            _ => unit(&coregit, home, root),
        };
        Ok(ServiceReport { kind, file, text, notes: Vec::new() })
    }
}

fn unit(coregit: &Path, home: &Path, root: bool) -> String {
    let target = if root { "multi-user.target" } else { "default.target" };
    format!(
        "[Unit]\nDescription=coregit worker\nAfter=network-online.target\n\n[Service]\nExecStart={} --home {} worker\n\
         Restart=always\nRestartSec=2\nTimeoutStopSec=40\nUMask=0077\nNoNewPrivileges=yes\nLimitCORE=0\n\n\
         [Install]\nWantedBy={target}\n",
        quoted(coregit, "%%"),
        quoted(home, "%%")
    )
}

/// Both systemd and cron read a double-quoted word; `%` means something to both, and is escaped as `percent`.
fn quoted(path: &Path, percent: &str) -> String {
    format!("\"{}\"", path.display().to_string().replace('"', "\\\"").replace('%', percent))
}

fn user_units() -> Result<PathBuf, Error> {
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.or_else(|| std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".config")));
    config.map(|c| c.join("systemd/user")).ok_or_else(|| Error::usage("HOME is not set"))
}

fn write_unit(file: &Path, text: &str) -> Result<(), Error> {
    let wrong = |e: std::io::Error| Error::failed(format!("{} cannot be written: {e}", file.display()));
    if let Some(dir) = file.parent() {
        std::fs::create_dir_all(dir).map_err(wrong)?;
    }
    Ok(coregit_spool::write_atomic(file, text.as_bytes(), 0o644)?)
}

fn start_unit(kind: &str) -> Vec<String> {
    let reloaded = systemctl(kind, &["daemon-reload"]);
    match reloaded && systemctl(kind, &["enable", "--now", UNIT]) {
        true => vec![format!("{UNIT} runs")],
        false => vec![format!("the unit is written but did not start: `systemctl status {UNIT}` tells why")],
    }
}

fn systemctl(kind: &str, args: &[&str]) -> bool {
    let mut command = Command::new("systemctl");
    if kind == "systemd-user" {
        command.arg("--user");
    }
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|s| s.success())
}

fn crontab() -> String {
    let output = Command::new("crontab").arg("-l").stdin(Stdio::null()).stderr(Stdio::null()).output();
    output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default()
}

/// Replaces our line in the user's crontab; `None` takes it out.
fn write_crontab(line: Option<&str>) -> Result<(), Error> {
    let now = crontab();
    let kept: String = now.lines().filter(|l| !l.ends_with(CRON_MARK)).map(|l| format!("{l}\n")).collect();
    let next = kept + line.unwrap_or("");
    if next == now {
        return Ok(());
    }
    let missing = |e: std::io::Error| {
        Error::failed(format!("crontab cannot be run: {e}")).hint(
            "keep `coregit worker` running by your own means, for example in a container's start command",
        )
    };
    let mut child = Command::new("crontab").arg("-").stdin(Stdio::piped()).spawn().map_err(missing)?;
    let wrote = std::io::Write::write_all(&mut child.stdin.take().expect("it was piped"), next.as_bytes());
    let ended = child.wait().map_err(missing)?;
    match wrote.is_ok() && ended.success() {
        true => Ok(()),
        false => Err(Error::failed("crontab did not take the line")),
    }
}
