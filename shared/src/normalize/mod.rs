//! From Oura's documents to the platform's records, and from a day's records to the day's stats. Pure functions.
//!
//! Rules that hold everywhere:
//! - One record per Oura document; the time series give one record per local day.
//! - Null is null, absent is not zero: a value that Oura did not give is null, never 0.
//! - Contributor keys hold Oura's scores (1 to 100). Physical values have keys of their own: seconds, metres, kcal, beats
//!   per minute, milliseconds RMSSD, degrees Celsius of deviation.
//! - `day` is Oura's local day. Timestamps keep the text and the offset that Oura gave; durations are Oura's own and are
//!   never derived from wall clocks, so a night of 25 hours or a flight changes nothing.
//! - Notes that a patient wrote (comments, names of tags) are in no record. The label of a workout is: it is its title.

mod daily;
mod lists;
mod offsets;
mod period;
mod series;
mod sleep;
mod stats;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use serde_json::{Map, Value, json};

pub use self::offsets::DayOffsets;
pub use self::sleep::sleep_periods;
pub use self::stats::{changed_fields, day_stats, provisional};
use crate::domain::{DataType, Day, DayRange, DocumentId, MetricType, PatientId, Record, canonical, derived_uuid};
use crate::oura::model::{Documents, Moment, Series};

/// The records of these documents, in their order; the time series by day. Documents that Oura gave twice give one
/// record, the later one. `offsets` says on which local day a sample lies, and matters for the time series only.
#[must_use]
pub fn records(patient: &PatientId, documents: &Documents, offsets: &DayOffsets) -> Vec<Record> {
    let make = Make { patient, kind: documents.kind() };
    let records: Vec<Record> = match documents {
        Documents::DailyActivity(all) => all.iter().map(|document| daily::activity(&make, document)).collect(),
        Documents::DailyCardiovascularAge(all) => {
            all.iter().map(|document| daily::cardiovascular_age(&make, document)).collect()
        }
        Documents::DailyReadiness(all) => all.iter().map(|document| daily::readiness(&make, document)).collect(),
        Documents::DailyResilience(all) => all.iter().map(|document| daily::resilience(&make, document)).collect(),
        Documents::DailySleep(all) => all.iter().map(|document| daily::sleep_scores(&make, document)).collect(),
        Documents::DailySpo2(all) => all.iter().map(|document| daily::spo2(&make, document)).collect(),
        Documents::DailyStress(all) => all.iter().map(|document| daily::stress(&make, document)).collect(),
        Documents::EnhancedTag(all) => all.iter().map(|document| period::enhanced_tag(&make, document)).collect(),
        Documents::HeartRate(all) => series::heart_rate(&make, all, offsets),
        Documents::RestModePeriod(all) => all.iter().map(|document| period::rest_mode(&make, document)).collect(),
        Documents::RingBatteryLevel(all) => series::battery(&make, all, offsets),
        Documents::RingConfiguration(all) => all.iter().map(|document| period::ring(&make, document)).collect(),
        Documents::Session(all) => all.iter().map(|document| period::session(&make, document)).collect(),
        Documents::Sleep(all) => all.iter().map(|document| sleep::period(&make, document)).collect(),
        Documents::SleepTime(all) => all.iter().map(|document| daily::sleep_time(&make, document)).collect(),
        Documents::Tag(all) => all.iter().map(|document| period::tag(&make, document)).collect(),
        Documents::Vo2Max(all) => all.iter().map(|document| daily::vo2_max(&make, document)).collect(),
        Documents::Workout(all) => all.iter().map(|document| period::workout(&make, document)).collect(),
    };
    without_repeats(records)
}

/// Keeps the records whose day lies in the range: for what [`Documents::retain_days`] cannot decide, because samples
/// get their day only here. At the edges of a fetched range a local day is fetched in part, and a part must not replace
/// what is stored of the whole. Rings stay: they belong to no range.
pub fn retain_days(records: &mut Vec<Record>, range: DayRange) {
    records.retain(|record| record.data_type == DataType::RingConfiguration || range.contains(record.day));
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

/// What all records of one answer have in common.
struct Make<'a> {
    patient: &'a PatientId,
    kind: DataType,
}

impl Make<'_> {
    /// A record under Oura's id, or under one derived from what identifies the document where Oura gave none.
    fn record(
        &self,
        metric_type: MetricType,
        id: Option<&DocumentId>,
        key: (Day, Option<&Moment>),
        metrics: Value,
    ) -> Record {
        let (day, start) = key;
        let document_id = id.cloned().unwrap_or_else(|| self.derived_id(day, start));
        let metrics = match canonical(metrics) {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        Record { metric_type, data_type: self.kind, day, document_id, metrics }
    }

    fn derived_id(&self, day: Day, start: Option<&Moment>) -> DocumentId {
        let day = day.to_string();
        let mut parts = vec![self.kind.as_str(), self.patient.as_str(), &day];
        parts.extend(start.map(Moment::text));
        #[expect(clippy::expect_used, reason = "a UUID is a valid id: 36 printable ASCII characters")]
        DocumentId::parse(derived_uuid(&parts).to_string()).expect("a UUID is a document id")
    }
}

/// A series as it lies in records: where it starts, its step, and its items with nulls where there was no reading.
fn series_value(series: Option<&Series>) -> Value {
    series.map_or(
        Value::Null,
        |series| json!({"start": series.timestamp, "intervalSeconds": series.interval, "items": series.items}),
    )
}
