//! git's three hooks on the receiving side: they read what git says, hold it against the policy file,
//! write the event, and answer git.
//!
//! - `pre-receive` judges the new objects while they are still in quarantine: what `update` refuses has
//!   already left it and can be fetched by its id.
//! - `update` judges the name of one ref.
//! - `post-receive` writes one durable event, then wakes the worker. It never fails a push.
//!
//! Our own work comes first, then the programs in `<hook>.d/` beside the hook, in order of their names,
//! with the same arguments, input and environment. What we refuse they do not see; what one of them
//! refuses is refused.
//!
//! A repository without `<git dir>/coregit` is not ours: the hooks only run what is chained, and say
//! nothing (a global `core.hooksPath`, gitolite's common hooks). With a folder and without a readable
//! policy, pushes pass with a warning, or are refused under `coregit.failClosed=true`.

mod chain;
mod child;
mod content;
mod follow;
mod input;
mod options;
mod place;
mod post_receive;
mod pre_receive;
mod say;
mod update;
mod worker;

use std::process::ExitCode;

pub use place::Hook;

/// Runs a hook as git calls it: arguments, standard input and environment are those of the process.
/// Returns 0, or what git takes for a refusal.
pub fn run(hook: Hook) -> ExitCode {
    let mut args = std::env::args_os();
    let invoked = args.next().unwrap_or_default();
    let args: Vec<_> = args.collect();
    if args.first().is_some_and(|a| a == "--version") {
        return say::version(hook);
    }
    let place = match place::Place::find(hook, invoked.as_ref()) {
        Ok(place) => place,
        Err(error) => {
            say::line(&format!("the repository cannot be found: {error}"));
            return if hook == Hook::PostReceive { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
    };
    match hook {
        Hook::PreReceive => pre_receive::run(&place),
        Hook::Update => update::run(&place, &args),
        Hook::PostReceive => post_receive::run(&place),
    }
}
