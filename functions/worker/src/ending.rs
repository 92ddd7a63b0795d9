//! How a sync ends: what it leaves on the connection, and what it tells.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use shared::aws::{BackfillEnd, Ended, StoreError, SyncEnd, SyncRun, WebhookDay};
use shared::domain::{
    BackfillState, Connection, ConnectionStatus, DataType, DataTypeProgress, Day, EventKind, FetchState, PatientEvent,
    ReasonCode, SyncMessage, Trigger,
};
use shared::oura::OuraError;
use shared::telemetry::{self, Metric};

use crate::Deps;
use crate::assignment::NEWEST_DAYS;
use crate::fetch::{self, FetchOutcome};
use crate::sync::{any_arrived, drives_backfill};

/// What the sync leaves on the connection as it is now.
fn left_behind(
    message: &SyncMessage,
    connection: &Connection,
    run: &SyncRun,
    kinds: &BTreeMap<DataType, DataTypeProgress>,
    newest: Option<Day>,
    now: Timestamp,
) -> SyncEnd {
    let errors: BTreeMap<_, _> = kinds.iter().map(|(kind, progress)| (*kind, progress.error.clone())).collect();
    let of_documents = message.trigger == Trigger::Webhook;
    // A kind of which some documents were fetched may still lack what it lacked before.
    let failing = errors.into_iter().filter(|(_, error)| error.is_some() || !of_documents).collect();
    // A sync of days long past, or of single documents, says nothing about the newest days.
    let holds_newest = |fetched: &Timestamp| {
        let today = Day::of_utc(*fetched);
        !of_documents && message.range.last() >= today && message.range.first() <= today.plus(1 - NEWEST_DAYS)
    };
    let watermarks = kinds
        .iter()
        .filter(|(_, progress)| progress.state == FetchState::Done)
        .filter_map(|(kind, progress)| Some((*kind, progress.fetched_at.filter(holds_newest)?)))
        .filter(|(kind, fetched)| connection.watermarks.get(kind).is_none_or(|known| known < fetched))
        .collect();
    let settled = kinds.values().all(|progress| progress.state.is_final());
    let state = if settled && any_arrived(kinds) { BackfillState::Done } else { BackfillState::Failed };
    let mut end = SyncEnd {
        needs_catch_up: false,
        last_sync_at: if any_arrived(kinds) { Some(now) } else { connection.last_sync_at },
        last_data_day: newest.max(connection.last_data_day),
        failing,
        watermarks,
        silent_since: silent_since(message, connection, kinds, now),
        last_webhook_at: run.announced.as_ref().map(|announced| announced.latest_at).max(connection.last_webhook_at),
        missed_webhooks: (message.trigger == Trigger::Daily && !drives_backfill(connection, message))
            .then(|| missed_webhooks(run)),
        status: status(connection, kinds),
        backfill: connection.backfill.as_ref().filter(|_| drives_backfill(connection, message)).map(|backfill| {
            let days_repaired = backfill.reconnected.then_some(run.days.len() as u64);
            BackfillEnd { state, kinds: kinds.clone(), days_repaired }
        }),
        at: now,
    };
    end.needs_catch_up = after(connection, &end).needs_catch_up();
    end
}

/// Since when nothing arrives because Oura does not answer. What a notice named is one kind of many: it may end the silence,
/// but does not show it.
fn silent_since(
    message: &SyncMessage,
    connection: &Connection,
    kinds: &BTreeMap<DataType, DataTypeProgress>,
    now: Timestamp,
) -> Option<Timestamp> {
    let is_answer =
        |progress: &DataTypeProgress| progress.error.as_deref().is_some_and(|word| !OuraError::is_passing(word));
    if any_arrived(kinds) || kinds.values().any(is_answer) {
        None
    } else if message.trigger != Trigger::Webhook && is_silent(kinds) {
        connection.silent_since.or(Some(now))
    } else {
        connection.silent_since
    }
}

/// Whether all that was asked for got no answer.
fn is_silent(kinds: &BTreeMap<DataType, DataTypeProgress>) -> bool {
    let mut asked = kinds.values().filter(|progress| progress.state != FetchState::NotGranted).peekable();
    asked.peek().is_some() && asked.all(|progress| progress.error.as_deref().is_some_and(OuraError::is_outage))
}

/// The connection as it is after the sync.
fn after(connection: &Connection, end: &SyncEnd) -> Connection {
    let mut after = connection.clone();
    for (kind, error) in &end.failing {
        match error {
            Some(error) => after.failing.insert(*kind, error.clone()),
            None => after.failing.remove(kind),
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

/// How ending a sync ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finished {
    /// It is over.
    Ended {
        /// Oura gives nothing for this patient at the moment.
        nothing_to_be_had: bool,
    },
    /// The connection is over, or lives on a newer consent.
    Gone,
}

/// Ends the sync, once, with its events; not when the connection has ended or the sync was stopped.
pub(crate) async fn finish(
    deps: &Deps,
    message: &SyncMessage,
    kinds: &BTreeMap<DataType, DataTypeProgress>,
) -> Result<Finished, StoreError> {
    let patient = &message.patient_id;
    // As it is now: other syncs of the patient may have ended since this one began.
    let Some(connection) = deps.connections.get(patient).await? else { return Ok(Finished::Gone) };
    let Some(run) = deps.runs.get(patient, &message.sync_id).await? else { return Ok(Finished::Gone) };
    // Before the end, so that whoever comes after a crash does it.
    let changed = deps.days.update_baselines(patient, &run.days.iter().copied().collect()).await?;
    let days =
        if drives_backfill(&connection, message) { deps.days.stats(patient, message.range).await? } else { changed };
    let with_data = days.iter().filter(|stats| !stats.metrics.is_empty()).map(|stats| stats.day);
    let now = deps.clock.now();
    let end = left_behind(message, &connection, &run, kinds, with_data.clone().max(), now);
    let events = events(message, &run, &connection, &end, with_data.count() as u64);
    match deps.runs.end(&connection, &message.sync_id, kinds, &end, &events).await? {
        Ended::Recorded => {
            let dimensions = [("trigger", message.trigger.as_str())];
            telemetry::count(now, Metric::Syncs, 1, &dimensions);
            telemetry::count(now, Metric::RecordsWritten, run.records_written, &dimensions);
            count_announced(deps, &run, end.missed_webhooks.as_ref(), now).await;
            for (kind, error) in end.failing.iter().filter_map(|(kind, error)| Some((kind, error.as_deref()?))) {
                tracing::warn!(sync.id = %message.sync_id, kind = kind.as_str(), error, "a kind did not arrive whole");
            }
        }
        Ended::Already => {}
        Ended::ConnectionGone => return Ok(Finished::Gone),
    }
    Ok(Finished::Ended { nothing_to_be_had: end.status.0 == ConnectionStatus::Error })
}

/// Per kind, how many documents a pull found that no notice had announced.
fn missed_webhooks(run: &SyncRun) -> BTreeMap<DataType, u64> {
    let mut counts = BTreeMap::new();
    for found in &run.missed_webhooks {
        *counts.entry(found.data_type).or_insert(0) += 1;
    }
    counts
}

/// Counts, for the whole platform, how well webhooks announce what there is.
async fn count_announced(
    deps: &Deps,
    run: &SyncRun,
    missed_webhooks: Option<&BTreeMap<DataType, u64>>,
    now: Timestamp,
) {
    let mut counted =
        WebhookDay { missed_webhooks: missed_webhooks.cloned().unwrap_or_default(), announced: BTreeMap::new() };
    let announcements = run.announced.iter().flat_map(|announced| &announced.announcements);
    let documents: BTreeSet<_> = announcements.map(|said| (said.data_type, &said.document_id)).collect();
    for (kind, _) in documents {
        *counted.announced.entry(kind).or_insert(0) += 1;
    }
    for (metric, counts) in [
        (Metric::DocumentsFromWebhooks, &counted.announced),
        (Metric::DocumentsMissedByWebhooks, &counted.missed_webhooks),
    ] {
        for (kind, count) in counts {
            telemetry::count(now, metric, *count, &[("dataType", kind.as_str())]);
        }
    }
    if counted.is_empty() {
        return;
    }
    if let Err(error) = deps.webhook_days.add(Day::of_utc(now), &counted, now).await {
        tracing::warn!(%error, "announced documents are not counted");
    }
}

/// Some kinds would not come: says so on the connection and leaves the sync open for a redrive.
pub(crate) async fn leave_unfinished(deps: &Deps, message: &SyncMessage, run: &SyncRun) -> Result<(), StoreError> {
    let Some(connection) = deps.connections.get(&message.patient_id).await? else { return Ok(()) };
    let end = left_behind(message, &connection, run, &run.kinds, None, deps.clock.now());
    deps.runs.give_up(&connection, &end).await
}

/// Oura answered nothing at all, and the sync waits: says so on the connection, once, so that the patient can be told why
/// there is no data.
pub(crate) async fn tell_of_outage(
    deps: &Deps,
    message: &SyncMessage,
    connection: &Connection,
    run: &SyncRun,
) -> Result<(), StoreError> {
    // What a notice named is one kind of many, and its sync would not take the word back.
    if message.trigger == Trigger::Webhook {
        return Ok(());
    }
    let is_told = |kind: &DataType| connection.failing.get(kind).is_some_and(|word| OuraError::is_outage(word));
    let is_known = connection.silent_since.is_some() && run.kinds.keys().all(is_told);
    if is_known || !is_silent(&run.kinds) {
        return Ok(());
    }
    let end = left_behind(message, connection, run, &run.kinds, None, deps.clock.now());
    // What is under way goes on when Oura is back.
    deps.runs.give_up(connection, &SyncEnd { backfill: None, ..end }).await
}

/// Oura did not even give a token to ask with: says so as if it had answered none of the questions. Only a word is lost when
/// this fails, so it changes nothing of what becomes of the sync.
pub(crate) async fn tell_of_no_token(
    deps: &Deps,
    message: &SyncMessage,
    connection: &Connection,
    run: &SyncRun,
    asked: impl Iterator<Item = &DataType>,
) {
    let failed = FetchOutcome::Failed(OuraError::Unavailable { status: None }).progress(deps.clock.now());
    let granted = asked.filter(|kind| connection.scopes_granted.contains(kind.scope()));
    let mut run = run.clone();
    run.kinds.extend(granted.map(|kind| (*kind, failed.clone())));
    if let Err(error) = tell_of_outage(deps, message, connection, &run).await {
        tracing::warn!(sync.id = %message.sync_id, %error, "the connection does not say that Oura gives no token");
    }
}

/// What the connection's status becomes. Only what says something about this patient changes it: an outage does not.
fn status(
    connection: &Connection,
    kinds: &BTreeMap<DataType, DataTypeProgress>,
) -> (ConnectionStatus, Option<ReasonCode>) {
    if any_arrived(kinds) {
        return (ConnectionStatus::Connected, None);
    }
    let told = [
        (fetch::MEMBERSHIP, ReasonCode::Membership),
        (fetch::APP_OUTDATED, ReasonCode::AppOutdated),
        (fetch::UNAUTHORIZED, ReasonCode::Unauthorized),
    ];
    for (word, reason) in told {
        if kinds.values().any(|progress| progress.error.as_deref() == Some(word)) {
            return (ConnectionStatus::Error, Some(reason));
        }
    }
    // What a notice names is one kind of many, and so is what is due of a night.
    let asked_for_all = kinds.len() == DataType::ALL.len();
    if asked_for_all && kinds.values().all(|progress| progress.state == FetchState::NotGranted) {
        return (ConnectionStatus::Error, Some(ReasonCode::ScopeMissing));
    }
    (connection.status, connection.reason)
}

fn events(
    message: &SyncMessage,
    run: &SyncRun,
    connection: &Connection,
    end: &SyncEnd,
    days_with_data: u64,
) -> Vec<PatientEvent> {
    let mut kinds = Vec::new();
    // A sync that changed nothing tells nothing.
    if run.records_written > 0 || !run.days.is_empty() {
        kinds.push(EventKind::Sync {
            trigger: message.trigger,
            sync_id: message.sync_id.clone(),
            days: run.days.clone(),
            metric_types: run.metric_types.clone(),
            records_written: run.records_written,
        });
    }
    let done = end.backfill.as_ref().filter(|end| end.state == BackfillState::Done);
    if let (Some(backfill), Some(done)) = (&connection.backfill, done) {
        kinds.push(EventKind::BackfillCompleted {
            // The backfill's own, whichever sync brought it: it is completed once.
            sync_id: backfill.sync_id.clone(),
            range: backfill.range,
            days_with_data,
            complete: end.failing.values().all(Option::is_none),
            reconnected: backfill.reconnected,
            days_repaired: done.days_repaired.unwrap_or(0),
        });
    }
    kinds.into_iter().map(|kind| PatientEvent::new(message.patient_id.clone(), end.at, kind)).collect()
}
