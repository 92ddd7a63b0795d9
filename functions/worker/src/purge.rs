//! Deletion of a patient's data.
//!
//! 1. One worker takes the purge (a lease that outlives its invocation). The connection is ended, if it has not ended yet.
//! 2. The items are counted and the counts stored, so that the receipt is right however often the purge is interrupted.
//! 3. Everything is deleted, page by page, while time remains. The next delivery resumes.
//! 4. The receipt is stored and published. Only then the purge's own item is deleted.
//! 5. Ten minutes later a sweep checks that nothing is left. Nothing should be: a writer makes the item that its writes
//!    depend on first, and reads the connection after that.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shared::aws::{Purge, PurgeRequest, PurgeScope, StoreError, TakenPurge};
use shared::domain::{Command, CommandKind, EventKind, PatientEvent, PatientId};
use shared::telemetry::{self, Metric};

use crate::delivery::{Delivery, Outcome};
use crate::deps::Deps;

/// Time from the invocation's deadline to the end of its lease, so that no second worker purges while the first one runs.
const LEASE_AFTER_DEADLINE: SignedDuration = SignedDuration::from_secs(60);

/// Time reserved at the end of an invocation for the current page.
const PAGE_TIME: SignedDuration = SignedDuration::from_secs(20);

/// Delay of the sweep: longer than any invocation, and longer than SQS takes to deliver earlier messages.
const SWEEP_DELAY: Duration = Duration::from_secs(10 * 60);

/// Runs the purge that the patient requested.
pub(crate) async fn run(deps: &Deps, patient: &PatientId, delivery: Delivery) -> Result<Outcome, StoreError> {
    let now = deps.clock.now();
    let purge = match deps.purges.take(patient, now, delivery.deadline + LEASE_AFTER_DEADLINE).await? {
        TakenPurge::Ours(purge) => purge,
        TakenPurge::Busy(until) => {
            let remaining = Duration::try_from(until.duration_since(now)).unwrap_or_default();
            return Ok(Outcome::Requeue { after: remaining + Duration::from_secs(1), reason: "purge_running" });
        }
        TakenPurge::Nothing => return Ok(Outcome::Done),
    };
    let outcome = match &purge.request {
        Some(request) => delete(deps, purge.clone(), request, delivery).await,
        None => delete_leftovers(deps, &purge, delivery).await,
    };
    if !matches!(outcome, Ok(Outcome::Done))
        && let Err(error) = deps.purges.release(&purge).await
    {
        tracing::warn!(
            event = "purge.lease_not_released",
            %error,
            "the lease of an unfinished purge could not be released"
        );
    }
    outcome
}

/// Checks again that nothing of a purged patient is left, unless the patient has reconnected.
pub(crate) async fn sweep(
    deps: &Deps,
    patient: &PatientId,
    requested_at: Timestamp,
    delivery: Delivery,
) -> Result<Outcome, StoreError> {
    deps.purges.request_sweep(patient, requested_at).await?;
    run(deps, patient, delivery).await
}

async fn delete(
    deps: &Deps,
    mut purge: Purge,
    request: &PurgeRequest,
    delivery: Delivery,
) -> Result<Outcome, StoreError> {
    let patient = purge.patient_id.clone();
    // A connect is refused while the purge is pending, so a connection found here is older than the request.
    if let Some(connection) = deps.connections.get(&patient).await? {
        deps.disconnect.end(&patient, &connection.grant_id, request.requested_at).await?;
        deps.disconnect.clean(&patient, &connection.grant_id).await?;
    }
    if deps.outbox.drain(&patient).await?.left > 0 {
        return Ok(delivery.retry("outbox"));
    }
    let scope = PurgeScope::All { requested_at: request.requested_at };
    let counts = match purge.counts {
        Some(counts) => counts,
        None => {
            let counts = deps.purges.count(&patient, scope).await?;
            deps.purges.keep_counts(&purge, counts).await?;
            counts
        }
    };
    if !deps.purges.clear(&patient, scope, || has_time(deps, delivery.deadline)).await? {
        return Ok(Outcome::Requeue { after: Duration::ZERO, reason: "purge_unfinished" });
    }
    if purge.purged_at.is_none() {
        let now = deps.clock.now();
        let receipt = EventKind::DataPurged {
            request_id: request.id.clone(),
            requested_at: request.requested_at,
            purged_at: now,
            counts,
        };
        deps.purges.record(&purge, &PatientEvent::new(patient.clone(), now, receipt)).await?;
        purge.purged_at = Some(now);
        telemetry::count(now, Metric::PatientsPurged, 1, &[]);
    }
    if deps.outbox.drain(&patient).await?.left > 0 {
        return Ok(delivery.retry("outbox"));
    }
    tracing::info!(
        event = "purge.finished",
        request.id = %request.id,
        records = counts.records,
        days = counts.days,
        connection_items = counts.connection_items,
        "all data of a patient was deleted"
    );
    let sweep = Command { patient_id: patient.clone(), kind: CommandKind::Sweep, requested_at: request.requested_at };
    deps.live.send_later(sweep, SWEEP_DELAY).await?;
    deps.purges.end(&purge).await?;
    Ok(Outcome::Done)
}

/// Deletes what is left of a purged patient. A patient who has connected, or is about to, has new data, which stays.
async fn delete_leftovers(deps: &Deps, purge: &Purge, delivery: Delivery) -> Result<Outcome, StoreError> {
    let patient = &purge.patient_id;
    let found = deps.connections.of_patient(patient, deps.clock.now()).await?;
    let is_back = found.connection.is_some() || found.pending_since.is_some();
    if !is_back {
        let scope = PurgeScope::Leftovers { requested_at: purge.swept_request_at.unwrap_or_else(|| deps.clock.now()) };
        let counts = deps.purges.count(patient, scope).await?;
        let items = counts.records + counts.days + counts.connection_items;
        if items > 0 {
            tracing::warn!(event = "purge.leftovers_found", items, "items of a purged patient were found and deleted");
        }
        if !deps.purges.clear(patient, scope, || has_time(deps, delivery.deadline)).await? {
            return Ok(Outcome::Requeue { after: Duration::ZERO, reason: "purge_unfinished" });
        }
    }
    deps.purges.end(purge).await?;
    Ok(Outcome::Done)
}

fn has_time(deps: &Deps, deadline: Timestamp) -> bool {
    deps.clock.now() + PAGE_TIME < deadline
}
