//! The end of a patient's data.
//!
//! 1. One worker is at it (a lease, as long as its invocation). The connection ends, if nobody has ended it.
//! 2. What there is is counted and written down, so that the receipt is right however often the work is cut short.
//! 3. Everything goes, page by page, as long as there is time; the next delivery goes on.
//! 4. The receipt is stored and published; only then the purge's own item goes.
//! 5. Some minutes later it is looked once more whether anything is there. Nothing should be: what writes for a patient
//!    looks at the connection after it has made the item that its writes depend on.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shared::aws::{Purge, StoreError, TakenPurge};
use shared::domain::{CommandKind, EventKind, PatientEvent, PatientId};
use shared::telemetry::{self, Metric};

use crate::Deps;
use crate::commands::send_later;
use crate::sync::{Delivery, Outcome};

/// Beyond the invocation's own deadline: the purge must not be another worker's while this one lives.
const LEASE_AFTER_DEADLINE: SignedDuration = SignedDuration::from_secs(60);

/// Kept free at the end of an invocation, for the page at hand.
const LAST_PAGE: SignedDuration = SignedDuration::from_secs(20);

/// Longer than any invocation, and than SQS takes to deliver what was sent before.
const SWEEP_AFTER: Duration = Duration::from_secs(10 * 60);

/// Works on the purge that the patient asked for.
pub(crate) async fn run(deps: &Deps, patient: &PatientId, delivery: Delivery) -> Result<Outcome, StoreError> {
    let now = deps.clock.now();
    let purge = match deps.purges.take(patient, now, delivery.deadline + LEASE_AFTER_DEADLINE).await? {
        TakenPurge::Ours(purge) => purge,
        TakenPurge::Busy(until) => {
            let left = Duration::try_from(until.duration_since(now)).unwrap_or_default();
            return Ok(Outcome::Later { after: left + Duration::from_secs(1), why: "purge_running" });
        }
        TakenPurge::Nothing => return Ok(Outcome::Done),
    };
    let outcome = work(deps, purge.clone(), delivery).await;
    if !matches!(outcome, Ok(Outcome::Done))
        && let Err(error) = deps.purges.release(&purge).await
    {
        tracing::warn!(%error, "a purge goes on when its lease is over");
    }
    outcome
}

/// Looks once more whether anything of a purged patient is there, unless the patient has come back.
pub(crate) async fn sweep(deps: &Deps, patient: &PatientId, delivery: Delivery) -> Result<Outcome, StoreError> {
    deps.purges.request_sweep(patient, deps.clock.now()).await?;
    run(deps, patient, delivery).await
}

async fn work(deps: &Deps, mut purge: Purge, delivery: Delivery) -> Result<Outcome, StoreError> {
    let patient = purge.patient_id.clone();
    let Some(request) = purge.request.clone() else { return swept(deps, &purge, delivery).await };
    // Nobody has connected since the purge was asked for: whatever connection there is has to end.
    if let Some(connection) = deps.connections.get(&patient).await? {
        deps.disconnect.end(&patient, &connection.grant_id, request.requested_at).await?;
        deps.disconnect.clean(&patient, &connection.grant_id).await?;
    }
    if deps.outbox.drain(&patient).await?.left > 0 {
        return Ok(Outcome::Retry { after: delivery.wait(), why: "outbox" });
    }
    let counts = match purge.counts {
        Some(counts) => counts,
        None => {
            let counts = deps.purges.count(&patient).await?;
            deps.purges.keep_counts(&purge, counts).await?;
            counts
        }
    };
    if !deps.purges.clear(&patient, || has_time(deps, delivery.deadline)).await? {
        return Ok(Outcome::Later { after: Duration::ZERO, why: "purge_unfinished" });
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
        return Ok(Outcome::Retry { after: delivery.wait(), why: "outbox" });
    }
    tracing::info!(
        request.id = %request.id,
        records = counts.records,
        days = counts.days,
        connection_items = counts.connection_items,
        "everything of a patient was deleted"
    );
    send_later(deps, &patient, CommandKind::Sweep, SWEEP_AFTER).await?;
    deps.purges.end(&purge).await?;
    Ok(Outcome::Done)
}

/// Nobody connects while the item stands; whoever has connected before, or is about to, has data of their own again.
async fn swept(deps: &Deps, purge: &Purge, delivery: Delivery) -> Result<Outcome, StoreError> {
    let patient = &purge.patient_id;
    let found = deps.connections.of_patient(patient, deps.clock.now()).await?;
    let is_back = found.connection.is_some() || found.pending_since.is_some();
    if !is_back {
        let counts = deps.purges.count(patient).await?;
        let items = counts.records + counts.days + counts.connection_items;
        if items > 0 {
            tracing::warn!(items, "something of a purged patient was left, and goes now");
        }
        if !deps.purges.clear(patient, || has_time(deps, delivery.deadline)).await? {
            return Ok(Outcome::Later { after: Duration::ZERO, why: "purge_unfinished" });
        }
    }
    deps.purges.end(purge).await?;
    Ok(Outcome::Done)
}

fn has_time(deps: &Deps, deadline: Timestamp) -> bool {
    deps.clock.now() + LAST_PAGE < deadline
}
