//! The forge's clock: real time, moved forward and sped up at will.
//!
//! Rate-limit windows, token expiry and replica lag are measured on it, so that an hour passes in no time.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A clock that tests may push forward.
pub(super) struct Clock {
    state: Mutex<State>,
}

struct State {
    real: Instant,
    virtual_ms: i64,
    speed: f64,
}

impl Clock {
    /// Starts at the machine's time, at its pace.
    pub(super) fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
        Self { state: Mutex::new(State { real: Instant::now(), virtual_ms: now, speed: 1.0 }) }
    }

    /// Milliseconds since the epoch, on this clock.
    pub(super) fn now_ms(&self) -> i64 {
        self.state.lock().expect("no panic under this lock").now()
    }

    /// Seconds since the epoch, on this clock.
    pub(super) fn now(&self) -> i64 {
        self.now_ms() / 1000
    }

    /// Moves the clock forward.
    pub(super) fn advance(&self, by: Duration) {
        let mut state = self.state.lock().expect("no panic under this lock");
        state.settle();
        state.virtual_ms += by.as_millis() as i64;
    }

    /// Lets `speed` virtual seconds pass in each real one.
    pub(super) fn set_speed(&self, speed: f64) {
        let mut state = self.state.lock().expect("no panic under this lock");
        state.settle();
        state.speed = speed;
    }

    /// Real whole seconds, rounded up and at least 1, until so many virtual milliseconds have passed.
    pub(super) fn real_seconds(&self, virtual_ms: i64) -> i64 {
        let speed = self.state.lock().expect("no panic under this lock").speed;
        ((virtual_ms as f64 / 1000.0 / speed).ceil() as i64).max(1)
    }
}

impl State {
    fn now(&self) -> i64 {
        self.virtual_ms + (self.real.elapsed().as_millis() as f64 * self.speed) as i64
    }

    fn settle(&mut self) {
        self.virtual_ms = self.now();
        self.real = Instant::now();
    }
}

/// `2026-11-20T11:22:33Z` for seconds since the epoch.
pub(super) fn rfc3339(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |t| t.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_passes_when_told_to() {
        let clock = Clock::new();
        let before = clock.now();
        clock.advance(Duration::from_secs(3600));
        assert!(clock.now() - before >= 3600);
        clock.set_speed(60.0);
        assert_eq!(clock.real_seconds(60_000), 1);
    }

    #[test]
    fn times_print_as_github_prints_them() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
    }
}
