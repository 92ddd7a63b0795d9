//! Phase 2: decides what to fetch.

use shared::aws::{PendingEvents, StoreError};
use shared::domain::DayRange;

use super::open::OpenedSync;
use super::phase::{Phase, SyncContext};
use crate::look_back::MAX_DAYS;
use crate::progress::{Progress, history_progress};
use crate::schedule::{DueDays, SyncSchedule};
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
    // 1. A webhook sync fetches what the events named, any other what its schedule says.
    let mut if_ring_synced = DueDays::new();
    let (mut plan, stored) = if let Some(mut schedule) = opened.schedule.take() {
        add_unfinished(&mut schedule, &opened.run.progress);
        // Nothing is fetched that could show that the ring has synced, so nothing stored is compared.
        let stored = schedule.always.is_empty().then(StoredDays::new);
        if_ring_synced = if stored.is_some() { DueDays::new() } else { schedule.if_ring_synced };
        (SyncPlan::of_data_types(schedule.range, schedule.always), stored)
    } else if let Some(pending) = opened.run.pending_events.as_ref().filter(|pending| !pending.is_full) {
        let (plan, stored) = plan_events(cx, &opened, pending).await?;
        (plan, Some(stored))
    } else {
        // Too many events for one inbox: everything is looked at, also the older days of the history that they may have named.
        let policy = cx.deps.sync_policy();
        let mut schedule = SyncSchedule::of_all_types(&opened.connection, opened.message.range, policy);
        let longest = DayRange::ending(opened.message.range.last(), MAX_DAYS).first();
        let first = opened.connection.backfill.as_ref().map_or(longest, |of| of.range.first().max(longest));
        for (_, days) in schedule.always.iter_mut().filter(|(data_type, _)| data_type.has_webhook()) {
            *days = DayRange::new(first, days.last()).ok().filter(|_| first < days.first()).unwrap_or(*days);
        }
        (SyncPlan::of_data_types(schedule.range, schedule.always), None)
    };
    // 2. Minus what an earlier delivery has fetched.
    plan.skip_completed(&opened.run.progress);
    // 3. A backfill shows all of its data types to the patient from now on.
    if let Some(backfill) = opened.connection.backfill.as_ref().filter(|_| opened.is_backfill) {
        let progress = history_progress(backfill, &opened.run.progress);
        cx.deps.connections.begin_backfill(&opened.connection, &progress).await?;
    }
    Ok(PlannedSync { opened, plan, if_ring_synced, stored })
}

/// Adds what an earlier delivery has left unfinished. It may no longer be due, since another sync has ended meanwhile, but this
/// sync does not end without it.
fn add_unfinished(schedule: &mut SyncSchedule, progress: &Progress) {
    let last = schedule.range.last();
    let unfinished = progress.iter().filter(|(_, of)| !of.state.is_final());
    for (data_type, days) in unfinished.filter_map(|(of, left)| Some((*of, DayRange::new(left.from?, last).ok()?))) {
        schedule.always.entry(data_type).or_insert(days);
        schedule.if_ring_synced.remove(&data_type);
    }
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
