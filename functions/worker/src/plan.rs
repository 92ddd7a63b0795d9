//! What to write: a pure decision from what is stored and what Oura gave. Run again on the same input, or after a part of
//! it was written, it leads to the same tables.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde_json::{Map, Value};
use shared::aws::{DayChange, RecordWrite, StoredDay};
use shared::domain::{
    DailyStats, DataType, Day, DayRange, DayUpdateReason, DocumentId, EventKind, MetricType, PatientEvent, PatientId,
    Record, StoredRecord, content_hash,
};
use shared::normalize;

/// What one fetch found.
#[derive(Debug)]
pub struct Fetched {
    /// The records, of any day.
    pub records: Vec<Record>,
    /// Kinds of which every document of these days is in `records`.
    pub complete: BTreeMap<DataType, DayRange>,
    /// Documents that Oura no longer has.
    pub gone: BTreeSet<(DataType, DocumentId)>,
    /// When the fetch began.
    pub observed_at: Timestamp,
}

type Key<'r> = (DataType, &'r DocumentId);

/// The changes that lead from `stored` to what was fetched, oldest day first; days that stay as they are are absent.
#[must_use]
pub fn changes(
    patient: &PatientId,
    stored: &BTreeMap<Day, StoredDay>,
    fetched: &Fetched,
    now: Timestamp,
) -> Vec<DayChange> {
    let known: HashMap<Key<'_>, &StoredRecord> = stored
        .values()
        .flat_map(|day| &day.records)
        .map(|stored| ((stored.record.data_type, &stored.record.document_id), stored))
        .collect();
    let mut writes: BTreeMap<Day, Vec<RecordWrite>> = BTreeMap::new();
    // Records that leave a day for another one.
    let mut moved: BTreeSet<(Day, DataType, &DocumentId)> = BTreeSet::new();
    let mut seen: BTreeSet<Key<'_>> = BTreeSet::new();
    for record in &fetched.records {
        // Oura's pages can hold a document twice; the first one counts.
        if !seen.insert((record.data_type, &record.document_id)) {
            continue;
        }
        let previous = known.get(&(record.data_type, &record.document_id)).copied();
        let Some(write) = write(record, previous, fetched.observed_at) else { continue };
        if let Some(previous) = previous.filter(|previous| previous.record.day != record.day) {
            moved.insert((previous.record.day, record.data_type, &record.document_id));
        }
        writes.entry(record.day).or_default().push(write);
    }
    let mut tombstoned = BTreeSet::new();
    for gone in vanished(stored, &seen, fetched).into_iter().chain(removed(stored, &seen, fetched)) {
        if !tombstoned.insert((gone.record.data_type, &gone.record.document_id)) {
            continue;
        }
        writes.entry(gone.record.day).or_default().push(tombstone(gone, fetched.observed_at));
    }
    let days: BTreeSet<Day> =
        stored.keys().chain(writes.keys()).copied().chain(moved.iter().map(|(day, ..)| *day)).collect();
    let nothing = StoredDay::default();
    days.into_iter()
        .filter_map(|day| {
            let before = stored.get(&day).unwrap_or(&nothing);
            let writes = writes.remove(&day).unwrap_or_default();
            let gone = |record: &Record| moved.contains(&(day, record.data_type, &record.document_id));
            change(patient, day, before, writes, gone, fetched.observed_at, now)
        })
        .collect()
}

/// The write that a fetched record needs, if any.
fn write(record: &Record, previous: Option<&StoredRecord>, observed_at: Timestamp) -> Option<RecordWrite> {
    let content_hash = record.content_hash();
    if let Some(previous) = previous {
        let unchanged = !previous.deleted && previous.content_hash == content_hash;
        // What was observed later than this fetch began is newer than this fetch.
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

/// Stored documents that Oura no longer gives: an edited night gets a new id, a deleted workout is just not there any more.
/// Only where the answer was complete and held other documents of the kind: an empty answer proves nothing (Oura gives
/// one to a wrong question, too). Kinds whose range rules are not known are left to the webhook.
fn vanished<'s>(
    stored: &'s BTreeMap<Day, StoredDay>,
    seen: &BTreeSet<Key<'_>>,
    fetched: &Fetched,
) -> Vec<&'s StoredRecord> {
    let is_whole = |kind: DataType, day: Day| fetched.complete.get(&kind).is_some_and(|days| days.contains(day));
    let given: BTreeSet<DataType> = fetched
        .records
        .iter()
        .filter(|record| is_whole(record.data_type, record.day))
        .map(|record| record.data_type)
        .collect();
    stored
        .values()
        .flat_map(|day| &day.records)
        .filter(|stored| {
            let kind = stored.record.data_type;
            !stored.deleted
                && stored.observed_at <= fetched.observed_at
                && can_vanish(kind)
                && is_whole(kind, stored.record.day)
                && given.contains(&kind)
                && !seen.contains(&(kind, &stored.record.document_id))
        })
        .collect()
}

/// Stored documents that Oura said are gone, but for those that it gave all the same.
fn removed<'s>(
    stored: &'s BTreeMap<Day, StoredDay>,
    seen: &BTreeSet<Key<'_>>,
    fetched: &Fetched,
) -> Vec<&'s StoredRecord> {
    let is_gone = |stored: &&StoredRecord| {
        let (kind, id) = (stored.record.data_type, &stored.record.document_id);
        !stored.deleted
            && stored.observed_at <= fetched.observed_at
            && fetched.gone.contains(&(kind, id.clone()))
            && !seen.contains(&(kind, id))
    };
    stored.values().flat_map(|day| &day.records).filter(is_gone).collect()
}

fn can_vanish(kind: DataType) -> bool {
    matches!(
        kind,
        DataType::Sleep
            | DataType::Workout
            | DataType::DailySleep
            | DataType::DailyReadiness
            | DataType::DailyActivity
            | DataType::DailySpo2
            | DataType::DailyStress
            | DataType::DailyResilience
            | DataType::SleepTime
    )
}

fn tombstone(stored: &StoredRecord, observed_at: Timestamp) -> RecordWrite {
    let record = Record { metrics: Map::new(), ..stored.record.clone() };
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

fn change(
    patient: &PatientId,
    day: Day,
    before: &StoredDay,
    writes: Vec<RecordWrite>,
    moved: impl Fn(&Record) -> bool,
    observed_at: Timestamp,
    now: Timestamp,
) -> Option<DayChange> {
    let written: BTreeSet<Key<'_>> =
        writes.iter().map(|write| (write.record.record.data_type, &write.record.record.document_id)).collect();
    let after: Vec<&Record> = before
        .records
        .iter()
        .filter(|stored| {
            !stored.deleted
                && !moved(&stored.record)
                && !written.contains(&(stored.record.data_type, &stored.record.document_id))
        })
        .map(|stored| &stored.record)
        .chain(writes.iter().filter(|write| !write.record.deleted).map(|write| &write.record.record))
        .collect();
    let metrics = normalize::day_stats(day, &after);
    let provisional = normalize::provisional(day, &after, now);
    let hash = metrics_hash(&metrics);
    let stats = match &before.stats {
        None if metrics.is_empty() => None,
        None => Some((1, None)),
        Some(old) if old.content_hash != hash => Some((old.revision + 1, Some(old.revision))),
        // The same content: at most the day has settled meanwhile.
        Some(old) if old.provisional != provisional => Some((old.revision, Some(old.revision))),
        Some(_) => None,
    };
    let event = stats.filter(|(revision, previous)| Some(*revision) != *previous).map(|(revision, _)| {
        let nothing = BTreeMap::new();
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
    if writes.is_empty() && stats.is_none() {
        return None;
    }
    let stats = stats.map(|(revision, previous)| {
        // A day that only settles keeps the time of its content.
        let observed_at = match &before.stats {
            Some(old) if Some(revision) == previous => old.observed_at,
            _ => observed_at,
        };
        // They follow from the days before, and are brought in step when the sync ends.
        let baselines = before.stats.as_ref().and_then(|old| old.baselines.clone());
        (DailyStats { day, metrics, revision, content_hash: hash, provisional, observed_at, baselines }, previous)
    });
    Some(DayChange { day, records: writes, stats, event })
}

fn metrics_hash(metrics: &BTreeMap<MetricType, Value>) -> String {
    content_hash(&serde_json::to_value(metrics).unwrap_or_default())
}
