//! The sync of one patient: one code path for every trigger (backfill, webhook, nightly, catch-up, manual).
//!
//! Four phases hand one value down. A phase may also end the sync early ([`phase::Exit`]).
//!
//! | phase | result |
//! |---|---|
//! | [`open`] | connection, progress of earlier deliveries, due data types |
//! | [`plan`] | requests to send to Oura |
//! | [`fetch`] | responses of Oura; what changed is written with its events, by [`store`], as it arrives |
//! | [`close`] | the sync is closed with its events, or returns to its queue |
//!
//! Around them, [`run`] checks the rate limit, publishes the outbox, and records the outcome in the nightly run.

mod close;
mod fetch;
mod open;
mod phase;
mod plan;
mod profile;
mod store;

use std::time::Duration;

use jiff::SignedDuration;
use shared::domain::{ConnectionStatus, SyncMessage, Trigger};
use shared::oura::TokenFailure;
use shared::telemetry::{self, Metric};
use shared::vault::VaultError;

use self::phase::{Exit, SyncContext};
use crate::counters::SyncCounters;
use crate::delivery::{Delivery, FIRST_RETRY, MAX_DELAY, Outcome, publish_outbox};
use crate::deps::Deps;
use crate::{nightly_outcome, sync_outcome};

/// Delay of a nightly sync while Oura's token endpoint fails.
const TOKEN_ENDPOINT_DELAY: Duration = Duration::from_secs(10 * 60);

/// Time for which a nightly sync waits for a refused refresh token: three refusals half an hour apart, and the probe.
const MAX_DECLINED_WAIT: SignedDuration = SignedDuration::from_mins(100);

/// Syncs the patient, publishes the outbox whatever the outcome, and records the outcome in the nightly run.
pub(crate) async fn run(deps: &Deps, message: &SyncMessage, delivery: Delivery) -> Outcome {
    let counters = SyncCounters::default();
    let cx = SyncContext { deps, delivery, counters: &counters };
    // While every request is throttled, no sync begins.
    let outcome = match deps.rate_limit.throttled() {
        Some(throttled) => Outcome::Requeue { after: throttled.retry_after, reason: throttled.reason.as_str() },
        None => match Box::pin(sync(cx, message)).await {
            Ok(outcome) | Err(Exit::Outcome(outcome)) => outcome,
            Err(Exit::Error(error)) => failed(cx, message, &error).await,
        },
    };
    let outcome = nightly_outcome::expire(deps, message, delivery, outcome).await;
    // Nothing has happened: there is nothing to publish or record.
    if matches!(outcome, Outcome::Requeue { .. }) && counters.requests() == 0 {
        return outcome;
    }
    telemetry::count(
        deps.clock.now(),
        Metric::OuraRequests,
        counters.requests(),
        &[("trigger", message.trigger.as_str())],
    );
    let outcome = publish_outbox(deps, &message.patient_id, delivery, outcome).await;
    nightly_outcome::record(deps, message, delivery, outcome, &counters).await
}

async fn sync(cx: SyncContext<'_>, message: &SyncMessage) -> Result<Outcome, Exit> {
    let opened = open::open(cx, message).await?;
    let planned = plan::plan(cx, opened).await?;
    let stored = fetch::fetch(cx, planned).await?;
    Box::pin(profile::refresh(cx, &stored.opened)).await;
    close::close(cx, stored).await
}

/// Decides about a sync without access token, or whose store failed.
async fn failed(cx: SyncContext<'_>, message: &SyncMessage, error: &VaultError) -> Outcome {
    let SyncContext { deps, delivery, counters } = cx;
    let (after, reason) = match error {
        VaultError::Ended { reason } => {
            tracing::info!(
                event = "sync.connection_ended",
                sync.id = %message.sync_id,
                ?reason,
                "a sync found that its connection had ended"
            );
            counters.skip();
            return connection_ended(cx, message).await;
        }
        // Another attempt holds the lease, or may still be in flight. Waiting for it is no failed delivery.
        VaultError::Busy { retry_after } => {
            return Outcome::Requeue { after: (*retry_after).clamp(FIRST_RETRY, MAX_DELAY), reason: "tokens_busy" };
        }
        // A night does not wait for one patient's token: later syncs send it again, until Oura accepts it or it ends.
        VaultError::Systemic { reason: TokenFailure::TokenDeclined, .. }
            if message.trigger == Trigger::Daily
                && deps.clock.now().duration_since(message.requested_at) > MAX_DECLINED_WAIT =>
        {
            tracing::warn!(
                event = "sync.token_declined",
                sync.id = %message.sync_id,
                "a nightly sync ended without data because Oura refuses the patient's refresh token"
            );
            return Outcome::Abandoned;
        }
        VaultError::Systemic { reason, retry_after } if reason.is_waiting() => {
            let after = retry_after.unwrap_or(TOKEN_ENDPOINT_DELAY).clamp(FIRST_RETRY, MAX_DELAY);
            return Outcome::Requeue { after, reason: reason.as_str() };
        }
        // It concerns the whole app: a nightly sync waits for its end, without failed deliveries.
        VaultError::Systemic { reason, retry_after } if message.trigger == Trigger::Daily => {
            tracing::warn!(
                event = "sync.token_endpoint_failed",
                sync.id = %message.sync_id,
                reason = reason.as_str(),
                "a nightly sync was re-enqueued because Oura's token endpoint failed"
            );
            let after = TOKEN_ENDPOINT_DELAY.max(retry_after.unwrap_or_default());
            return Outcome::Requeue { after, reason: reason.as_str() };
        }
        VaultError::Systemic { reason, retry_after } => {
            (delivery.retry_delay().max(retry_after.unwrap_or_default()), reason.as_str())
        }
        VaultError::Store(_) => (delivery.retry_delay(), "store"),
    };
    tracing::warn!(
        event = "sync.failed",
        sync.id = %message.sync_id,
        delivery = delivery.count,
        reason,
        %error,
        "a sync failed"
    );
    let dimensions = [("trigger", message.trigger.as_str()), ("reason", reason)];
    telemetry::count(deps.clock.now(), Metric::SyncsFailed, 1, &dimensions);
    if delivery.is_last() {
        sync_outcome::fail_backfill(deps, message).await;
    }
    Outcome::Retry { after, reason }
}

/// Ends a sync whose connection has ended. Webhook events belong to the ring, not to the ended consent: if the patient has
/// reconnected, their sync is retried.
async fn connection_ended(cx: SyncContext<'_>, message: &SyncMessage) -> Outcome {
    if message.trigger != Trigger::Webhook {
        return Outcome::Done;
    }
    match cx.deps.connections.get(&message.patient_id).await {
        Ok(None) => Outcome::Done,
        Ok(Some(connection)) if connection.status == ConnectionStatus::Disconnected => Outcome::Done,
        Ok(Some(_)) | Err(_) => cx.delivery.retry("reconnected"),
    }
}
