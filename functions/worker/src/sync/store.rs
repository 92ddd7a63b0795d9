//! Phase 4: writes what has changed, each day with its event in one transaction.

use std::collections::BTreeSet;

use shared::aws::{Commit, DayChange, StoreError};
use shared::domain::{Day, FetchFailure, FetchState, SyncMessage, Trigger};

use super::fetch::FetchedSync;
use super::open::OpenedSync;
use super::phase::{Phase, SyncContext};
use crate::day_change::Times;
use crate::deps::Deps;
use crate::diff::RecordDiff;
use crate::fetch_outcome::FetchReport;
use crate::fetched_records::FetchedRecords;
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
    let FetchedSync { mut opened, plan, report, mut stored } = fetched;
    let (deps, message, connection) = (cx.deps, &opened.message, &opened.connection);
    let patient = &message.patient_id;
    // 1. Normalize.
    let records = FetchedRecords::normalize(connection, &plan, &report, &stored, |_| true);
    // 2. Read the other days that may change.
    let further: BTreeSet<Day> = records.read_further(deps, patient, &plan.scope, &mut stored).await?;
    // 3. Compare.
    let mut diff = RecordDiff::new(&stored, &records);
    let pending_events = if opened.is_backfill { None } else { pending_events(deps, message).await? };
    // 4. Write; after a conflict with another sync, compare everything again with what is stored then.
    for _ in 0..MAX_CONFLICT_RETRIES {
        let times = Times { observed_at: report.started_at, now: deps.clock.now() };
        let too_large = std::mem::take(&mut diff.too_large);
        let mut changes = diff.day_changes(connection, &stored, times);
        if let Some(pending_events) = &pending_events {
            mark_missed_webhooks(&mut changes, pending_events);
        }
        match deps.days.commit(patient, &changes, &message.sync_id, times.now).await? {
            Commit::Written => {
                record_too_large(&too_large, &mut opened);
                return Ok(StoredSync { opened, plan, report });
            }
            Commit::Stopped => return Err(cx.connection_ended(message).await),
            Commit::Raced => {}
        }
        stored = plan.scope.read(deps, patient).await?;
        stored.extend(deps.days.read_days(patient, &further).await?);
        diff = RecordDiff::new(&stored, &records);
    }
    if cx.delivery.is_last() {
        sync_outcome::fail_backfill(deps, message).await;
    }
    Err(cx.delivery.retry("raced").into())
}

/// Names the data types of documents that were left out, since no item can hold them.
fn record_too_large(too_large: &BTreeSet<DocumentKey>, opened: &mut OpenedSync) {
    for (data_type, id) in too_large {
        tracing::warn!(
            event = "store.document_too_large",
            sync.id = %opened.message.sync_id,
            data_type = data_type.as_str(),
            document.id = %id,
            "a document was left out, since it is larger than the table can hold"
        );
        if let Some(of) = opened.run.progress.get_mut(data_type).filter(|of| of.state.is_final()) {
            of.state = FetchState::Malformed;
            of.error = Some(FetchFailure::TooLarge);
        }
    }
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
