//! The schedules of the planner: the night at 03:00 UTC, the watch every five minutes, the catch-up every two hours.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use shared::domain::{Clock, Day};
use tokio::task::JoinHandle;

/// The template's `cron(0 3 * * ? *)`.
const NIGHT_AT: SignedDuration = SignedDuration::from_hours(3);

/// The template's rates, in seconds.
const WATCH_EVERY: i64 = 5 * 60;
const CATCH_UP_EVERY: i64 = 2 * 3600;

/// An invocation's time: the template's time-out of the function.
const TIMEOUT: Duration = Duration::from_secs(900);

/// Calls the planner when it is due. Ends when this is dropped.
pub(super) struct NightlyRuns(JoinHandle<()>);

impl NightlyRuns {
    pub(super) fn start(planner: sync::Deps, clock: Clock) -> Self {
        Self(tokio::spawn(async move {
            loop {
                let now = clock.now();
                let (at, tasks) = next(now);
                clock.sleep(Duration::try_from(at.duration_since(now)).unwrap_or_default()).await;
                for task in tasks {
                    call(&planner, task, at, clock.now() + TIMEOUT).await;
                }
            }
        }))
    }
}

impl Drop for NightlyRuns {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn call(planner: &sync::Deps, task: &str, at: Timestamp, deadline: Timestamp) {
    let Ok(request) = sync::Request::from_event(json!({"task": task, "scheduledAt": at})) else { return };
    match sync::handle(planner, request, deadline).await {
        Ok(report) => tracing::info!(?report, "the planner"),
        Err(error) => tracing::warn!(error = format!("{error:#}"), "the planner did not come to its end"),
    }
}

/// The next moment at which something is due, and what.
fn next(now: Timestamp) -> (Timestamp, Vec<&'static str>) {
    let every = |seconds: i64| Timestamp::from_second((now.as_second() / seconds + 1) * seconds).unwrap_or(now);
    let night_of = |day: Day| day.start_utc() + NIGHT_AT;
    let today = Day::of_utc(now);
    let night = if night_of(today) > now { night_of(today) } else { night_of(today.plus(1)) };
    let all = [(night, "nightly"), (every(WATCH_EVERY), "watch"), (every(CATCH_UP_EVERY), "catchUp")];
    let first = all.iter().map(|(at, _)| *at).min().unwrap_or(night);
    (first, all.into_iter().filter(|(at, _)| *at == first).map(|(_, task)| task).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_called_when_its_schedule_says() {
        let due = |now: &str| {
            let (at, tasks) = next(now.parse().unwrap());
            (at.to_string(), tasks)
        };
        assert_eq!(due("2026-03-19T02:57:00Z"), ("2026-03-19T03:00:00Z".to_owned(), vec!["nightly", "watch"]));
        assert_eq!(due("2026-03-19T03:00:00Z"), ("2026-03-19T03:05:00Z".to_owned(), vec!["watch"]));
        assert_eq!(due("2026-03-19T11:59:59Z"), ("2026-03-19T12:00:00Z".to_owned(), vec!["watch", "catchUp"]));
    }
}
