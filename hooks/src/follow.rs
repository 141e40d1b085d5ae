//! A push that waits: follows the result of its event and tells each line as it comes.

use std::path::Path;
use std::time::{Duration, Instant};

use coregit_model::EventId;
use coregit_spool::{Policy, Spool};

use crate::say;

const SHORTEST: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_millis(100);

/// Waits until the syncs that the event started are done, as long as policy lets a push wait.
pub(crate) fn follow(spool: &Spool, id: &EventId, policy: &Policy) {
    let until = Instant::now() + Duration::from_secs(policy.wait_for_s.into());
    let mut pause = SHORTEST;
    let mut told = 0;
    loop {
        let result = spool.result(id).unwrap_or_default();
        for line in result.lines.iter().skip(told) {
            if !say::line(&coregit_model::printable(line)) {
                return;
            }
        }
        if result.lines.len() > told {
            (told, pause) = (result.lines.len(), SHORTEST);
        }
        if result.done {
            return;
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return not_yet(spool.git_dir(), policy.wait_for_s);
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 3 / 2).min(LONGEST);
    }
}

fn not_yet(git_dir: &Path, seconds: u32) {
    let shown = coregit_check::escaped(git_dir.as_os_str().as_encoded_bytes());
    say::line(&format!("not finished after {seconds} s; it goes on. See: coregit sync status {shown}"));
}
