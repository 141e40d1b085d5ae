//! `git-remote-coregit`: plain git through coregit, in the feel of ssh and without a token in any URL.
//!
//! One talk with git per process. It moves bytes between git and a host; what a connection is and how its
//! token is kept, the engine knows.

mod address;
mod config;
mod discovery;
mod fallback;
mod framing;
mod gits_own;
mod handover;
mod home;
mod home_repo;
mod host;
mod language;
mod login;
mod push;
mod receive;
mod remote;
mod road;
mod screen;
mod session;
mod trouble;
mod upload;
mod urlmatch;
mod words;

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufReader, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::ExitCode;

use address::{Address, WebUrl};
use config::GitConfig;
use coregit_model::RemoteRepo;
use gits_own::OwnHelper;
use home::Known;
use home_repo::HomeRepo;
use host::Host;
use remote::Destination;
use road::{Circumstances, Road};
use rustix::event::{PollFd, PollFlags};
use rustix::process::DumpableBehavior;
use session::Input;
use tokio::runtime::Runtime;
use trouble::Trouble;

/// Has the talk that git starts with these arguments: the remote's name (or its address) and the address.
/// Exit code 0, 1 when it failed (standard error says why), 2 for arguments that make no sense.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<String> = arguments.map(|a| a.to_string_lossy().into_owned()).collect();
    // No core file holds the token.
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["--version" | "-V"] => {
            let version = concat!("git-remote-coregit ", env!("CARGO_PKG_VERSION"), "\n");
            let _ = std::io::stdout().write_all(version.as_bytes());
            ExitCode::SUCCESS
        }
        ["--credential", connection, repo, action] => report(hand_over(connection, repo, action)),
        [remote, address] => report(with_a_stack(|| serve(remote, address))),
        _ => {
            trouble::say("usage: git-remote-coregit REMOTE ADDRESS (git starts it for coregit:: addresses)");
            ExitCode::from(2)
        }
    }
}

/// What git's own HTTPS asks when it speaks for a connection.
fn hand_over(connection: &str, repo: &str, action: &str) -> Result<(), Trouble> {
    if action != "get" {
        return Ok(());
    }
    let repo = RemoteRepo::parse(repo).map_err(|e| Trouble::new(e.to_string()))?;
    let login = event_loop()?.block_on(async {
        Ok::<_, Trouble>(home::login_of(connection, &repo, &GitConfig::read()?).await?.login)
    })?;
    handover::answer(&login, &mut std::io::stdin().lock(), &mut stdout()?)
}

fn event_loop() -> Result<Runtime, Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|e| Trouble::io("no event loop can be made", &e))
}

/// A small `ulimit -s`, as some set it for long command lines, is not meant for us.
fn with_a_stack(talk: impl FnOnce() -> Result<(), Trouble> + Send) -> Result<(), Trouble> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(4 << 20).spawn_scoped(scope, talk);
        let thread = thread.map_err(|e| Trouble::io("no thread can be started", &e))?;
        thread.join().unwrap_or_else(|_| Err(Trouble::new("git-remote-coregit has a mistake in itself")))
    })
}

fn report(ended: Result<(), Trouble>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            let _ = std::io::stderr().write_all(trouble.lines().as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn serve(remote: &str, address: &str) -> Result<(), Trouble> {
    end_with_git()?;
    let address = Address::parse(address)?;
    let config = GitConfig::read()?;
    let runtime = event_loop()?;
    match address {
        Address::Url(url) => {
            let known = runtime.block_on(home::login_for(&url, remote, &config))?;
            serve_url(runtime, (remote, url, known), &config)
        }
        Address::Connection { connection, repo } => {
            let known = runtime.block_on(home::login_of(&connection, &repo, &config))?;
            let Address::Url(url) = Address::parse(&known.login.url)? else {
                return Err(Trouble::new("the connection's address is no URL"));
            };
            serve_url(runtime, (remote, url, Some(known)), &config)
        }
        Address::Slug(slug) => {
            let path = runtime.block_on(async {
                let engine = home::needed(&config).await?;
                Ok::<_, Trouble>(engine.repo(&slug.to_string()).await?.path)
            })?;
            session::talk(&mut HomeRepo { path }, git_says()?, &mut stdout()?)
        }
    }
}

/// Ends with git: a helper that waits for a slow hook of the host would otherwise stay behind when git is
/// killed. Nobody reads what git has closed, so nothing is lost; the exit code is that of a talk that was had.
fn end_with_git() -> Result<(), Trouble> {
    let out = stdout()?;
    std::thread::spawn(move || {
        let mut watched = [PollFd::new(&out, PollFlags::empty())];
        while rustix::event::poll(&mut watched, None).is_ok_and(|n| n == 0) || watched[0].revents().is_empty()
        {
        }
        std::process::exit(0);
    });
    Ok(())
}

fn serve_url(
    runtime: Runtime,
    (remote, url, known): (&str, WebUrl, Option<Known>),
    config: &GitConfig,
) -> Result<(), Trouble> {
    let (login, http) = known.map(|known| (known.login, known.http)).unzip();
    let connection = login.as_ref().and_then(|l| Some((l.connection_id.clone(), home::repo_of(&url)?)));
    let own = OwnHelper { remote: remote.to_owned(), url: url.given.clone(), connection };
    check_password(&url, config)?;
    let environment = |name: &str| std::env::var(name).ok();
    let road = Circumstances { config, remote, url: &url.given, environment: &environment }.road();
    let (Road::Ours(shape), Some(origin)) = (road, url.origin.clone()) else {
        return Err(own.become_it());
    };
    let settings = shape.applied(http.unwrap_or_default(), login.as_ref().and_then(|l| l.ca_file.clone()));
    let login = login.as_ref().map(home::as_login).or_else(|| login::of_address(&url, &origin));
    let mut host = Host::new(runtime, Destination { url, origin, login, shape }, &settings, own)?;
    session::talk(&mut host, git_says()?, &mut stdout()?)
}

/// What `transfer.credentialsInUrl` says of a password in the address; git itself looks at its own URLs only.
fn check_password(url: &WebUrl, config: &GitConfig) -> Result<(), Trouble> {
    if url.password.is_none() {
        return Ok(());
    }
    let (scheme, rest) = url.base.split_once("://").unwrap_or(("https", &url.base));
    let user = url.user.as_deref().unwrap_or("");
    let told = format!("URL '{scheme}://{user}:<redacted>@{rest}' uses plaintext credentials");
    match config.get("transfer.credentialsinurl") {
        Some("warn") => trouble::say(&format!("warning: {told}")),
        Some("die") => return Err(Trouble::new(told)),
        _ => {}
    }
    Ok(())
}

/// Standard input without the standard library's lock and buffer: a push moves it to another thread.
fn git_says() -> Result<Input, Trouble> {
    Ok(Box::new(BufReader::with_capacity(64 << 10, own_end(std::io::stdin().as_fd())?)))
}

fn stdout() -> Result<File, Trouble> {
    own_end(std::io::stdout().as_fd())
}

fn own_end(end: BorrowedFd<'_>) -> Result<File, Trouble> {
    end.try_clone_to_owned().map(File::from).map_err(|e| Trouble::io("git's pipe cannot be used", &e))
}
