//! Fetched records and the stored ones that they belong to.
//!
//! - A document without an id is stored under one that follows from its data type, day, start and kind. Once Oura has given it an
//!   id, that one counts: a later answer without it changes the same record, and an earlier record under the derived id is
//!   replaced.
//! - Samples of a day are joined with the stored ones ([`merged_series`]).

use std::borrow::Cow;
use std::collections::BTreeSet;

use shared::domain::{DataType, Day, DayRange, DocumentId, Record, StoredRecord};
use shared::normalize::{derived_document_id, merged_series};

use crate::fetched_records::FetchedRecords;
use crate::sync_plan::{DocumentKey, StoredDays};

/// Returns the fetched records as they are to be stored, and the stored documents that they replace.
pub(crate) fn matched<'r>(
    stored: &'r StoredDays,
    fetched: &'r FetchedRecords,
) -> (Vec<Cow<'r, Record>>, BTreeSet<DocumentKey>) {
    let mut replaced = BTreeSet::new();
    let matched = |record: &'r Record| {
        if !record.data_type.has_documents() {
            return with_stored_samples(stored, fetched, record);
        }
        let derived = derived_document_id(fetched.account(), record);
        if record.document_id == derived {
            let known = of_oura(stored, fetched, record, &derived);
            return known
                .map_or(Cow::Borrowed(record), |id| Cow::Owned(Record { document_id: id.clone(), ..record.clone() }));
        }
        if live(stored, fetched, record).any(|stored| stored.record.document_id == derived) {
            replaced.insert((record.data_type, derived));
        }
        Cow::Borrowed(record)
    };
    let records = fetched.records.iter().map(matched).collect();
    (records, replaced)
}

/// Returns the newest of these days of which samples are stored that the answer lacks: before its first one, after its last one, or
/// all of them.
pub(crate) fn newest_short_day(
    stored: &StoredDays,
    fetched: &FetchedRecords,
    data_type: DataType,
    days: DayRange,
) -> Option<Day> {
    let is_lacking = |stored: &StoredRecord| {
        let of_day = |record: &&Record| record.data_type == data_type && record.day == stored.record.day;
        let record = fetched.records.iter().find(of_day);
        // Another sync may have stored samples since.
        stored.observed_at <= fetched.observed_at
            && record.is_none_or(|record| merged_series(&stored.record, record, &fetched.offsets).is_some())
    };
    let short_days = days.iter().filter(|day| live_of(stored, fetched, data_type, *day).any(is_lacking));
    short_days.max()
}

fn with_stored_samples<'r>(stored: &'r StoredDays, fetched: &'r FetchedRecords, record: &'r Record) -> Cow<'r, Record> {
    let stored = live(stored, fetched, record).find(|stored| stored.record.document_id == record.document_id);
    let merged = stored.and_then(|stored| merged_series(&stored.record, record, &fetched.offsets));
    merged.map_or(Cow::Borrowed(record), Cow::Owned)
}

/// Returns the id that Oura has given to this document. Of several, the one observed last counts.
fn of_oura<'s>(
    stored: &'s StoredDays,
    fetched: &'s FetchedRecords,
    record: &'s Record,
    derived: &DocumentId,
) -> Option<&'s DocumentId> {
    live(stored, fetched, record)
        .filter(|stored| stored.record.document_id != *derived)
        .filter(|stored| derived_document_id(fetched.account(), &stored.record) == *derived)
        .max_by_key(|stored| (stored.observed_at, &stored.record.document_id))
        .map(|stored| &stored.record.document_id)
}

/// Returns the stored records of the same data type, day and Oura account.
fn live<'s>(
    stored: &'s StoredDays,
    fetched: &'s FetchedRecords,
    record: &'s Record,
) -> impl Iterator<Item = &'s StoredRecord> {
    live_of(stored, fetched, record.data_type, record.day)
}

fn live_of<'s>(
    stored: &'s StoredDays,
    fetched: &'s FetchedRecords,
    data_type: DataType,
    day: Day,
) -> impl Iterator<Item = &'s StoredRecord> {
    let of_day = stored.get(&day).into_iter().flat_map(|day| &day.records);
    of_day
        .filter(move |stored| !stored.deleted && stored.record.data_type == data_type && fetched.is_of_account(stored))
}
