//! When a request is sent again, and after what wait.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use coregit_model::ErrorClass;

use crate::{Effect, HttpError, Retry};

/// How many times a request is sent again at most.
const AGAIN: usize = 3;
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// Repeats an attempt while its error says that trying again is right, within `patience` in all.
pub(crate) async fn repeat<T, F>(
    retry: Retry,
    patience: Duration,
    attempt: impl FnMut() -> F,
) -> Result<T, HttpError>
where
    F: Future<Output = Result<T, HttpError>>,
{
    let schedule = ExponentialBuilder::default()
        .with_min_delay(FIRST_WAIT)
        .with_max_delay(LONGEST_WAIT)
        .with_max_times(AGAIN)
        .with_jitter();
    let mut left = patience;
    attempt
        .retry(schedule)
        .sleep(tokio::time::sleep)
        .when(move |error| may_repeat(retry, error))
        .notify(|error: &HttpError, wait| {
            let (class, wait_ms) = (error.class().as_str(), wait.as_millis() as u64);
            tracing::debug!(class, wait_ms, request_id = error.request_id(), "trying again: {error}");
        })
        .adjust(move |error, planned| next_wait(error, planned?, &mut left))
        .await
}

fn may_repeat(retry: Retry, error: &HttpError) -> bool {
    let safe = match retry {
        Retry::Idempotent => true,
        Retry::IfNoEffect => error.effect() != Effect::Unknown,
        Retry::Never => false,
    };
    safe && error.try_again() && !error.is_final_for_now()
}

/// The host's wait where it named one, else the planned one; `None` when patience does not last.
fn next_wait(error: &HttpError, planned: Duration, left: &mut Duration) -> Option<Duration> {
    let wait = match (error.class(), error.wait()) {
        (ErrorClass::Rate, wait) => wait?,
        (_, wait) => wait.map_or(planned, |wait| wait.max(planned)),
    };
    *left = left.checked_sub(wait)?;
    Some(wait)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    async fn tries(retry: Retry, patience: u64, error: HttpError) -> usize {
        let tries = Cell::new(0);
        let attempt = || {
            tries.set(tries.get() + 1);
            std::future::ready(Err::<(), _>(error.clone()))
        };
        repeat(retry, Duration::from_secs(patience), attempt).await.unwrap_err();
        tries.get()
    }

    fn error(class: ErrorClass, effect: Effect) -> HttpError {
        HttpError::new(class, effect, "x")
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_may_pass_later_and_is_safe_is_sent_again() {
        use ErrorClass::*;
        for (retry, class, effect, times) in [
            (Retry::Idempotent, Transient, Effect::Unknown, 4),
            (Retry::IfNoEffect, Transient, Effect::Unknown, 1),
            (Retry::IfNoEffect, Transient, Effect::NotSent, 4),
            (Retry::Never, Transient, Effect::NotSent, 1),
            (Retry::Idempotent, Auth, Effect::Refused, 1),
            (Retry::Idempotent, Invalid, Effect::Unknown, 1),
        ] {
            assert_eq!(tries(retry, 60, error(class, effect)).await, times, "{retry:?} {class} {effect:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hosts_wait_is_kept_to_and_a_long_one_is_handed_up() {
        let limited = error(ErrorClass::Rate, Effect::Refused).with_wait(Duration::from_secs(20));
        let start = tokio::time::Instant::now();
        assert_eq!(tries(Retry::IfNoEffect, 60, limited.clone()).await, 4);
        assert_eq!(start.elapsed().as_secs(), 60);
        assert_eq!(tries(Retry::IfNoEffect, 19, limited).await, 1);
    }
}
