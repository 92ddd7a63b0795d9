//! `sync`: plans what is pulled without anybody asking. Three schedules call it.
//!
//! - **night** (03:00 UTC): every connected patient is queued, once a night. The night is known by the day that the schedule
//!   names, so a call that comes twice, or late, does nothing twice. How far it has come is kept in the night's record: a
//!   planner that dies, or whose time ends, is followed by another that goes on from there.
//! - **watch** (every few minutes): goes on with a night whose planning stands still, counts what became of the patients, ends
//!   the night when all have had their turn, and says so when nothing moves any more.
//! - **catchUp** (every two hours): queues those who should not wait for the night, because Oura's webhooks are silent about
//!   them, or something kept their data from arriving. They stand in an index of their own; when it is empty, that is all.

mod catch_up;
mod plan;
mod report;
mod watch;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use shared::aws::{Connections, NightlyRuns, Queue, SdkConfig};
use shared::domain::{Clock, Day, DayRange, NightlyRun, PatientId, QueueMessage, SyncId, SyncMessage, Trigger};
use shared::env::{Env, EnvError};

pub use crate::report::{NightlyRunReport, Report};

/// Kept free at the end of an invocation: nothing new is begun then.
const ENDING: SignedDuration = SignedDuration::from_secs(15);

/// Settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    connections_table: String,
    nightly_queue_url: String,
    lookback_days: u32,
}

impl Config {
    /// Reads `CONNECTIONS_TABLE`, `NIGHTLY_QUEUE_URL` and `LOOKBACK_DAYS`.
    ///
    /// # Errors
    /// [`EnvError`] names the variable that is missing or malformed.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        Ok(Self {
            connections_table: env.required("CONNECTIONS_TABLE")?,
            nightly_queue_url: env.required("NIGHTLY_QUEUE_URL")?,
            lookback_days: env.bounded("LOOKBACK_DAYS", 7, 1..=30)?,
        })
    }
}

/// What this function works with.
#[derive(Debug)]
pub struct Deps {
    connections: Connections,
    nightly_runs: NightlyRuns,
    queue: Queue,
    clock: Clock,
    lookback_days: u32,
}

impl Deps {
    /// Makes the clients; reads nothing yet.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig, clock: Clock) -> Self {
        Self {
            connections: Connections::new(sdk, &config.connections_table),
            nightly_runs: NightlyRuns::new(sdk, &config.connections_table),
            queue: Queue::new(sdk, &config.nightly_queue_url),
            clock,
            lookback_days: config.lookback_days,
        }
    }

    /// The days that a ring can have synced lately; tomorrow, too, where it is tomorrow already.
    fn recent(&self, today: Day) -> DayRange {
        DayRange::ending(today.plus(1), i32::try_from(self.lookback_days).unwrap_or(7) + 1)
    }

    fn has_time(&self, deadline: Timestamp) -> bool {
        deadline.duration_since(self.clock.now()) > ENDING
    }
}

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Task {
    /// Plan the night.
    #[default]
    Nightly,
    /// Look how the night goes.
    Watch,
    /// Pull those who should not wait for the night.
    CatchUp,
}

/// One call: a schedule's, or `{}` by hand, which plans the night of today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// What for.
    #[serde(default)]
    pub task: Task,
    /// For when it was due, as the scheduler says: a call that comes late is still for then.
    #[serde(default)]
    pub scheduled_at: Option<Timestamp>,
}

/// An event that asks for nothing that this function does.
#[derive(Debug, thiserror::Error)]
#[error(
    "not a call of this function: it takes {{\"task\": \"nightly\" | \"watch\" | \"catchUp\", \"scheduledAt\": \"<time>\"}}, both optional"
)]
pub struct NotACall;

impl Request {
    /// From the event of an invocation.
    ///
    /// # Errors
    /// [`NotACall`]. A mistyped call should not plan a night of its own.
    pub fn of_event(event: Value) -> Result<Self, NotACall> {
        if !event.is_object() {
            return Err(NotACall);
        }
        serde_json::from_value(event).map_err(|_quotes_the_event| NotACall)
    }
}

/// Does what the call is for. `deadline`: when this invocation ends.
///
/// # Errors
/// When DynamoDB or SQS did not do their part; doing it again goes on where it stopped.
pub async fn handle(deps: &Deps, request: Request, deadline: Timestamp) -> anyhow::Result<Report> {
    let due = request.scheduled_at.unwrap_or_else(|| deps.clock.now());
    let report = match request.task {
        Task::Nightly => plan::run(deps, NightlyRun::due_at(due), deadline).await,
        Task::Watch => watch::run(deps, deadline).await,
        Task::CatchUp => catch_up::run(deps, due, deadline).await,
    };
    match report {
        Ok(report) => {
            report.tell(deps.clock.now());
            Ok(report)
        }
        Err(error) => {
            tracing::error!(task = ?request.task, %error, "planning did not come to its end; the next call goes on");
            Err(error.into())
        }
    }
}

fn message(deps: &Deps, patient_id: PatientId, sync_id: &SyncId, range: DayRange) -> QueueMessage {
    let requested_at = deps.clock.now();
    SyncMessage { patient_id, sync_id: sync_id.clone(), trigger: Trigger::Daily, range, requested_at }.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_says_what_it_is_for_or_is_none() {
        let of = |event| Request::of_event(event).ok();
        assert_eq!(of(json!({})), Some(Request::default()));
        let at = "2026-03-19T03:00:00Z";
        let night = Request { task: Task::Nightly, scheduled_at: Some(at.parse().unwrap()) };
        assert_eq!(of(json!({"task": "nightly", "scheduledAt": at})), Some(night));
        assert_eq!(of(json!({"task": "catchUp"})).map(|call| call.task), Some(Task::CatchUp));
        for bad in [
            json!(null),
            json!([]),
            json!("night"),
            json!({"task": "nite"}),
            json!({"scheduledAt": "soon"}),
            json!({"x": 1}),
        ] {
            assert_eq!(of(bad.clone()), None, "{bad}");
        }
    }
}
