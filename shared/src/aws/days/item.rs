//! The items of records and of daily stats.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use serde_json::Value;

use super::series;
use crate::aws::error::StoreError;
use crate::domain::{
    Baselines, DailyStats, DataType, Day, DayBaselines, DocumentId, MetricType, OuraUserId, Record, RecordMetrics,
    SOURCE, StoredRecord,
};

/// A record as stored.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RecordItem {
    source: String,
    metric_type: MetricType,
    data_type: DataType,
    day: Day,
    document_id: DocumentId,
    metrics: Value,
    series: Option<ByteBuf>,
    observed_at: Timestamp,
    revision: u64,
    content_hash: String,
    deleted: Option<bool>,
    oura_user_id: Option<OuraUserId>,
}

impl From<&StoredRecord> for RecordItem {
    fn from(stored: &StoredRecord) -> Self {
        let record = &stored.record;
        let mut metrics = record.metrics_json();
        let series = series::pack(record.data_type, &mut metrics);
        Self {
            source: SOURCE.to_owned(),
            metric_type: record.data_type.metric_type(),
            data_type: record.data_type,
            day: record.day,
            document_id: record.document_id.clone(),
            metrics,
            series,
            observed_at: stored.observed_at,
            revision: stored.revision,
            content_hash: stored.content_hash.clone(),
            deleted: stored.deleted.then_some(true),
            oura_user_id: stored.account.clone(),
        }
    }
}

impl RecordItem {
    /// The record.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the metrics or their series have another form.
    pub(super) fn record(mut self, action: &'static str) -> Result<StoredRecord, StoreError> {
        if let Some(packed) = &self.series {
            series::unpack(packed, &mut self.metrics).map_err(|_unreadable| StoreError::corrupt(action, "series"))?;
        }
        let deleted = self.deleted.unwrap_or(false);
        let metrics = match deleted {
            true => None,
            false => Some(
                RecordMetrics::read(self.data_type, self.metrics)
                    .map_err(|_other_form| StoreError::corrupt(action, "metrics"))?,
            ),
        };
        Ok(StoredRecord {
            record: Record { data_type: self.data_type, day: self.day, document_id: self.document_id, metrics },
            revision: self.revision,
            observed_at: self.observed_at,
            content_hash: self.content_hash,
            deleted,
            account: self.oura_user_id,
        })
    }
}

/// A day's stats as stored.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatsItem {
    day: Day,
    source: String,
    metrics: Value,
    revision: u64,
    content_hash: String,
    provisional: bool,
    observed_at: Timestamp,
    baselines: Option<Baselines>,
    baselines_basis: Option<u64>,
}

impl From<&DailyStats> for StatsItem {
    fn from(stats: &DailyStats) -> Self {
        Self {
            day: stats.day,
            source: SOURCE.to_owned(),
            metrics: serde_json::to_value(&stats.metrics).unwrap_or_default(),
            revision: stats.revision,
            content_hash: stats.content_hash.clone(),
            provisional: stats.provisional,
            observed_at: stats.observed_at,
            baselines: stats.baselines.as_ref().map(|baselines| baselines.values.clone()),
            baselines_basis: stats.baselines.as_ref().map(|baselines| baselines.basis),
        }
    }
}

impl StatsItem {
    /// The stats.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the metrics have another form.
    pub(super) fn stats(self, action: &'static str) -> Result<DailyStats, StoreError> {
        Ok(DailyStats {
            day: self.day,
            metrics: serde_json::from_value(self.metrics)
                .map_err(|_quotes_the_value| StoreError::corrupt(action, "metrics"))?,
            revision: self.revision,
            content_hash: self.content_hash,
            provisional: self.provisional,
            observed_at: self.observed_at,
            baselines: self.baselines.zip(self.baselines_basis).map(|(values, basis)| DayBaselines { values, basis }),
        })
    }
}
