//! The sync of one patient: one path for every trigger.
//!
//! 1. The connection and the progress of this very sync are read: a redelivered message goes on where it stopped. One that
//!    Oura's notices caused takes the patient's inbox.
//! 2. A token; then all that is still missing, concurrently, while the stored days are read.
//! 3. Normalize, decide what changes, and write it, several days in a transaction, each with its event.
//! 4. When every kind is in (or will not come): the end, once, with its events. Otherwise back to the queue.
//! 5. In any case the outbox is drained, and the night of a nightly pull hears what became of the patient.
//!
//! A nightly pull asks in two steps: for what is due every night, and for the rest when that shows that the ring has synced.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use shared::aws::{Commit, StoreError, StoredDay, SyncRun};
use shared::domain::{
    AWAITS_OFFSETS, BackfillState, Connection, ConnectionStatus, DataType, DataTypeProgress, Day, DayRange, FetchState,
    SyncMessage, Trigger,
};
use shared::oura::rate_limit::Lane;
use shared::oura::{OuraError, TokenError};
use shared::telemetry::{self, Metric};
use shared::vault::VaultError;

use crate::assignment::Assignment;
use crate::due::{self, Due};
use crate::ending::Finished;
use crate::fetch::{self, Arrival, Ask, Fetch, FetchOutcome, Fetcher};
use crate::night;
use crate::notices::{self, Turn};
use crate::tally::SyncCounters;
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

/// How long a nightly pull waits for a token endpoint that is in trouble.
const SYSTEMIC_WAIT: Duration = Duration::from_secs(10 * 60);

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
    /// Given up for good, and nothing is lost by it: another pull brings what this one should have. The message is deleted.
    Abandoned,
}

impl Outcome {
    /// Whoever needed to know that it was given up knows.
    pub(crate) fn without_abandoning(self) -> Self {
        if self == Self::Abandoned { Self::Done } else { self }
    }
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
    pub(crate) fn is_last(self) -> bool {
        self.count >= LAST_DELIVERY
    }

    /// How long a message waits that failed for no reason that names a wait.
    pub(crate) fn wait(self) -> Duration {
        (FIRST_WAIT * 4_u32.saturating_pow(self.count.saturating_sub(1).min(5))).min(LONGEST_WAIT)
    }
}

/// Syncs the patient and publishes what waits in the outbox, whatever came of the sync.
pub async fn run(deps: &Deps, message: &SyncMessage, delivery: Delivery) -> Outcome {
    let tally = SyncCounters::default();
    let outcome = match deps.rate_limit.held() {
        // While everybody is held back, nothing is begun.
        Some(held) => Outcome::Later { after: held.retry_after, why: held.why.as_str() },
        None => match sync(deps, message, delivery, &tally).await {
            Ok(outcome) => outcome,
            Err(error) => failed(deps, message, delivery, &error, &tally).await,
        },
    };
    let outcome = match outcome {
        Outcome::Later { after, why } if night::is_over(message, deps.clock.now()) => {
            night::abandon(deps, message, after, why).await
        }
        outcome => outcome,
    };
    if matches!(outcome, Outcome::Later { .. }) && tally.requests() == 0 {
        return outcome;
    }
    telemetry::count(
        deps.clock.now(),
        Metric::OuraRequests,
        tally.requests(),
        &[("trigger", message.trigger.as_str())],
    );
    let outcome = drained(deps, message, delivery, outcome).await;
    night::tell(deps, message, delivery, outcome, &tally).await
}

async fn drained(deps: &Deps, message: &SyncMessage, delivery: Delivery, outcome: Outcome) -> Outcome {
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

async fn failed(
    deps: &Deps,
    message: &SyncMessage,
    delivery: Delivery,
    error: &VaultError,
    tally: &SyncCounters,
) -> Outcome {
    let (after, why) = match error {
        VaultError::Ended { reason } => {
            tracing::info!(sync.id = %message.sync_id, ?reason, "the connection has ended; nothing to sync");
            tally.skip();
            // Notices do not belong to the consent that has ended but to the ring, which a new one may have connected again.
            return match (message.trigger, deps.connections.get(&message.patient_id).await) {
                (Trigger::Webhook, Ok(Some(now))) if now.status == ConnectionStatus::Disconnected => Outcome::Done,
                (Trigger::Webhook, Ok(None)) => Outcome::Done,
                (Trigger::Webhook, _) => Outcome::Retry { after: delivery.wait(), why: "reconnected" },
                _ => Outcome::Done,
            };
        }
        VaultError::Busy { retry_after } => (*retry_after, "tokens_busy"),
        // Nothing about this patient: a night outlasts it without putting messages aside.
        VaultError::Systemic { code, retry_after } if message.trigger == Trigger::Daily => {
            tracing::warn!(sync.id = %message.sync_id, %error, "a nightly pull waits for Oura's token endpoint");
            return Outcome::Later { after: SYSTEMIC_WAIT.max(retry_after.unwrap_or_default()), why: code };
        }
        VaultError::Systemic { code, retry_after } => (delivery.wait().max(retry_after.unwrap_or_default()), *code),
        VaultError::Store(_) => (delivery.wait(), "store"),
    };
    tracing::warn!(sync.id = %message.sync_id, delivery = delivery.count, why, %error, "a sync could not be done");
    telemetry::count(deps.clock.now(), Metric::SyncsFailed, 1, &[("trigger", message.trigger.as_str()), ("why", why)]);
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

async fn sync(
    deps: &Deps,
    message: &SyncMessage,
    delivery: Delivery,
    tally: &SyncCounters,
) -> Result<Outcome, VaultError> {
    if message.trigger == Trigger::Daily && !is_due(deps, message, tally).await? {
        return Ok(Outcome::Done);
    }
    // Opened before the connection is looked at: whoever ends it from here on stops this sync.
    let mut run = deps.runs.open(&message.patient_id, &message.sync_id, deps.clock.now()).await?;
    let Some(connection) = deps.connections.get(&message.patient_id).await?.filter(is_live) else {
        tracing::info!(sync.id = %message.sync_id, "no connection; nothing to sync");
        tally.skip();
        return nothing(deps, message).await;
    };
    tally.add_requests(run.requests);
    let message = &reaching_back(deps, message, &connection);
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
    let (mut assignment, announced_days, then) = assignment(deps, message, &connection, &run).await?;
    assignment.leave_out(&run.kinds);
    if is_backfill {
        let pending = DataTypeProgress { state: FetchState::Pending, documents: 0, error: None, fetched_at: None };
        let kinds = DataType::ALL.into_iter().map(|kind| (kind, pending.clone())).chain(run.kinds.clone()).collect();
        deps.connections.begin_backfill(&connection, &kinds).await?;
    }
    let stored = async {
        match announced_days {
            Some(stored) => Ok(stored),
            None => assignment.reading.read(deps, &message.patient_id).await.map_err(VaultError::from),
        }
    };
    let asker = Asker { deps, message, connection: &connection, run: &run, delivery, tally };
    let fetch = Box::pin(asker.fetch(&assignment.asks, false));
    let (fetch, stored) = futures::future::join(fetch, stored).await;
    // Most nights begin with a refresh, and so does what is heard of an outage.
    if let Err(VaultError::Systemic { code, .. }) = &fetch
        && TokenError::is_outage(code)
    {
        ending::tell_of_no_token(deps, message, &connection, &run, assignment.asks.keys()).await;
    }
    let (mut fetch, stored) = (fetch?, stored?);
    let was_asked_before = then.keys().any(|kind| run.kinds.contains_key(kind));
    if !then.is_empty() && (was_asked_before || store::holds_news(message, &assignment, &fetch, &stored)) {
        let mut further = Assignment::of_kinds(message.range, then);
        further.leave_out(&run.kinds);
        let any_arrived = fetch.kinds.values().any(|outcome| matches!(outcome, FetchOutcome::Arrived(_)));
        fetch.kinds.extend(asker.fetch(&further.asks, any_arrived).await?.kinds);
        assignment.asks.append(&mut further.asks);
    }
    assignment.settle(&mut fetch);
    give_up_missing(deps, &run, &mut fetch);
    let wait = delivery.wait().max(wanted_wait(&fetch));
    run.kinds.extend(fetch.kinds.iter().map(|(kind, outcome)| (*kind, outcome.progress(fetch.began))));
    await_offsets(&mut run.kinds);
    match store::store(deps, message, &assignment, &fetch, stored, is_backfill).await? {
        Commit::Written => {}
        Commit::Stopped => return stopped(deps, message, delivery).await,
        Commit::Raced => {
            if delivery.is_last() {
                give_up_backfill(deps, message).await;
            }
            return Ok(Outcome::Retry { after: delivery.wait(), why: "raced" });
        }
    }
    let sent = tally.requests() - run.requests;
    let is_whole = run.kinds.values().all(|progress| progress.state.is_final());
    let awaits = is_whole && is_awaiting(&connection, &assignment, delivery);
    // What is whole is recorded by its end.
    if (!is_whole || awaits)
        && !deps.runs.record_kinds(&message.patient_id, &message.sync_id, &run.kinds, sent, deps.clock.now()).await?
    {
        return stopped(deps, message, delivery).await;
    }
    if awaits {
        return Ok(Outcome::Retry { after: wait, why: "documents_awaited" });
    }
    if is_whole {
        match ending::finish(deps, message, &run.kinds).await? {
            Finished::Gone => return stopped(deps, message, delivery).await,
            Finished::Ended { nothing_to_be_had: true } => tally.skip(),
            Finished::Ended { .. } => {}
        }
        if message.trigger == Trigger::Webhook {
            notices::pass_on(deps, message).await?;
        }
        return Ok(Outcome::Done);
    }
    ending::tell_of_outage(deps, message, &connection, &run).await?;
    let later = only_waits(&fetch);
    if is_backfill && (later.is_some() || !delivery.is_last()) {
        deps.connections.begin_backfill(&connection, &run.kinds).await?;
    }
    if let Some(after) = later {
        return Ok(Outcome::Later { after, why: "oura_limit" });
    }
    if delivery.is_last() {
        // The message goes to the dead-letter queue, where it raises the alarm, and a redrive takes it up again.
        tracing::error!(sync.id = %message.sync_id, "a sync is given up; some kinds would not come");
        ending::leave_unfinished(deps, message, &run).await?;
    }
    Ok(Outcome::Retry { after: wait, why: "kinds_missing" })
}

/// Whether there is anything to ask for; a look that opens nothing, since most nights there is not much.
async fn is_due(deps: &Deps, message: &SyncMessage, tally: &SyncCounters) -> Result<bool, StoreError> {
    let Some(connection) = deps.connections.get(&message.patient_id).await?.filter(is_live) else {
        tally.skip();
        return Ok(false);
    };
    let range = due::range(&connection, message.range, deps.rhythm());
    Ok(!Due::of(&connection, range, deps.rhythm()).first.is_empty())
}

/// A nightly pull also brings what earlier ones could not.
fn reaching_back(deps: &Deps, message: &SyncMessage, connection: &Connection) -> SyncMessage {
    let range = match message.trigger {
        Trigger::Daily => due::range(connection, message.range, deps.rhythm()),
        _ => message.range,
    };
    SyncMessage { range, ..message.clone() }
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

type StoredDays = BTreeMap<Day, StoredDay>;
type Kinds = BTreeMap<DataType, DayRange>;

/// What this sync has to bring; for one that notices caused also what is stored of the documents that they named; for a
/// nightly one also what to ask for when the ring has synced.
async fn assignment(
    deps: &Deps,
    message: &SyncMessage,
    connection: &Connection,
    run: &SyncRun,
) -> Result<(Assignment, Option<StoredDays>, Kinds), StoreError> {
    if message.trigger == Trigger::Daily {
        let Due { first, then } = Due::of(connection, message.range, deps.rhythm());
        return Ok((Assignment::of_kinds(message.range, first), None, then));
    }
    let Some(announced) = &run.announced else { return Ok((Assignment::of_days(message.range), None, Kinds::new())) };
    let documents = announced.announcements.iter().map(|said| said.document_id.clone()).collect();
    let days = deps.days.locate(&message.patient_id, &documents).await?.into_values().collect();
    let stored = deps.days.read_days(&message.patient_id, &days).await?;
    let assignment = Assignment::of_announced(announced, &stored, &connection.watermarks, message.range);
    Ok((assignment, Some(stored), Kinds::new()))
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
        if let FetchOutcome::Arrived(arrival) = outcome
            && asked_before
            && !arrival.missing.is_empty()
        {
            let missing = std::mem::take(&mut arrival.missing).len() as u64;
            tracing::warn!(kind = kind.as_str(), documents = missing, "announced documents do not appear");
            telemetry::count(deps.clock.now(), Metric::DocumentsNotFound, missing, &[("dataType", kind.as_str())]);
        }
    }
}

/// Who asks Oura for this sync.
struct Asker<'a> {
    deps: &'a Deps,
    message: &'a SyncMessage,
    connection: &'a Connection,
    run: &'a SyncRun,
    delivery: Delivery,
    tally: &'a SyncCounters,
}

impl Asker<'_> {
    async fn fetch(&self, asks: &BTreeMap<DataType, Ask>, any_arrived_now: bool) -> Result<Fetch, VaultError> {
        let Self { deps, message, connection, run, .. } = *self;
        let is_backfill = drives_backfill(connection, message);
        let lane = if message.trigger == Trigger::Daily { Lane::Nightly } else { Lane::Live };
        let oura = deps.oura.rate_limited_by(self.tally.counting(deps.rate_limit.lane(lane, &message.patient_id)));
        let fetcher = Fetcher {
            oura: &oura,
            vault: &deps.vault,
            clock: &deps.clock,
            connection,
            arrived_before: any_arrived_now || any_arrived(&run.kinds),
            deadline: self.delivery.deadline,
        };
        let arrived = |kind: DataType, documents: u64| {
            async move {
                if !is_backfill {
                    return;
                }
                let progress =
                    DataTypeProgress { state: FetchState::Fetched, documents, error: None, fetched_at: None };
                if let Err(error) = deps.connections.backfill_progress(connection, kind, &progress).await {
                    tracing::debug!(%error, "progress of a backfill is not shown");
                }
            }
            .boxed()
        };
        fetcher.fetch(asks, deps.clock.now(), &arrived).await
    }
}

pub(crate) fn any_arrived(kinds: &BTreeMap<DataType, DataTypeProgress>) -> bool {
    kinds.values().any(|progress| matches!(progress.state, FetchState::Done | FetchState::Malformed))
}

/// The local days of the time series follow from the offsets that nights and activity carry. While those are still to
/// come, the series is asked for again with them; what it holds is stored meanwhile.
fn await_offsets(kinds: &mut BTreeMap<DataType, DataTypeProgress>) {
    let carriers = [DataType::Sleep, DataType::DailyActivity];
    let awaited = carriers.iter().any(|kind| kinds.get(kind).is_some_and(|progress| !progress.state.is_final()));
    if !awaited {
        return;
    }
    for kind in [DataType::HeartRate, DataType::RingBatteryLevel] {
        if let Some(progress) = kinds.get_mut(&kind).filter(|progress| progress.state == FetchState::Done) {
            progress.state = FetchState::Failed;
            progress.error = Some(AWAITS_OFFSETS.to_owned());
        }
    }
}

/// What kept a kind from arriving whole, if it was for Oura or for us to say when it may.
fn failures(fetch: &Fetch) -> impl Iterator<Item = &OuraError> {
    fetch.kinds.values().filter_map(|outcome| match outcome {
        FetchOutcome::Failed(error) | FetchOutcome::Arrived(Arrival { failed: Some(error), .. }) => Some(error),
        _ => None,
    })
}

/// The longest wait that was asked for.
fn wanted_wait(fetch: &Fetch) -> Duration {
    failures(fetch).filter_map(OuraError::only_waits).max().unwrap_or_default().min(LONGEST_WAIT)
}

/// How long to wait, if waiting is all that is needed: nothing failed but what may not be asked for at the moment.
fn only_waits(fetch: &Fetch) -> Option<Duration> {
    let is_missing = |outcome: &FetchOutcome| matches!(outcome, FetchOutcome::Arrived(Arrival { failed: None, missing, .. }) if !missing.is_empty());
    if fetch.kinds.values().any(is_missing) || failures(fetch).any(|error| error.only_waits().is_none()) {
        return None;
    }
    failures(fetch).next().map(|_| wanted_wait(fetch))
}
