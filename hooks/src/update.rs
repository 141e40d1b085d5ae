//! `update <ref> <old> <new>`: may a push move this ref?

use std::ffi::OsString;
use std::io::Cursor;
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use coregit_check::{Finding, Severity, escaped};
use coregit_model::RefName;
use coregit_spool::Policy;

use crate::chain::Chain;
use crate::place::{Held, Place};
use crate::say;

/// Runs the hook. Arguments beyond the third (gitolite's VREF has some) are passed on.
pub(crate) fn run(place: &Place, args: &[OsString]) -> ExitCode {
    let [name, _old, new, ..] = args else {
        say::line("expected: update REF OLD NEW");
        return ExitCode::FAILURE;
    };
    let deletes = new.as_bytes().iter().all(|b| *b == b'0');
    let allowed = match place.held() {
        Held::Policy(policy) => judge(&policy, name.as_bytes(), deletes),
        // `pre-receive` has said why.
        Held::Closed(_) => false,
        Held::Open(_) | Held::NotOurs => true,
    };
    match allowed {
        true => Chain::of(place).run(args, None::<Cursor<&[u8]>>),
        false => ExitCode::FAILURE,
    }
}

/// Whether policy lets this ref move; says why not, and what is odd about it.
fn judge(policy: &Policy, raw: &[u8], deletes: bool) -> bool {
    let shown = escaped(raw);
    for finding in coregit_check::ref_name(raw) {
        match finding.severity {
            Severity::Refuse => return refuse(&shown, &sentence(&finding), finding.way_out),
            // Whoever deletes it has seen it.
            Severity::Warn if !deletes => _ = say::line(&format!("note: {shown} {}", sentence(&finding))),
            Severity::Warn => {}
        }
    }
    let Ok(name) = RefName::new(raw) else {
        return refuse(&shown, "is not a ref name", "choose another name");
    };
    // A replacement ref makes a repository refuse every push; who finds one there may delete it.
    let mends = deletes && name.starts_with(b"refs/replace/");
    if !policy.allows(&name) && !mends {
        let reason = "lies outside the refs that may be pushed here";
        return refuse(&shown, reason, &format!("push to {}", policy.allowed.join(" or ")));
    }
    match policy.protects(&name) {
        Some(protected) => refuse(&shown, &format!("is protected: {}", protected.reason), &protected.way_out),
        None => true,
    }
}

fn sentence(finding: &Finding) -> String {
    format!("{} ({})", finding.sentence, finding.rule)
}

fn refuse(shown: &str, reason: &str, way_out: &str) -> bool {
    say::line(&format!("refused: {shown} {}", coregit_model::printable(reason)));
    say::more(&format!("way out: {}", coregit_model::printable(way_out)));
    false
}
