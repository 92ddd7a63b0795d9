//! Phase 4: writes what has changed, each day with its event in one transaction.

use std::collections::BTreeSet;

use shared::aws::{Commit, DayChange, StoreError};
use shared::domain::{Day, SyncMessage, Trigger};

use super::fetch::FetchedSync;
use super::open::OpenedSync;
use super::phase::{Phase, SyncContext};
use crate::deps::Deps;
use crate::diff::{FetchedRecords, RecordDiff, Times};
use crate::fetch_outcome::FetchReport;
use crate::schedule::is_of_every_night;
use crate::sync_outcome;
use crate::sync_plan::{DocumentKey, SyncPlan};

/// Attempts to write days that another sync changes at the same time.
const MAX_CONFLICT_RETRIES: usize = 5;

/// A sync whose fetched data is stored.
pub(super) struct StoredSync {
    pub(super) opened: OpenedSync,
    pub(super) plan: SyncPlan,
    pub(super) report: FetchReport,
}

pub(super) async fn store(cx: SyncContext<'_>, fetched: FetchedSync) -> Phase<StoredSync> {
    let FetchedSync { opened, plan, report, mut stored, compared } = fetched;
    let (deps, message) = (cx.deps, &opened.message);
    let patient = &message.patient_id;
    // 1. Normalize what has not been compared yet.
    let is_compared = |data_type| compared.is_some() && is_of_every_night(data_type);
    let mut records = FetchedRecords::normalize(patient, &plan, &report, &stored, |data_type| !is_compared(data_type));
    // 2. Rings are as old as the patient's first one, and webhook events name documents of any day: read those days too.
    let elsewhere: BTreeSet<Day> = records.days().into_iter().filter(|day| !plan.scope.contains(*day)).collect();
    stored.extend(deps.days.read_days(patient, &elsewhere).await?);
    // 3. Compare it, and add what was compared before.
    let mut diff = RecordDiff::new(&stored, &records);
    if let Some((compared_records, compared_diff)) = compared {
        records.extend(compared_records);
        diff.extend(compared_diff);
    }
    let pending_events = if opened.is_backfill { None } else { pending_events(deps, message).await? };
    // 4. Write; after a conflict with another sync, compare everything again with what is stored then.
    for _ in 0..MAX_CONFLICT_RETRIES {
        let times = Times { observed_at: report.started_at, now: deps.clock.now() };
        let mut changes = diff.day_changes(patient, &stored, times);
        if let Some(pending_events) = &pending_events {
            mark_missed_webhooks(&mut changes, pending_events);
        }
        match deps.days.commit(patient, &changes, &message.sync_id, times.now).await? {
            Commit::Written => return Ok(StoredSync { opened, plan, report }),
            Commit::Stopped => return Err(cx.connection_ended(message).await),
            Commit::Raced => {}
        }
        stored = plan.scope.read(deps, patient).await?;
        stored.extend(deps.days.read_days(patient, &elsewhere).await?);
        diff = RecordDiff::new(&stored, &records);
    }
    if cx.delivery.is_last() {
        sync_outcome::fail_backfill(deps, message).await;
    }
    Err(cx.delivery.retry("raced").into())
}

/// Returns the documents whose webhook events still wait in the inbox. A nightly sync uses them to find documents that
/// webhooks missed. `None` for any other sync: a backfill's documents had no events, and a manual sync may be faster than
/// Oura's webhooks.
async fn pending_events(deps: &Deps, message: &SyncMessage) -> Result<Option<BTreeSet<DocumentKey>>, StoreError> {
    if message.trigger != Trigger::Daily {
        return Ok(None);
    }
    let inbox = deps.inbox.get(&message.patient_id).await?;
    let events = inbox.into_iter().flat_map(|contents| contents.events);
    Ok(Some(events.map(|event| (event.data_type, event.document_id)).collect()))
}

/// Marks the records for which a webhook event should have arrived, and did not.
fn mark_missed_webhooks(changes: &mut [DayChange], pending_events: &BTreeSet<DocumentKey>) {
    for write in changes.iter_mut().flat_map(|change| &mut change.records) {
        let record = &write.record.record;
        let document = (record.data_type, record.document_id.clone());
        write.missed_webhooks = record.data_type.has_webhook() && !pending_events.contains(&document);
    }
}
