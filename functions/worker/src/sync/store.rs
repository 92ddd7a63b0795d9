//! Writes what has changed, each day with its event in one transaction.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::Timestamp;
use shared::aws::{Commit, DayChange, StoreError};
use shared::domain::{DataType, Day, DayRange, DocumentId, SyncMessage, Trigger};
use shared::normalize::DayOffsets;

use super::open::OpenedSync;
use super::phase::{Phase, SyncContext};
use crate::arrivals::{Arrival, Arrivals};
use crate::day_change::Times;
use crate::deps::Deps;
use crate::diff::RecordDiff;
use crate::fetch_outcome::{FetchOutcome, FetchReport};
use crate::fetched_records::FetchedRecords;
use crate::fetcher::OFFSET_CARRIERS;
use crate::matching::newest_short_day;
use crate::sync_plan::{DocumentKey, ReadScope, StoredDays, SyncPlan};
use crate::{sync_outcome, unlisted};

/// Attempts to write days that another sync changes at the same time.
const MAX_CONFLICT_RETRIES: usize = 5;

/// Writes what a sync fetches. Usually that is one step; what arrives late is written in further ones.
pub(super) struct Store {
    scope: ReadScope,
    /// Stored days as read, without those that were written since.
    stored: StoredDays,
    /// Days that were written since.
    written: BTreeSet<Day>,
    /// True if nothing was stored before this sync, on any day.
    is_first: bool,
    /// True if a record was written.
    has_written_records: bool,
    /// True if the stored days were compared.
    is_compared: bool,
    lookable: Vec<(Day, DocumentKey)>,
    offsets: DayOffsets,
    /// Data types of which something has arrived.
    arrived: BTreeSet<DataType>,
    /// Data types whose offsets were missing when samples were stored.
    missing_offsets: BTreeSet<DataType>,
    /// Time before the fetch.
    observed_at: Timestamp,
    left_out: LeftOut,
}

/// Documents and days that a sync did not bring although Oura responded.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    /// Documents that were left out since they are too large.
    pub(super) too_large: BTreeSet<DocumentKey>,
    /// Newest day of each look-back whose answer lacks stored samples.
    pub(super) short_days: BTreeMap<DataType, Day>,
}

impl Store {
    /// Reads the stored days that may change, unless planning has read them.
    pub(super) async fn read(
        cx: SyncContext<'_>,
        opened: &OpenedSync,
        plan: &SyncPlan,
        stored: Option<StoredDays>,
    ) -> Result<Self, StoreError> {
        let observed_at = cx.deps.clock.now();
        let stored = match stored {
            Some(stored) => stored,
            None => plan.scope.read(cx.deps, &opened.message.patient_id).await?,
        };
        let is_first = stored.is_empty() && !cx.deps.days.has_records(&opened.message.patient_id).await?;
        let live = stored.values().flat_map(|day| &day.records).filter(|stored| !stored.deleted);
        let offsets = DayOffsets::of_records(live.map(|stored| &stored.record));
        Ok(Self {
            lookable: unlisted::lookable(&opened.connection, &stored),
            scope: plan.scope.clone(),
            stored,
            written: BTreeSet::new(),
            is_first,
            has_written_records: false,
            is_compared: false,
            offsets,
            arrived: BTreeSet::new(),
            missing_offsets: BTreeSet::new(),
            observed_at,
            left_out: LeftOut::default(),
        })
    }

    /// Stored documents that can be looked up by id.
    pub(super) fn lookable(&self) -> &[(Day, DocumentKey)] {
        &self.lookable
    }

    /// True if offsets have arrived after samples were stored without them.
    pub(super) fn late_offsets(&self, report: &FetchReport) -> bool {
        let has_arrived = |of: &DataType| matches!(report.outcomes.get(of), Some(FetchOutcome::Fetched(_)));
        self.missing_offsets.iter().any(has_arrived)
    }

    /// True if the documents of these data types hold something new, or something new was written.
    pub(super) fn has_news(
        &self,
        opened: &OpenedSync,
        arrived: &[Arrival],
        is_included: impl Fn(DataType) -> bool,
    ) -> bool {
        let arrived = arrived.iter().filter(|arrival| is_included(arrival.data_type()));
        let records = FetchedRecords::normalize(&opened.connection, arrived, &self.offsets, self.observed_at);
        self.has_written_records || !RecordDiff::new(&self.stored, &records).is_empty()
    }

    /// Waits for a fetch, and writes what has arrived whenever it is overdue. The fetch rests meanwhile.
    pub(super) async fn while_fetching<T>(
        &mut self,
        cx: SyncContext<'_>,
        opened: &OpenedSync,
        plan: &SyncPlan,
        arrivals: &Arrivals,
        mut fetch: impl Future<Output = T> + Unpin,
    ) -> Phase<T> {
        loop {
            tokio::select! {
                biased;
                fetched = &mut fetch => return Ok(fetched),
                () = arrivals.overdue() => {}
            }
            self.write(cx, opened, plan, arrivals.take(), &BTreeSet::new()).await?;
        }
    }

    /// Writes the rest, and returns what was left out.
    pub(super) async fn finish(
        mut self,
        cx: SyncContext<'_>,
        opened: &OpenedSync,
        plan: &SyncPlan,
        arrivals: Vec<Arrival>,
    ) -> Phase<LeftOut> {
        if !self.is_compared || !arrivals.is_empty() || !plan.deleted.is_empty() {
            self.write(cx, opened, plan, arrivals, &plan.deleted).await?;
        }
        Ok(self.left_out)
    }

    async fn write(
        &mut self,
        cx: SyncContext<'_>,
        opened: &OpenedSync,
        plan: &SyncPlan,
        arrivals: Vec<Arrival>,
        deleted: &BTreeSet<DocumentKey>,
    ) -> Phase<()> {
        let (deps, message, connection) = (cx.deps, &opened.message, &opened.connection);
        let patient = &message.patient_id;
        // 1. Normalize.
        let known = std::mem::take(&mut self.offsets);
        self.offsets = known.merged_with(DayOffsets::of_documents(arrivals.iter().map(|of| &of.documents)));
        self.note_missing_offsets(plan, &arrivals);
        let mut records = FetchedRecords::normalize(connection, arrivals.iter(), &self.offsets, self.observed_at);
        records.deleted.clone_from(deleted);
        let looked_back = arrivals.iter().filter(|of| opened.look_backs.contains_key(&of.data_type()));
        let looked_back: Vec<_> = looked_back.filter_map(|of| Some((of.data_type(), of.days?))).collect();
        drop(arrivals);
        // 2. Read the other days that may change.
        self.read_further(cx, opened, &records, &looked_back).await?;
        // 3. Compare.
        for (data_type, days) in &looked_back {
            if let Some(day) = newest_short_day(&self.stored, &records, *data_type, *days) {
                let newest = self.left_out.short_days.entry(*data_type).or_insert(day);
                *newest = day.max(*newest);
            }
        }
        let mut diff = RecordDiff::new(&self.stored, &records);
        let pending_events = if opened.is_backfill { None } else { pending_events(deps, message).await? };
        // 4. Write; after a conflict with another sync, compare everything again with what is stored then.
        for _ in 0..MAX_CONFLICT_RETRIES {
            let times = Times { observed_at: self.observed_at, now: deps.clock.now() };
            self.left_out.too_large.append(&mut diff.too_large);
            self.has_written_records |= !diff.is_empty();
            let mut changes = diff.day_changes(connection, &self.stored, times);
            if let Some(pending_events) = &pending_events {
                mark_missed_webhooks(&mut changes, pending_events);
            }
            match deps.days.commit(patient, &changes, &message.sync_id, times.now).await? {
                Commit::Written => {
                    self.is_compared = true;
                    for DayChange { day, .. } in changes {
                        self.stored.remove(&day);
                        self.written.insert(day);
                    }
                    return Ok(());
                }
                Commit::Stopped => return Err(cx.connection_ended(message).await),
                Commit::Raced => {}
            }
            // What raced may have moved a document, to a day that was not read.
            self.is_first = false;
            self.stored = self.scope.read(deps, patient).await?;
            self.read_further(cx, opened, &records, &looked_back).await?;
            diff = RecordDiff::new(&self.stored, &records);
        }
        if cx.delivery.is_last() {
            sync_outcome::fail_backfill(deps, message).await;
        }
        Err(cx.delivery.retry("raced").into())
    }

    /// Notes if samples are to be stored before the documents of this sync that show the patient's offsets.
    fn note_missing_offsets(&mut self, plan: &SyncPlan, arrivals: &[Arrival]) {
        self.arrived.extend(arrivals.iter().map(Arrival::data_type));
        if arrivals.iter().any(|arrival| !arrival.data_type().has_documents() && !arrival.documents.is_empty()) {
            let is_missing = |of: &DataType| plan.requests.contains_key(of) && !self.arrived.contains(of);
            self.missing_offsets.extend(OFFSET_CARRIERS.into_iter().filter(is_missing));
        }
    }

    /// Reads further stored days that may change: those of the records and of the look-backs that were not read or were written
    /// since, and those on which a document was before it moved.
    ///
    /// Rings are as old as the patient's first one, and webhook events name documents of any day.
    async fn read_further(
        &mut self,
        cx: SyncContext<'_>,
        opened: &OpenedSync,
        records: &FetchedRecords,
        looked_back: &[(DataType, DayRange)],
    ) -> Result<(), StoreError> {
        let (days, patient) = (&cx.deps.days, &opened.message.patient_id);
        // 1. Days of the records. Deleted documents can be on any day.
        let of_records = records.records.iter().map(|record| record.day);
        let of_look_backs = looked_back.iter().flat_map(|(_, days)| days.iter());
        let is_unread = |day: &Day| !self.scope.contains(*day) || self.written.contains(day);
        let mut further: BTreeSet<Day> = of_records.chain(of_look_backs).filter(is_unread).collect();
        if !records.deleted.is_empty() {
            further.extend(&self.written);
        }
        self.stored.extend(days.read_days(patient, &further).await?);
        // 2. Documents that are on none of these days may be stored on another day. A first history has hundreds, and nothing is.
        if self.is_first && self.written.is_empty() {
            return Ok(());
        }
        let stored = self.stored.values().flat_map(|day| &day.records);
        let known: HashSet<&DocumentId> = stored.map(|stored| &stored.record.document_id).collect();
        let unknown: BTreeSet<DocumentId> = records
            .records
            .iter()
            .filter(|record| record.data_type.has_documents() && !known.contains(&record.document_id))
            .map(|record| record.document_id.clone())
            .collect();
        let mut located: BTreeSet<Day> = days.locate(patient, &unknown).await?.into_values().collect();
        located.retain(|day| !self.stored.contains_key(day));
        self.stored.extend(days.read_days(patient, &located).await?);
        Ok(())
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
