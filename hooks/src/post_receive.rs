//! `post-receive`: one durable event, then whatever can be said and woken. Always ends with 0: the refs
//! have moved, and the sweep finds what is lost here.

use std::io;
use std::process::ExitCode;

use coregit_model::{EventId, Timestamp};
use coregit_spool::{Event, SpoolError, Wanted};

use crate::chain::Chain;
use crate::follow::follow;
use crate::input::Input;
use crate::options::{self, Options};
use crate::place::{Held, Place};
use crate::say;
use crate::worker::{Woken, wake};

/// Runs the hook.
pub(crate) fn run(place: &Place) -> ExitCode {
    let chain = Chain::of(place);
    let mut input = Input::of_process(!chain.is_empty());
    let policy = match place.held() {
        Held::NotOurs => return last(&chain, input),
        Held::Policy(policy) => Ok(policy),
        Held::Open(error) | Held::Closed(error) => Err(error),
    };
    let options = Options::parse(options::of_environment(), policy.as_ref().ok().map(|p| &p.labels[..]));
    let event = event(&options);
    // Durable before the first byte of output: a pusher who goes away kills us with the first word.
    let written = write(place, &event, &mut input);
    let woken = match &policy {
        Ok(policy) if is_worth_waking(&written, &event) => Some(wake(policy, &place.git_dir, event.sync)),
        _ => None,
    };
    tell(place, &options, &written, woken.as_ref());
    if let Err(error) = &policy {
        say::line(&format!("the policy of this repository cannot be read: {error}"));
        say::more("way out: coregit doctor");
    }
    let code = last(&chain, input);
    if let (Ok(policy), Wanted::Wait, Some(Woken::Worker | Woken::Drain)) = (&policy, event.sync, &woken) {
        follow(&place.spool, &event.id, policy);
    }
    code
}

/// The event of this push, its refs still to come.
fn event(options: &Options) -> Event {
    Event {
        id: EventId::random(),
        at: Timestamp::now(),
        updates: Vec::new(),
        sync: options.sync,
        only: options.only.clone(),
        uid: rustix::process::geteuid().as_raw(),
    }
}

/// Why no event was written.
#[derive(Debug, thiserror::Error)]
enum NotWritten {
    #[error("nothing was pushed")]
    Nothing,
    #[error(transparent)]
    Input(#[from] io::Error),
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

fn write(place: &Place, event: &Event, input: &mut Input) -> Result<(), NotWritten> {
    place.spool.stream_event(event, |writer| {
        let mut any = false;
        while let Some(update) = input.next()? {
            writer.update(&update)?;
            any = true;
        }
        if any { Ok(()) } else { Err(NotWritten::Nothing) }
    })
}

/// A push that could not be noted is found by whoever looks at all refs, but not what it asked for.
fn is_worth_waking(written: &Result<(), NotWritten>, event: &Event) -> bool {
    match written {
        Ok(()) => true,
        Err(NotWritten::Nothing) => false,
        Err(_) => event.sync != Wanted::Skip && event.only.is_none(),
    }
}

fn tell(place: &Place, options: &Options, written: &Result<(), NotWritten>, woken: Option<&Woken>) {
    options.warnings.iter().for_each(|w| _ = say::line(w));
    match written {
        Ok(()) | Err(NotWritten::Nothing) => {}
        Err(error) => {
            say::line(&format!("this push could not be noted; the next sweep will find it: {error}"));
        }
    }
    if let Some(failure) = place.spool.failure() {
        say::line(&format!("the last sync of this repository failed: {failure}"));
    }
    match woken {
        Some(Woken::Nobody) => {
            say::line("this push is kept for a worker of the repository's owner; none is running");
            say::more("hint: let the owner run coregit service install");
        }
        Some(Woken::Failed(error)) => {
            say::line(&format!("this push is kept; a worker could not be started: {error}"));
            say::more("hint: coregit doctor");
        }
        _ => {}
    }
}

/// Runs what is chained; whatever it says, the push has happened.
fn last(chain: &Chain, input: Input) -> ExitCode {
    if !chain.is_empty() {
        match input.into_copy() {
            Ok(copy) => _ = chain.run(&[], copy),
            Err(error) => _ = say::line(&format!("the hooks in post-receive.d were not run: {error}")),
        }
    }
    ExitCode::SUCCESS
}
