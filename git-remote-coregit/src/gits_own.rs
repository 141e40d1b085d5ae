//! The one place that starts `git` here: with the user's environment, less what could print a secret.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use coregit_model::{ConnectionId, RemoteRepo};

use crate::trouble::Trouble;

/// These would print what git otherwise blackens.
const TALKATIVE: [&str; 2] = ["GIT_TRACE_REDACT", "GIT_CURL_VERBOSE"];

/// `git` for this user: configuration, proxy, certificates and quarantine are theirs.
pub fn git() -> Command {
    let mut command = Command::new("git");
    TALKATIVE.iter().for_each(|name| {
        command.env_remove(name);
    });
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

    /// The same as a child that is spoken with. Under protocol version 2 its `list` would answer nothing:
    /// a clone would look empty, and `fetch --prune` would delete every tracking ref.
    pub fn beside(&self) -> Result<Command, Trouble> {
        self.command(&["protocol.version=0"])
    }
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
