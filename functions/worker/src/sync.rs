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
use crate::fetch::{Blocked, Fetch, Fetcher, KindOutcome};
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
        VaultError::Systemic { code, retry_after } => (retry_after.unwrap_or(delivery.wait()), *code),
        VaultError::Store(_) => (delivery.wait(), "store"),
    };
    tracing::warn!(sync.id = %message.sync_id, delivery = delivery.count, why, %error, "a sync could not be done");
    telemetry::count(deps.clock.now(), "SyncsFailed", 1, &[("trigger", message.trigger.as_str()), ("why", why)]);
    if delivery.is_last() && message.trigger == Trigger::Backfill {
        give_up_backfill(deps, message).await;
    }
    Outcome::Retry { after, why }
}

/// The message goes to the dead-letter queue now; the page must not wait for it. A redrive takes it up again.
async fn give_up_backfill(deps: &Deps, message: &SyncMessage) {
    let given_up = async {
        match deps.connections.get(&message.patient_id).await? {
            Some(connection) => deps.connections.fail_backfill(&connection, &message.sync_id).await,
            None => Ok(false),
        }
    };
    if let Err(error) = given_up.await {
        tracing::warn!(sync.id = %message.sync_id, %error, "a backfill that was given up still looks running");
    }
}

async fn sync(deps: &Deps, message: &SyncMessage, delivery: Delivery) -> Result<Outcome, VaultError> {
    let Some(connection) = deps.connections.get(&message.patient_id).await? else {
        tracing::info!(sync.id = %message.sync_id, "no connection; nothing to sync");
        return Ok(Outcome::Done);
    };
    if connection.status == ConnectionStatus::Disconnected {
        return Ok(Outcome::Done);
    }
    let is_backfill = connection.backfill.as_ref().is_some_and(|backfill| backfill.sync_id == message.sync_id);
    if message.trigger == Trigger::Backfill && !is_backfill {
        tracing::info!(sync.id = %message.sync_id, "a newer consent has a backfill of its own");
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
        let pending = KindProgress { state: KindState::Pending, documents: 0, error: None };
        let kinds = DataType::ALL.into_iter().map(|kind| (kind, pending.clone())).chain(run.kinds.clone()).collect();
        deps.connections.begin_backfill(&connection, &message.sync_id, &kinds).await?;
    }
    let (fetch, stored) = fetch(deps, message, &connection, &missing, is_backfill, delivery).await?;
    let waits = wanted_wait(&fetch);
    run.kinds.extend(fetch.kinds.iter().map(|(kind, outcome)| (*kind, outcome.progress())));
    if store(deps, message, &fetch, stored).await? == Commit::Raced {
        return Ok(Outcome::Retry { after: Duration::from_secs(2), why: "raced" });
    }
    deps.runs.record_kinds(&message.patient_id, &message.sync_id, &run.kinds, deps.clock.now()).await?;
    let complete = run.kinds.values().all(|progress| progress.state.is_final());
    if !complete && !delivery.is_last() {
        if is_backfill {
            deps.connections.begin_backfill(&connection, &message.sync_id, &run.kinds).await?;
        }
        return Ok(Outcome::Retry { after: waits.unwrap_or(delivery.wait()), why: "kinds_missing" });
    }
    finish(deps, message, &connection, &run.kinds, &fetch, is_backfill).await?;
    // The last delivery of an incomplete sync still ends in the dead-letter queue, where it raises the alarm.
    Ok(if complete { Outcome::Done } else { Outcome::Retry { after: delivery.wait(), why: "kinds_missing" } })
}

async fn fetch(
    deps: &Deps,
    message: &SyncMessage,
    connection: &Connection,
    missing: &[DataType],
    is_backfill: bool,
    delivery: Delivery,
) -> Result<(Fetch, BTreeMap<Day, StoredDay>), VaultError> {
    let fetcher = Fetcher { oura: &deps.oura, vault: &deps.vault, connection, deadline: delivery.deadline };
    let arrived = |kind: DataType, documents: u64| {
        async move {
            if !is_backfill {
                return;
            }
            let progress = KindProgress { state: KindState::Fetched, documents, error: None };
            if let Err(error) = deps.connections.backfill_progress(connection, &message.sync_id, kind, &progress).await
            {
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

/// The longest wait that Oura asked for, if any.
fn wanted_wait(fetch: &Fetch) -> Option<Duration> {
    fetch
        .kinds
        .values()
        .filter_map(|outcome| match outcome {
            KindOutcome::Failed(OuraError::RateLimited { retry_after, .. }) => *retry_after,
            _ => None,
        })
        .max()
        .map(|wait| wait.clamp(Duration::from_secs(1), LONGEST_WAIT))
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

async fn finish(
    deps: &Deps,
    message: &SyncMessage,
    connection: &Connection,
    kinds: &BTreeMap<DataType, KindProgress>,
    fetch: &Fetch,
    is_backfill: bool,
) -> Result<(), StoreError> {
    let patient = &message.patient_id;
    let run = deps.runs.get(patient, &message.sync_id).await?;
    let days = deps.days.stats(patient, message.range).await?;
    let now = deps.clock.now();
    let newest = days.iter().filter(|stats| !stats.metrics.is_empty()).map(|stats| stats.day).max();
    let failing: BTreeMap<_, _> =
        kinds.iter().filter_map(|(kind, progress)| Some((*kind, progress.error.clone()?))).collect();
    let mut watermarks = connection.watermarks.clone();
    watermarks.extend(
        kinds.iter().filter(|(_, progress)| progress.state == KindState::Done).map(|(kind, _)| (*kind, fetch.began)),
    );
    let complete = failing.is_empty();
    let arrived = kinds.values().any(|progress| matches!(progress.state, KindState::Done | KindState::Malformed));
    let end = SyncEnd {
        at: now,
        last_data_day: newest.max(connection.last_data_day),
        failing,
        watermarks,
        status: status(connection, kinds, fetch, arrived),
        backfill: is_backfill.then(|| {
            let settled = kinds.values().all(|progress| progress.state.is_final());
            (if settled && arrived { BackfillState::Done } else { BackfillState::Failed }, kinds.clone())
        }),
    };
    let events = events(message, &run, days.len() as u64, complete, is_backfill, now);
    match deps.runs.end(connection, &message.sync_id, kinds, &end, &events).await? {
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

/// What the connection's status becomes. Only what says something about this patient changes it: an outage does not.
fn status(
    connection: &Connection,
    kinds: &BTreeMap<DataType, KindProgress>,
    fetch: &Fetch,
    arrived: bool,
) -> (ConnectionStatus, Option<ReasonCode>) {
    match fetch.blocked {
        Some(Blocked::Membership) => (ConnectionStatus::Error, Some(ReasonCode::Membership)),
        Some(Blocked::AppOutdated) => (ConnectionStatus::Error, Some(ReasonCode::AppOutdated)),
        Some(Blocked::Unauthorized) => (ConnectionStatus::Error, Some(ReasonCode::Unauthorized)),
        None if arrived => (ConnectionStatus::Connected, None),
        None if kinds.values().all(|progress| progress.state == KindState::NotGranted) => {
            (ConnectionStatus::Error, Some(ReasonCode::ScopeMissing))
        }
        None => (connection.status, connection.reason),
    }
}

fn events(
    message: &SyncMessage,
    run: &SyncRun,
    days_with_data: u64,
    complete: bool,
    is_backfill: bool,
    now: Timestamp,
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
    if is_backfill {
        kinds.push(EventKind::BackfillCompleted {
            sync_id: message.sync_id.clone(),
            range: message.range,
            days_with_data,
            complete,
        });
    }
    kinds.into_iter().map(|kind| PatientEvent::new(message.patient_id.clone(), now, kind)).collect()
}
