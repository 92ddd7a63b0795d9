//! The planner: queues the syncs that no webhook event and no patient has requested. Three schedules call it.
//!
//! - **nightly** (03:00 UTC): queues every connected patient, once per run. A run is identified by the day that the
//!   schedule names, so a repeated or late call queues no patient twice. Its progress is stored: after a crash or the
//!   end of an invocation, the next call resumes it.
//! - **watch** (every few minutes): resumes an interrupted run, counts the outcomes of its patients, ends it when all have
//!   one, and reports a run without progress.
//! - **catchUp** (every two hours): queues the patients who should not wait for the nightly run, because webhooks miss their
//!   documents or something kept their data from arriving. They have an index; an empty index is all that a call reads.

mod catch_up;
mod deps;
mod plan;
mod report;
mod request;
mod watch;

use jiff::Timestamp;
use shared::domain::NightlyRun;

pub use crate::deps::{Config, Deps};
pub use crate::report::{NightlyRunReport, Report};
pub use crate::request::{InvalidRequest, Request, Task};

/// Does the requested task. `deadline` is the end of this invocation.
///
/// # Errors
/// When DynamoDB or SQS failed. A repeated call resumes the task.
pub async fn handle(deps: &Deps, request: Request, deadline: Timestamp) -> anyhow::Result<Report> {
    let scheduled_at = request.scheduled_at.unwrap_or_else(|| deps.clock.now());
    let report = match request.task {
        Task::Nightly => plan::run(deps, NightlyRun::due_at(scheduled_at), deadline).await.map(Report::Nightly),
        Task::Watch => watch::run(deps, deadline).await.map(|runs| Report::Watch { runs }),
        Task::CatchUp => catch_up::run(deps, scheduled_at, deadline).await.map(|queued| Report::CatchUp { queued }),
    };
    match report {
        Ok(report) => {
            report.publish(deps.clock.now());
            Ok(report)
        }
        Err(error) => {
            tracing::error!(
                event = "planner.failed",
                task = ?request.task,
                %error,
                "a task of the planner failed; the next call resumes it"
            );
            Err(error.into())
        }
    }
}
