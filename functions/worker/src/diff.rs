//! The difference between fetched and stored data: which records and days to write. Pure functions; after an interrupted
//! write, the same input leads to the same tables.
//!
//! Records are compared first ([`RecordDiff`]), for each data type on its own. Then each day's stats follow from all of its
//! records ([`RecordDiff::day_changes`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use shared::aws::{DayChange, RecordWrite, StoredDay};
use shared::domain::{
    DailyStats, DataType, Day, DayMetrics, DayRange, DayUpdateReason, DocumentId, EventKind, MissingDocument,
    PatientEvent, PatientId, Record, StoredRecord, content_hash,
};
use shared::normalize::{self, DayOffsets};
use shared::oura::Listing;

use crate::fetch_outcome::{FetchOutcome, FetchReport, FetchRequest};
use crate::sync_plan::{DocumentKey, StoredDays, SyncPlan};

/// Normalized records of fetched documents.
#[derive(Debug)]
pub(crate) struct FetchedRecords {
    /// Records of any day.
    records: Vec<Record>,
    /// Data types of which `records` holds every document of these days.
    complete: BTreeMap<DataType, DayRange>,
    /// Documents that Oura has deleted.
    deleted: BTreeSet<DocumentKey>,
    /// Time before the fetch.
    observed_at: Timestamp,
}

impl FetchedRecords {
    /// Normalizes the fetched documents of some data types. Local days of time series follow from the offsets of all
    /// fetched and stored documents.
    pub(crate) fn normalize(
        patient: &PatientId,
        plan: &SyncPlan,
        report: &FetchReport,
        stored: &StoredDays,
        is_included: impl Fn(DataType) -> bool,
    ) -> Self {
        let listings: BTreeMap<DataType, &Listing> = report
            .outcomes
            .iter()
            .filter_map(|(data_type, outcome)| match outcome {
                FetchOutcome::Fetched(fetched) => Some((*data_type, &fetched.listing)),
                _ => None,
            })
            .collect();
        let live_records =
            stored.values().flat_map(|day| &day.records).filter(|stored| !stored.deleted).map(|stored| &stored.record);
        let offsets = DayOffsets::of_records(live_records)
            .merged_with(DayOffsets::of_documents(listings.values().map(|listing| &listing.documents)));
        let (mut records, mut complete) = (Vec::new(), BTreeMap::new());
        for (data_type, listing) in listings.into_iter().filter(|(data_type, _)| is_included(*data_type)) {
            let mut of_type = normalize::records(patient, &listing.documents, &offsets);
            if let Some(FetchRequest::Days(days)) = plan.requests.get(&data_type) {
                normalize::retain_days(&mut of_type, *days);
                if listing.malformed.is_empty() {
                    complete.insert(data_type, *days);
                }
            }
            records.append(&mut of_type);
        }
        let deleted = plan.deleted.iter().filter(|(data_type, _)| is_included(*data_type)).cloned().collect();
        Self { records, complete, deleted, observed_at: report.started_at }
    }

    /// Days of the records.
    pub(crate) fn days(&self) -> BTreeSet<Day> {
        self.records.iter().map(|record| record.day).collect()
    }

    /// Adds records of other data types.
    pub(crate) fn extend(&mut self, other: Self) {
        self.records.extend(other.records);
        self.complete.extend(other.complete);
        self.deleted.extend(other.deleted);
    }
}

/// Identity of a document, borrowed.
type Key<'r> = (DataType, &'r DocumentId);

fn key(record: &Record) -> Key<'_> {
    (record.data_type, &record.document_id)
}

/// Records to write.
#[derive(Debug, Default)]
pub(crate) struct RecordDiff {
    writes: BTreeMap<Day, Vec<RecordWrite>>,
    /// Records that leave a day for another one.
    moved: BTreeSet<(Day, DocumentKey)>,
}

impl RecordDiff {
    /// Compares fetched records with the stored ones.
    pub(crate) fn new(stored: &StoredDays, fetched: &FetchedRecords) -> Self {
        let known: HashMap<Key<'_>, &StoredRecord> =
            stored.values().flat_map(|day| &day.records).map(|stored| (key(&stored.record), stored)).collect();
        let mut diff = Self::default();
        // 1. New and changed records.
        let mut seen: BTreeSet<Key<'_>> = BTreeSet::new();
        for record in &fetched.records {
            // Oura's pages may hold a document twice; the first one counts.
            if !seen.insert(key(record)) {
                continue;
            }
            let previous = known.get(&key(record)).copied();
            let Some(write) = upsert(record, previous, fetched.observed_at) else { continue };
            if let Some(previous) = previous.filter(|previous| previous.record.day != record.day) {
                let document = (record.data_type, record.document_id.clone());
                diff.moved.insert((previous.record.day, document));
            }
            diff.writes.entry(record.day).or_default().push(write);
        }
        // 2. Records that Oura no longer has.
        let mut tombstoned = BTreeSet::new();
        for absent in missing_from_list(stored, &seen, fetched).into_iter().chain(deleted(stored, &seen, fetched)) {
            if tombstoned.insert(key(&absent.record)) {
                diff.writes.entry(absent.record.day).or_default().push(tombstone(absent, fetched.observed_at));
            }
        }
        diff
    }

    /// True if nothing is to be written.
    pub(crate) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Adds the difference of other data types.
    pub(crate) fn extend(&mut self, other: Self) {
        for (day, writes) in other.writes {
            self.writes.entry(day).or_default().extend(writes);
        }
        self.moved.extend(other.moved);
    }

    /// Completes the difference with the stats and events of each day, oldest first. Unchanged days are absent.
    pub(crate) fn day_changes(mut self, patient: &PatientId, stored: &StoredDays, times: Times) -> Vec<DayChange> {
        let moved_from = self.moved.iter().map(|(day, _)| *day);
        let days: BTreeSet<Day> = stored.keys().chain(self.writes.keys()).copied().chain(moved_from).collect();
        let nothing = StoredDay::default();
        days.into_iter()
            .filter_map(|day| {
                let before = stored.get(&day).unwrap_or(&nothing);
                let writes = self.writes.remove(&day).unwrap_or_default();
                let is_moved =
                    |record: &Record| self.moved.contains(&(day, (record.data_type, record.document_id.clone())));
                day_change(patient, day, before, writes, is_moved, times)
            })
            .collect()
    }
}

/// Times of a difference.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// Time before the fetch.
    pub(crate) observed_at: Timestamp,
    pub(crate) now: Timestamp,
}

/// Returns the write of a fetched record, unless the stored one is equal or newer.
fn upsert(record: &Record, previous: Option<&StoredRecord>, observed_at: Timestamp) -> Option<RecordWrite> {
    let content_hash = record.content_hash();
    if let Some(previous) = previous {
        let unchanged = !previous.deleted && previous.content_hash == content_hash;
        // A record observed after this fetch began is newer than this fetch.
        if unchanged || previous.observed_at > observed_at {
            return None;
        }
    }
    Some(RecordWrite {
        record: StoredRecord {
            record: record.clone(),
            revision: previous.map_or(1, |previous| previous.revision + 1),
            observed_at,
            content_hash,
            deleted: false,
        },
        previous: previous.map(|previous| (previous.record.day, previous.revision)),
        missed_webhooks: false,
    })
}

/// Returns stored documents that are missing from a complete list: an edited sleep gets a new id, a deleted workout
/// just disappears.
///
/// The list counts only if it holds other documents of the data type: Oura also gives an empty list to a wrong request.
/// Data types whose range rules are not known are left to webhooks.
fn missing_from_list<'s>(
    stored: &'s StoredDays,
    seen: &BTreeSet<Key<'_>>,
    fetched: &FetchedRecords,
) -> Vec<&'s StoredRecord> {
    let is_complete =
        |data_type: DataType, day: Day| fetched.complete.get(&data_type).is_some_and(|days| days.contains(day));
    let non_empty: BTreeSet<DataType> = fetched
        .records
        .iter()
        .filter(|record| is_complete(record.data_type, record.day))
        .map(|record| record.data_type)
        .collect();
    let is_missing = |stored: &&StoredRecord| {
        let data_type = stored.record.data_type;
        data_type.facts().missing_document == MissingDocument::Deleted
            && is_complete(data_type, stored.record.day)
            && non_empty.contains(&data_type)
            && is_live_and_unseen(stored, seen, fetched)
    };
    stored.values().flat_map(|day| &day.records).filter(is_missing).collect()
}

/// Returns stored documents that Oura has deleted, except those that it gave all the same.
fn deleted<'s>(stored: &'s StoredDays, seen: &BTreeSet<Key<'_>>, fetched: &FetchedRecords) -> Vec<&'s StoredRecord> {
    let is_deleted = |stored: &&StoredRecord| {
        let document = (stored.record.data_type, stored.record.document_id.clone());
        fetched.deleted.contains(&document) && is_live_and_unseen(stored, seen, fetched)
    };
    stored.values().flat_map(|day| &day.records).filter(is_deleted).collect()
}

/// True if the record is no tombstone, was not observed after this fetch, and was not fetched.
fn is_live_and_unseen(stored: &StoredRecord, seen: &BTreeSet<Key<'_>>, fetched: &FetchedRecords) -> bool {
    !stored.deleted && stored.observed_at <= fetched.observed_at && !seen.contains(&key(&stored.record))
}

fn tombstone(stored: &StoredRecord, observed_at: Timestamp) -> RecordWrite {
    let record = Record { metrics: None, ..stored.record.clone() };
    RecordWrite {
        record: StoredRecord {
            content_hash: record.content_hash(),
            record,
            revision: stored.revision + 1,
            observed_at,
            deleted: true,
        },
        previous: Some((stored.record.day, stored.revision)),
        missed_webhooks: false,
    }
}

/// Returns the change of one day: its record writes, its new stats, and the event about them.
fn day_change(
    patient: &PatientId,
    day: Day,
    before: &StoredDay,
    writes: Vec<RecordWrite>,
    is_moved: impl Fn(&Record) -> bool,
    Times { observed_at, now }: Times,
) -> Option<DayChange> {
    // 1. The records of the day after the change.
    let written: BTreeSet<Key<'_>> = writes.iter().map(|write| key(&write.record.record)).collect();
    let kept = before
        .records
        .iter()
        .filter(|stored| !stored.deleted && !is_moved(&stored.record) && !written.contains(&key(&stored.record)))
        .map(|stored| &stored.record);
    let added = writes.iter().filter(|write| !write.record.deleted).map(|write| &write.record.record);
    let after: Vec<&Record> = kept.chain(added).collect();
    // 2. Its stats, with their new and previous revision if they have changed.
    let metrics = normalize::day_stats(day, &after);
    let provisional = normalize::provisional(day, &after, now);
    let hash = metrics_hash(&metrics);
    let revisions = match &before.stats {
        None if metrics.is_empty() => None,
        None => Some((1, None)),
        Some(old) if old.content_hash != hash => Some((old.revision + 1, Some(old.revision))),
        // The same content, but the day is no longer provisional.
        Some(old) if old.provisional != provisional => Some((old.revision, Some(old.revision))),
        Some(_) => None,
    };
    if writes.is_empty() && revisions.is_none() {
        return None;
    }
    // 3. An event for new content only.
    let event = revisions.filter(|(revision, previous)| Some(*revision) != *previous).map(|(revision, _)| {
        let nothing = DayMetrics::default();
        let old = before.stats.as_ref().map_or(&nothing, |old| &old.metrics);
        let reason = match &before.stats {
            None => DayUpdateReason::New,
            Some(_) if !writes.is_empty() && writes.iter().all(|write| write.record.deleted) => {
                DayUpdateReason::Deleted
            }
            Some(_) => DayUpdateReason::Revised,
        };
        let changed_fields = normalize::changed_fields(old, &metrics);
        PatientEvent::new(patient.clone(), now, EventKind::DayUpdated { day, revision, changed_fields, reason })
    });
    let stats = revisions.map(|(revision, previous)| {
        // Unchanged content keeps its time.
        let observed_at = match &before.stats {
            Some(old) if Some(revision) == previous => old.observed_at,
            _ => observed_at,
        };
        // Baselines follow from earlier days and are updated when the sync is closed.
        let baselines = before.stats.as_ref().and_then(|old| old.baselines.clone());
        (DailyStats { day, metrics, revision, content_hash: hash, provisional, observed_at, baselines }, previous)
    });
    Some(DayChange { day, records: writes, stats, event })
}

fn metrics_hash(metrics: &DayMetrics) -> String {
    content_hash(&serde_json::to_value(metrics).unwrap_or_default())
}
