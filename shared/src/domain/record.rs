//! What the platform's tables hold: one record per Oura document, one item of stats per patient and day.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{DataType, Day, DayBaselines, DocumentId, MetricType, content_hash};

/// One Oura document in normalized form. Its `Debug` shows no measured value.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The kind of its metrics.
    pub metric_type: MetricType,
    /// The Oura collection that it came from: `sleep` and `daily_sleep` both give metric type `sleep`.
    pub data_type: DataType,
    /// Oura's local day of the document, as Oura gave it.
    pub day: Day,
    /// Oura's id of the document; derived where Oura gives none.
    pub document_id: DocumentId,
    /// The normalized metrics in canonical form (see [`super::canonical`]). Null means that Oura gave none.
    pub metrics: Map<String, Value>,
}

impl Record {
    /// SHA-256 of everything that makes the record what it is; equal hashes mean that nothing needs to be written.
    #[must_use]
    pub fn content_hash(&self) -> String {
        content_hash(&serde_json::json!({
            "day": self.day, "dataType": self.data_type.as_str(), "metrics": self.metrics,
        }))
    }
}

/// A record as it lies in the table `WearableData`.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRecord {
    /// The record. The metrics of a tombstone are empty.
    pub record: Record,
    /// 1 when first stored, one more with every change.
    pub revision: u64,
    /// When the request that saw this content was begun.
    pub observed_at: Timestamp,
    /// See [`Record::content_hash`].
    pub content_hash: String,
    /// A tombstone: Oura no longer has the document.
    pub deleted: bool,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({} {} {}, {} metrics)", self.data_type, self.day, self.document_id, self.metrics.len())
    }
}

/// One patient's day, as it lies in the table `DailyStats`: the public contract with the platform. Its `Debug` shows no
/// measured value.
#[derive(Clone, PartialEq)]
pub struct DailyStats {
    /// The day.
    pub day: Day,
    /// Normalized metrics by kind; a kind without a document on that day is absent.
    pub metrics: BTreeMap<MetricType, Value>,
    /// 1 when first stored, one more with every change of content.
    pub revision: u64,
    /// Hash of `metrics`.
    pub content_hash: String,
    /// Whether Oura may still change the day soon.
    pub provisional: bool,
    /// When the newest content of the day was observed.
    pub observed_at: Timestamp,
    /// What was usual before the day; none until the sync that brought the day ends.
    pub baselines: Option<DayBaselines>,
}

impl fmt::Debug for DailyStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DailyStats({}, revision {}, {} kinds)", self.day, self.revision, self.metrics.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measured_value_is_not_printed() {
        let record = Record {
            metric_type: MetricType::Sleep,
            data_type: DataType::Sleep,
            day: "2026-01-01".parse().unwrap(),
            document_id: "d".parse().unwrap(),
            metrics: Map::from_iter([("lowestHeartRate".to_owned(), Value::from(4711))]),
        };
        let stats = DailyStats {
            day: record.day,
            metrics: BTreeMap::from([(MetricType::Sleep, Value::from(4711))]),
            revision: 1,
            content_hash: String::new(),
            provisional: false,
            observed_at: Timestamp::UNIX_EPOCH,
            baselines: None,
        };
        assert!(!format!("{record:?} {stats:?}").contains("4711"));
    }
}
