//! Invokes the functions that the template schedules, when they are due.

use std::time::Duration;

use anyhow::bail;
use jiff::Timestamp;
use shared::domain::Clock;
use tokio::task::JoinHandle;

use crate::template::{Deployment, Function, Schedule, ScheduledCall};

/// The schedules of the template by their functions.
pub(super) struct Schedules {
    sync: Vec<ScheduledCall>,
    sync_timeout: Duration,
    /// The daily check of Oura's webhook subscriptions.
    pub(super) subscriptions: Schedule,
}

impl Schedules {
    /// Reads the schedules of the template.
    ///
    /// # Errors
    /// When a function is scheduled that cannot be invoked like this, or an input is not an event of its function.
    pub(super) fn of(deployment: &Deployment) -> anyhow::Result<Self> {
        let (mut sync, mut subscriptions) = (Vec::new(), None);
        for call in &deployment.schedules {
            let event = call.event(Timestamp::UNIX_EPOCH)?;
            match call.function {
                Function::Sync => {
                    sync::Request::from_event(event)?;
                    sync.push(call.clone());
                }
                Function::Subscriptions if subscriptions.is_none() => subscriptions = Some(call.schedule),
                other => bail!("template.yaml: {}: a schedule of {other:?} is not supported here", call.id),
            }
        }
        let Some(subscriptions) = subscriptions else { bail!("template.yaml: nothing invokes subscriptions") };
        let sync_timeout = deployment.function(Function::Sync)?.timeout;
        Ok(Self { sync, sync_timeout, subscriptions })
    }

    /// Invokes the sync function when it is due, until the result is dropped.
    pub(super) fn run(self, planner: sync::Deps, clock: Clock) -> RunningSchedules {
        RunningSchedules(tokio::spawn(async move {
            loop {
                let now = clock.now();
                let Some((at, due)) = next(&self.sync, now) else { return };
                clock.sleep(Duration::try_from(at.duration_since(now)).unwrap_or_default()).await;
                for call in due {
                    invoke(&planner, call, at, clock.now() + self.sync_timeout).await;
                }
            }
        }))
    }
}

/// Schedules that are running. Dropping it stops them.
pub(super) struct RunningSchedules(JoinHandle<()>);

impl Drop for RunningSchedules {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn invoke(planner: &sync::Deps, call: &ScheduledCall, at: Timestamp, deadline: Timestamp) {
    let request = call.event(at).and_then(|event| Ok(sync::Request::from_event(event)?));
    let result = match request {
        Ok(request) => sync::handle(planner, request, deadline).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(report) => tracing::info!(event = "local.schedule_run", schedule = call.id, ?report, "sync function ran"),
        Err(error) => {
            let error = format!("{error:#}");
            tracing::warn!(event = "local.schedule_failed", schedule = call.id, error, "sync function failed");
        }
    }
}

/// Returns the next time at which calls are due, and the calls. `None` without calls.
fn next(calls: &[ScheduledCall], now: Timestamp) -> Option<(Timestamp, Vec<&ScheduledCall>)> {
    let first = calls.iter().map(|call| call.schedule.next(now)).min()?;
    Some((first, calls.iter().filter(|call| call.schedule.next(now) == first).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sync_is_invoked_for_each_of_its_schedules() {
        let schedules = Schedules::of(Deployment::of_project().unwrap()).unwrap();
        let due = |now: &str| {
            let (at, calls) = next(&schedules.sync, now.parse().unwrap()).unwrap();
            let event = |call: &ScheduledCall| sync::Request::from_event(call.event(at).unwrap()).unwrap();
            let tasks: Vec<_> = calls.into_iter().map(event).map(|request| request.task).collect();
            (at.to_string(), tasks)
        };
        let (at, tasks) = due("2026-03-19T02:57:00Z");
        assert_eq!((at.as_str(), tasks.len()), ("2026-03-19T03:00:00Z", 2));
        assert!(tasks.contains(&sync::Task::Nightly) && tasks.contains(&sync::Task::Watch), "{tasks:?}");
        assert_eq!(due("2026-03-19T03:00:00Z"), ("2026-03-19T03:05:00Z".to_owned(), vec![sync::Task::Watch]));
        let (at, tasks) = due("2026-03-19T11:59:59Z");
        assert_eq!((at.as_str(), tasks.contains(&sync::Task::CatchUp)), ("2026-03-19T12:00:00Z", true));
    }
}
