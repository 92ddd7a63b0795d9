//! Contents of the platform's tables: one record per Oura document, one item of stats per patient and day.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{DataType, Day, DayBaselines, DayMetrics, DocumentId, OuraUserId, RecordMetrics, content_hash};

/// One Oura document in normalized form. Its `Debug` shows no measured value.
#[derive(Clone, PartialEq)]
pub struct Record {
    /// Oura's collection. `sleep` and `daily_sleep` both give metric type `sleep`.
    pub data_type: DataType,
    /// Oura's local day of the document, as Oura gave it.
    pub day: Day,
    /// Oura's id of the document; derived where Oura gives none.
    pub document_id: DocumentId,
    /// The normalized metrics; none in a tombstone.
    pub metrics: Option<RecordMetrics>,
}

impl Record {
    /// SHA-256 of everything that makes the record what it is; equal hashes mean that nothing needs to be written.
    #[must_use]
    pub fn content_hash(&self) -> String {
        content_hash(&serde_json::json!({
            "day": self.day, "dataType": self.data_type, "metrics": self.metrics_json(),
        }))
    }

    /// The metrics as JSON; an empty object for a tombstone.
    #[must_use]
    pub fn metrics_json(&self) -> Value {
        match &self.metrics {
            Some(metrics) => serde_json::to_value(metrics).unwrap_or_default(),
            None => Value::Object(Map::new()),
        }
    }
}

/// A record as stored in the table `WearableData`.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRecord {
    /// The record. A tombstone has no metrics.
    pub record: Record,
    /// 1 when first stored, one more with every change.
    pub revision: u64,
    /// Start time of the request that saw this content.
    pub observed_at: Timestamp,
    /// See [`Record::content_hash`].
    pub content_hash: String,
    /// A tombstone: Oura no longer has the document.
    pub deleted: bool,
    /// Oura account of the document; none if it was stored before accounts were recorded.
    pub account: Option<OuraUserId>,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({} {} {})", self.data_type, self.day, self.document_id)
    }
}

/// One patient's day, as stored in the table `DailyStats`: the public contract with the platform. Its `Debug` shows no
/// measured value.
#[derive(Clone, PartialEq)]
pub struct DailyStats {
    /// The day.
    pub day: Day,
    /// Normalized metrics by type; a type without a document on that day is absent.
    pub metrics: DayMetrics,
    /// 1 when first stored, one more with every change of content.
    pub revision: u64,
    /// Hash of `metrics`.
    pub content_hash: String,
    /// True if Oura may still change the day soon.
    pub provisional: bool,
    /// Time at which the newest content of the day was observed.
    pub observed_at: Timestamp,
    /// Baselines; none until the sync that brought the day ends.
    pub baselines: Option<DayBaselines>,
}

impl fmt::Debug for DailyStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DailyStats({}, revision {}, {:?})", self.day, self.revision, self.metrics)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn record_and_stats_print_no_measured_value() {
        let record = Record {
            data_type: DataType::Vo2Max,
            day: "2026-01-01".parse().unwrap(),
            document_id: "d".parse().unwrap(),
            metrics: Some(RecordMetrics::read(DataType::Vo2Max, json!({"vo2Max": 4711})).unwrap()),
        };
        let stats = DailyStats {
            day: record.day,
            metrics: serde_json::from_value(json!({"vo2Max": {"vo2Max": 4711}})).unwrap(),
            revision: 1,
            content_hash: String::new(),
            provisional: false,
            observed_at: Timestamp::UNIX_EPOCH,
            baselines: None,
        };
        assert_eq!(record.metrics_json(), json!({"vo2Max": 4711}));
        assert!(!format!("{record:?} {stats:?}").contains("4711"));
    }
}
