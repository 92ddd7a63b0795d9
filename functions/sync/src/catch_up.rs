//! Queues those who should not wait for the night.

use jiff::{SignedDuration, Timestamp};
use shared::aws::{Connections, StoreError};
use shared::domain::{BackfillState, Connection, Day, catch_up_sync};

use crate::report::Report;
use crate::{Deps, message};

/// Patients read from the index at once, each with its connection.
const PAGE: i32 = 100;

/// SQS takes at most ten messages in a request.
const AT_ONCE: usize = 10;

/// A history that was asked for less long ago than this is still on its way.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_hours(1);

/// Walks the index of those who need care. When it is empty, a look into each of its shards is all that this costs.
pub(crate) async fn run(deps: &Deps, due: Timestamp, deadline: Timestamp) -> Result<Report, StoreError> {
    let (sync_id, range) = (catch_up_sync(due), deps.recent(Day::of_utc(due)));
    let mut queued = 0;
    for shard in 0..Connections::ACTIVE_SHARDS {
        let mut after = None;
        // Who is left over when the time ends is still in the index next time.
        while deps.has_time(deadline) {
            let page = deps.connections.care_page(shard, after.as_ref(), PAGE).await?;
            let mut patients = Vec::new();
            for patient in page.patients {
                let connection = deps.connections.get(&patient).await?;
                if connection.is_some_and(|connection| needs_it_now(&connection, deps.clock.now())) {
                    patients.push(patient);
                }
            }
            for some in patients.chunks(AT_ONCE) {
                let messages = some.iter().map(|patient| message(deps, patient.clone(), &sync_id, range));
                deps.queue.send_batch(messages).await?;
            }
            queued += patients.len();
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
    }
    Ok(Report::CatchUp { queued })
}

fn needs_it_now(connection: &Connection, now: Timestamp) -> bool {
    let is_on_its_way = connection.backfill.as_ref().is_some_and(|backfill| {
        matches!(backfill.state, BackfillState::Pending | BackfillState::Running)
            && now.duration_since(connection.since) < ON_ITS_WAY
    });
    connection.needs_catch_up() && !is_on_its_way
}
