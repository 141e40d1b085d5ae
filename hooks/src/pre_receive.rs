//! `pre-receive`: what does this push bring?

use std::process::ExitCode;

use coregit_model::Oid;

use crate::chain::Chain;
use crate::content::{self, Quarantine, ReadError};
use crate::input::Input;
use crate::place::{Held, Place};
use crate::say;

/// Most tips that are unfolded to see how large a checkout of them is.
const MOST_TIPS: usize = 100_000;

/// Runs the hook.
pub(crate) fn run(place: &Place) -> ExitCode {
    let chain = Chain::of(place);
    let mut input = Input::of_process(!chain.is_empty());
    let passes = match place.held() {
        Held::NotOurs => true,
        Held::Closed(error) => refuse(
            &format!("the policy of this repository cannot be read: {error}"),
            "coregit doctor, or git config coregit.failClosed false",
        ),
        Held::Open(error) => {
            say::line(&format!("warning: this push is not checked, the policy cannot be read: {error}"));
            say::more("way out: coregit doctor");
            true
        }
        // What cannot be read cannot be judged, and whoever pushes could make it so.
        Held::Policy(_) => judge(place, &mut input).unwrap_or_else(|error| {
            refuse(
                &format!("the objects of this push cannot be read: {error}"),
                "push again, or coregit doctor",
            )
        }),
    };
    match passes {
        true => chained(&chain, input),
        false => ExitCode::FAILURE,
    }
}

fn refuse(reason: &str, way_out: &str) -> bool {
    say::line(&format!("refused: {reason}"));
    say::more(&format!("way out: {way_out}"));
    false
}

fn chained(chain: &Chain, input: Input) -> ExitCode {
    if chain.is_empty() {
        return ExitCode::SUCCESS;
    }
    match input.into_copy() {
        Ok(copy) => chain.run(&[], copy),
        Err(error) => {
            refuse(
                &format!("the hooks in pre-receive.d could not be given their input: {error}"),
                "push again",
            );
            ExitCode::FAILURE
        }
    }
}

/// Whether the new objects may come in; says what is wrong with them.
fn judge(place: &Place, input: &mut Input) -> Result<bool, ReadError> {
    // A push that only deletes brings no objects, and has no quarantine.
    let Some(path) = std::env::var_os("GIT_QUARANTINE_PATH").filter(|p| !p.is_empty()) else {
        return Ok(true);
    };
    let Some(first) = input.next()? else { return Ok(true) };
    let format = first.new.format();
    let mut quarantine = Quarantine::open(path.as_ref(), &place.git_dir, format)?;
    let tips = new_tips(first.new, input, &quarantine)?;
    let report = content::judge(&mut quarantine, &tips)?;
    Ok(report.tell())
}

/// The new oids that the quarantine holds, each once where they come in a row.
fn new_tips(first: Oid, input: &mut Input, quarantine: &Quarantine) -> Result<Vec<Oid>, ReadError> {
    let mut tips = Vec::new();
    let mut next = Some(first);
    while let Some(oid) = next {
        if tips.len() < MOST_TIPS && tips.last() != Some(&oid) && !oid.is_zero() && quarantine.is_new(&oid)? {
            tips.push(oid);
        }
        next = input.next()?.map(|update| update.new);
    }
    Ok(tips)
}
