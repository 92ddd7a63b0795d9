//! The outcome of a sync: what it records on the connection, and its events.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::aws::{Ended, StoreError, SyncEnd, SyncRun};
use shared::domain::{
    Connection, ConnectionStatus, DataType, DataTypeProgress, Day, EventKind, FetchFailure, FetchState, NightlyRun,
    PatientEvent, ReasonCode, SyncMessage, Trigger,
};
use shared::oura::OuraError;
use shared::telemetry::{self, Metric};

use crate::deps::Deps;
use crate::fetch_outcome::FetchOutcome;
use crate::progress::{Progress, any_arrived, brings_history};
use crate::schedule::DueDays;
use crate::{history_outcome, type_progress, webhook_coverage};

/// Attempts to close a sync while others of the patient end.
const MAX_CONFLICT_RETRIES: u32 = 5;

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

/// Closes a complete sync, once, with its events. Nothing is written if the connection has ended, has got another Oura
/// account than the one it was `opened` with, or the sync was stopped. `look_backs`: data types whose whole look-back was due.
pub(crate) async fn close(
    deps: &Deps,
    message: &SyncMessage,
    opened: &Connection,
    progress: &Progress,
    look_backs: &DueDays,
) -> Result<Closed, StoreError> {
    let patient = &message.patient_id;
    let Some(run) = deps.runs.get(patient, &message.sync_id).await? else { return Ok(Closed::ConnectionEnded) };
    // 1. Baselines before the end, so that a redelivery after a crash updates them.
    let changed = deps.days.update_baselines(patient, &run.days.iter().copied().collect()).await?;
    // A document may name any day; one of the future would hide every later gap.
    let tomorrow = Day::of_utc(deps.clock.now()).plus(1);
    let of_ring = changed.iter().filter(|stats| stats.metrics.shows_ring()).map(|stats| stats.day);
    let newest = of_ring.filter(|day| *day <= tomorrow).max();
    for _ in 0..MAX_CONFLICT_RETRIES {
        // 2. Current state: other syncs of the patient may have ended since this one began.
        let Some(connection) = deps.connections.get(patient).await? else { return Ok(Closed::ConnectionEnded) };
        // What has arrived from one account says nothing of another one's history.
        if connection.oura_user_id != opened.oura_user_id {
            return Ok(Closed::ConnectionEnded);
        }
        // 3. The end and its events, in one transaction.
        let now = deps.clock.now();
        let end = sync_end(message, &connection, &run, progress, newest, now);
        let end = with_look_backs(deps, &connection, progress, look_backs, end);
        let mut events: Vec<_> = sync_event(message, &run, now).into_iter().collect();
        events.extend(history_outcome::event(deps, &connection, &connection_after(&connection, &end), &end).await?);
        match deps.runs.end(&connection, &message.sync_id, progress, &end, &events).await? {
            Ended::Recorded => count_closed(deps, message, &run, &end, now).await,
            Ended::Already => {}
            Ended::Raced => continue,
            Ended::ConnectionGone => return Ok(Closed::ConnectionEnded),
        }
        return Ok(Closed::Done { is_blocked: end.status.0 == ConnectionStatus::Error });
    }
    Err(StoreError::Unavailable { action: "end the sync", code: "Raced".to_owned() })
}

fn with_look_backs(deps: &Deps, connection: &Connection, progress: &Progress, due: &DueDays, end: SyncEnd) -> SyncEnd {
    let arrived = &end.arrived_through;
    SyncEnd { looked_back: type_progress::looked_back(connection, progress, due, arrived, deps.sync_policy()), ..end }
}

async fn count_closed(deps: &Deps, message: &SyncMessage, run: &SyncRun, end: &SyncEnd, now: Timestamp) {
    telemetry::count(now, Metric::Syncs, 1, &[("trigger", message.trigger.as_str())]);
    telemetry::count(now, Metric::RecordsWritten, run.records_written, &[("trigger", message.trigger.as_str())]);
    webhook_coverage::count(deps, run, now).await;
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

/// Records the missing data types of an unfinished sync on the connection. The sync stays open for a redrive.
pub(crate) async fn record_unfinished(deps: &Deps, message: &SyncMessage, run: &SyncRun) -> Result<(), StoreError> {
    let Some(connection) = deps.connections.get(&message.patient_id).await? else { return Ok(()) };
    let end = sync_end(message, &connection, run, &run.progress, None, deps.clock.now());
    // Its look-backs do not count.
    let end = with_look_backs(deps, &connection, &run.progress, &DueDays::new(), end);
    let event = history_outcome::event(deps, &connection, &connection_after(&connection, &end), &end).await?;
    deps.runs.give_up(&connection, &end, event.as_ref()).await
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
    deps.runs.give_up(connection, &SyncEnd { backfill: None, ..end }, None).await
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
    let failed = FetchOutcome::Failed(OuraError::Unavailable { status: None }).progress(None, deps.clock.now());
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
            Some(connection) if brings_history(&connection, message) => {
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
        // Documents that did not appear are no failure of their data type.
        .map(|(data_type, of)| (*data_type, of.error.filter(|_| !of.lacks_documents())))
        .filter(|(_, failure)| failure.is_some() || !is_webhook)
        .collect();
    let webhooks = run.pending_events.as_ref();
    let ring_webhooks =
        webhooks.filter(|pending| pending.events.iter().any(|event| event.data_type.facts().shows_ring));
    let events = webhooks.into_iter().flat_map(|of| of.events.iter().map(move |event| (event.data_type, of.latest_at)));
    let mut end = SyncEnd {
        needs_catch_up: false,
        last_sync_at: if any_arrived(progress) { Some(now) } else { connection.last_sync_at },
        last_data_day: newest.max(connection.last_data_day),
        failing,
        watermarks: type_progress::watermarks(message, connection, progress),
        looked_back: BTreeMap::new(),
        arrived_through: type_progress::arrived_through(message, connection, progress),
        silent_since: silent_since(message, connection, progress, now),
        last_webhook_at: webhooks.map(|pending| pending.latest_at).max(connection.last_webhook_at),
        last_ring_webhook_at: ring_webhooks.map(|pending| pending.latest_at).max(connection.last_ring_webhook_at),
        last_webhooks: events.filter(|(of, at)| connection.last_webhooks.get(of) < Some(at)).collect(),
        missed_webhooks: webhook_coverage::missed_webhooks_after(message, connection, run, progress),
        status: status(connection, progress),
        backfill: history_outcome::end(message, connection, run, progress, now),
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
    after.missed_webhooks.clone_from(&end.missed_webhooks);
    after.last_ring_webhook_at = end.last_ring_webhook_at;
    if let (Some(backfill), Some(end)) = (&mut after.backfill, &end.backfill) {
        backfill.state = end.state;
        backfill.is_reported |= end.is_reported;
        backfill.per_type.extend(end.progress.clone());
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
    let is_refused =
        |of: &DataTypeProgress| of.state == FetchState::NotGranted || of.error == Some(FetchFailure::Forbidden);
    if is_of_all && progress.values().all(is_refused) {
        return (ConnectionStatus::Error, Some(ReasonCode::ScopeMissing));
    }
    (connection.status, connection.reason)
}

/// Returns the event of a closed sync. A sync that changed nothing publishes none, except for a nightly run: it shows that it ran.
fn sync_event(message: &SyncMessage, run: &SyncRun, now: Timestamp) -> Option<PatientEvent> {
    let is_nightly = NightlyRun::of_sync(&message.sync_id).is_some();
    let has_changes = run.records_written > 0 || !run.days.is_empty();
    let event = EventKind::Sync {
        trigger: message.trigger,
        sync_id: message.sync_id.clone(),
        days: run.days.clone(),
        metric_types: run.metric_types.clone(),
        records_written: run.records_written,
    };
    (is_nightly || has_changes).then(|| PatientEvent::new(message.patient_id.clone(), now, event))
}
