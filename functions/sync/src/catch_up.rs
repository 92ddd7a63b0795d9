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

/// Share of Oura's rate limit for one run, in windows of five minutes: a quarter of the time between two runs.
const WINDOWS: u32 = 6;

/// Requests of one patient: three data types, and the others of a ring that has synced.
const REQUESTS_PER_PATIENT: u32 = 5;

/// Queues the patients of the catch-up index who need it, and returns their number. If they are too many for the rate limit,
/// or the invocation is about to end, the rest stays in the index for the next call.
pub(crate) async fn run(deps: &Deps, scheduled_at: Timestamp, deadline: Timestamp) -> Result<usize, StoreError> {
    let (sync_id, today) = (catch_up_sync(scheduled_at), Day::of_utc(scheduled_at));
    let mut room = (deps.requests_per_window * WINDOWS / REQUESTS_PER_PATIENT) as usize;
    let mut queued = 0;
    for shard in shards(scheduled_at) {
        let mut after = None;
        while deps.has_time(deadline) && room > 0 {
            let page = deps.connections.catch_up_page(shard, after.as_ref(), PAGE_SIZE).await?;
            let mut patients = Vec::new();
            for patient in page.patients {
                let connection = deps.connections.get(&patient).await?;
                if connection.is_some_and(|connection| needs_sync_now(&connection, deps.clock.now())) {
                    patients.push(patient);
                }
            }
            patients.truncate(room);
            for batch in patients.chunks(BATCH_SIZE) {
                deps.queue.send_batch(deps.messages(batch, &sync_id, today)).await?;
            }
            queued += patients.len();
            room -= patients.len();
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
    }
    if room == 0 {
        tracing::warn!(
            event = "catch_up.limited",
            queued,
            "a catch-up run left patients to the next one, because of the rate limit"
        );
    }
    Ok(queued)
}

/// Returns the shards of the index, from another one every hour: each is the first one at times.
fn shards(scheduled_at: Timestamp) -> impl Iterator<Item = u8> {
    let hours = u8::try_from((scheduled_at.as_second() / 3600).rem_euclid(i64::from(Connections::ACTIVE_SHARDS)));
    let first = hours.unwrap_or_default();
    (0..Connections::ACTIVE_SHARDS).map(move |shard| (first + shard) % Connections::ACTIVE_SHARDS)
}

fn needs_sync_now(connection: &Connection, now: Timestamp) -> bool {
    let is_backfill_running = connection.backfill.as_ref().is_some_and(|backfill| {
        matches!(backfill.state, BackfillState::Pending | BackfillState::Running)
            && now.duration_since(connection.since) < BACKFILL_TIMEOUT
    });
    connection.needs_catch_up_at(now) && !is_backfill_running
}
