//! What one token may still ask of one host, kept under the host's limits and told by its headers.
//!
//! The limits are GitHub's (`facts/providers.md`, 2.11); other hosts are paced by their answers alone.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coregit_model::{ErrorClass, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::window::Window;
use crate::{Cost, Effect, HttpError};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// The limits of a host for one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Points in a minute.
    pub points_per_minute: u32,
    /// Requests that make content, in a minute.
    pub content_per_minute: u32,
    /// Requests that make content, in an hour.
    pub content_per_hour: u32,
    /// Requests at the same time.
    pub concurrency: usize,
    /// The wait where the host names a limit but no time; doubled each time it does so again.
    pub unknown_wait: Duration,
}

impl Rates {
    /// GitHub's limits.
    pub const GITHUB: Rates = Rates {
        points_per_minute: 900,
        content_per_minute: 80,
        content_per_hour: 500,
        concurrency: 100,
        unknown_wait: Duration::from_secs(60),
    };

    /// No limit but that on concurrency: the host's answers tell the rest. GitHub Enterprise Server has
    /// its limits switched off until its administrator switches them on.
    pub const ANSWERED: Rates = Rates {
        points_per_minute: u32::MAX,
        content_per_minute: u32::MAX,
        content_per_hour: u32::MAX,
        ..Rates::GITHUB
    };

    fn of_host(host: &str) -> Self {
        let public = host == "https://api.github.com" || host.ends_with(".ghe.com");
        if public { Self::GITHUB } else { Self::ANSWERED }
    }
}

/// The budgets of all tokens at all hosts. Clones are the same budgets.
#[derive(Clone)]
pub struct Budgets {
    rates: Option<Rates>,
    all: Arc<Mutex<HashMap<Key, Budget>>>,
}

/// An origin, and the fingerprint of a token.
type Key = (String, String);

struct Budget {
    rates: Rates,
    slots: Arc<Semaphore>,
    points: Window,
    content: Window,
    /// Until when the host wants no request, by resource; `*` is all of them. Milliseconds since 1970.
    blocked: HashMap<String, i64>,
    /// How many times in a row the host named a limit and no time.
    strikes: u32,
}

/// One budget as it outlives the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetRecord {
    /// The host's origin.
    pub host: String,
    /// The token's fingerprint, as given to [`Credential::keyed`](crate::Credential::keyed).
    pub fingerprint: String,
    points: Window,
    content: Window,
    blocked: HashMap<String, i64>,
    strikes: u32,
}

/// What a request asks of a budget.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) host: &'a str,
    pub(crate) key: &'a str,
    /// GitHub's name for the kind of limit: `core` or `graphql`.
    pub(crate) resource: &'a str,
    pub(crate) cost: Cost,
}

/// What an answer says about limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// The kind of limit that the headers speak of.
    pub(crate) resource: Option<String>,
    /// No request is left of that kind, for this long.
    pub(crate) spent_for: Option<Duration>,
    /// The host refused for a limit: how long it wants to be left alone; `Some(None)` when it does not say.
    pub(crate) refused_for: Option<Option<Duration>>,
}

impl Budgets {
    /// New budgets; with `rates`, every host has those limits.
    pub fn new(rates: Option<Rates>) -> Self {
        Self { rates, all: Arc::default() }
    }

    /// The budgets of this process.
    pub fn process() -> Self {
        static PROCESS: LazyLock<Budgets> = LazyLock::new(|| Budgets::new(None));
        PROCESS.clone()
    }

    /// Waits until the budget allows the request, and takes what it costs. The slot that comes back is held
    /// while the request is in flight. A wait over `patience` is an error with that wait.
    pub(crate) async fn take(
        &self,
        ask: Ask<'_>,
        patience: Duration,
    ) -> Result<OwnedSemaphorePermit, HttpError> {
        let slots = self.with(ask, |budget| budget.slots.clone());
        let slot = slots.acquire_owned().await.map_err(|_| HttpError::invalid("the client was shut down"))?;
        let mut left = patience;
        loop {
            let now = Timestamp::now();
            let wait = self.with(ask, |budget| budget.try_take(now, ask));
            if wait.is_zero() {
                return Ok(slot);
            }
            if wait > left {
                return Err(used_up(ask.host, wait));
            }
            tracing::debug!(host = ask.host, wait_ms = wait.as_millis() as u64, "waiting for the budget");
            tokio::time::sleep(wait).await;
            left = left.saturating_sub(wait);
        }
    }

    /// Takes note of what an answer told; returns the wait of a refusal.
    pub(crate) fn note(&self, ask: Ask<'_>, told: &Told) -> Option<Duration> {
        let now = Timestamp::now();
        self.with(ask, |budget| budget.note(now, told))
    }

    /// The budgets that were spent from, for the next process. Those of tokens without a fingerprint stay.
    pub fn snapshot(&self) -> Vec<BudgetRecord> {
        let all = self.lock();
        let lasting = all.iter().filter(|((_, key), b)| !key.starts_with("process:") && b.is_worth_keeping());
        let mut records: Vec<_> = lasting.map(|((host, key), b)| b.record(host, key)).collect();
        records.sort_by(|a, b| (&a.host, &a.fingerprint).cmp(&(&b.host, &b.fingerprint)));
        records
    }

    /// Adds what another process spent.
    pub fn restore(&self, records: Vec<BudgetRecord>) {
        let mut all = self.lock();
        for record in records {
            let rates = self.rates.unwrap_or_else(|| Rates::of_host(&record.host));
            let key = (record.host.clone(), record.fingerprint.clone());
            all.entry(key).or_insert_with(|| Budget::new(rates)).add(record);
        }
    }

    fn with<T>(&self, ask: Ask<'_>, use_it: impl FnOnce(&mut Budget) -> T) -> T {
        let rates = self.rates.unwrap_or_else(|| Rates::of_host(ask.host));
        let key = (ask.host.to_owned(), ask.key.to_owned());
        use_it(self.lock().entry(key).or_insert_with(|| Budget::new(rates)))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Budget>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Budgets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Budgets").field("rates", &self.rates).finish_non_exhaustive()
    }
}

fn used_up(host: &str, wait: Duration) -> HttpError {
    let text = format!("{host} allows this token no more requests for {} s", wait.as_secs().max(1));
    HttpError::new(ErrorClass::Rate, Effect::NotSent, text).with_wait(wait).final_for_now()
}

impl Budget {
    fn new(rates: Rates) -> Self {
        Self {
            rates,
            slots: Arc::new(Semaphore::new(rates.concurrency)),
            points: Window::default(),
            content: Window::default(),
            blocked: HashMap::new(),
            strikes: 0,
        }
    }

    /// Takes what the request costs, or tells how long to wait.
    fn try_take(&mut self, now: Timestamp, ask: Ask<'_>) -> Duration {
        let wait = self.wait(now, ask);
        if wait > 0 {
            return Duration::from_millis(wait as u64);
        }
        if ask.cost.points > 0 {
            self.points.spend(now, ask.cost.points, MINUTE_MS);
        }
        if ask.cost.content {
            self.content.spend(now, 1, HOUR_MS);
        }
        Duration::ZERO
    }

    fn wait(&self, now: Timestamp, ask: Ask<'_>) -> i64 {
        let until = |resource| self.blocked.get(resource).map_or(0, |until| until - now.as_millis());
        let points = self.points.wait(now, ask.cost.points, (self.rates.points_per_minute, MINUTE_MS));
        let content = |limit| if ask.cost.content { self.content.wait(now, 1, limit) } else { 0 };
        let minute = content((self.rates.content_per_minute, MINUTE_MS));
        let hour = content((self.rates.content_per_hour, HOUR_MS));
        until("*").max(until(ask.resource)).max(points).max(minute).max(hour)
    }

    fn note(&mut self, now: Timestamp, told: &Told) -> Option<Duration> {
        if let Some(wait) = told.spent_for {
            self.block(now, told.resource.as_deref().unwrap_or("core"), wait);
        }
        let Some(asked) = told.refused_for else {
            self.strikes = 0;
            return None;
        };
        let wait = asked.unwrap_or(self.rates.unknown_wait * 2u32.pow(self.strikes.min(6)));
        self.strikes += u32::from(asked.is_none());
        if told.spent_for.is_none() {
            self.block(now, "*", wait);
        }
        Some(wait)
    }

    fn block(&mut self, now: Timestamp, resource: &str, wait: Duration) {
        let until = now.as_millis() + wait.as_millis() as i64;
        let blocked = self.blocked.entry(resource.to_owned()).or_insert(0);
        *blocked = until.max(*blocked);
    }

    fn is_worth_keeping(&self) -> bool {
        let now = Timestamp::now().as_millis();
        !self.points.is_empty() || !self.content.is_empty() || self.blocked.values().any(|until| *until > now)
    }

    fn record(&self, host: &str, key: &str) -> BudgetRecord {
        BudgetRecord {
            host: host.to_owned(),
            fingerprint: key.to_owned(),
            points: self.points.clone(),
            content: self.content.clone(),
            blocked: self.blocked.clone(),
            strikes: self.strikes,
        }
    }

    fn add(&mut self, record: BudgetRecord) {
        self.points.merge(record.points);
        self.content.merge(record.content);
        for (resource, until) in record.blocked {
            let blocked = self.blocked.entry(resource).or_insert(0);
            *blocked = until.max(*blocked);
        }
        self.strikes = self.strikes.max(record.strikes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASK: Ask<'static> =
        Ask { host: "https://api.github.com", key: "fp", resource: "core", cost: Cost::CONTENT };

    #[tokio::test]
    async fn a_wait_longer_than_patience_is_told_and_not_sat_out() {
        let budgets = Budgets::new(Some(Rates { content_per_minute: 1, ..Rates::GITHUB }));
        drop(budgets.take(ASK, Duration::ZERO).await.unwrap());
        let error = budgets.take(ASK, Duration::from_secs(5)).await.unwrap_err();
        assert_eq!((error.class(), error.effect()), (ErrorClass::Rate, Effect::NotSent));
        assert!(error.wait().unwrap() > Duration::from_secs(50));
        drop(budgets.take(Ask { cost: Cost::READ, ..ASK }, Duration::ZERO).await.unwrap());
        drop(budgets.take(Ask { key: "other", ..ASK }, Duration::ZERO).await.unwrap());
    }

    #[tokio::test]
    async fn what_one_process_spent_the_next_one_knows() {
        let rates = Some(Rates { content_per_minute: 1, ..Rates::GITHUB });
        let (first, second) = (Budgets::new(rates), Budgets::new(rates));
        drop(first.take(ASK, Duration::ZERO).await.unwrap());
        let json = serde_json::to_string(&first.snapshot()).unwrap();
        second.restore(serde_json::from_str(&json).unwrap());
        second.restore(serde_json::from_str(&json).unwrap());
        assert!(second.take(ASK, Duration::ZERO).await.is_err());
    }

    #[test]
    fn a_limit_without_a_time_is_waited_out_twice_as_long_each_time() {
        let mut budget = Budget::new(Rates::GITHUB);
        let refused = Told { refused_for: Some(None), ..Told::default() };
        let now = Timestamp::from_millis(0);
        let waits: Vec<_> = (0..3).map(|_| budget.note(now, &refused).unwrap().as_secs()).collect();
        assert_eq!(waits, [60, 120, 240]);
        budget.note(now, &Told::default());
        assert_eq!(budget.note(now, &refused).unwrap().as_secs(), 60);
    }

    #[test]
    fn a_spent_resource_does_not_hold_up_another() {
        let mut budget = Budget::new(Rates::GITHUB);
        let hour = Duration::from_secs(3600);
        let told = Told { resource: Some("graphql".into()), spent_for: Some(hour), refused_for: None };
        let now = Timestamp::from_millis(1_000_000);
        budget.note(now, &told);
        assert_eq!(budget.wait(now, ASK), 0);
        assert_eq!(budget.wait(now, Ask { resource: "graphql", ..ASK }), 3_600_000);
    }
}
