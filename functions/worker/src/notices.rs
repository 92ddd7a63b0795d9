//! Oura's notices: found their patient, and gathered until one sync takes them all.
//!
//! 1. The ring account's claim names the patient. Nobody's account may be somebody's in a moment (a connect is under way),
//!    so it is looked for again, for a while.
//! 2. What the notices announce goes into the patient's inbox, unless the patient has disconnected meanwhile. The first one
//!    that goes in causes a sync, which waits for the others to come in: a burst costs one sync.
//! 3. That sync takes the whole inbox.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;
use shared::aws::{StoreError, SyncRun};
use shared::domain::{
    Day, DayRange, DocumentEvent, OuraUserId, PatientId, SyncId, SyncMessage, Trigger, WebhookEvent, derived_uuid,
};
use shared::telemetry::{self, Metric};

use crate::Deps;
use crate::sync::{Delivery, Outcome};

/// Deliveries after which a user whom nobody here knows is nobody's: by then a minute has passed, and a connect takes
/// half of one at most.
const DELIVERIES_FOR_STRANGERS: u32 = 3;

/// The first wait for a user whom nobody here knows; longer with every delivery.
const WAIT_FOR_STRANGERS: Duration = Duration::from_secs(20);

/// What has gathered for this much longer than it should was forgotten: its sync is asked for again.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_mins(1);

/// Puts the notices of one ring account, received together, into its patient's inbox.
pub async fn gather(deps: &Deps, user: &OuraUserId, notices: &[WebhookEvent], delivery: Delivery) -> Outcome {
    match try_gather(deps, user, notices, delivery).await {
        Ok(outcome) => outcome,
        Err(error) => {
            tracing::warn!(delivery = delivery.count, %error, "notices could not be gathered");
            Outcome::Retry { after: delivery.wait(), why: "store" }
        }
    }
}

async fn try_gather(
    deps: &Deps,
    user: &OuraUserId,
    notices: &[WebhookEvent],
    delivery: Delivery,
) -> Result<Outcome, StoreError> {
    let now = deps.clock.now();
    let known: BTreeSet<(DocumentEvent, _)> =
        notices.iter().filter_map(|notice| Some((notice.announcement()?, notice.received_at))).collect();
    let unknown = notices.iter().filter(|notice| notice.announcement().is_none()).count();
    if unknown > 0 {
        telemetry::count(now, Metric::WebhooksUnknownType, unknown as u64, &[]);
        tracing::info!(notices = unknown, "notices of types that are not known here");
    }
    let Some((first, received_at)) = known.first() else { return Ok(Outcome::Done) };
    let Some(patient) = deps.connections.owner(user).await? else {
        if delivery.count < DELIVERIES_FOR_STRANGERS {
            return Ok(Outcome::Retry { after: WAIT_FOR_STRANGERS * delivery.count, why: "unknown_user" });
        }
        telemetry::count(now, Metric::WebhooksUnknownUser, known.len() as u64, &[]);
        tracing::info!(notices = known.len(), "notices of a ring account that nobody has connected");
        return Ok(Outcome::Done);
    };
    // Its own for every gathering, and the same when this delivery is repeated.
    let parts = [patient.as_str(), &first.to_string(), &received_at.to_string()];
    let Some(candidate) = webhook_sync(&parts) else { return Ok(Outcome::Done) };
    let announcements = known.iter().map(|(announcement, _)| announcement.clone()).collect();
    let gathered = deps.inbox.put(&patient, &announcements, &candidate, now).await?;
    // The patient may have disconnected between the two looks; then nothing must be left in the inbox.
    if deps.connections.owner(user).await?.as_ref() != Some(&patient) {
        deps.inbox.discard(&patient).await?;
        return Ok(Outcome::Done);
    }
    let is_first = gathered.sync_id == candidate;
    // Whoever was first may have died before the sync was asked for. A second message for the same sync is harmless.
    let may_be_lost = delivery.count > 1;
    let is_forgotten = now.duration_since(gathered.since) > deps.debounce() + FORGOTTEN_AFTER;
    if is_first || may_be_lost || is_forgotten {
        ask_for_sync(deps, &patient, gathered.sync_id).await?;
    }
    Ok(Outcome::Done)
}

fn webhook_sync(parts: &[&str]) -> Option<SyncId> {
    SyncId::parse(format!("webhook-{}", derived_uuid(parts))).ok()
}

async fn ask_for_sync(deps: &Deps, patient: &PatientId, sync_id: SyncId) -> Result<(), StoreError> {
    let now = deps.clock.now();
    let message = SyncMessage {
        patient_id: patient.clone(),
        sync_id,
        trigger: Trigger::Webhook,
        range: recent(deps, Day::of_utc(now)),
        requested_at: now,
    };
    deps.live.send_later(message, deps.debounce).await
}

/// The days that a ring can have synced lately; tomorrow, too, where it is tomorrow already.
fn recent(deps: &Deps, today: Day) -> DayRange {
    DayRange::ending(today.plus(1), i32::try_from(deps.lookback_days).unwrap_or(7) + 1)
}

/// What a webhook sync has to do next.
pub(crate) enum Turn {
    /// Bring what was announced.
    Go(SyncRun),
    /// Nothing: nothing gathers for it.
    Nothing,
    /// Another delivery of it is at work: see later whether it came to an end.
    Wait,
}

/// Takes the inbox for this sync, unless an earlier delivery of it has.
pub(crate) async fn take(
    deps: &Deps,
    message: &SyncMessage,
    run: SyncRun,
    delivery: Delivery,
) -> Result<Turn, StoreError> {
    let (patient, sync) = (&message.patient_id, &message.sync_id);
    if run.ended {
        pass_on(deps, message).await?;
        return Ok(Turn::Nothing);
    }
    if run.announced.is_some() {
        return Ok(if delivery.count > 1 { Turn::Go(run) } else { Turn::Wait });
    }
    match deps.inbox.take(patient, sync, deps.clock.now()).await? {
        Some(gathered) => Ok(Turn::Go(SyncRun { announced: Some(gathered.into()), ..run })),
        // Taken between the two looks, or never there.
        None if deps.runs.get(patient, sync).await?.is_some_and(|run| run.announced.is_some()) => Ok(Turn::Wait),
        None => Ok(Turn::Nothing),
    }
}

/// Notices that came again after their sync had taken its own gather under its id once more: when it has ended, they get a
/// sync of their own.
pub(crate) async fn pass_on(deps: &Deps, message: &SyncMessage) -> Result<(), StoreError> {
    let (patient, old) = (&message.patient_id, &message.sync_id);
    let Some(inbox) = deps.inbox.get(patient).await? else { return Ok(()) };
    let Some(new) = webhook_sync(&[patient.as_str(), old.as_str(), &inbox.since.to_string()]) else { return Ok(()) };
    if inbox.sync_id == *old {
        // That it was passed on already, by a worker that died or whose answer was lost, is as good.
        deps.inbox.pass_on(patient, old, &new).await?;
    } else if inbox.sync_id != new {
        return Ok(());
    }
    ask_for_sync(deps, patient, new).await
}
