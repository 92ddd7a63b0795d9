//! Webhook events: collected in the patient's inbox until one sync processes them all.
//!
//! 1. The claim of the ring account names the patient. An account without a claim may get one in a moment (a connect is
//!    in progress), so the message is retried for a while.
//! 2. The events go into the patient's inbox, unless the patient has disconnected in between. The first event of an empty
//!    inbox queues a sync, delayed by the debounce time: a burst costs one sync.
//! 3. That sync claims the whole inbox.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;
use shared::aws::{StoreError, SyncRun};
use shared::domain::{DocumentEvent, OuraUserId, PatientId, SyncId, SyncMessage, Trigger, WebhookEvent, derived_uuid};
use shared::telemetry::{self, Metric};

use crate::delivery::{Delivery, Outcome};
use crate::deps::Deps;

/// Deliveries of an event whose ring account has no connection. After the last one a minute has passed, and a connect takes
/// half a minute at most.
const MAX_UNKNOWN_ACCOUNT_DELIVERIES: u32 = 3;

/// First delay of an event of an unknown account; multiplied by the number of the delivery.
const UNKNOWN_ACCOUNT_RETRY: Duration = Duration::from_secs(20);

/// Time beyond the debounce after which an inbox counts as forgotten, so that its sync is queued again.
const INBOX_OVERDUE: SignedDuration = SignedDuration::from_mins(1);

/// Adds webhook events of one ring account, received together, to its patient's inbox.
pub(crate) async fn collect(deps: &Deps, user: &OuraUserId, events: &[WebhookEvent], delivery: Delivery) -> Outcome {
    match try_collect(deps, user, events, delivery).await {
        Ok(outcome) => outcome,
        Err(error) => {
            tracing::warn!(
                event = "webhook_events.collect_failed",
                delivery = delivery.count,
                events = events.len(),
                %error,
                "webhook events could not be added to the inbox"
            );
            delivery.retry("store")
        }
    }
}

async fn try_collect(
    deps: &Deps,
    user: &OuraUserId,
    events: &[WebhookEvent],
    delivery: Delivery,
) -> Result<Outcome, StoreError> {
    let now = deps.clock.now();
    // Events of data types that this service does not store are counted and dropped.
    let known: BTreeSet<(DocumentEvent, _)> =
        events.iter().filter_map(|event| Some((event.document_event()?, event.received_at))).collect();
    let unknown = events.iter().filter(|event| event.document_event().is_none()).count();
    if unknown > 0 {
        telemetry::count(now, Metric::WebhooksUnknownType, unknown as u64, &[]);
        tracing::info!(
            event = "webhook_events.unknown_type",
            events = unknown,
            "webhook events of unknown types were dropped"
        );
    }
    let Some((first, received_at)) = known.first() else { return Ok(Outcome::Done) };
    let Some(patient) = deps.connections.owner(user).await? else {
        if delivery.count < MAX_UNKNOWN_ACCOUNT_DELIVERIES {
            let after = UNKNOWN_ACCOUNT_RETRY * delivery.count;
            return Ok(Outcome::Retry { after, reason: "unknown_user" });
        }
        telemetry::count(now, Metric::WebhooksUnknownUser, known.len() as u64, &[]);
        tracing::info!(
            event = "webhook_events.unknown_account",
            events = known.len(),
            "webhook events of a ring account without connection were dropped"
        );
        return Ok(Outcome::Done);
    };
    // The id is unique to this burst, and the same when this delivery is repeated.
    let id_parts = [patient.as_str(), &first.to_string(), &received_at.to_string()];
    let Some(candidate) = webhook_sync_id(&id_parts) else { return Ok(Outcome::Done) };
    // A replayed event of a sync that has ended costs no request.
    let document_events = known.iter().map(|(event, _)| event.clone()).collect();
    let document_events = deps.inbox.without_processed(&patient, document_events).await?;
    if document_events.is_empty() {
        return Ok(Outcome::Done);
    }
    let inbox = deps.inbox.put(&patient, &document_events, &candidate, now).await?;
    // The patient may have disconnected between the two reads. Then nothing may be left in the inbox.
    if deps.connections.owner(user).await?.as_ref() != Some(&patient) {
        deps.inbox.discard(&patient).await?;
        return Ok(Outcome::Done);
    }
    // The first event queues the sync. A worker may have died before it did; a second message of the same sync is harmless.
    let is_first = inbox.sync_id == candidate;
    let is_retry = delivery.count > 1;
    let is_overdue = now.duration_since(inbox.since) > deps.signed_debounce() + INBOX_OVERDUE;
    if is_first || is_retry || is_overdue {
        queue_sync(deps, &patient, inbox.sync_id).await?;
    }
    Ok(Outcome::Done)
}

fn webhook_sync_id(parts: &[&str]) -> Option<SyncId> {
    SyncId::parse(format!("webhook-{}", derived_uuid(parts))).ok()
}

async fn queue_sync(deps: &Deps, patient: &PatientId, sync_id: SyncId) -> Result<(), StoreError> {
    let message = SyncMessage {
        patient_id: patient.clone(),
        sync_id,
        trigger: Trigger::Webhook,
        range: deps.recent_days(),
        requested_at: deps.clock.now(),
    };
    deps.live.send_later(message, deps.debounce).await
}

/// Result of claiming the inbox for a webhook sync.
pub(crate) enum InboxClaim {
    /// This delivery processes the events in the run.
    Claimed(SyncRun),
    /// No events are left for this sync.
    Empty,
    /// Another delivery is processing them; to be checked again later.
    InProgress,
}

/// Claims the inbox for this sync. Only one first delivery gets it; a retry resumes what an earlier delivery claimed.
pub(crate) async fn claim(
    deps: &Deps,
    message: &SyncMessage,
    run: SyncRun,
    delivery: Delivery,
) -> Result<InboxClaim, StoreError> {
    let (patient, sync) = (&message.patient_id, &message.sync_id);
    if run.ended {
        // A worker may have died between the end of the sync and this record.
        record_processed(deps, message, &run).await;
        hand_over(deps, message).await?;
        return Ok(InboxClaim::Empty);
    }
    if run.pending_events.is_some() {
        return Ok(if delivery.count > 1 { InboxClaim::Claimed(run) } else { InboxClaim::InProgress });
    }
    match deps.inbox.take(patient, sync, deps.clock.now()).await? {
        Some(contents) => Ok(InboxClaim::Claimed(SyncRun { pending_events: Some(contents.into()), ..run })),
        // Claimed by another delivery between the two reads, or never there.
        None if deps.runs.get(patient, sync).await?.is_some_and(|run| run.pending_events.is_some()) => {
            Ok(InboxClaim::InProgress)
        }
        None => Ok(InboxClaim::Empty),
    }
}

/// Records that the events of an ended sync were processed.
pub(crate) async fn record_processed(deps: &Deps, message: &SyncMessage, run: &SyncRun) {
    let Some(pending) = &run.pending_events else { return };
    let recorded = deps.inbox.record_processed(&message.patient_id, &pending.events, deps.clock.now()).await;
    if let Err(error) = recorded {
        tracing::debug!(
            event = "webhook_events.processed_not_recorded",
            sync.id = %message.sync_id,
            %error,
            "processed webhook events could not be recorded; a replayed one costs a request"
        );
    }
}

/// Hands events that arrived under the id of an ended sync over to a new one.
///
/// Redelivered events whose sync has already claimed the inbox are collected under its id again.
pub(crate) async fn hand_over(deps: &Deps, message: &SyncMessage) -> Result<(), StoreError> {
    let (patient, ended) = (&message.patient_id, &message.sync_id);
    let Some(inbox) = deps.inbox.get(patient).await? else { return Ok(()) };
    let Some(new) = webhook_sync_id(&[patient.as_str(), ended.as_str(), &inbox.since.to_string()]) else {
        return Ok(());
    };
    if inbox.sync_id == *ended {
        // Harmless if another worker, which died or whose response was lost, has handed it over already.
        deps.inbox.pass_on(patient, ended, &new).await?;
    } else if inbox.sync_id != new {
        return Ok(());
    }
    queue_sync(deps, patient, new).await
}
