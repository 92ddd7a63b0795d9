//! From Oura's documents to the platform's records, and from a day's records to the day's stats. Pure functions.
//!
//! Rules that hold everywhere:
//! - One record per Oura document; the time series give one record per local day.
//! - Null is null, absent is not zero: a value that Oura did not give is null, never 0. So is a value out of its metric's bounds.
//! - Contributor keys hold Oura's scores (0 to 100). Physical values have keys of their own: seconds, metres, kcal, beats
//!   per minute, milliseconds RMSSD, degrees Celsius of deviation.
//! - `day` is Oura's local day. Timestamps keep the text and the offset that Oura gave; durations are Oura's own and are
//!   never derived from wall clocks, so a night of 25 hours or a flight changes nothing.
//! - Notes that a patient wrote (comments, names of tags) are in no record. The label of a workout is: it is its title.

mod bounds;
mod current;
mod daily;
mod day_records;
mod derived;
mod identity;
mod lists;
mod offsets;
mod period;
mod samples;
mod sleep;
mod stats;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

pub use self::current::current_records;
pub use self::identity::{Identity, OuraAccount, derived_document_id, has_derived_id, identity};
pub use self::offsets::DayOffsets;
pub use self::samples::merged_series;
pub use self::sleep::{SleepPeriod, sleep_periods};
pub use self::stats::{changed_fields, day_stats, provisional};
use crate::domain::metrics::Series;
use crate::domain::{DataType, Day, DayRange, DocumentId, Record, RecordMetrics, with_data_types};
use crate::oura::model::{self, Document, Documents, Malformed};

/// The records of these documents, in their order; the time series by day. Documents that Oura gave twice give one
/// record, the later one. `offsets` gives the local day of a sample, and matters for the time series only.
#[must_use]
pub fn records(account: OuraAccount<'_>, documents: &Documents, offsets: &DayOffsets) -> Vec<Record> {
    let context = Context { account, data_type: documents.data_type(), offsets };
    macro_rules! of_documents {
        ($($data_type:ident)*) => {
            match documents {
                $(Documents::$data_type(all) => Normalize::records(all, &context),)*
            }
        };
    }
    without_repeats(with_data_types!(of_documents))
}

/// Fields of these documents whose values are out of the bounds of their metrics: the records have null there.
#[must_use]
pub fn out_of_bounds(documents: &Documents) -> Vec<Malformed> {
    macro_rules! of_documents {
        ($($data_type:ident)*) => {
            match documents {
                $(Documents::$data_type(all) => Normalize::out_of_bounds(all),)*
            }
        };
    }
    with_data_types!(of_documents)
}

/// Keeps the records of time series whose day is in the range: [`Documents::retain_days`] cannot decide about them, because
/// samples get their day only here. At the edges of a fetched range a local day is fetched in part, and a part must not
/// replace what is stored of the whole. Other records stay.
pub fn retain_days(records: &mut Vec<Record>, range: DayRange) {
    records.retain(|record| record.data_type.has_documents() || range.contains(record.day));
}

fn without_repeats(records: Vec<Record>) -> Vec<Record> {
    let mut places: HashMap<DocumentId, usize> = HashMap::with_capacity(records.len());
    let mut unique: Vec<Record> = Vec::with_capacity(records.len());
    for record in records {
        if let Some(&place) = places.get(&record.document_id) {
            unique[place] = record;
        } else {
            places.insert(record.document_id.clone(), unique.len());
            unique.push(record);
        }
    }
    unique
}

/// Things that all records of one answer have in common.
struct Context<'a> {
    account: OuraAccount<'a>,
    data_type: DataType,
    offsets: &'a DayOffsets,
}

impl Context<'_> {
    /// A record under Oura's id, or under one derived from what identifies the document where Oura gave none.
    fn record(&self, id: Option<&DocumentId>, day: Day, metrics: RecordMetrics) -> Record {
        // The samples of a series are bounded when they are listed.
        let metrics = if self.data_type.has_documents() { bounds::bounded(self.data_type, metrics) } else { metrics };
        let derived = || identity::derived_id(self.account, self.data_type, day, Some(&metrics));
        let document_id = id.cloned().unwrap_or_else(derived);
        Record { data_type: self.data_type, day, document_id, metrics: Some(metrics) }
    }
}

/// Documents that become records. Each data type has it, or the project does not compile.
trait Normalize: Sized {
    /// The records of all documents of one answer.
    fn records(documents: &[Self], context: &Context<'_>) -> Vec<Record>;

    /// Fields whose values are out of bounds.
    fn out_of_bounds(documents: &[Self]) -> Vec<Malformed>;
}

fn out_of_bounds_at(index: usize, path: String, document_id: Option<&DocumentId>) -> Malformed {
    Malformed { index, path, document_id: document_id.cloned(), loses_document: false }
}

/// Documents of which each becomes a record of its own.
trait OnePerDocument: Document {
    /// Day of the record.
    fn record_day(&self) -> Option<Day> {
        self.day()
    }

    /// Normalized metrics, values out of bounds included, and without what follows from others.
    fn metrics(&self) -> RecordMetrics;
}

/// Holds metrics within their bounds, and adds what follows from others. The second result names fields that lost a value.
fn held(mut metrics: RecordMetrics) -> (RecordMetrics, Vec<String>) {
    let mut outside = metrics.hold_bounds();
    derived::add_derived(&mut metrics);
    // What follows may be out of bounds although none of its parts is.
    outside.append(&mut metrics.hold_bounds());
    (metrics, outside)
}

impl<T: OnePerDocument> Normalize for T {
    fn records(documents: &[Self], context: &Context<'_>) -> Vec<Record> {
        let record = |of: &Self| Some(context.record(of.id(), of.record_day()?, held(of.metrics()).0));
        documents.iter().filter_map(record).collect()
    }

    fn out_of_bounds(documents: &[Self]) -> Vec<Malformed> {
        let of_one = |(index, of): (usize, &Self)| {
            let id = of.id().cloned();
            held(of.metrics()).1.into_iter().map(move |path| out_of_bounds_at(index, path, id.as_ref()))
        };
        documents.iter().enumerate().flat_map(of_one).collect()
    }
}

/// A series in the form of records.
fn series(series: Option<&model::Series>) -> Option<Series> {
    series.map(|series| Series {
        start: series.timestamp.clone(),
        interval_seconds: series.interval,
        items: series.items.clone(),
    })
}
