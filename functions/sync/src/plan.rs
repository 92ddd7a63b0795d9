//! Queues every connected patient for a night.

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use shared::aws::{Connections, NightlyRunState, PlanCursor, RunStatus, StoreError};
use shared::domain::{NightlyRun, PatientId};

use crate::report::{NightlyRunReport, Report};
use crate::{Deps, message};

/// Patients read from the index, and recorded as queued, at once.
const PAGE: i32 = 500;

/// SQS takes at most ten messages in a request.
const AT_ONCE: usize = 10;

/// Requests to SQS at once.
const CONCURRENT: usize = 8;

/// Begins the night, or goes on with it.
pub(crate) async fn run(deps: &Deps, night: NightlyRun, deadline: Timestamp) -> Result<Report, StoreError> {
    let run = deps.nightly_runs.begin(night, deps.clock.now()).await?;
    go_on(deps, run, deadline).await.map(Report::NightlyRun)
}

/// Goes on from where planning stands, until all are queued or the time is over.
pub(crate) async fn go_on(
    deps: &Deps,
    mut run: RunStatus,
    deadline: Timestamp,
) -> Result<NightlyRunReport, StoreError> {
    let mut queued = 0;
    while run.state == NightlyRunState::Planning && deps.has_time(deadline) {
        let PlanCursor { shard, after } = &run.cursor;
        let page = deps.connections.active_page(*shard, after.as_ref(), PAGE).await?;
        queue(deps, run.night, &page.patients).await?;
        let next = match page.next {
            Some(after) => Some(PlanCursor { shard: *shard, after: Some(after) }),
            None if shard + 1 < Connections::ACTIVE_SHARDS => Some(PlanCursor { shard: shard + 1, after: None }),
            None => None,
        };
        // Recorded after it was queued: a planner that dies in between queues these patients twice, which does no harm.
        let ours = deps.nightly_runs.advance(&run, page.patients.len(), next.as_ref(), deps.clock.now()).await?;
        queued += if ours { page.patients.len() } else { 0 };
        run = deps
            .nightly_runs
            .get(run.night)
            .await?
            .ok_or(StoreError::Corrupt { action: "plan the night", field: "sk" })?;
    }
    Ok(NightlyRunReport::of(&run, queued, false))
}

async fn queue(deps: &Deps, night: NightlyRun, patients: &[PatientId]) -> Result<(), StoreError> {
    let (sync_id, range) = (night.sync_id(), deps.recent(night.day()));
    let batches: Vec<Vec<_>> = patients
        .chunks(AT_ONCE)
        .map(|some| some.iter().map(|patient| message(deps, patient.clone(), &sync_id, range)).collect())
        .collect();
    stream::iter(batches).map(|batch| deps.queue.send_batch(batch)).buffer_unordered(CONCURRENT).try_collect().await
}
