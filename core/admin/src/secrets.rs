//! Reading a secret: standard input, a file, or a prompt without echo. Never the command line.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::Path;

use coregit_engine::Error;
use coregit_model::Secret;

use crate::cli::TokenSource;

/// More than this is no token and no key: 64 KiB.
const MOST: u64 = 64 * 1024;

/// The token that a command was told to read; asked for when it was told nothing and a person is there.
pub fn token(source: &TokenSource) -> Result<Secret, Error> {
    if let Some(file) = &source.token_file {
        return read_file(file);
    }
    if source.token_stdin || !std::io::stdin().is_terminal() {
        return bounded(std::io::stdin().lock(), "standard input");
    }
    ask("Token: ")
}

/// Whether a command was told where a token is.
pub fn is_given(source: &TokenSource) -> bool {
    source.token_stdin || source.token_file.is_some()
}

/// A secret from a file, without the line break at its end.
pub fn read_file(file: &Path) -> Result<Secret, Error> {
    let name = file.display().to_string();
    let open = std::fs::File::open(file);
    let open = open.map_err(|e| Error::usage(format!("{name} cannot be read: {e}")))?;
    if !open.metadata().is_ok_and(|m| m.is_file()) {
        return Err(Error::usage(format!("{name} is no file")));
    }
    bounded(open, &name)
}

fn bounded(source: impl Read, name: &str) -> Result<Secret, Error> {
    let mut text = String::new();
    let read = source.take(MOST + 1).read_to_string(&mut text);
    let secret = Secret::new(std::mem::take(&mut text));
    read.map_err(|_| Error::usage(format!("{name} holds no text")))?;
    if secret.expose().len() as u64 > MOST {
        return Err(Error::usage(format!("{name} holds more than 64 KiB: that is no token")));
    }
    let trimmed = secret.expose().trim_end_matches(['\r', '\n']);
    match trimmed {
        "" => Err(Error::usage(format!("{name} is empty; expected a token"))),
        trimmed => Ok(Secret::new(trimmed.to_owned())),
    }
}

/// The passphrase of an identity, where a person is there to give it.
pub fn passphrase(prompt: &str) -> Option<Secret> {
    std::io::stdin().is_terminal().then(|| ask(&format!("{prompt}: ")).ok()).flatten()
}

/// Asks a person without echo.
fn ask(prompt: &str) -> Result<Secret, Error> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let stdin = std::io::stdin();
    let mut err = std::io::stderr();
    let _ = write!(err, "{prompt}").and_then(|()| err.flush());
    let before =
        tcgetattr(&stdin).map_err(|e| Error::failed(format!("the terminal cannot be asked: {e}")))?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Now, &silent)
        .map_err(|e| Error::failed(format!("the terminal's echo cannot be switched off: {e}")))?;
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    let _ = tcsetattr(&stdin, OptionalActions::Now, &before);
    let _ = writeln!(err);
    let secret = Secret::new(line.trim_end_matches(['\r', '\n']).to_owned());
    zeroize::Zeroize::zeroize(&mut line);
    match read {
        Ok(n) if n > 0 && !secret.expose().is_empty() => Ok(secret),
        _ => Err(Error::usage("nothing was given")),
    }
}
