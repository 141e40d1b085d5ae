//! A host that keeps failing is left alone for a while: one circuit breaker per origin.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coregit_model::{ErrorClass, Origin};
use tokio::time::Instant;

use crate::{Effect, HttpError};

/// So many failures in a row open the circuit.
const IN_A_ROW: usize = 5;
/// So does half of this many latest requests.
const LATEST: usize = 20;
const FIRST_REST: Duration = Duration::from_secs(30);
const LONGEST_REST: Duration = Duration::from_secs(600);

/// What is known of failing origins. Clones share it.
#[derive(Clone, Default)]
pub struct Breakers(Arc<Mutex<HashMap<Origin, Circuit>>>);

#[derive(Default)]
struct Circuit {
    /// The latest outcomes, `true` for a failure; the newest last.
    latest: VecDeque<bool>,
    open: Option<Open>,
}

struct Open {
    until: Instant,
    rest: Duration,
    probing: bool,
}

/// Leave to send one request. What became of it is told with [`Pass::note`]; a pass that is dropped tells nothing.
pub(crate) struct Pass {
    breakers: Breakers,
    origin: Origin,
    probe: bool,
}

impl Breakers {
    /// Breakers of their own.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those of this process.
    pub fn process() -> Self {
        static PROCESS: LazyLock<Breakers> = LazyLock::new(Breakers::new);
        PROCESS.clone()
    }

    /// Leave for one request; while the circuit is open, an error with the wait until the next probe.
    pub(crate) fn pass(&self, origin: &Origin) -> Result<Pass, HttpError> {
        let mut all = self.lock();
        let circuit = all.entry(origin.clone()).or_default();
        let mut probe = false;
        if let Some(open) = &mut circuit.open {
            let now = Instant::now();
            if open.probing || now < open.until {
                return Err(resting(origin, open.until.saturating_duration_since(now)));
            }
            open.probing = true;
            probe = true;
        }
        Ok(Pass { breakers: self.clone(), origin: origin.clone(), probe })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Origin, Circuit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Breakers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Breakers").finish_non_exhaustive()
    }
}

fn resting(origin: &Origin, wait: Duration) -> HttpError {
    let wait = wait.max(Duration::from_secs(1));
    let text = format!("{} failed again and again; it is asked again in {} s", origin.host(), wait.as_secs());
    HttpError::new(ErrorClass::Transient, Effect::NotSent, text).with_wait(wait).final_for_now()
}

impl Pass {
    /// Tells whether the host failed: no connection, no answer, or a 5xx.
    pub(crate) fn note(mut self, failed: bool) {
        let mut all = self.breakers.lock();
        let circuit = all.entry(self.origin.clone()).or_default();
        circuit.note(failed, self.probe);
        drop(all);
        self.probe = false;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if !self.probe {
            return;
        }
        if let Some(open) = self.breakers.lock().get_mut(&self.origin).and_then(|c| c.open.as_mut()) {
            open.probing = false;
        }
    }
}

impl Circuit {
    fn note(&mut self, failed: bool, probe: bool) {
        match (&mut self.open, failed) {
            (Some(open), true) if probe => {
                open.rest = (open.rest * 2).min(LONGEST_REST);
                open.until = Instant::now() + open.rest;
                open.probing = false;
            }
            // Sent before the circuit opened: says nothing new.
            (Some(_), true) => {}
            (Some(_), false) => *self = Circuit::default(),
            (None, _) => self.count(failed),
        }
    }

    fn count(&mut self, failed: bool) {
        if self.latest.len() == LATEST {
            self.latest.pop_front();
        }
        self.latest.push_back(failed);
        let row = self.latest.iter().rev().take_while(|failed| **failed).count();
        let bad = self.latest.iter().filter(|failed| **failed).count();
        if row >= IN_A_ROW || (self.latest.len() == LATEST && bad * 2 >= LATEST) {
            self.open = Some(Open { until: Instant::now() + FIRST_REST, rest: FIRST_REST, probing: false });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin::parse("https://git.example.com").unwrap().0
    }

    fn fail(breakers: &Breakers, times: usize) {
        (0..times).for_each(|_| breakers.pass(&origin()).unwrap().note(true));
    }

    #[tokio::test(start_paused = true)]
    async fn five_failures_open_it_and_one_probe_goes_every_thirty_seconds() {
        let breakers = Breakers::new();
        fail(&breakers, 5);
        let error = breakers.pass(&origin()).err().unwrap();
        assert_eq!((error.class(), error.wait().unwrap().as_secs()), (ErrorClass::Transient, 30));
        tokio::time::advance(FIRST_REST).await;
        let probe = breakers.pass(&origin()).unwrap();
        assert!(breakers.pass(&origin()).is_err(), "one probe at a time");
        probe.note(true);
        tokio::time::advance(FIRST_REST).await;
        assert!(breakers.pass(&origin()).is_err(), "the rest has doubled");
        tokio::time::advance(FIRST_REST).await;
        breakers.pass(&origin()).unwrap().note(false);
        fail(&breakers, 4);
        assert!(breakers.pass(&origin()).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn half_of_twenty_failures_open_it_too() {
        let breakers = Breakers::new();
        for n in 0..20 {
            breakers.pass(&origin()).unwrap().note(n % 2 == 0);
        }
        assert!(breakers.pass(&origin()).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_given_up_does_not_block_the_next() {
        let breakers = Breakers::new();
        fail(&breakers, 5);
        tokio::time::advance(FIRST_REST).await;
        drop(breakers.pass(&origin()).unwrap());
        assert!(breakers.pass(&origin()).is_ok());
        let other = Origin::parse("https://other.example.com").unwrap().0;
        assert!(breakers.pass(&other).is_ok(), "other hosts are not concerned");
    }
}
