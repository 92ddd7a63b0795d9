//! Queues the patients who should not wait for the nightly run.

use jiff::{SignedDuration, Timestamp};
use shared::aws::{Connections, StoreError};
use shared::domain::{BackfillState, Connection, Day, catch_up_sync};

use crate::deps::Deps;
use crate::plan::BATCH_SIZE;

/// Patients read from the index at once, each with its connection.
const PAGE_SIZE: i32 = 100;

/// Age of a connection below which its unfinished backfill is still expected to arrive by itself.
const BACKFILL_TIMEOUT: SignedDuration = SignedDuration::from_hours(1);

/// Queues every patient of the catch-up index who needs it, and returns their number. If the invocation is about to end,
/// the rest stays in the index for the next call.
pub(crate) async fn run(deps: &Deps, scheduled_at: Timestamp, deadline: Timestamp) -> Result<usize, StoreError> {
    let (sync_id, today) = (catch_up_sync(scheduled_at), Day::of_utc(scheduled_at));
    let mut queued = 0;
    for shard in 0..Connections::ACTIVE_SHARDS {
        let mut after = None;
        while deps.has_time(deadline) {
            let page = deps.connections.catch_up_page(shard, after.as_ref(), PAGE_SIZE).await?;
            let mut patients = Vec::new();
            for patient in page.patients {
                let connection = deps.connections.get(&patient).await?;
                if connection.is_some_and(|connection| needs_sync_now(&connection, deps.clock.now())) {
                    patients.push(patient);
                }
            }
            for batch in patients.chunks(BATCH_SIZE) {
                deps.queue.send_batch(deps.messages(batch, &sync_id, today)).await?;
            }
            queued += patients.len();
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
    }
    Ok(queued)
}

fn needs_sync_now(connection: &Connection, now: Timestamp) -> bool {
    let is_backfill_running = connection.backfill.as_ref().is_some_and(|backfill| {
        matches!(backfill.state, BackfillState::Pending | BackfillState::Running)
            && now.duration_since(connection.since) < BACKFILL_TIMEOUT
    });
    connection.needs_catch_up() && !is_backfill_running
}
