//! Named points at which a test can kill the process, cut of every release build.

/// Kills this process without any clean-up when `COREGIT_FAIL_AT` names this point.
///
/// With `name:N` the N-th pass kills (so that a run can get through an earlier one).
#[cfg(debug_assertions)]
pub fn fail_point(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static PASSES: AtomicU32 = AtomicU32::new(0);
    let Ok(wanted) = std::env::var("COREGIT_FAIL_AT") else { return };
    let (point, nth) =
        wanted.split_once(':').map_or((wanted.as_str(), 1), |(p, n)| (p, n.parse().unwrap_or(1)));
    if point == name && PASSES.fetch_add(1, Ordering::Relaxed) + 1 == nth {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Release builds have no fail points.
#[cfg(not(debug_assertions))]
pub fn fail_point(_name: &str) {}
