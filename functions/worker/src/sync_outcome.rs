//! The outcome of a sync: what it records on the connection, and its events.

use jiff::Timestamp;
use shared::aws::{BackfillEnd, Ended, StoreError, SyncEnd, SyncRun};
use shared::domain::{
    BackfillState, Connection, ConnectionStatus, DataType, Day, EventKind, FetchFailure, FetchState, PatientEvent,
    ReasonCode, SyncMessage, Trigger,
};
use shared::oura::OuraError;
use shared::telemetry::{self, Metric};

use crate::deps::Deps;
use crate::fetch_outcome::FetchOutcome;
use crate::progress::{Progress, any_arrived, drives_backfill};
use crate::sync_plan::NEWEST_DAYS;
use crate::webhook_coverage;

/// Result of closing a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    Done {
        /// True if Oura gives no data of this patient at present.
        is_blocked: bool,
    },
    /// The connection has ended, or has a newer consent.
    ConnectionEnded,
}

/// Closes a complete sync, once, with its events. Nothing is written if the connection has ended or the sync was stopped.
pub(crate) async fn close(deps: &Deps, message: &SyncMessage, progress: &Progress) -> Result<Closed, StoreError> {
    let patient = &message.patient_id;
    // 1. Current state: other syncs of the patient may have ended since this one began.
    let Some(connection) = deps.connections.get(patient).await? else { return Ok(Closed::ConnectionEnded) };
    let Some(run) = deps.runs.get(patient, &message.sync_id).await? else { return Ok(Closed::ConnectionEnded) };
    // 2. Baselines before the end, so that a redelivery after a crash updates them.
    let changed = deps.days.update_baselines(patient, &run.days.iter().copied().collect()).await?;
    let days =
        if drives_backfill(&connection, message) { deps.days.stats(patient, message.range).await? } else { changed };
    let with_data = days.iter().filter(|stats| !stats.metrics.is_empty()).map(|stats| stats.day);
    // 3. The end and its events, in one transaction.
    let now = deps.clock.now();
    let end = sync_end(message, &connection, &run, progress, with_data.clone().max(), now);
    let events = events(message, &run, &connection, &end, with_data.count() as u64);
    match deps.runs.end(&connection, &message.sync_id, progress, &end, &events).await? {
        Ended::Recorded => {
            let dimensions = [("trigger", message.trigger.as_str())];
            telemetry::count(now, Metric::Syncs, 1, &dimensions);
            telemetry::count(now, Metric::RecordsWritten, run.records_written, &dimensions);
            webhook_coverage::count(deps, &run, end.missed_webhooks.as_ref(), now).await;
            for (data_type, failure) in end.failing.iter().filter_map(|(of, failure)| Some((of, (*failure)?))) {
                tracing::warn!(
                    event = "fetch.failed",
                    sync.id = %message.sync_id,
                    data_type = data_type.as_str(),
                    reason = failure.as_str(),
                    "a data type did not arrive completely"
                );
            }
        }
        Ended::Already => {}
        Ended::ConnectionGone => return Ok(Closed::ConnectionEnded),
    }
    Ok(Closed::Done { is_blocked: end.status.0 == ConnectionStatus::Error })
}

/// Records the missing data types of an unfinished sync on the connection. The sync stays open for a redrive.
pub(crate) async fn record_unfinished(deps: &Deps, message: &SyncMessage, run: &SyncRun) -> Result<(), StoreError> {
    let Some(connection) = deps.connections.get(&message.patient_id).await? else { return Ok(()) };
    let end = sync_end(message, &connection, run, &run.progress, None, deps.clock.now());
    deps.runs.give_up(&connection, &end).await
}

/// Records on the connection, once, that Oura did not respond to a sync that is still waiting, so that the patient can
/// see why there is no data.
pub(crate) async fn record_outage(
    deps: &Deps,
    message: &SyncMessage,
    connection: &Connection,
    run: &SyncRun,
) -> Result<(), StoreError> {
    // A webhook sync fetches few data types, and its end would not remove the record.
    if message.trigger == Trigger::Webhook {
        return Ok(());
    }
    let is_recorded = |data_type: &DataType| connection.failing.get(data_type).is_some_and(|of| of.is_outage());
    let is_known = connection.silent_since.is_some() && run.progress.keys().all(is_recorded);
    if is_known || !is_outage(&run.progress) {
        return Ok(());
    }
    let end = sync_end(message, connection, run, &run.progress, None, deps.clock.now());
    // A running backfill resumes when Oura responds again.
    deps.runs.give_up(connection, &SyncEnd { backfill: None, ..end }).await
}

/// Records an outage of Oura's token endpoint, as if Oura had not responded to any of the requests.
///
/// Only the record is lost if this fails, so the sync ignores the error.
pub(crate) async fn record_token_outage(
    deps: &Deps,
    message: &SyncMessage,
    connection: &Connection,
    run: &SyncRun,
    requested: impl Iterator<Item = &DataType>,
) {
    let failed = FetchOutcome::Failed(OuraError::Unavailable { status: None }).progress(deps.clock.now());
    let granted = requested.filter(|data_type| connection.scopes_granted.contains(data_type.scope()));
    let mut run = run.clone();
    run.progress.extend(granted.map(|data_type| (*data_type, failed.clone())));
    if let Err(error) = record_outage(deps, message, connection, &run).await {
        tracing::warn!(
            event = "sync.outage_not_recorded",
            sync.id = %message.sync_id,
            %error,
            "an outage of Oura's token endpoint could not be recorded on the connection"
        );
    }
}

/// Marks the backfill as failed if this sync brings it, so that the page no longer shows it as running. The message goes to
/// the dead-letter queue; a redrive resumes it.
pub(crate) async fn fail_backfill(deps: &Deps, message: &SyncMessage) {
    let failed: Result<bool, StoreError> = async {
        match deps.connections.get(&message.patient_id).await? {
            Some(connection) if drives_backfill(&connection, message) => {
                deps.connections.fail_backfill(&connection).await
            }
            _ => Ok(false),
        }
    }
    .await;
    if let Err(error) = failed {
        tracing::warn!(
            event = "backfill.failure_not_recorded",
            sync.id = %message.sync_id,
            %error,
            "a failed backfill still looks as if it were running"
        );
    }
}

/// Returns what the sync records on the connection as it is now.
fn sync_end(
    message: &SyncMessage,
    connection: &Connection,
    run: &SyncRun,
    progress: &Progress,
    newest: Option<Day>,
    now: Timestamp,
) -> SyncEnd {
    let is_webhook = message.trigger == Trigger::Webhook;
    // A webhook sync fetches single documents: that they arrived does not end an earlier failure of their data type.
    let failing = progress
        .iter()
        .map(|(data_type, of)| (*data_type, of.error))
        .filter(|(_, failure)| failure.is_some() || !is_webhook)
        .collect();
    // A watermark means that the newest days were fetched: a sync of older days or of single documents does not move it.
    let holds_newest = |fetched: &Timestamp| {
        let today = Day::of_utc(*fetched);
        !is_webhook && message.range.last() >= today && message.range.first() <= today.plus(1 - NEWEST_DAYS)
    };
    let watermarks = progress
        .iter()
        .filter(|(_, of)| matches!(of.state, FetchState::Done | FetchState::Malformed))
        .filter_map(|(data_type, of)| Some((*data_type, of.fetched_at.filter(holds_newest)?)))
        .filter(|(data_type, fetched)| connection.watermarks.get(data_type).is_none_or(|known| known < fetched))
        .collect();
    let is_backfill = drives_backfill(connection, message);
    let is_complete = progress.values().all(|of| of.state.is_final());
    let backfill_state = if is_complete && any_arrived(progress) { BackfillState::Done } else { BackfillState::Failed };
    let mut end = SyncEnd {
        needs_catch_up: false,
        last_sync_at: if any_arrived(progress) { Some(now) } else { connection.last_sync_at },
        last_data_day: newest.max(connection.last_data_day),
        failing,
        watermarks,
        silent_since: silent_since(message, connection, progress, now),
        last_webhook_at: run.pending_events.as_ref().map(|pending| pending.latest_at).max(connection.last_webhook_at),
        missed_webhooks: (message.trigger == Trigger::Daily && !is_backfill)
            .then(|| webhook_coverage::missed_webhooks(run)),
        status: status(connection, progress),
        backfill: connection.backfill.as_ref().filter(|_| is_backfill).map(|backfill| {
            let days_repaired = backfill.reconnected.then_some(run.days.len() as u64);
            BackfillEnd { state: backfill_state, progress: progress.clone(), days_repaired }
        }),
        at: now,
    };
    end.needs_catch_up = connection_after(connection, &end).needs_catch_up();
    end
}

/// Returns since when nothing arrives because Oura does not respond. A webhook sync fetches few data types: it may end
/// such a silence, but not begin one.
fn silent_since(
    message: &SyncMessage,
    connection: &Connection,
    progress: &Progress,
    now: Timestamp,
) -> Option<Timestamp> {
    // Series that await their offsets have arrived.
    let is_response = |failure: FetchFailure| failure == FetchFailure::AwaitsOffsets || !failure.is_passing();
    if any_arrived(progress) || progress.values().any(|of| of.error.is_some_and(is_response)) {
        None
    } else if message.trigger != Trigger::Webhook && is_outage(progress) {
        connection.silent_since.or(Some(now))
    } else {
        connection.silent_since
    }
}

/// True if Oura responded to none of the requests.
fn is_outage(progress: &Progress) -> bool {
    let mut requested = progress.values().filter(|of| of.state != FetchState::NotGranted).peekable();
    requested.peek().is_some() && requested.all(|of| of.error.is_some_and(FetchFailure::is_outage))
}

/// Returns the connection as it is after the sync.
fn connection_after(connection: &Connection, end: &SyncEnd) -> Connection {
    let mut after = connection.clone();
    for (data_type, failure) in &end.failing {
        match failure {
            Some(failure) => after.failing.insert(*data_type, *failure),
            None => after.failing.remove(data_type),
        };
    }
    if let Some(missed_webhooks) = &end.missed_webhooks {
        after.missed_webhooks.clone_from(missed_webhooks);
    }
    if let (Some(backfill), Some(end)) = (&mut after.backfill, &end.backfill) {
        backfill.state = end.state;
    }
    (after.status, after.reason) = end.status;
    after
}

/// Returns the connection's new status. Only what concerns this patient changes it: an outage does not.
fn status(connection: &Connection, progress: &Progress) -> (ConnectionStatus, Option<ReasonCode>) {
    if any_arrived(progress) {
        return (ConnectionStatus::Connected, None);
    }
    let is_found = |failure: &FetchFailure| progress.values().any(|of| of.error == Some(*failure));
    let blocking = [FetchFailure::Membership, FetchFailure::AppOutdated, FetchFailure::Unauthorized];
    if let Some(reason) = blocking.into_iter().find(is_found).and_then(FetchFailure::reason_code) {
        return (ConnectionStatus::Error, Some(reason));
    }
    // A webhook sync fetches few data types, and so does a nightly one.
    let is_of_all = progress.len() == DataType::ALL.len();
    if is_of_all && progress.values().all(|of| of.state == FetchState::NotGranted) {
        return (ConnectionStatus::Error, Some(ReasonCode::ScopeMissing));
    }
    (connection.status, connection.reason)
}

/// Returns the events of a closed sync.
fn events(
    message: &SyncMessage,
    run: &SyncRun,
    connection: &Connection,
    end: &SyncEnd,
    days_with_data: u64,
) -> Vec<PatientEvent> {
    let mut events = Vec::new();
    // A sync that changed nothing publishes no event.
    if run.records_written > 0 || !run.days.is_empty() {
        events.push(EventKind::Sync {
            trigger: message.trigger,
            sync_id: message.sync_id.clone(),
            days: run.days.clone(),
            metric_types: run.metric_types.clone(),
            records_written: run.records_written,
        });
    }
    let done = end.backfill.as_ref().filter(|end| end.state == BackfillState::Done);
    if let (Some(backfill), Some(done)) = (&connection.backfill, done) {
        events.push(EventKind::BackfillCompleted {
            // The backfill's id, whichever sync brought the history: it is completed once.
            sync_id: backfill.sync_id.clone(),
            range: backfill.range,
            days_with_data,
            complete: end.failing.values().all(Option::is_none),
            reconnected: backfill.reconnected,
            days_repaired: done.days_repaired.unwrap_or(0),
        });
    }
    events.into_iter().map(|event| PatientEvent::new(message.patient_id.clone(), end.at, event)).collect()
}
