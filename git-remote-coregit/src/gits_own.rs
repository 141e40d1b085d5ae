//! The one place that starts `git` here: with the user's environment, less what could print a secret.

use std::ffi::OsString;
use std::io::{PipeReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use coregit_model::{ConnectionId, RemoteRepo, Secret};

use crate::login::Login;
use crate::trouble::Trouble;

/// `git` for this user: configuration, proxy, certificates and quarantine are theirs. What git blackens in
/// its traces stays black.
pub fn git() -> Command {
    let mut command = Command::new("git");
    command.env_remove("GIT_TRACE_REDACT");
    command
}

/// git's own helper for a URL, under the name that git gave the remote.
#[derive(Clone, Debug)]
pub struct OwnHelper {
    /// The remote's name, or its address where it has none.
    pub remote: String,
    /// The http(s) URL.
    pub url: String,
    /// The connection whose token it gets, and the repository (`crate::handover`); `None`: the user's own
    /// credential helpers are asked.
    pub connection: Option<(ConnectionId, RemoteRepo)>,
}

impl OwnHelper {
    /// The command, its settings in place. Nothing secret is in it.
    fn command(&self, settings: &[&str]) -> Result<Command, Trouble> {
        let mut command = git();
        for setting in settings {
            command.args(["-c", setting]);
        }
        if let Some(connection) = &self.connection {
            for setting in credential_settings(connection)? {
                command.arg("-c").arg(setting);
            }
        }
        let scheme = if self.url.starts_with("https://") { "remote-https" } else { "remote-http" };
        command.args([scheme, &self.remote, &self.url]);
        Ok(command)
    }

    /// Becomes that helper. Returns only when it cannot be started.
    pub fn become_it(&self) -> Trouble {
        match self.command(&[]) {
            Ok(mut command) => Trouble::new(format!("git cannot be started: {}", command.exec())),
            Err(trouble) => trouble,
        }
    }

    /// The same as a child that is spoken with. `told`: a login that git's credential helpers have given
    /// already, so that nobody is asked twice; what holds it must live until the child is started.
    ///
    /// Under protocol version 2 its `list` would answer nothing: a clone would look empty, and
    /// `fetch --prune` would delete every tracking ref.
    pub fn beside(&self, told: Option<&Login>) -> Result<(Command, Option<PipeReader>), Trouble> {
        let mut settings = vec!["protocol.version=0".to_owned()];
        let pipe = told.and_then(|login| login.credential.as_login()).map(once).transpose()?;
        settings.extend(pipe.as_ref().map(|pipe| {
            format!("credential.helper=!f() {{ test \"$1\" = get && cat /dev/fd/{}; }}; f", pipe.as_raw_fd())
        }));
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        Ok((self.command(&settings)?, pipe))
    }
}

/// A pipe that children inherit and that says a login once.
fn once((user, password): (&str, &Secret)) -> Result<PipeReader, Trouble> {
    let wrong = |e: std::io::Error| Trouble::io("a pipe cannot be made", &e);
    let (reader, mut writer) = std::io::pipe().map_err(wrong)?;
    let text = Secret::new(format!("username={user}\npassword={}\n", password.expose()));
    writer.write_all(text.expose().as_bytes()).map_err(wrong)?;
    rustix::io::fcntl_setfd(&reader, rustix::io::FdFlags::empty()).map_err(|e| wrong(e.into()))?;
    Ok(reader)
}

/// Our token through git's credential protocol. The empty helper first forgets the user's own, which would
/// otherwise be given our token to store; a redirect would take it to another host.
fn credential_settings((connection, repo): &(ConnectionId, RemoteRepo)) -> Result<[OsString; 4], Trouble> {
    let own = std::env::current_exe().map_err(|e| Trouble::io("our own program cannot be found", &e))?;
    let own = own.to_string_lossy().replace('\'', "'\\''");
    Ok([
        "credential.helper=".into(),
        format!("credential.helper=!'{own}' --credential {connection} {repo}").into(),
        "http.proactiveAuth=basic".into(),
        "http.followRedirects=false".into(),
    ])
}
