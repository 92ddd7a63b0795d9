//! Queues every connected patient for a nightly run.

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use shared::aws::{Connections, NightlyRunState, PlanCursor, RunStatus, StoreError};
use shared::domain::{NightlyRun, PatientId};

use crate::deps::Deps;
use crate::report::NightlyRunReport;

/// Patients read from the index, and recorded as queued, at once.
const PAGE_SIZE: i32 = 500;

/// Messages of one request to SQS: its maximum.
pub(crate) const BATCH_SIZE: usize = 10;

/// Concurrent requests to SQS.
const CONCURRENCY: usize = 8;

/// Begins the run, or resumes it.
pub(crate) async fn run(deps: &Deps, night: NightlyRun, deadline: Timestamp) -> Result<NightlyRunReport, StoreError> {
    let run = deps.nightly_runs.begin(night, deps.clock.now()).await?;
    resume(deps, run, deadline).await
}

/// Resumes planning at its cursor, until all patients are queued or the invocation is about to end.
pub(crate) async fn resume(
    deps: &Deps,
    mut run: RunStatus,
    deadline: Timestamp,
) -> Result<NightlyRunReport, StoreError> {
    let mut queued = 0;
    while run.state == NightlyRunState::Planning && deps.has_time(deadline) {
        let PlanCursor { shard, after } = &run.cursor;
        let page = deps.connections.active_page(*shard, after.as_ref(), PAGE_SIZE).await?;
        queue(deps, run.night, &page.patients).await?;
        let next = match page.next {
            Some(after) => Some(PlanCursor { shard: *shard, after: Some(after) }),
            None if shard + 1 < Connections::ACTIVE_SHARDS => Some(PlanCursor { shard: shard + 1, after: None }),
            None => None,
        };
        // Recorded after queueing: after a crash in between, the page is queued twice, which is harmless. Another planner
        // may have recorded the same page; then its patients are not counted here.
        let patients = page.patients.len();
        if deps.nightly_runs.advance(&run, patients, next.as_ref(), deps.clock.now()).await? {
            queued += patients;
        }
        let current = deps.nightly_runs.get(run.night).await?;
        run = current.ok_or_else(|| StoreError::Corrupt { action: "plan the nightly run", field: "sk".to_owned() })?;
    }
    Ok(NightlyRunReport::new(&run, queued, false, &[]))
}

async fn queue(deps: &Deps, night: NightlyRun, patients: &[PatientId]) -> Result<(), StoreError> {
    let sync_id = night.sync_id();
    let batches: Vec<_> =
        patients.chunks(BATCH_SIZE).map(|batch| deps.messages(batch, &sync_id, night.day())).collect();
    stream::iter(batches).map(|batch| deps.queue.send_batch(batch)).buffer_unordered(CONCURRENCY).try_collect().await
}
