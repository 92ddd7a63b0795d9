//! Outcome of one patient in a nightly run, and the expiry of syncs that only ever wait.

use jiff::{SignedDuration, Timestamp};
use shared::aws::{StoreError, SyncRun};
use shared::domain::{DataTypeProgress, FetchFailure, FetchState, NightlyOutcome, NightlyRun, SyncMessage, Trigger};

use crate::counters::SyncCounters;
use crate::delivery::{Delivery, Outcome};
use crate::deps::Deps;
use crate::sync_outcome;

/// Time that a nightly sync may wait for its turn. The next run covers every missing day, so nothing is lost; a message
/// that waited longer would only delay that run.
const NIGHTLY_TTL: SignedDuration = SignedDuration::from_hours(20);

/// The same for a catch-up sync: the next catch-up follows soon.
const CATCH_UP_TTL: SignedDuration = SignedDuration::from_hours(2);

/// Time that any other sync may wait before waiting counts as failing.
const LIVE_TTL: SignedDuration = SignedDuration::from_hours(24);

/// True if the message has waited longer than its time to live.
fn is_expired(message: &SyncMessage, now: Timestamp) -> bool {
    let ttl = match (message.trigger, NightlyRun::of_sync(&message.sync_id)) {
        (Trigger::Daily, Some(_)) => NIGHTLY_TTL,
        (Trigger::Daily, None) => CATCH_UP_TTL,
        _ => LIVE_TTL,
    };
    now.duration_since(message.requested_at) > ttl
}

/// Ends the waiting of an expired message: a nightly or catch-up sync is abandoned, any other is retried as a failure.
pub(crate) async fn expire(deps: &Deps, message: &SyncMessage, delivery: Delivery, outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Requeue { after, reason } if is_expired(message, deps.clock.now()) => {
            if message.trigger == Trigger::Daily {
                abandon(deps, message, reason).await
            } else {
                if delivery.is_last() {
                    tracing::error!(
                        event = "sync.dead_lettered",
                        sync.id = %message.sync_id,
                        reason,
                        "a sync that had waited too long failed in its last delivery"
                    );
                    record_expired(deps, message).await;
                }
                Outcome::Retry { after, reason }
            }
        }
        outcome => outcome,
    }
}

async fn abandon(deps: &Deps, message: &SyncMessage, reason: &'static str) -> Outcome {
    tracing::warn!(
        event = "sync.expired",
        sync.id = %message.sync_id,
        reason,
        "a nightly or catch-up sync expired while waiting"
    );
    record_expired(deps, message).await;
    Outcome::Abandoned
}

/// Records the missing data types of an expired sync on the connection, so that later syncs fetch them.
async fn record_expired(deps: &Deps, message: &SyncMessage) {
    let recorded: Result<(), StoreError> = async {
        let mut run = deps.runs.get(&message.patient_id, &message.sync_id).await?.unwrap_or_default();
        if message.trigger == Trigger::Webhook {
            add_unrequested(deps, message, &mut run).await?;
        }
        sync_outcome::record_unfinished(deps, message, &run).await
    }
    .await;
    if let Err(error) = recorded {
        tracing::warn!(
            event = "sync.expiry_not_recorded",
            sync.id = %message.sync_id,
            %error,
            "the missing data types of an expired sync could not be recorded on the connection"
        );
    }
}

/// Adds the data types of webhook events for which no request was sent: while every request waits, nothing is fetched.
async fn add_unrequested(deps: &Deps, message: &SyncMessage, run: &mut SyncRun) -> Result<(), StoreError> {
    let events = match &run.pending_events {
        Some(pending) => pending.events.clone(),
        None => match deps.inbox.get(&message.patient_id).await? {
            Some(inbox) if inbox.sync_id == message.sync_id => inbox.events,
            _ => return Ok(()),
        },
    };
    let Some(connection) = deps.connections.get(&message.patient_id).await? else { return Ok(()) };
    for event in events.iter().filter(|event| connection.is_granted(event.data_type)) {
        run.progress.entry(event.data_type).or_insert(DataTypeProgress {
            state: FetchState::Failed,
            error: Some(FetchFailure::PausedByOutage),
            ..DataTypeProgress::PENDING
        });
    }
    Ok(())
}

/// Records a final outcome in the nightly run that queued the sync. Until that has succeeded, the message is retried.
pub(crate) async fn record(
    deps: &Deps,
    message: &SyncMessage,
    delivery: Delivery,
    outcome: Outcome,
    counters: &SyncCounters,
) -> Outcome {
    let Some(run) = NightlyRun::of_sync(&message.sync_id) else { return outcome.once_recorded() };
    let nightly_outcome = match &outcome {
        Outcome::Done if counters.is_skipped() => NightlyOutcome::Skipped,
        Outcome::Done => NightlyOutcome::Done,
        Outcome::Abandoned => NightlyOutcome::Failed,
        // The queue moves the message to the dead-letter queue now. A redrive may still turn this into `Done`.
        Outcome::Retry { .. } if delivery.is_last() => NightlyOutcome::Failed,
        Outcome::Retry { .. } | Outcome::Requeue { .. } => return outcome,
    };
    let (patient, now) = (&message.patient_id, deps.clock.now());
    let Err(error) = deps.nightly_runs.record_outcome(run, patient, nightly_outcome, counters.requests(), now).await
    else {
        return outcome.once_recorded();
    };
    tracing::warn!(
        event = "nightly_outcome.not_recorded",
        sync.id = %message.sync_id,
        outcome = nightly_outcome.as_str(),
        %error,
        "the outcome of a patient could not be recorded in the nightly run"
    );
    match outcome {
        Outcome::Retry { after, reason } => Outcome::Retry { after, reason },
        _ => delivery.retry("store"),
    }
}
