//! How much was spent in the last minute or hour. Pure: the caller tells the time.

use std::collections::{BTreeMap, VecDeque};

use coregit_model::Timestamp;
use serde::{Deserialize, Serialize};

/// What was spent, second by second.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    /// Milliseconds since 1970 and the amount.
    spent: VecDeque<(i64, u32)>,
}

impl Window {
    /// How many milliseconds until `amount` fits under `limit` in `span_ms`; 0 for now.
    ///
    /// More than the limit at once fits when nothing else is spent. What was spent "later" than now (the
    /// clock went back) counts as spent now.
    pub(crate) fn wait(&self, now: Timestamp, amount: u32, (limit, span_ms): (u32, i64)) -> i64 {
        let now = now.as_millis();
        let mut room = i64::from(limit) - i64::from(amount);
        let live = |at: i64| at.min(now) + span_ms > now;
        for (at, spent) in self.spent.iter().rev().filter(|(at, _)| live(*at)) {
            room -= i64::from(*spent);
            if room < 0 {
                return at.min(&now) + span_ms - now;
            }
        }
        0
    }

    /// Adds an amount, and forgets what is older than `keep_ms`.
    pub(crate) fn spend(&mut self, now: Timestamp, amount: u32, keep_ms: i64) {
        let now = now.as_millis();
        self.spent.iter_mut().for_each(|(at, _)| *at = (*at).min(now));
        while self.spent.front().is_some_and(|(at, _)| at + keep_ms <= now) {
            self.spent.pop_front();
        }
        match self.spent.back_mut() {
            Some((at, spent)) if now - *at < 1000 => *spent += amount,
            _ => self.spent.push_back((now, amount)),
        }
    }

    /// Adds what another process wrote down.
    pub(crate) fn merge(&mut self, other: Window) {
        let mut all: Vec<_> = self.spent.drain(..).chain(other.spent).collect();
        all.sort_unstable();
        // One second seen twice: the later look at it saw more.
        self.spent = all.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.spent.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: (u32, i64) = (80, 60_000);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn the_eighty_first_waits_for_the_first_to_age() {
        let mut window = Window::default();
        for second in 0..80 {
            assert_eq!(window.wait(at(second / 4), 1, MINUTE), 0);
            window.spend(at(second / 4), 1, 60_000);
        }
        assert_eq!(window.wait(at(20), 1, MINUTE), 40_000);
        assert_eq!(window.wait(at(60), 1, MINUTE), 0);
    }

    #[test]
    fn a_clock_that_goes_back_delays_by_one_span_at_most() {
        let mut window = Window::default();
        window.spend(at(10_000), 80, 60_000);
        assert_eq!(window.wait(at(10), 1, MINUTE), 60_000);
    }

    #[test]
    fn more_than_the_limit_fits_alone() {
        assert_eq!(Window::default().wait(at(0), 200, MINUTE), 0);
    }
}
