//! Rules over the target of a symbolic link. All of them only tell: a link is a blob, followed by nobody
//! here.

use crate::finding::{Finding, Findings};
use crate::name::is_dotgit;
use crate::rules;

/// Bytes that a system can hold in a link's target (Linux' `PATH_MAX`).
pub const MAX_TARGET: usize = 4096;

/// From how many leading `..` on a link is told: where it lies is not known here, and links into the
/// next folder are everyday.
const MANY_STEPS_UP: usize = 3;

/// What is odd about the target of a symbolic link.
pub fn symlink(target: &[u8]) -> Vec<Finding> {
    let mut found = Findings::default();
    let mut add = |rule| found.add(rule, Some(target));
    let parts = || target.split(|b| b"/\\".contains(b)).filter(|p| !p.is_empty() && *p != b".");
    if target.len() > MAX_TARGET {
        add(&rules::LINK_LONG);
    }
    if target.contains(&0) {
        add(&rules::LINK_NUL);
    }
    if target.starts_with(b"/") {
        add(&rules::LINK_ABSOLUTE);
    }
    if parts().take_while(|p| *p == b"..").count() >= MANY_STEPS_UP {
        add(&rules::LINK_CLIMBS);
    }
    if parts().any(is_dotgit) {
        add(&rules::LINK_INTO_GIT);
    }
    found.finish()
}
