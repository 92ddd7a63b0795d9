//! Runs of the subscriptions function: at the start, then by its schedule, and every minute for a while after a failure.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use shared::domain::Clock;
use subscriptions::{Deps, Report, Request};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::template::Schedule;

/// Time between a failed run and the next one.
const RETRY_INTERVAL: Duration = Duration::from_secs(60);

/// Number of consecutive failures that are followed by another run after [`RETRY_INTERVAL`].
const MAX_RETRIES: u32 = 30;

/// State of Oura's webhook subscriptions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum Subscriptions {
    /// The first run has not ended.
    Pending,
    /// All exist.
    Complete {
        /// Number of subscriptions.
        count: usize,
    },
    /// Some or all are missing.
    Failed {
        /// Cause without secrets and without Oura's answers.
        reason: String,
    },
    /// Oura cannot reach this machine, so there is no address to subscribe.
    Skipped,
}

impl fmt::Display for Subscriptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending => f.write_str("webhook subscriptions are still being made"),
            Self::Complete { count } => write!(f, "{count} webhook subscriptions"),
            Self::Failed { reason } => write!(f, "webhook subscriptions failed and are retried: {reason}"),
            Self::Skipped => f.write_str(
                "no webhook subscriptions: Oura cannot reach this machine. Open a tunnel to the gateway and set \
                 WEBHOOK_URL=https://<the tunnel>/webhook; until then data comes on connect and on request",
            ),
        }
    }
}

/// Runs the function by its schedule until dropped.
pub(super) struct SubscriptionRuns {
    task: Option<JoinHandle<()>>,
    state: watch::Receiver<Subscriptions>,
}

/// Settings of the runs.
pub(super) struct RunOptions {
    pub schedule: Schedule,
    pub timeout: Duration,
    pub clock: Clock,
}

impl SubscriptionRuns {
    /// Starts with a run at once and sends the result of each run to `state`. Without dependencies nothing runs.
    pub(super) fn start(deps: Option<Deps>, options: RunOptions, state: watch::Sender<Subscriptions>) -> Self {
        let receiver = state.subscribe();
        let Some(deps) = deps.map(Arc::new) else {
            tracing::info!(event = "local.subscriptions_skipped", "{}", Subscriptions::Skipped);
            state.send_replace(Subscriptions::Skipped);
            return Self { task: None, state: receiver };
        };
        let RunOptions { schedule, timeout, clock } = options;
        let run = move || {
            let deps = Arc::clone(&deps);
            async move {
                let run = tokio::time::timeout(timeout, subscriptions::handle(&deps, Request::default()));
                run.await?.map(|report| of(&report))
            }
        };
        let until_next = move || {
            let now = clock.now();
            Duration::try_from(schedule.next(now).duration_since(now)).unwrap_or(RETRY_INTERVAL)
        };
        Self { task: Some(tokio::spawn(repeat(run, until_next, state))), state: receiver }
    }

    /// Waits until the first run has ended, or until the time-out.
    pub(super) async fn first_run(&mut self, timeout: Duration) {
        let ended = self.state.wait_for(|state| *state != Subscriptions::Pending);
        if tokio::time::timeout(timeout, ended).await.is_err() {
            tracing::warn!(event = "local.subscriptions_pending", "{}", Subscriptions::Pending);
        }
    }
}

impl Drop for SubscriptionRuns {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

fn of(report: &Report) -> Subscriptions {
    if report.ok {
        return Subscriptions::Complete { count: report.desired };
    }
    let mut reason = format!("{} of {} are missing", report.missing.len(), report.desired);
    if report.unmanaged > 0 {
        reason.push_str(&format!("; {} of this app belong to another address", report.unmanaged));
    }
    if let Some(failed) = report.failed.first() {
        let (action, error) = (<&str>::from(failed.action), &failed.error);
        reason.push_str(&format!("; {action} {} {}: {error}", failed.event_type, failed.data_type));
    }
    Subscriptions::Failed { reason }
}

/// Runs, publishes the result, waits, and runs again.
async fn repeat<F, R>(run: F, until_next: impl Fn() -> Duration, state: watch::Sender<Subscriptions>)
where
    F: Fn() -> R,
    R: Future<Output = anyhow::Result<Subscriptions>> + Send + 'static,
{
    let mut failures = 0;
    loop {
        // A task of its own: a panic ends the run, not the schedule.
        let now = match tokio::spawn(run()).await {
            Ok(Ok(now)) => now,
            Ok(Err(error)) => Subscriptions::Failed { reason: format!("{error:#}") },
            Err(_panic) => Subscriptions::Failed { reason: "the function panicked".to_owned() },
        };
        let failed = matches!(now, Subscriptions::Failed { .. });
        if failed {
            tracing::warn!(event = "local.subscriptions_failed", "{now}");
            failures += 1;
        } else {
            tracing::info!(event = "local.subscriptions_checked", "{now}");
            failures = 0;
        }
        if state.send(now).is_err() {
            return;
        }
        let retries = failed && failures <= MAX_RETRIES;
        tokio::time::sleep(if retries { RETRY_INTERVAL } else { until_next() }).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::time::Instant;

    /// Start of each run in seconds, where the first `failures` runs fail.
    async fn runs(failures: u32, count: usize) -> Vec<u64> {
        let (sender, mut state) = watch::channel(Subscriptions::Pending);
        let began = Instant::now();
        let (times, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let n = Arc::new(AtomicU32::new(0));
        let task = tokio::spawn(repeat(
            move || {
                times.send(began.elapsed().as_secs()).unwrap();
                let n = n.fetch_add(1, Ordering::Relaxed);
                async move {
                    assert!(n != 0 || failures == 0, "the first failure is a crash");
                    if n < failures { anyhow::bail!("Oura is away") } else { Ok(Subscriptions::Complete { count: 48 }) }
                }
            },
            || Duration::from_secs(86_400),
            sender,
        ));
        let mut at = Vec::new();
        while at.len() < count {
            at.push(seen.recv().await.unwrap());
        }
        state.wait_for(|now| *now != Subscriptions::Pending).await.unwrap();
        task.abort();
        at
    }

    #[tokio::test(start_paused = true)]
    async fn failed_run_is_retried_every_minute_and_successful_one_by_schedule() {
        assert_eq!(runs(0, 3).await, [0, 86_400, 172_800]);
        assert_eq!(runs(2, 4).await, [0, 60, 120, 120 + 86_400]);
    }

    #[tokio::test(start_paused = true)]
    async fn retries_end_after_half_an_hour_of_failures() {
        let at = runs(u32::MAX, 33).await;
        assert_eq!(at[..3], [0, 60, 120]);
        assert_eq!(at[30..], [30 * 60, 30 * 60 + 86_400, 30 * 60 + 2 * 86_400]);
    }

    #[tokio::test]
    async fn without_webhook_url_nothing_runs_and_the_message_names_the_setting() {
        let (sender, state) = watch::channel(Subscriptions::Pending);
        let options = RunOptions { schedule: Schedule::Rate(60), timeout: RETRY_INTERVAL, clock: Clock::system() };
        SubscriptionRuns::start(None, options, sender).first_run(Duration::from_secs(60)).await;
        let state = state.borrow().clone();
        assert!(state == Subscriptions::Skipped && state.to_string().contains("WEBHOOK_URL=https://"), "{state}");
    }
}
