//! The difference between fetched and stored data: which records and days to write. Pure functions; after an interrupted
//! write, the same input leads to the same tables.
//!
//! Records are compared first ([`RecordDiff`]). Then each day's stats follow from all of its records
//! ([`RecordDiff::day_changes`]).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use shared::aws::{DayChange, RecordWrite, StoredDay};
use shared::domain::{Connection, Day, MAX_METRICS_SIZE, Record, StoredRecord, stored_size};
use shared::normalize::identity;

use crate::day_change::{Times, day_change};
use crate::fetched_records::FetchedRecords;
use crate::matching::matched;
use crate::sync_plan::{DocumentKey, Key, StoredDays, key};

/// The stored copies of each document: one, unless two syncs have stored it on two days at once.
type Copies<'s> = HashMap<Key<'s>, Vec<&'s StoredRecord>>;

/// Records to write.
#[derive(Debug, Default)]
pub(crate) struct RecordDiff {
    writes: BTreeMap<Day, Vec<RecordWrite>>,
    /// Records that leave a day for another one.
    moved: BTreeSet<(Day, DocumentKey)>,
    /// New and changed records that no item can hold. They are left out.
    pub(crate) too_large: BTreeSet<DocumentKey>,
}

impl RecordDiff {
    /// Compares fetched records with the stored ones.
    pub(crate) fn new(stored: &StoredDays, fetched: &FetchedRecords) -> Self {
        let mut known: Copies<'_> = HashMap::new();
        for stored in stored.values().flat_map(|day| &day.records) {
            known.entry(key(&stored.record)).or_default().push(stored);
        }
        let mut diff = Self::default();
        // 1. New and changed records.
        let (records, replaced) = matched(stored, fetched);
        let mut seen: BTreeSet<Key<'_>> = BTreeSet::new();
        // Oura's pages may hold a document twice; the first one counts.
        let records: Vec<&Record> = records.iter().map(AsRef::as_ref).filter(|of| seen.insert(key(of))).collect();
        let observed_apart = observed_apart(&records, &known, fetched);
        for record in records {
            let copies = known.get(&key(record)).map(Vec::as_slice).unwrap_or_default();
            let Some(write) = upsert(record, copies, fetched, observed_apart.contains(&key(record))) else {
                continue;
            };
            if stored_size(&record.metrics_json()) > MAX_METRICS_SIZE {
                diff.too_large.insert((record.data_type, record.document_id.clone()));
                continue;
            }
            for copy in copies.iter().filter(|copy| copy.record.day != record.day) {
                diff.moved.insert((copy.record.day, (record.data_type, record.document_id.clone())));
            }
            diff.writes.entry(record.day).or_default().push(write);
        }
        // 2. Records of documents that Oura has deleted, and of those that have got another id.
        for deleted in deleted(stored, &seen, fetched, &replaced) {
            diff.writes.entry(deleted.record.day).or_default().push(tombstone(deleted, fetched.observed_at));
        }
        diff
    }

    /// True if nothing is to be written.
    pub(crate) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Completes the difference with the stats and events of each day, oldest first. Unchanged days are absent.
    pub(crate) fn day_changes(mut self, connection: &Connection, stored: &StoredDays, times: Times) -> Vec<DayChange> {
        let moved_from = self.moved.iter().map(|(day, _)| *day);
        let days: BTreeSet<Day> = stored.keys().chain(self.writes.keys()).copied().chain(moved_from).collect();
        let nothing = StoredDay::default();
        days.into_iter()
            .filter_map(|day| {
                let before = stored.get(&day).unwrap_or(&nothing);
                let writes = self.writes.remove(&day).unwrap_or_default();
                let is_moved =
                    |record: &Record| self.moved.contains(&(day, (record.data_type, record.document_id.clone())));
                day_change(connection, day, before, writes, is_moved, times)
            })
            .collect()
    }
}

/// Returns documents that Oura gives together although one seems to replace the other, since they were observed at different
/// times. They are written even if they are unchanged, so that each of them counts.
fn observed_apart<'r>(records: &[&'r Record], known: &Copies<'_>, fetched: &FetchedRecords) -> HashSet<Key<'r>> {
    let mut of_identity: HashMap<_, Vec<(Key<'r>, Timestamp)>> = HashMap::new();
    for record in records {
        let Some(identity) = identity(record) else { continue };
        let mut copies = known.get(&key(record)).into_iter().flatten();
        let unchanged = copies.find(|stored| is_unchanged(record, stored, fetched));
        let observed_at = unchanged.map_or(fetched.observed_at, |stored| stored.observed_at);
        of_identity.entry((record.day, identity)).or_default().push((key(record), observed_at));
    }
    let apart = of_identity.into_values().filter(|all| all.iter().any(|(_, at)| *at != all[0].1));
    apart.flatten().map(|(key, _)| key).collect()
}

fn is_unchanged(record: &Record, stored: &StoredRecord, fetched: &FetchedRecords) -> bool {
    !stored.deleted && fetched.is_of_account(stored) && stored.content_hash == record.content_hash()
}

/// Returns the write of a fetched record, unless a stored copy is newer, or the only one equal and `is_observed_apart` does not
/// hold.
fn upsert(
    record: &Record,
    copies: &[&StoredRecord],
    fetched: &FetchedRecords,
    is_observed_apart: bool,
) -> Option<RecordWrite> {
    let observed_at = fetched.observed_at;
    let is_equal = matches!(copies, [only] if is_unchanged(record, only, fetched)) && !is_observed_apart;
    // A record observed after this fetch began is newer than this fetch.
    if is_equal || copies.iter().any(|copy| copy.observed_at > observed_at) {
        return None;
    }
    Some(RecordWrite {
        record: StoredRecord {
            record: record.clone(),
            revision: copies.iter().map(|copy| copy.revision).max().unwrap_or(0) + 1,
            observed_at,
            content_hash: record.content_hash(),
            deleted: false,
            account: Some(fetched.user_id.clone()),
        },
        copies: copies.iter().map(|copy| (copy.record.day, copy.revision)).collect(),
        missed_webhooks: false,
    })
}

/// Returns stored documents that Oura has deleted, or that are replaced, except those that it gave all the same.
fn deleted<'s>(
    stored: &'s StoredDays,
    seen: &BTreeSet<Key<'_>>,
    fetched: &FetchedRecords,
    replaced: &BTreeSet<DocumentKey>,
) -> Vec<&'s StoredRecord> {
    let is_deleted = |stored: &&StoredRecord| {
        let document = (stored.record.data_type, stored.record.document_id.clone());
        (fetched.deleted.contains(&document) || replaced.contains(&document))
            && is_live_and_unseen(stored, seen, fetched)
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
            account: stored.account.clone(),
        },
        copies: vec![(stored.record.day, stored.revision)],
        missed_webhooks: false,
    }
}
