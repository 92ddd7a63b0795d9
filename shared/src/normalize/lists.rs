//! The kinds of which a day has several: their stats are a list, with totals.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::stats::{field, instant, picked};
use crate::domain::{Record, rounded};

const WORKOUT: &[&str] = &["title", "type", "start", "end", "duration", "calories", "distance", "intensity", "source"];

/// Records as a list of objects with their ids.
pub(super) fn listed(records: &[&Record], keys: &[&str]) -> Value {
    let items = records.iter().map(|record| {
        let mut item = picked(record, keys);
        item.insert("documentId".to_owned(), json!(record.document_id));
        Value::Object(item)
    });
    items.collect()
}

/// Earliest first.
fn by_start(mut records: Vec<&Record>) -> Option<Vec<&Record>> {
    records.sort_by_cached_key(|record| (instant(record, "start"), record.document_id.clone()));
    (!records.is_empty()).then_some(records)
}

/// The sum of what is known; null when nothing is.
fn total(records: &[&Record], key: &str) -> Value {
    json!(records.iter().filter_map(|record| field(record, key).as_f64()).reduce(|a, b| a + b))
}

pub(super) fn workouts(records: Vec<&Record>, heart_rate: Option<&Record>) -> Option<Map<String, Value>> {
    let records = by_start(records)?;
    let mut list = listed(&records, WORKOUT);
    for (item, record) in list.as_array_mut().into_iter().flatten().zip(&records) {
        let beats = heart_rate.and_then(|day| beats_in(day, record));
        item["averageHeartRate"] = json!(beats.map(|(average, _)| average));
        item["maxHeartRate"] = json!(beats.map(|(_, max)| max));
    }
    Some(object(json!({
        "count": records.len(),
        "totalDuration": total(&records, "duration"),
        "totalCalories": total(&records, "calories"),
        "totalDistance": total(&records, "distance"),
        "workouts": list,
    })))
}

/// Average and greatest heart rate of the samples inside a workout.
fn beats_in(day: &Record, workout: &Record) -> Option<(f64, f64)> {
    let samples_start = instant(day, "start")?;
    let from = instant(workout, "start")?.duration_since(samples_start).as_secs_f64();
    let to = instant(workout, "end")?.duration_since(samples_start).as_secs_f64();
    let (seconds, bpm) = (field(day, "secondsFromStart").as_array()?, field(day, "bpm").as_array()?);
    let inside = seconds.iter().zip(bpm).filter_map(|(at, bpm)| {
        let at = at.as_f64()?;
        (from <= at && at <= to).then_some(bpm.as_f64()?)
    });
    let (count, sum, max) =
        inside.fold((0.0, 0.0, 0.0), |(count, sum, max), bpm| (count + 1.0, sum + bpm, f64::max(max, bpm)));
    (count > 0.0).then(|| (rounded(sum / count), max))
}

pub(super) fn sessions(records: Vec<&Record>) -> Option<Map<String, Value>> {
    let records = by_start(records)?;
    let mut list = listed(&records, &["type", "mood", "start", "end", "duration"]);
    for (item, record) in list.as_array_mut().into_iter().flatten().zip(&records) {
        item["averageHeartRate"] = average_of(field(record, "heartRate"));
        item["averageHrv"] = average_of(field(record, "hrv"));
    }
    Some(object(json!({"count": records.len(), "sessions": list})))
}

fn average_of(series: &Value) -> Value {
    let readings = || series["items"].as_array().into_iter().flatten().filter_map(Value::as_f64);
    let (count, sum) = readings().fold((0.0, 0.0), |(count, sum), reading| (count + 1.0, sum + reading));
    if count > 0.0 { json!(rounded(sum / count)) } else { Value::Null }
}

/// Oura serves tags in an older and a newer form: the same code at the same time counts once. The code of a tag that is
/// only a note is null.
pub(super) fn tags(records: Vec<&Record>) -> Option<Map<String, Value>> {
    let mut seen = BTreeSet::new();
    let mut tags = Vec::new();
    for record in by_start(records)? {
        let (start, end) = (field(record, "start"), field(record, "end"));
        let when = instant(record, "start").map_or_else(|| start.to_string(), |start| start.to_string());
        let codes = field(record, "codes").as_array().filter(|codes| !codes.is_empty());
        for code in codes.map_or(&[Value::Null][..], Vec::as_slice) {
            if seen.insert((when.clone(), code.to_string())) {
                tags.push(json!({"code": code, "start": start, "end": end}));
            }
        }
    }
    Some(object(json!({"count": tags.len(), "tags": tags})))
}

/// On the day on which a period begins.
pub(super) fn rest_mode(records: Vec<&Record>) -> Option<Map<String, Value>> {
    let records = by_start(records)?;
    let list = listed(&records, &["startDay", "endDay", "start", "end"]);
    Some(object(json!({"count": records.len(), "periods": list})))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
