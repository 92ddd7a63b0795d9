//! From a day's records to the day's stats: the public contract with the platform.
//!
//! Everything is computed from records, never from documents, so that stats are the same whether a record is fresh or
//! came back from a table. All keys of a kind are present whenever the kind is.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::lists::{listed, rest_mode, sessions, tags, workouts};
use super::sleep::{SleepPeriods, night};
use crate::domain::{DataType, Day, MetricType, Record, canonical};

const READINESS: &[&str] = &[
    "score",
    "temperatureDeviation",
    "temperatureTrendDeviation",
    "activityBalance",
    "bodyTemperature",
    "hrvBalance",
    "previousDayActivity",
    "previousNight",
    "recoveryIndex",
    "restingHeartRate",
    "sleepBalance",
    "sleepRegularity",
    "contributors",
];

/// What a day's sleep takes from its main period.
const MAIN_SLEEP: &[&str] = &[
    "type",
    "totalSleep",
    "timeInBed",
    "efficiency",
    "latency",
    "remSleep",
    "deepSleep",
    "lightSleep",
    "awake",
    "bedtimeStart",
    "bedtimeEnd",
    "restlessPeriods",
    "averageBreath",
    "averageHeartRate",
    "lowestHeartRate",
    "sleepPhase5Min",
    "sleepAnalysisReason",
    "lowBatteryAlert",
];

const NAP: &[&str] = &[
    "type",
    "totalSleep",
    "timeInBed",
    "efficiency",
    "bedtimeStart",
    "bedtimeEnd",
    "averageHeartRate",
    "lowestHeartRate",
    "averageHrv",
];

/// All of a day's activity but its two long series.
const ACTIVITY: &[&str] = &[
    "score",
    "activeCalories",
    "totalCalories",
    "steps",
    "equivalentWalkingDistance",
    "inactivityAlerts",
    "meetDailyTargets",
    "moveEveryHour",
    "recoveryTime",
    "stayActive",
    "trainingFrequency",
    "trainingVolume",
    "activeMinutes",
    "highActivityTime",
    "mediumActivityTime",
    "lowActivityTime",
    "sedentaryTime",
    "restingTime",
    "nonWearTime",
    "averageMetMinutes",
    "highActivityMetMinutes",
    "mediumActivityMetMinutes",
    "lowActivityMetMinutes",
    "sedentaryMetMinutes",
    "targetCalories",
    "targetMeters",
    "metersToTarget",
];

/// The stats of a day from its records, in whatever order; records of other days are left out. A kind without a
/// document on the day is absent.
#[must_use]
pub fn day_stats(day: Day, records: &[&Record]) -> BTreeMap<MetricType, Value> {
    let mut of_day: Vec<&Record> = records.iter().copied().filter(|record| record.day == day).collect();
    of_day.sort_by(|a, b| a.document_id.cmp(&b.document_id));
    let all = |kind: DataType| of_day.iter().copied().filter(move |record| record.data_type == kind);
    // One document a day is the rule; should there be two, the one with a score (and then the greater id) holds.
    let one = |kind: DataType| all(kind).max_by_key(|record| !field(record, "score").is_null());
    let pick = |kind: DataType, keys: &[&str]| one(kind).map(|record| picked(record, keys));
    let night = night(&of_day);

    let kinds = [
        (MetricType::Readiness, readiness(one(DataType::DailyReadiness), night.main)),
        (MetricType::Sleep, sleep(one(DataType::DailySleep), &night)),
        (MetricType::Activity, pick(DataType::DailyActivity, ACTIVITY)),
        (MetricType::Hrv, night.main.map(hrv)),
        (MetricType::Spo2, pick(DataType::DailySpo2, &["average", "breathingDisturbanceIndex"])),
        (MetricType::Stress, pick(DataType::DailyStress, &["stressHigh", "recoveryHigh", "daySummary"])),
        (MetricType::Resilience, pick(DataType::DailyResilience, &["level", "contributors"])),
        (MetricType::CardiovascularAge, pick(DataType::DailyCardiovascularAge, &["vascularAge", "pulseWaveVelocity"])),
        (MetricType::Vo2Max, pick(DataType::Vo2Max, &["vo2Max"])),
        (MetricType::HeartRate, pick(DataType::HeartRate, &["count", "min", "max", "average"])),
        (MetricType::Workout, workouts(all(DataType::Workout).collect(), one(DataType::HeartRate))),
        (MetricType::Session, sessions(all(DataType::Session).collect())),
        (MetricType::Tag, tags(all(DataType::Tag).chain(all(DataType::EnhancedTag)).collect())),
        (MetricType::SleepTime, pick(DataType::SleepTime, &["status", "recommendation", "optimalBedtime"])),
        (MetricType::RestMode, rest_mode(all(DataType::RestModePeriod).collect())),
        (MetricType::Ring, pick(DataType::RingBatteryLevel, &["batteryMinimum", "batteryLast", "charged"])),
    ];
    kinds.into_iter().filter_map(|(kind, stats)| Some((kind, canonical(Value::Object(stats?))))).collect()
}

/// Which fields of a day's stats differ, as `sleep.totalSleep`, sorted. All fields of a kind that came or went do.
#[must_use]
pub fn changed_fields(old: &BTreeMap<MetricType, Value>, new: &BTreeMap<MetricType, Value>) -> Vec<String> {
    let fields = |stats: &BTreeMap<MetricType, Value>, kind| -> Map<String, Value> {
        stats.get(&kind).and_then(Value::as_object).cloned().unwrap_or_default()
    };
    let mut changed = BTreeSet::new();
    for kind in old.keys().chain(new.keys()) {
        let (old, new) = (fields(old, *kind), fields(new, *kind));
        let differing = old.keys().chain(new.keys()).filter(|key| old.get(*key) != new.get(*key));
        changed.extend(differing.map(|key| format!("{kind}.{key}")));
    }
    changed.into_iter().collect()
}

/// Whether Oura may still change the day. It may until the day lies two days before today (UTC): by then the day has
/// ended in every zone and its night has been analysed. It may also as long as the main sleep was analysed in the
/// background only: Oura analyses it again when the patient opens the app.
#[must_use]
pub fn provisional(day: Day, records: &[&Record], now: Timestamp) -> bool {
    let of_day: Vec<&Record> = records.iter().copied().filter(|record| record.day == day).collect();
    let reason = night(&of_day).main.map(|main| field(main, "sleepAnalysisReason"));
    Day::of_utc(now).days_since(day) < 2 || reason.and_then(Value::as_str) == Some("background_sleep_analysis")
}

/// The instant of a timestamp in a record; none without an offset.
pub(super) fn instant(record: &Record, key: &str) -> Option<Timestamp> {
    field(record, key).as_str()?.parse().ok()
}

pub(super) fn field<'a>(record: &'a Record, key: &str) -> &'a Value {
    record.metrics.get(key).unwrap_or(&Value::Null)
}

/// These keys of the record, null where it has none.
pub(super) fn picked(record: &Record, keys: &[&str]) -> Map<String, Value> {
    keys.iter().map(|key| ((*key).to_owned(), field(record, key).clone())).collect()
}

/// From the readiness document; without one, from the readiness inside the main sleep if that has a score. `from` says
/// which: `daily_readiness` or `sleep`.
fn readiness(document: Option<&Record>, main: Option<&Record>) -> Option<Map<String, Value>> {
    if let Some(document) = document {
        let mut stats = picked(document, READINESS);
        stats.insert("from".to_owned(), json!(DataType::DailyReadiness));
        return Some(stats);
    }
    let inside =
        field(main?, "readiness").as_object().filter(|inside| inside.get("score").is_some_and(|s| !s.is_null()))?;
    let value = |key: &str| inside.get(key).cloned().unwrap_or_default();
    let mut stats: Map<_, _> = READINESS.iter().map(|key| ((*key).to_owned(), value(key))).collect();
    stats.insert("from".to_owned(), json!(DataType::Sleep));
    Some(stats)
}

/// Scores from the day's document, durations from its main sleep. `efficiency` (percent) and `latency` (seconds) are
/// measured; Oura's scores of the same names are under `contributors`.
fn sleep(scores: Option<&Record>, night: &SleepPeriods<'_>) -> Option<Map<String, Value>> {
    if scores.is_none() && night.main.is_none() && night.naps.is_empty() {
        return None;
    }
    let mut stats: Map<_, _> = match night.main {
        Some(main) => picked(main, MAIN_SLEEP),
        None => MAIN_SLEEP.iter().map(|key| ((*key).to_owned(), Value::Null)).collect(),
    };
    let contributors = scores.map(|scores| field(scores, "contributors")).unwrap_or(&Value::Null);
    let further = [
        ("documentId", json!(night.main.map(|main| &main.document_id))),
        ("score", scores.map(|scores| field(scores, "score").clone()).unwrap_or_default()),
        ("restfulness", contributors["restfulness"].clone()),
        ("timing", contributors["timing"].clone()),
        ("contributors", contributors.clone()),
        ("naps", listed(&night.naps, NAP)),
        ("furtherSleeps", listed(&night.further, NAP)),
    ];
    stats.extend(further.map(|(key, value)| (key.to_owned(), value)));
    Some(stats)
}

fn hrv(main: &Record) -> Map<String, Value> {
    let mut stats = picked(main, &["averageHrv", "maxHrv", "minHrv"]);
    stats.insert("restingHeartRate".to_owned(), field(main, "lowestHeartRate").clone());
    stats.insert("method".to_owned(), json!("rmssd"));
    stats.insert("series".to_owned(), field(main, "hrv").clone());
    stats
}
