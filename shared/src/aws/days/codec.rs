//! Records and stats to and from their items.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::super::StoreError;
use super::super::item::{Fields, Item, from_json, from_object, json, n, s, to_json};
use crate::domain::{DailyStats, DayBaselines, MetricType, PatientId, Record, SOURCE, StoredRecord};

pub(super) fn record_item(patient: &PatientId, key: &str, stored: &StoredRecord) -> Item {
    let record = &stored.record;
    let mut item = Item::from([
        ("patientId".to_owned(), s(patient.as_str())),
        ("sk".to_owned(), s(key)),
        ("source".to_owned(), s(SOURCE)),
        ("metricType".to_owned(), s(record.metric_type.as_str())),
        ("dataType".to_owned(), s(record.data_type.as_str())),
        ("day".to_owned(), s(record.day.to_string())),
        ("documentId".to_owned(), s(record.document_id.as_str())),
        ("metrics".to_owned(), from_object(&record.metrics)),
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
    Ok(StoredRecord {
        record: Record {
            metric_type: fields.get("metricType")?,
            data_type: fields.get("dataType")?,
            day: fields.get("day")?,
            document_id: fields.get("documentId")?,
            metrics: object(action, fields, "metrics")?,
        },
        revision: fields.get("revision")?,
        observed_at: fields.get::<Timestamp>("observedAt")?,
        content_hash: fields.get("contentHash")?,
        deleted: fields.flag("deleted"),
    })
}

pub(super) fn stats_item(patient: &PatientId, stats: &DailyStats) -> Item {
    let metrics = stats.metrics.iter().map(|(kind, value)| (kind.as_str().to_owned(), from_json(value))).collect();
    let mut item = Item::from([
        ("patientId".to_owned(), s(patient.as_str())),
        ("day".to_owned(), s(stats.day.to_string())),
        ("source".to_owned(), s(SOURCE)),
        ("metrics".to_owned(), AttributeValue::M(metrics)),
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
    let metrics = object(action, fields, "metrics")?
        .into_iter()
        .map(|(kind, value)| kind.parse::<MetricType>().map(|kind| (kind, value)))
        .collect::<Result<_, _>>()
        .map_err(|_unknown| StoreError::corrupt(action, "metrics"))?;
    Ok(DailyStats {
        day: fields.get("day")?,
        metrics,
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

fn object(action: &'static str, fields: Fields<'_>, name: &'static str) -> Result<Map<String, Value>, StoreError> {
    match fields.raw(name).and_then(to_json) {
        Some(Value::Object(object)) => Ok(object),
        _ => Err(StoreError::corrupt(action, name)),
    }
}
