//! Phase 4: closes a complete sync, once, with its events. An incomplete one returns to its queue.

use std::time::Duration;

use shared::domain::{BackfillState, Connection, DataType, FetchFailure, FetchState, Trigger};
use shared::oura::{OuraError, ThrottleReason};

use super::fetch::StoredSync;
use super::open::OpenedSync;
use super::phase::{Phase, SyncContext};
use crate::delivery::{Delivery, MAX_DELAY, Outcome};
use crate::fetch_outcome::{FetchOutcome, FetchReport, FetchRequest, Fetched};
use crate::progress::{Progress, any_arrived, history_progress};
use crate::sync_outcome::{self, Closed};
use crate::sync_plan::SyncPlan;
use crate::webhook_events;

/// Deliveries of a webhook sync that wait for a deleted document to be stored by a concurrent sync.
const MAX_PENDING_DELIVERIES: u32 = 3;

/// The same while the backfill, which may hold the document, is running.
const MAX_PENDING_DELIVERIES_IN_BACKFILL: u32 = 4;

/// Deliveries of a sync in which a failing collection is requested while others arrive.
const MAX_FAILED_DELIVERIES: u32 = 3;

pub(super) async fn close(cx: SyncContext<'_>, stored: StoredSync) -> Phase<Outcome> {
    let StoredSync { mut opened, plan, report } = stored;
    note_documents(&mut opened.run.progress, &plan, &report);
    let OpenedSync { message, connection, run, look_backs, is_backfill, .. } = &opened;
    let SyncContext { deps, delivery, counters } = cx;
    let (patient, progress) = (&message.patient_id, &run.progress);
    let is_complete =
        progress.values().all(|of| of.state.is_final()) || ends_without_collections(progress, &report, delivery);
    let is_pending_elsewhere = is_complete && is_pending_elsewhere(connection, &plan, delivery);
    // 1. A complete sync is closed with its events. A redelivered one is closed only once.
    if is_complete && !is_pending_elsewhere {
        match sync_outcome::close(deps, message, connection, progress, look_backs).await? {
            Closed::ConnectionEnded => return Err(cx.connection_ended(message).await),
            Closed::Done { is_blocked: true } => counters.skip(),
            Closed::Done { is_blocked: false } => {}
        }
        if message.trigger == Trigger::Webhook {
            webhook_events::record_processed(deps, message, run).await;
            webhook_events::hand_over(deps, message).await?;
        }
        return Ok(Outcome::Done);
    }
    // 2. Any other records its progress for the next delivery.
    let requests = counters.requests() - run.requests;
    if !deps.runs.record_progress(patient, &message.sync_id, progress, requests, deps.clock.now()).await? {
        return Err(cx.connection_ended(message).await);
    }
    let after = delivery.retry_delay().max(max_throttle_delay(&report));
    if is_pending_elsewhere {
        return Ok(Outcome::Retry { after, reason: "documents_pending" });
    }
    sync_outcome::record_outage(deps, message, connection, run).await?;
    // 3. If it only has to wait for the rate limit, it is re-enqueued. Otherwise it is retried, and after the last delivery
    //    the queue moves it to the dead-letter queue, where the alarm fires and a redrive resumes it.
    let throttle_delay = throttle_delay(&report);
    if let Some(backfill) = connection.backfill.as_ref().filter(|_| *is_backfill)
        && (throttle_delay.is_some() || !delivery.is_last())
    {
        deps.connections.begin_backfill(connection, &history_progress(backfill, progress)).await?;
    }
    if let Some(after) = throttle_delay {
        return Ok(Outcome::Requeue { after, reason: "oura_limit" });
    }
    if delivery.is_last() {
        tracing::error!(
            event = "sync.dead_lettered",
            sync.id = %message.sync_id,
            "a sync failed in its last delivery; some data types did not arrive"
        );
        sync_outcome::record_unfinished(deps, message, run).await?;
    }
    Ok(Outcome::Retry { after, reason: "data_types_missing" })
}

/// True if the sync ends without collections on which Oura fails: they are recorded as failing, and later syncs fetch them.
///
/// Later syncs reach back to the days of a history, since its data types owe it until it has arrived, and to those of the
/// documents of webhook events, since the connection records them.
fn ends_without_collections(progress: &Progress, report: &FetchReport, delivery: Delivery) -> bool {
    // Before its breaker opens, a collection is requested some times, as long as others respond.
    let may_be_abandoned = delivery.count >= MAX_FAILED_DELIVERIES && any_arrived(progress);
    progress.iter().filter(|(_, of)| !of.state.is_final()).all(|(data_type, of)| {
        match report.outcomes.get(data_type).and_then(error) {
            Some(OuraError::Throttled { reason: ThrottleReason::Collection, .. }) => true,
            Some(error) if error.throttle_delay().is_none() => may_be_abandoned,
            Some(_) => false,
            None => of.error == Some(FetchFailure::AwaitsOffsets),
        }
    })
}

/// True if a deleted document that is not stored may still be: a concurrent sync may have fetched it before its deletion.
fn is_pending_elsewhere(connection: &Connection, plan: &SyncPlan, delivery: Delivery) -> bool {
    let is_granted = |data_type: DataType| connection.scopes_granted.contains(data_type.scope());
    let max_deliveries = match &connection.backfill {
        Some(backfill) if matches!(backfill.state, BackfillState::Pending | BackfillState::Running) => {
            MAX_PENDING_DELIVERIES_IN_BACKFILL
        }
        _ => MAX_PENDING_DELIVERIES,
    };
    delivery.count < max_deliveries && plan.pending_elsewhere.iter().any(|(data_type, _)| is_granted(*data_type))
}

/// Notes, in the progress of a webhook sync, the oldest day of the requested documents, and data types whose documents did not
/// appear and are no longer waited for.
fn note_documents(progress: &mut Progress, plan: &SyncPlan, report: &FetchReport) {
    for (data_type, of) in progress {
        if of.from.is_none() {
            of.from = plan.oldest_days.get(data_type).copied();
        }
        if of.state == FetchState::Done && is_abandoned(*data_type, plan, report) {
            of.error = Some(FetchFailure::NotFound);
        }
    }
}

/// True if requested documents of a complete data type have neither arrived nor been deleted.
fn is_abandoned(data_type: DataType, plan: &SyncPlan, report: &FetchReport) -> bool {
    let (Some(FetchRequest::Documents { ids, .. }), Some(FetchOutcome::Fetched(fetched))) =
        (plan.requests.get(&data_type), report.outcomes.get(&data_type))
    else {
        return false;
    };
    ids.difference(&fetched.ids).any(|id| !plan.deleted.contains(&(data_type, id.clone())))
}

/// Error that kept a data type from arriving completely.
fn error(outcome: &FetchOutcome) -> Option<&OuraError> {
    match outcome {
        FetchOutcome::Failed(error) | FetchOutcome::Fetched(Fetched { failed: Some(error), .. }) => Some(error),
        _ => None,
    }
}

/// Errors that kept data types from arriving completely.
fn errors(report: &FetchReport) -> impl Iterator<Item = &OuraError> {
    report.outcomes.values().filter_map(error)
}

/// Longest delay that the rate limiter or Oura asked for.
fn max_throttle_delay(report: &FetchReport) -> Duration {
    errors(report).filter_map(OuraError::throttle_delay).max().unwrap_or_default().min(MAX_DELAY)
}

/// Delay before the next delivery, if it is all that is needed: every error is a throttled request.
fn throttle_delay(report: &FetchReport) -> Option<Duration> {
    let is_missing = |outcome: &FetchOutcome| matches!(outcome, FetchOutcome::Fetched(fetched) if fetched.failed.is_none() && fetched.lacks_documents());
    if report.outcomes.values().any(is_missing) || errors(report).any(|error| error.throttle_delay().is_none()) {
        return None;
    }
    errors(report).next().map(|_| max_throttle_delay(report))
}
