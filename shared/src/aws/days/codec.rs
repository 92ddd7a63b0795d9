//! Records and stats to and from their items.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::super::StoreError;
use super::super::item::{Fields, Item, from_json, json, n, s};
use crate::domain::{DailyStats, DayBaselines, PatientId, Record, RecordMetrics, SOURCE, StoredRecord};

pub(super) fn record_item(patient: &PatientId, key: &str, stored: &StoredRecord) -> Item {
    let record = &stored.record;
    let mut item = Item::from([
        ("patientId".to_owned(), s(patient.as_str())),
        ("sk".to_owned(), s(key)),
        ("source".to_owned(), s(SOURCE)),
        ("metricType".to_owned(), s(record.data_type.metric_type().as_str())),
        ("dataType".to_owned(), s(record.data_type.as_str())),
        ("day".to_owned(), s(record.day.to_string())),
        ("documentId".to_owned(), s(record.document_id.as_str())),
        ("metrics".to_owned(), from_json(&record.metrics_json())),
        ("observedAt".to_owned(), s(stored.observed_at.to_string())),
        ("revision".to_owned(), n(stored.revision)),
        ("contentHash".to_owned(), s(&stored.content_hash)),
    ]);
    if stored.deleted {
        item.insert("deleted".to_owned(), AttributeValue::Bool(true));
    }
    item
}

pub(super) fn record(action: &'static str, item: &Item) -> Result<StoredRecord, StoreError> {
    let fields = Fields::new(action, item);
    let (data_type, deleted) = (fields.get("dataType")?, fields.flag("deleted"));
    let metrics = match deleted {
        true => None,
        false => Some(
            RecordMetrics::read(data_type, fields.json("metrics")?)
                .map_err(|_other_form| StoreError::corrupt(action, "metrics"))?,
        ),
    };
    Ok(StoredRecord {
        record: Record { data_type, day: fields.get("day")?, document_id: fields.get("documentId")?, metrics },
        revision: fields.get("revision")?,
        observed_at: fields.get::<Timestamp>("observedAt")?,
        content_hash: fields.get("contentHash")?,
        deleted,
    })
}

pub(super) fn stats_item(patient: &PatientId, stats: &DailyStats) -> Item {
    let mut item = Item::from([
        ("patientId".to_owned(), s(patient.as_str())),
        ("day".to_owned(), s(stats.day.to_string())),
        ("source".to_owned(), s(SOURCE)),
        ("metrics".to_owned(), json(&stats.metrics)),
        ("revision".to_owned(), n(stats.revision)),
        ("contentHash".to_owned(), s(&stats.content_hash)),
        ("provisional".to_owned(), AttributeValue::Bool(stats.provisional)),
        ("observedAt".to_owned(), s(stats.observed_at.to_string())),
    ]);
    if let Some(baselines) = &stats.baselines {
        item.insert("baselines".to_owned(), json(&baselines.values));
        item.insert("baselinesBasis".to_owned(), n(baselines.basis));
    }
    item
}

pub(super) fn stats(action: &'static str, item: &Item) -> Result<DailyStats, StoreError> {
    let fields = Fields::new(action, item);
    Ok(DailyStats {
        day: fields.get("day")?,
        metrics: fields.json("metrics")?,
        revision: fields.get("revision")?,
        content_hash: fields.get("contentHash")?,
        provisional: fields.flag("provisional"),
        observed_at: fields.get("observedAt")?,
        baselines: match fields.opt("baselinesBasis")? {
            Some(basis) => Some(DayBaselines { values: fields.json("baselines")?, basis }),
            None => None,
        },
    })
}
