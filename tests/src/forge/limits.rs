//! Rate limits: the primary one per hour, and the secondary ones, on the forge's clock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::reply::{Reply, refuse};

/// GitHub's words for a secondary limit.
pub(super) const SECONDARY: &str = "You have exceeded a secondary rate limit. Please wait a few minutes before \
                                    you try again. If you reach out to GitHub Support for help, please include \
                                    the request ID.";
const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;

/// Which limits hold. The secondary ones are off unless set; github.com's values are in `Limits::github`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Requests per hour and token.
    pub primary: u32,
    /// Content-creating requests (POST, PUT, PATCH) per minute and token.
    pub content_per_minute: Option<u32>,
    /// The same per hour.
    pub content_per_hour: Option<u32>,
    /// Points per minute and token: 1 for a read, 5 for a write.
    pub points_per_minute: Option<u32>,
    /// Requests in flight at once.
    pub concurrency: Option<u32>,
    /// Entries of one create-tree call; above, it "times out" (422).
    pub tree_entries: Option<usize>,
    /// Bytes of one create-tree call; above, it "times out" (422).
    pub tree_bytes: Option<usize>,
    /// Whether refusals carry `retry-after`.
    pub retry_after: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            primary: 5_000,
            content_per_minute: None,
            content_per_hour: None,
            points_per_minute: None,
            concurrency: None,
            tree_entries: None,
            tree_bytes: None,
            retry_after: true,
        }
    }
}

impl Limits {
    /// The values that github.com documents: 80 and 500 contents, 900 points, 100 in flight; and for trees the
    /// sizes at which its users report failures, 2.5 MB or 200 entries.
    pub fn github() -> Self {
        Self {
            content_per_minute: Some(80),
            content_per_hour: Some(500),
            points_per_minute: Some(900),
            concurrency: Some(100),
            tree_entries: Some(200),
            tree_bytes: Some(2_500_000),
            ..Self::default()
        }
    }
}

/// What each token has used.
#[derive(Default)]
pub(super) struct Meter(Mutex<Used>);

#[derive(Default)]
struct Used {
    limits: Limits,
    tokens: BTreeMap<String, Spent>,
}

#[derive(Default)]
struct Spent {
    window_ends: i64,
    used: u32,
    contents: VecDeque<i64>,
    points: VecDeque<(i64, u32)>,
}

/// One request as the limits see it.
#[derive(Clone, Copy)]
pub(super) struct Cost {
    pub(super) now_ms: i64,
    pub(super) in_flight: usize,
    pub(super) creates: bool,
    pub(super) points: u32,
}

/// Where a token stands with its primary limit.
#[derive(Clone, Copy)]
pub(super) struct Standing {
    pub(super) limit: u32,
    pub(super) used: u32,
    pub(super) reset: i64,
}

impl Standing {
    pub(super) fn remaining(&self) -> u32 {
        self.limit.saturating_sub(self.used)
    }
}

/// A refusal, and after how many virtual milliseconds it would not be one.
pub(super) struct Limited {
    pub(super) reply: Reply,
    pub(super) wait_ms: Option<i64>,
}

impl Meter {
    pub(super) fn set(&self, limits: Limits) {
        self.0.lock().expect("no panic under this lock").limits = limits;
    }

    /// Counts a request, or refuses it.
    pub(super) fn spend(&self, label: &str, cost: Cost) -> Result<(), Limited> {
        let mut used = self.0.lock().expect("no panic under this lock");
        let limits = used.limits.clone();
        let spent = used.tokens.entry(label.to_owned()).or_default();
        spent.roll(cost.now_ms);
        if spent.used >= limits.primary {
            let words = format!("API rate limit exceeded for user ID {}.", label.len());
            return Err(Limited { reply: refuse(403, &words), wait_ms: None });
        }
        if let Some(wait) = spent.secondary(&limits, cost) {
            let wait_ms = limits.retry_after.then_some(wait);
            return Err(Limited { reply: refuse(403, SECONDARY), wait_ms });
        }
        spent.note(cost);
        Ok(())
    }

    /// Whether a create-tree call would take GitHub too long.
    pub(super) fn tree_too_large(&self, entries: usize, bytes: usize) -> bool {
        let used = self.0.lock().expect("no panic under this lock");
        let limits = &used.limits;
        limits.tree_entries.is_some_and(|max| entries > max)
            || limits.tree_bytes.is_some_and(|max| bytes > max)
    }

    /// Gives back what a 304 does not cost.
    pub(super) fn refund(&self, label: &str) {
        let mut used = self.0.lock().expect("no panic under this lock");
        if let Some(spent) = used.tokens.get_mut(label) {
            spent.used = spent.used.saturating_sub(1);
        }
    }

    /// Where a token stands.
    pub(super) fn standing(&self, label: &str, now_ms: i64) -> Standing {
        let mut used = self.0.lock().expect("no panic under this lock");
        let limit = used.limits.primary;
        let spent = used.tokens.entry(label.to_owned()).or_default();
        spent.roll(now_ms);
        Standing { limit, used: spent.used, reset: spent.window_ends / 1000 }
    }
}

impl Spent {
    fn roll(&mut self, now_ms: i64) {
        if now_ms >= self.window_ends {
            self.window_ends = now_ms + HOUR_MS;
            self.used = 0;
        }
        while self.contents.front().is_some_and(|t| now_ms - t >= HOUR_MS) {
            self.contents.pop_front();
        }
        while self.points.front().is_some_and(|(t, _)| now_ms - t >= MINUTE_MS) {
            self.points.pop_front();
        }
    }

    /// How long until the tightest exceeded limit gives way; `None` when none is exceeded.
    fn secondary(&self, limits: &Limits, cost: Cost) -> Option<i64> {
        let crowd = limits.concurrency.is_some_and(|max| cost.in_flight > max as usize).then_some(1_000);
        let points: u32 = self.points.iter().map(|(_, p)| p).sum();
        let oldest = self.points.front().map_or(0, |(t, _)| *t);
        let pointed = limits.points_per_minute.is_some_and(|max| points + cost.points > max);
        let pointed = pointed.then(|| oldest + MINUTE_MS - cost.now_ms);
        let created = cost.creates.then(|| self.created(limits, cost.now_ms)).flatten();
        crowd.max(pointed).max(created)
    }

    fn created(&self, limits: &Limits, now_ms: i64) -> Option<i64> {
        let over = |max: Option<u32>, window: i64| {
            let in_window: Vec<i64> = self.contents.iter().copied().filter(|t| now_ms - t < window).collect();
            let full = max.is_some_and(|max| in_window.len() >= max as usize);
            full.then(|| in_window.first().map_or(window, |t| t + window - now_ms))
        };
        over(limits.content_per_minute, MINUTE_MS).max(over(limits.content_per_hour, HOUR_MS))
    }

    fn note(&mut self, cost: Cost) {
        self.used += 1;
        self.points.push_back((cost.now_ms, cost.points));
        if cost.creates {
            self.contents.push_back(cost.now_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eighty_first_creation_in_a_minute_waits() {
        let meter = Meter::default();
        meter.set(Limits::github());
        let at = |now_ms| Cost { now_ms, in_flight: 1, creates: true, points: 5 };
        for n in 0..80 {
            assert!(meter.spend("t", at(n)).is_ok());
        }
        assert_eq!(meter.spend("t", at(100)).err().unwrap().wait_ms, Some(59_900));
        assert!(meter.spend("t", at(60_100)).is_ok());
        assert!(meter.spend("other", at(100)).is_ok());
    }
}
