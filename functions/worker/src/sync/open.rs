//! Phase 1: reads the connection and the progress of earlier deliveries.
//!
//! A sync without connection ends here, and so does a catch-up sync for which nothing is due.

use shared::aws::SyncRun;
use shared::domain::{Connection, NightlyRun, SyncMessage, Trigger};

use super::phase::{Phase, SyncContext};
use crate::delivery::{FIRST_RETRY, Outcome};
use crate::progress::brings_history;
use crate::schedule::{DueDays, SyncSchedule};
use crate::webhook_events::{self, InboxClaim};

/// A sync with something to do.
pub(super) struct OpenedSync {
    /// The message, with the days of the schedule.
    pub(super) message: SyncMessage,
    pub(super) connection: Connection,
    /// Progress of earlier deliveries.
    pub(super) run: SyncRun,
    /// Due data types; none for a webhook sync.
    pub(super) schedule: Option<SyncSchedule>,
    /// Data types whose whole look-back is fetched.
    pub(super) look_backs: DueDays,
    /// True if a part of the patient's history arrives with this sync.
    pub(super) is_backfill: bool,
}

pub(super) async fn open(cx: SyncContext<'_>, message: &SyncMessage) -> Phase<OpenedSync> {
    let SyncContext { deps, delivery, counters } = cx;
    let patient = &message.patient_id;
    // 1. A catch-up sync without due data types ends before anything is written. A nightly one publishes that it ran.
    let first_look = match message.trigger {
        Trigger::Daily => {
            let Some(connection) = cx.live_connection(patient).await? else {
                counters.skip();
                return Err(Outcome::Done.into());
            };
            let schedule = SyncSchedule::of_due_types(&connection, message.range, deps.sync_policy());
            if schedule.always.is_empty() && NightlyRun::of_sync(&message.sync_id).is_none() {
                return Err(Outcome::Done.into());
            }
            Some((connection, schedule))
        }
        _ => None,
    };
    // 2. The sync is opened before its connection is read: a disconnect from here on stops it.
    let mut run = deps.runs.open(patient, &message.sync_id, deps.clock.now()).await?;
    let Some(connection) = cx.live_connection(patient).await? else {
        tracing::info!(event = "sync.no_connection", sync.id = %message.sync_id, "a sync had no connection");
        counters.skip();
        return discard(cx, message).await;
    };
    counters.add_requests(run.requests);
    // What arrived before a newer consent, perhaps of another Oura account, says nothing of this one.
    if let Some(consented_at) = connection.backfill.as_ref().and_then(|backfill| backfill.started_at) {
        run.progress.retain(|_, of| of.fetched_at.is_none_or(|fetched| fetched >= consented_at));
    }
    // 3. The schedule holds, unless another sync of the patient has changed the connection in between.
    let policy = deps.sync_policy();
    let schedule = match first_look {
        Some((seen, schedule)) if seen == connection => Some(schedule),
        Some(_) => Some(SyncSchedule::of_due_types(&connection, message.range, policy)),
        None if message.trigger == Trigger::Webhook => None,
        None => Some(SyncSchedule::of_all_types(&connection, message.range, policy)),
    };
    let look_backs = schedule.as_ref().map(|schedule| schedule.look_backs.clone()).unwrap_or_default();
    let range = schedule.as_ref().map_or(message.range, |schedule| schedule.range);
    let message = SyncMessage { range, ..message.clone() };
    let is_backfill = brings_history(&connection, &message);
    if message.trigger == Trigger::Backfill && !is_backfill {
        tracing::info!(
            event = "sync.backfill_superseded",
            sync.id = %message.sync_id,
            "a backfill had arrived already, or its consent has a newer one"
        );
        return discard(cx, &message).await;
    }
    // 4. A webhook sync claims the patient's inbox.
    if message.trigger == Trigger::Webhook {
        run = match webhook_events::claim(deps, &message, run, delivery).await? {
            InboxClaim::Claimed(run) => run,
            InboxClaim::Empty => return discard(cx, &message).await,
            InboxClaim::InProgress => {
                return Err(Outcome::Retry { after: FIRST_RETRY, reason: "already_running" }.into());
            }
        };
    }
    // 5. A redelivered message of a finished sync has nothing to do.
    if run.ended {
        return Err(Outcome::Done.into());
    }
    Ok(OpenedSync { message, connection, run, schedule, look_backs, is_backfill })
}

/// Ends a sync without leaving anything of it.
async fn discard(cx: SyncContext<'_>, message: &SyncMessage) -> Phase<OpenedSync> {
    cx.deps.runs.discard(&message.patient_id, &message.sync_id).await?;
    Err(Outcome::Done.into())
}
