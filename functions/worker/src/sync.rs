//! The sync of one patient: one path for every trigger.
//!
//! 1. The connection and the progress of this very sync are read: a redelivered message goes on where it stopped. One that
//!    Oura's notices caused takes the patient's inbox.
//! 2. A token; then all that is still missing, concurrently, while the stored days are read.
//! 3. Normalize, decide what changes, and write it, several days in a transaction, each with its event.
//! 4. When every kind is in (or will not come): the end, once, with its events. Otherwise back to the queue.
//! 5. In any case the outbox is drained.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use shared::aws::{Commit, Ended, StoreError, StoredDay, SyncRun};
use shared::domain::{BackfillState, Connection, ConnectionStatus, Day, KindProgress, KindState, SyncMessage, Trigger};
use shared::oura::{DataType, OuraError};
use shared::telemetry;
use shared::vault::VaultError;

use crate::assignment::Assignment;
use crate::fetch::{self, Arrival, Fetch, Fetcher, KindOutcome};
use crate::notices::{self, Turn};
use crate::{Deps, ending, store};

/// The queue gives a message up after this many deliveries (`maxReceiveCount` of the template).
const LAST_DELIVERY: u32 = 5;

/// The first wait of a message that goes back to the queue; four times as long with every delivery, so that five
/// deliveries outlast a rate-limit window and a short outage.
const FIRST_WAIT: Duration = Duration::from_secs(15);

/// How long after its notice a document that Oura does not have is waited for, and asked for more than once. What is later
/// than that is left to the next pull.
const PATIENCE_FOR_MISSING: SignedDuration = SignedDuration::from_secs(90);

/// The delivery of a webhook sync from which on a deleted document that is not stored is not waited for any longer...
const DELIVERIES_FOR_AWAITED: u32 = 3;

/// ... and the same while the history, which may hold it, is still arriving.
const DELIVERIES_FOR_AWAITED_IN_BACKFILL: u32 = 4;

/// Oura's rate-limit windows are five minutes; three of them are long enough.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// What becomes of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done, or nothing to do: the message is deleted.
    Done,
    /// Not done: the message goes back to its queue and comes again after the wait. The queue counts that, and puts a
    /// message aside that has failed too often.
    Retry {
        /// When to come back.
        after: Duration,
        /// A stable word for why.
        why: &'static str,
    },
    /// Not begun, or not finished, for no fault of the message: it is sent anew, to come after the wait, and the queue does
    /// not count it as a failure.
    Later {
        /// When to come back; SQS delays a message by at most 15 minutes.
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

    /// How long a message waits that failed for no reason that names a wait.
    pub(crate) fn wait(self) -> Duration {
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
            // Notices do not belong to the consent that has ended but to the ring, which a new one may have connected again.
            return match (message.trigger, deps.connections.get(&message.patient_id).await) {
                (Trigger::Webhook, Ok(Some(now))) if now.status == ConnectionStatus::Disconnected => Outcome::Done,
                (Trigger::Webhook, Ok(None)) => Outcome::Done,
                (Trigger::Webhook, _) => Outcome::Retry { after: delivery.wait(), why: "reconnected" },
                _ => Outcome::Done,
            };
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
pub(crate) fn drives_backfill(connection: &Connection, message: &SyncMessage) -> bool {
    connection.backfill.as_ref().is_some_and(|backfill| {
        let is_its_own = backfill.sync_id == message.sync_id;
        let is_pull = !matches!(message.trigger, Trigger::Backfill | Trigger::Webhook);
        let holds_it = is_pull && message.range.covers(&backfill.range);
        backfill.state != BackfillState::Done && (is_its_own || holds_it)
    })
}

async fn sync(deps: &Deps, message: &SyncMessage, delivery: Delivery) -> Result<Outcome, VaultError> {
    // Opened before the connection is looked at: whoever ends it from here on stops this sync.
    let mut run = deps.runs.open(&message.patient_id, &message.sync_id, deps.clock.now()).await?;
    let Some(connection) = deps.connections.get(&message.patient_id).await?.filter(is_live) else {
        tracing::info!(sync.id = %message.sync_id, "no connection; nothing to sync");
        return nothing(deps, message).await;
    };
    let is_backfill = drives_backfill(&connection, message);
    if message.trigger == Trigger::Backfill && !is_backfill {
        tracing::info!(sync.id = %message.sync_id, "this history has arrived, or a newer consent has one of its own");
        return nothing(deps, message).await;
    }
    if message.trigger == Trigger::Webhook {
        run = match notices::take(deps, message, run, delivery).await? {
            Turn::Go(run) => run,
            Turn::Nothing => return nothing(deps, message).await,
            Turn::Wait => return Ok(Outcome::Retry { after: FIRST_WAIT, why: "already_running" }),
        };
    }
    if run.ended {
        return Ok(Outcome::Done);
    }
    let (mut assignment, announced_days) = assignment(deps, message, &connection, &run).await?;
    assignment.leave_out(&run.kinds);
    if is_backfill {
        let pending = KindProgress { state: KindState::Pending, documents: 0, error: None, fetched_at: None };
        let kinds = DataType::ALL.into_iter().map(|kind| (kind, pending.clone())).chain(run.kinds.clone()).collect();
        deps.connections.begin_backfill(&connection, &kinds).await?;
    }
    let stored = async {
        match announced_days {
            Some(stored) => Ok(stored),
            None => assignment.reading.read(deps, &message.patient_id).await.map_err(VaultError::from),
        }
    };
    let fetch = Box::pin(fetch(deps, message, &connection, &assignment, &run, delivery));
    let (fetch, stored) = futures::future::join(fetch, stored).await;
    let (mut fetch, stored) = (fetch?, stored?);
    assignment.settle(&mut fetch);
    give_up_missing(deps, &run, &mut fetch);
    let wait = delivery.wait().max(wanted_wait(&fetch));
    run.kinds.extend(fetch.kinds.iter().map(|(kind, outcome)| (*kind, outcome.progress(fetch.began))));
    await_offsets(&mut run.kinds);
    match store::store(deps, message, &assignment, &fetch, stored).await? {
        Commit::Written => {}
        Commit::Stopped => return stopped(deps, message, delivery).await,
        Commit::Raced => {
            if delivery.is_last() {
                give_up_backfill(deps, message).await;
            }
            return Ok(Outcome::Retry { after: delivery.wait(), why: "raced" });
        }
    }
    if !deps.runs.record_kinds(&message.patient_id, &message.sync_id, &run.kinds, deps.clock.now()).await? {
        return stopped(deps, message, delivery).await;
    }
    if run.kinds.values().all(|progress| progress.state.is_final()) {
        if is_awaiting(&connection, &assignment, delivery) {
            return Ok(Outcome::Retry { after: wait, why: "documents_awaited" });
        }
        if ending::finish(deps, message, &run.kinds).await? == Ended::ConnectionGone {
            return stopped(deps, message, delivery).await;
        }
        if message.trigger == Trigger::Webhook {
            notices::pass_on(deps, message).await?;
        }
        return Ok(Outcome::Done);
    }
    if delivery.is_last() {
        // The message goes to the dead-letter queue, where it raises the alarm, and a redrive takes it up again.
        ending::leave_unfinished(deps, message, &run).await?;
    } else if is_backfill {
        deps.connections.begin_backfill(&connection, &run.kinds).await?;
    }
    Ok(Outcome::Retry { after: wait, why: "kinds_missing" })
}

fn is_live(connection: &Connection) -> bool {
    connection.status != ConnectionStatus::Disconnected
}

/// Nothing to sync: the sync leaves nothing behind.
async fn nothing(deps: &Deps, message: &SyncMessage) -> Result<Outcome, VaultError> {
    deps.runs.discard(&message.patient_id, &message.sync_id).await?;
    Ok(Outcome::Done)
}

/// The connection ended while the sync ran. What a patient who has connected again meanwhile waits for is begun anew.
async fn stopped(deps: &Deps, message: &SyncMessage, delivery: Delivery) -> Result<Outcome, VaultError> {
    tracing::info!(sync.id = %message.sync_id, "the connection ended during its sync");
    let connection = deps.connections.get(&message.patient_id).await?;
    Ok(match connection.filter(is_live) {
        Some(_) => Outcome::Retry { after: delivery.wait(), why: "reconnected" },
        None => Outcome::Done,
    })
}

/// What this sync has to bring; for one that notices caused also what is stored of the documents that they named.
async fn assignment(
    deps: &Deps,
    message: &SyncMessage,
    connection: &Connection,
    run: &SyncRun,
) -> Result<(Assignment, Option<BTreeMap<Day, StoredDay>>), StoreError> {
    let Some(announced) = &run.announced else { return Ok((Assignment::of_days(message.range), None)) };
    let documents = announced.announcements.iter().map(|said| said.document_id.clone()).collect();
    let days = deps.days.locate(&message.patient_id, &documents).await?.into_values().collect();
    let stored = deps.days.read_days(&message.patient_id, &days).await?;
    let assignment = Assignment::of_announced(announced, &stored, &connection.watermarks, message.range);
    Ok((assignment, Some(stored)))
}

/// Whether a deleted document that is not stored may yet be: a fetch from before its deletion may be about to store it.
fn is_awaiting(connection: &Connection, assignment: &Assignment, delivery: Delivery) -> bool {
    let granted = |kind: DataType| connection.scopes_granted.contains(kind.scope());
    let deliveries = match &connection.backfill {
        Some(backfill) if matches!(backfill.state, BackfillState::Pending | BackfillState::Running) => {
            DELIVERIES_FOR_AWAITED_IN_BACKFILL
        }
        _ => DELIVERIES_FOR_AWAITED,
    };
    delivery.count < deliveries && assignment.awaited.iter().any(|(kind, _)| granted(*kind))
}

/// A document may follow its notice by minutes. One that was asked for before, and still is not there when it should be, is
/// left to the next pull.
fn give_up_missing(deps: &Deps, run: &SyncRun, fetch: &mut Fetch) {
    let Some(announced) = &run.announced else { return };
    if deps.clock.now().duration_since(announced.latest_at) < PATIENCE_FOR_MISSING {
        return;
    }
    for (kind, outcome) in &mut fetch.kinds {
        let asked_before =
            run.kinds.get(kind).is_some_and(|progress| progress.error.as_deref() == Some(fetch::NOT_FOUND));
        if let KindOutcome::Arrived(arrival) = outcome
            && asked_before
            && !arrival.missing.is_empty()
        {
            let missing = std::mem::take(&mut arrival.missing).len() as u64;
            tracing::warn!(kind = kind.as_str(), documents = missing, "announced documents do not appear");
            telemetry::count(deps.clock.now(), "DocumentsNotFound", missing, &[("dataType", kind.as_str())]);
        }
    }
}

async fn fetch(
    deps: &Deps,
    message: &SyncMessage,
    connection: &Connection,
    assignment: &Assignment,
    run: &SyncRun,
    delivery: Delivery,
) -> Result<Fetch, VaultError> {
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
    fetcher.fetch(&assignment.asks, deps.clock.now(), &arrived).await
}

pub(crate) fn any_arrived(kinds: &BTreeMap<DataType, KindProgress>) -> bool {
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
        KindOutcome::Failed(OuraError::RateLimited { retry_after, .. })
        | KindOutcome::Arrived(Arrival { failed: Some(OuraError::RateLimited { retry_after, .. }), .. }) => {
            *retry_after
        }
        _ => None,
    });
    waits.max().unwrap_or_default().min(LONGEST_WAIT)
}
