//! The sync of one patient: one path for every trigger.
//!
//! 1. The connection and the progress of this very sync are read: a redelivered message goes on where it stopped.
//! 2. A token; then every kind that is still missing, concurrently, while the stored days are read.
//! 3. Normalize, decide what changes, and write it, several days in a transaction, each with its event.
//! 4. When every kind is in (or will not come): the end, once, with its events. Otherwise back to the queue.
//! 5. In any case the outbox is drained.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use shared::aws::{Commit, Ended, StoreError, StoredDay, SyncEnd, SyncRun};
use shared::domain::{
    BackfillState, Connection, ConnectionStatus, Day, DayRange, EventKind, KindProgress, KindState, PatientEvent,
    ReasonCode, SyncMessage, Trigger,
};
use shared::normalize::{self, DayOffsets};
use shared::oura::{DataType, Listing, OuraError};
use shared::telemetry;
use shared::vault::VaultError;

use crate::Deps;
use crate::fetch::{self, Fetch, Fetcher, KindOutcome};
use crate::plan::{self, Fetched};

/// How often days that change under our hands are read again.
const RACES: usize = 5;

/// The queue gives a message up after this many deliveries (`maxReceiveCount` of the template).
const LAST_DELIVERY: u32 = 5;

/// The first wait of a message that goes back to the queue; four times as long with every delivery, so that five
/// deliveries outlast a rate-limit window and a short outage.
const FIRST_WAIT: Duration = Duration::from_secs(15);

/// Oura's rate-limit windows are five minutes; three of them are long enough.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// What becomes of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done, or nothing to do: the message is deleted.
    Done,
    /// Not done: the message goes back to its queue and comes again after the wait.
    Retry {
        /// When to come back.
        after: Duration,
        /// A stable word for why.
        why: &'static str,
    },
}

/// One delivery of a message.
#[derive(Debug, Clone, Copy)]
pub struct Delivery {
    /// 1 for the first.
    pub count: u32,
    /// When this invocation ends.
    pub deadline: Timestamp,
}

impl Delivery {
    fn is_last(self) -> bool {
        self.count >= LAST_DELIVERY
    }

    fn wait(self) -> Duration {
        (FIRST_WAIT * 4_u32.saturating_pow(self.count.saturating_sub(1).min(5))).min(LONGEST_WAIT)
    }
}

/// Syncs the patient and publishes what waits in the outbox, whatever came of the sync.
pub async fn run(deps: &Deps, message: &SyncMessage, delivery: Delivery) -> Outcome {
    let outcome = match sync(deps, message, delivery).await {
        Ok(outcome) => outcome,
        Err(error) => failed(deps, message, delivery, &error).await,
    };
    let left = match deps.outbox.drain(&message.patient_id).await {
        Ok(drained) => drained.left > 0,
        Err(error) => {
            tracing::warn!(sync.id = %message.sync_id, %error, "the outbox could not be drained");
            true
        }
    };
    match outcome {
        Outcome::Done if left => Outcome::Retry { after: delivery.wait(), why: "outbox" },
        outcome => outcome,
    }
}

async fn failed(deps: &Deps, message: &SyncMessage, delivery: Delivery, error: &VaultError) -> Outcome {
    let (after, why) = match error {
        VaultError::Ended { reason } => {
            tracing::info!(sync.id = %message.sync_id, ?reason, "the connection has ended; nothing to sync");
            return Outcome::Done;
        }
        VaultError::Busy { retry_after } => (*retry_after, "tokens_busy"),
        VaultError::Systemic { code, retry_after } => (delivery.wait().max(retry_after.unwrap_or_default()), *code),
        VaultError::Store(_) => (delivery.wait(), "store"),
    };
    tracing::warn!(sync.id = %message.sync_id, delivery = delivery.count, why, %error, "a sync could not be done");
    telemetry::count(deps.clock.now(), "SyncsFailed", 1, &[("trigger", message.trigger.as_str()), ("why", why)]);
    if delivery.is_last() {
        give_up_backfill(deps, message).await;
    }
    Outcome::Retry { after, why }
}

/// The message goes to the dead-letter queue now; the page must not wait for it. A redrive takes it up again.
async fn give_up_backfill(deps: &Deps, message: &SyncMessage) {
    let given_up = async {
        match deps.connections.get(&message.patient_id).await? {
            Some(connection) if drives_backfill(&connection, message) => {
                deps.connections.fail_backfill(&connection).await
            }
            _ => Ok(false),
        }
    };
    if let Err(error) = given_up.await {
        tracing::warn!(sync.id = %message.sync_id, %error, "a backfill that was given up still looks running");
    }
}

/// Whether the history after the connect arrives with this sync: its own message, or, while it has not arrived, any other
/// sync of all its days.
fn drives_backfill(connection: &Connection, message: &SyncMessage) -> bool {
    connection.backfill.as_ref().is_some_and(|backfill| {
        let is_its_own = backfill.sync_id == message.sync_id;
        let holds_it = message.trigger != Trigger::Backfill && message.range.covers(&backfill.range);
        backfill.state != BackfillState::Done && (is_its_own || holds_it)
    })
}

async fn sync(deps: &Deps, message: &SyncMessage, delivery: Delivery) -> Result<Outcome, VaultError> {
    let Some(connection) = deps.connections.get(&message.patient_id).await? else {
        tracing::info!(sync.id = %message.sync_id, "no connection; nothing to sync");
        return Ok(Outcome::Done);
    };
    if connection.status == ConnectionStatus::Disconnected {
        return Ok(Outcome::Done);
    }
    let is_backfill = drives_backfill(&connection, message);
    if message.trigger == Trigger::Backfill && !is_backfill {
        tracing::info!(sync.id = %message.sync_id, "this history has arrived, or a newer consent has one of its own");
        return Ok(Outcome::Done);
    }
    let mut run = deps.runs.get(&message.patient_id, &message.sync_id).await?;
    if run.ended {
        return Ok(Outcome::Done);
    }
    let missing: Vec<_> = DataType::ALL
        .into_iter()
        .filter(|kind| run.kinds.get(kind).is_none_or(|progress| !progress.state.is_final()))
        .collect();
    if is_backfill {
        let pending = KindProgress { state: KindState::Pending, documents: 0, error: None, fetched_at: None };
        let kinds = DataType::ALL.into_iter().map(|kind| (kind, pending.clone())).chain(run.kinds.clone()).collect();
        deps.connections.begin_backfill(&connection, &kinds).await?;
    }
    let (fetch, stored) = fetch(deps, message, &connection, &missing, &run, delivery).await?;
    let wait = delivery.wait().max(wanted_wait(&fetch));
    run.kinds.extend(fetch.kinds.iter().map(|(kind, outcome)| (*kind, outcome.progress(fetch.began))));
    await_offsets(&mut run.kinds);
    if store(deps, message, &fetch, stored).await? == Commit::Raced {
        if delivery.is_last() {
            give_up_backfill(deps, message).await;
        }
        return Ok(Outcome::Retry { after: delivery.wait(), why: "raced" });
    }
    deps.runs.record_kinds(&message.patient_id, &message.sync_id, &run.kinds, deps.clock.now()).await?;
    if run.kinds.values().all(|progress| progress.state.is_final()) {
        finish(deps, message, &run.kinds).await?;
        return Ok(Outcome::Done);
    }
    if delivery.is_last() {
        // The message goes to the dead-letter queue, where it raises the alarm, and a redrive takes it up again.
        leave_unfinished(deps, message, &run.kinds).await?;
    } else if is_backfill {
        deps.connections.begin_backfill(&connection, &run.kinds).await?;
    }
    Ok(Outcome::Retry { after: wait, why: "kinds_missing" })
}

async fn fetch(
    deps: &Deps,
    message: &SyncMessage,
    connection: &Connection,
    missing: &[DataType],
    run: &SyncRun,
    delivery: Delivery,
) -> Result<(Fetch, BTreeMap<Day, StoredDay>), VaultError> {
    let is_backfill = drives_backfill(connection, message);
    let fetcher = Fetcher {
        oura: &deps.oura,
        vault: &deps.vault,
        clock: &deps.clock,
        connection,
        arrived_before: any_arrived(&run.kinds),
        deadline: delivery.deadline,
    };
    let arrived = |kind: DataType, documents: u64| {
        async move {
            if !is_backfill {
                return;
            }
            let progress = KindProgress { state: KindState::Fetched, documents, error: None, fetched_at: None };
            if let Err(error) = deps.connections.backfill_progress(connection, kind, &progress).await {
                tracing::debug!(%error, "progress of a backfill is not shown");
            }
        }
        .boxed()
    };
    let fetch = fetcher.fetch(missing, message.range, deps.clock.now(), &arrived);
    let stored = async { deps.days.read(&message.patient_id, message.range).await.map_err(VaultError::from) };
    let (fetch, stored) = futures::future::join(Box::pin(fetch), stored).await;
    Ok((fetch?, stored?))
}

fn any_arrived(kinds: &BTreeMap<DataType, KindProgress>) -> bool {
    kinds.values().any(|progress| matches!(progress.state, KindState::Done | KindState::Malformed))
}

/// The local days of the time series follow from the offsets that nights and activity carry. While those are still to
/// come, the series is asked for again with them; what it holds is stored meanwhile.
fn await_offsets(kinds: &mut BTreeMap<DataType, KindProgress>) {
    let carriers = [DataType::Sleep, DataType::DailyActivity];
    let awaited = carriers.iter().any(|kind| kinds.get(kind).is_some_and(|progress| !progress.state.is_final()));
    if !awaited {
        return;
    }
    for kind in [DataType::HeartRate, DataType::RingBatteryLevel] {
        if let Some(progress) = kinds.get_mut(&kind).filter(|progress| progress.state == KindState::Done) {
            progress.state = KindState::Failed;
            progress.error = Some("awaits_offsets".to_owned());
        }
    }
}

/// The longest wait that Oura asked for.
fn wanted_wait(fetch: &Fetch) -> Duration {
    let waits = fetch.kinds.values().filter_map(|outcome| match outcome {
        KindOutcome::Failed(OuraError::RateLimited { retry_after, .. }) => *retry_after,
        _ => None,
    });
    waits.max().unwrap_or_default().min(LONGEST_WAIT)
}

async fn store(
    deps: &Deps,
    message: &SyncMessage,
    fetch: &Fetch,
    mut stored: BTreeMap<Day, StoredDay>,
) -> Result<Commit, StoreError> {
    let fetched = normalized(message, fetch, &stored);
    // Rings are as old as the patient's first one: their days lie outside of what was read.
    let elsewhere: BTreeSet<Day> =
        fetched.records.iter().map(|record| record.day).filter(|day| !message.range.contains(*day)).collect();
    for _ in 0..RACES {
        for day in &elsewhere {
            let range = DayRange::ending(*day, 1);
            stored.extend(deps.days.read(&message.patient_id, range).await?);
        }
        let now = deps.clock.now();
        let changes = plan::changes(&message.patient_id, &stored, &fetched, now);
        match deps.days.commit(&message.patient_id, &changes, &message.sync_id, now).await? {
            Commit::Written => return Ok(Commit::Written),
            Commit::Raced => stored = deps.days.read(&message.patient_id, message.range).await?,
        }
    }
    Ok(Commit::Raced)
}

/// The records of everything that arrived.
fn normalized(message: &SyncMessage, fetch: &Fetch, stored: &BTreeMap<Day, StoredDay>) -> Fetched {
    let listings: BTreeMap<DataType, &Listing> = fetch
        .kinds
        .iter()
        .filter_map(|(kind, outcome)| match outcome {
            KindOutcome::Listed(listing) => Some((*kind, listing)),
            _ => None,
        })
        .collect();
    let known =
        stored.values().flat_map(|day| &day.records).filter(|stored| !stored.deleted).map(|stored| &stored.record);
    let offsets = DayOffsets::of_records(known)
        .merged_with(DayOffsets::of_documents(listings.values().map(|listing| &listing.documents)));
    let mut records: Vec<_> = listings
        .values()
        .flat_map(|listing| normalize::records(&message.patient_id, &listing.documents, &offsets))
        .collect();
    normalize::retain_days(&mut records, message.range);
    Fetched {
        records,
        complete: listings.iter().filter(|(_, listing)| listing.malformed.is_empty()).map(|(kind, _)| *kind).collect(),
        range: message.range,
        observed_at: fetch.began,
    }
}

/// What the sync leaves on the connection as it is now.
fn left_behind(
    message: &SyncMessage,
    connection: &Connection,
    kinds: &BTreeMap<DataType, KindProgress>,
    newest: Option<Day>,
    now: Timestamp,
) -> SyncEnd {
    let failing =
        kinds.iter().filter_map(|(kind, progress)| Some((*kind, progress.error.clone()?))).collect::<BTreeMap<_, _>>();
    let mut watermarks = connection.watermarks.clone();
    // A sync of days long past says nothing about the newest ones.
    if message.range.last() >= Day::of_utc(now) {
        for (kind, progress) in kinds.iter().filter(|(_, progress)| progress.state == KindState::Done) {
            let known = watermarks.get(kind).copied();
            watermarks.extend(progress.fetched_at.max(known).map(|at| (*kind, at)));
        }
    }
    let settled = kinds.values().all(|progress| progress.state.is_final());
    let state = if settled && any_arrived(kinds) { BackfillState::Done } else { BackfillState::Failed };
    SyncEnd {
        last_sync_at: if any_arrived(kinds) { Some(now) } else { connection.last_sync_at },
        last_data_day: newest.max(connection.last_data_day),
        failing,
        watermarks,
        status: status(connection, kinds),
        backfill: drives_backfill(connection, message).then(|| (state, kinds.clone())),
        at: now,
    }
}

/// Ends the sync, once, with its events.
async fn finish(
    deps: &Deps,
    message: &SyncMessage,
    kinds: &BTreeMap<DataType, KindProgress>,
) -> Result<(), StoreError> {
    let patient = &message.patient_id;
    // As it is now: other syncs of the patient may have ended since this one began.
    let Some(connection) = deps.connections.get(patient).await? else { return Ok(()) };
    let run = deps.runs.get(patient, &message.sync_id).await?;
    let days = deps.days.stats(patient, message.range).await?;
    let with_data = days.iter().filter(|stats| !stats.metrics.is_empty()).map(|stats| stats.day);
    let now = deps.clock.now();
    let end = left_behind(message, &connection, kinds, with_data.clone().max(), now);
    let events = events(message, &run, &connection, &end, with_data.count() as u64);
    match deps.runs.end(&connection, &message.sync_id, kinds, &end, &events).await? {
        Ended::Recorded => {
            let dimensions = [("trigger", message.trigger.as_str())];
            telemetry::count(now, "Syncs", 1, &dimensions);
            telemetry::count(now, "RecordsWritten", run.records_written, &dimensions);
            for (kind, error) in &end.failing {
                tracing::warn!(sync.id = %message.sync_id, kind = kind.as_str(), error, "a kind did not arrive whole");
            }
        }
        Ended::Already => {}
        Ended::ConnectionGone => tracing::info!(sync.id = %message.sync_id, "the connection ended during its sync"),
    }
    Ok(())
}

/// Some kinds would not come: says so on the connection and leaves the sync open for a redrive.
async fn leave_unfinished(
    deps: &Deps,
    message: &SyncMessage,
    kinds: &BTreeMap<DataType, KindProgress>,
) -> Result<(), StoreError> {
    let Some(connection) = deps.connections.get(&message.patient_id).await? else { return Ok(()) };
    let end = left_behind(message, &connection, kinds, None, deps.clock.now());
    tracing::error!(sync.id = %message.sync_id, kinds = end.failing.len(), "a sync is given up; some kinds would not come");
    deps.runs.give_up(&connection, &end).await
}

/// What the connection's status becomes. Only what says something about this patient changes it: an outage does not.
fn status(connection: &Connection, kinds: &BTreeMap<DataType, KindProgress>) -> (ConnectionStatus, Option<ReasonCode>) {
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
    if kinds.values().all(|progress| progress.state == KindState::NotGranted) {
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
    if let (Some(backfill), Some((BackfillState::Done, _))) = (&connection.backfill, &end.backfill) {
        kinds.push(EventKind::BackfillCompleted {
            // The backfill's own, whichever sync brought it: it is completed once.
            sync_id: backfill.sync_id.clone(),
            range: backfill.range,
            days_with_data,
            complete: end.failing.is_empty(),
        });
    }
    kinds.into_iter().map(|kind| PatientEvent::new(message.patient_id.clone(), end.at, kind)).collect()
}
