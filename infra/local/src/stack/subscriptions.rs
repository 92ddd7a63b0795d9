//! The daily run of the subscriptions function: at the start, then every day, and every minute for a while after a failure.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use subscriptions::{Deps, Report, Request};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Between two runs when all is well.
const DAILY: Duration = Duration::from_secs(24 * 60 * 60);

/// Between two runs after a failure.
const AGAIN: Duration = Duration::from_secs(60);

/// How many failures in a row are followed by another run after [`AGAIN`].
const PATIENCE: u32 = 30;

/// How Oura's webhook subscriptions stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum Subscriptions {
    /// The first run has not ended.
    Pending,
    /// There are as many as there should be.
    Standing {
        /// How many.
        count: usize,
    },
    /// Some or all are missing.
    Failed {
        /// What happened; no secret and no answer of Oura's is in it.
        why: String,
    },
    /// Oura cannot reach this machine: there is no address to subscribe.
    Skipped,
}

impl fmt::Display for Subscriptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending => f.write_str("webhook subscriptions are still being made"),
            Self::Standing { count } => write!(f, "{count} webhook subscriptions"),
            Self::Failed { why } => write!(f, "webhook subscriptions failed and are tried again: {why}"),
            Self::Skipped => f.write_str(
                "no webhook subscriptions: Oura cannot reach this machine. Open a tunnel to the gateway and set \
                 WEBHOOK_URL=https://<the tunnel>/webhook; until then data comes on connect and on request",
            ),
        }
    }
}

/// Runs the function as its schedule does. Ends when this is dropped.
pub(super) struct Keeper {
    task: Option<JoinHandle<()>>,
    state: watch::Receiver<Subscriptions>,
}

impl Keeper {
    /// Starts with a run at once and tells `state` how each ended; without dependencies nothing ever runs, and it is told
    /// that.
    pub(super) fn start(deps: Option<Deps>, state: watch::Sender<Subscriptions>) -> Self {
        let told = state.subscribe();
        let Some(deps) = deps.map(Arc::new) else {
            tracing::info!("{}", Subscriptions::Skipped);
            state.send_replace(Subscriptions::Skipped);
            return Self { task: None, state: told };
        };
        let run = move || {
            let deps = Arc::clone(&deps);
            async move { subscriptions::handle(&deps, Request::default()).await.map(|report| of(&report)) }
        };
        Self { task: Some(tokio::spawn(keep(run, state))), state: told }
    }

    /// Waits until the first run has ended, so long at most.
    pub(super) async fn first_run(&mut self, at_most: Duration) {
        let ended = self.state.wait_for(|state| *state != Subscriptions::Pending);
        if tokio::time::timeout(at_most, ended).await.is_err() {
            tracing::warn!("{}", Subscriptions::Pending);
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

fn of(report: &Report) -> Subscriptions {
    if report.ok {
        return Subscriptions::Standing { count: report.desired };
    }
    let mut why = format!("{} of {} are missing", report.missing.len(), report.desired);
    if report.unmanaged > 0 {
        why.push_str(&format!("; {} of this app belong to another address", report.unmanaged));
    }
    if let Some(failed) = report.failed.first() {
        let (action, error) = (<&str>::from(failed.action), &failed.error);
        why.push_str(&format!("; {action} {} {}: {error}", failed.event_type, failed.data_type));
    }
    Subscriptions::Failed { why }
}

/// Runs, says how it ended, waits, and runs again.
async fn keep<F, R>(run: F, state: watch::Sender<Subscriptions>)
where
    F: Fn() -> R,
    R: Future<Output = anyhow::Result<Subscriptions>> + Send + 'static,
{
    let mut failures = 0;
    loop {
        // A task of its own: a panic ends the run, not the schedule.
        let now = match tokio::spawn(run()).await {
            Ok(Ok(now)) => now,
            Ok(Err(error)) => Subscriptions::Failed { why: format!("{error:#}") },
            Err(_crashed) => Subscriptions::Failed { why: "the function crashed".to_owned() },
        };
        let failed = matches!(now, Subscriptions::Failed { .. });
        if failed {
            tracing::warn!("{now}");
            failures += 1;
        } else {
            tracing::info!("{now}");
            failures = 0;
        }
        if state.send(now).is_err() {
            return;
        }
        tokio::time::sleep(if failed && failures <= PATIENCE { AGAIN } else { DAILY }).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::time::Instant;

    /// Runs a keeper whose first `failures` runs fail, and gives when each run began, in seconds.
    async fn runs(failures: u32, count: usize) -> Vec<u64> {
        let (sender, mut state) = watch::channel(Subscriptions::Pending);
        let began = Instant::now();
        let (times, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let n = Arc::new(AtomicU32::new(0));
        let task = tokio::spawn(keep(
            move || {
                times.send(began.elapsed().as_secs()).unwrap();
                let n = n.fetch_add(1, Ordering::Relaxed);
                async move {
                    assert!(n != 0 || failures == 0, "the first failure is a crash");
                    if n < failures { anyhow::bail!("Oura is away") } else { Ok(Subscriptions::Standing { count: 48 }) }
                }
            },
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
    async fn a_failed_run_is_tried_again_every_minute_and_a_good_one_daily() {
        assert_eq!(runs(0, 3).await, [0, 86_400, 172_800]);
        assert_eq!(runs(2, 4).await, [0, 60, 120, 120 + 86_400]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_oura_that_stays_away_is_asked_daily_in_the_end() {
        let at = runs(u32::MAX, 33).await;
        assert_eq!(at[..3], [0, 60, 120]);
        assert_eq!(at[30..], [30 * 60, 30 * 60 + 86_400, 30 * 60 + 2 * 86_400]);
    }

    #[tokio::test]
    async fn without_an_address_nothing_runs_and_the_line_says_what_to_set() {
        let (told, state) = watch::channel(Subscriptions::Pending);
        Keeper::start(None, told).first_run(Duration::from_secs(60)).await;
        let state = state.borrow().clone();
        assert!(state == Subscriptions::Skipped && state.to_string().contains("WEBHOOK_URL=https://"), "{state}");
    }
}
