//! Phase 2: decides what to fetch.

use shared::aws::{PendingEvents, StoreError};
use shared::domain::{DataType, DataTypeProgress, FetchState};

use super::open::OpenedSync;
use super::phase::{Phase, SyncContext};
use crate::schedule::DueDays;
use crate::sync_plan::{StoredDays, SyncPlan};

/// A sync that knows what to fetch.
pub(super) struct PlannedSync {
    pub(super) opened: OpenedSync,
    pub(super) plan: SyncPlan,
    /// Data types to fetch in addition if the ring has synced.
    pub(super) if_ring_synced: DueDays,
    /// Stored days, if planning has read them.
    pub(super) stored: Option<StoredDays>,
}

pub(super) async fn plan(cx: SyncContext<'_>, mut opened: OpenedSync) -> Phase<PlannedSync> {
    // 1. A nightly or catch-up sync fetches what is due, a webhook sync what the events named, any other everything.
    let mut if_ring_synced = DueDays::new();
    let (mut plan, stored) = if let Some(schedule) = opened.schedule.take() {
        if_ring_synced = schedule.if_ring_synced;
        (SyncPlan::of_data_types(schedule.range, schedule.always), None)
    } else if let Some(pending) = opened.run.pending_events.as_ref().filter(|pending| !pending.is_full) {
        let (plan, stored) = plan_events(cx, &opened, pending).await?;
        (plan, Some(stored))
    } else {
        (SyncPlan::of_days(opened.message.range), None)
    };
    // 2. Minus what an earlier delivery has fetched.
    plan.skip_completed(&opened.run.progress);
    // 3. A backfill shows all of its data types to the patient from now on.
    if opened.is_backfill {
        let pending = DataTypeProgress { state: FetchState::Pending, documents: 0, error: None, fetched_at: None };
        let all = DataType::ALL.into_iter().map(|data_type| (data_type, pending.clone()));
        let progress = all.chain(opened.run.progress.clone()).collect();
        cx.deps.connections.begin_backfill(&opened.connection, &progress).await?;
    }
    Ok(PlannedSync { opened, plan, if_ring_synced, stored })
}

/// Plans the documents of webhook events, with the stored days on which they are.
async fn plan_events(
    cx: SyncContext<'_>,
    opened: &OpenedSync,
    pending: &PendingEvents,
) -> Result<(SyncPlan, StoredDays), StoreError> {
    let patient = &opened.message.patient_id;
    let documents = pending.events.iter().map(|event| event.document_id.clone()).collect();
    let days = cx.deps.days.locate(patient, &documents).await?.into_values().collect();
    let stored = cx.deps.days.read_days(patient, &days).await?;
    let plan = SyncPlan::of_events(pending, &stored, &opened.connection.watermarks, opened.message.range);
    Ok((plan, stored))
}
