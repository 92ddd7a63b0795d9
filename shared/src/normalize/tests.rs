//! Documents in the shapes that Oura sends, with invented values, through to records and stats.

mod bounds;
mod catalogue;
mod nights;
mod series;

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::*;
use crate::domain::{DataType, DayMetrics, MetricType, Number, canonical};

/// Records of a patient's account.
fn records_of(patient: &str, user_id: &str, documents: &Documents, offsets: &DayOffsets) -> Vec<Record> {
    let (patient, user_id) = (patient.parse().unwrap(), user_id.parse().unwrap());
    records(OuraAccount { patient: &patient, user_id: &user_id }, documents, offsets)
}

fn records_with(documents: &Documents, offsets: &DayOffsets) -> Vec<Record> {
    records_of("patient-1", "account-1", documents, offsets)
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn documents(data_type: DataType, all: Value) -> Documents {
    let raw: Vec<Box<RawValue>> = serde_json::from_str(&all.to_string()).unwrap();
    let raw: Vec<&str> = raw.iter().map(|raw| raw.get()).collect();
    let (documents, malformed) = Documents::parse(data_type, &raw);
    assert_eq!(malformed, [], "{data_type}");
    documents
}

fn made(data_type: DataType, all: Value) -> Vec<Record> {
    records_with(&documents(data_type, all), &DayOffsets::default())
}

pub(super) fn one(data_type: DataType, document: Value) -> Record {
    one_of(made(data_type, json!([document])))
}

fn one_of(records: Vec<Record>) -> Record {
    let [record] = <[Record; 1]>::try_from(records).unwrap();
    record
}

/// The day's stats, after making sure that neither the order of the records nor a way through a table changes them.
fn stats(of: &str, records: &[Record]) -> BTreeMap<MetricType, Value> {
    let stats = typed_stats(of, records);
    let stored: Vec<Record> = records.iter().rev().map(stored).collect();
    assert_eq!(typed_stats(of, &stored), stats);
    let Value::Object(by_type) = serde_json::to_value(&stats).unwrap() else { panic!("metrics are an object") };
    by_type.into_iter().map(|(metric_type, fields)| (metric_type.parse().unwrap(), fields)).collect()
}

fn typed_stats(of: &str, records: &[Record]) -> DayMetrics {
    day_stats(day(of), &records.iter().collect::<Vec<_>>())
}

/// The record after a way through a table.
fn stored(record: &Record) -> Record {
    let metrics = record.metrics_json();
    assert_eq!(canonical(metrics.clone()), metrics);
    Record { metrics: Some(RecordMetrics::read(record.data_type, metrics).unwrap()), ..record.clone() }
}

/// A sleep period of `total` seconds in the recorded shape.
fn sleep(id: &str, kind: &str, total: Value, from: &str, to: &str) -> Value {
    json!({
        "id": id, "day": "2031-05-05", "type": kind, "period": 0, "low_battery_alert": false,
        "bedtime_start": from, "bedtime_end": to, "time_in_bed": 30000, "total_sleep_duration": total,
        "awake_time": 2400, "deep_sleep_duration": 5100, "light_sleep_duration": 15600.0, "rem_sleep_duration": 4500,
        "latency": 540, "efficiency": 88, "restless_periods": 214, "average_breath": 15.125,
        "average_heart_rate": 57.75, "lowest_heart_rate": 51, "average_hrv": 44,
        "hrv": {"interval": 300.0, "items": [null, 40.0, 71.0, null, 19.0], "timestamp": from},
        "heart_rate": {"interval": 300.0, "items": [60.0, null, 55.0], "timestamp": from},
        "movement_30_sec": "1121", "sleep_phase_5_min": "4213", "sleep_analysis_reason": "foreground_sleep_analysis",
        "sleep_algorithm_version": "v2", "ring_id": null,
        "readiness": {"score": 74, "temperature_deviation": 0.21, "temperature_trend_deviation": null,
            "contributors": {"activity_balance": 66, "resting_heart_rate": 91}},
    })
}

fn fragment(id: &str, total: Value, from: &str, to: &str) -> Value {
    let mut fragment = sleep(id, "sleep", total, from, to);
    for absent in ["average_hrv", "heart_rate", "hrv", "readiness"] {
        fragment[absent] = Value::Null;
    }
    fragment["lowest_heart_rate"] = json!(255);
    fragment
}

fn busy_day() -> Vec<Record> {
    made(
        DataType::Sleep,
        json!([
            fragment("frag-1", json!(60), "2031-05-04T19:40:00+02:00", "2031-05-04T19:58:00+02:00"),
            sleep("artefact", "long_sleep", json!(240), "2031-05-04T20:30:00+02:00", "2031-05-04T23:40:00+02:00"),
            sleep("night", "long_sleep", json!(25200), "2031-05-05T00:10:00+02:00", "2031-05-05T08:20:00+02:00"),
            sleep("gone", "deleted", json!(29000), "2031-05-05T00:05:00+02:00", "2031-05-05T08:30:00+02:00"),
            sleep("rest", "rest", json!(26000), "2031-05-05T09:00:00+02:00", "2031-05-05T16:30:00+02:00"),
            fragment("frag-2", Value::Null, "2031-05-05T11:00:00+02:00", "2031-05-05T11:07:00+02:00"),
            sleep("nap", "late_nap", json!(2700), "2031-05-05T13:10:00+02:00", "2031-05-05T14:00:00+02:00"),
        ]),
    )
}

fn beat(at: &str, source: &str, bpm: u32) -> Value {
    json!({"timestamp": at, "source": source, "bpm": bpm, "timestamp_unix": 0})
}

#[test]
fn spo2_of_zero_is_null() {
    let spo2 = |average, index| {
        let document =
            json!({"id": "o", "day": "2031-05-05", "spo2_percentage": average, "breathing_disturbance_index": index});
        stats("2031-05-05", &[one(DataType::DailySpo2, document)])[&MetricType::Spo2].clone()
    };
    let nothing = json!({"average": null, "breathingDisturbanceIndex": null});
    assert_eq!(spo2(json!({"average": 0.0}), Value::Null), nothing);
    assert_eq!(spo2(Value::Null, Value::Null), nothing);
    assert_eq!(spo2(json!({"average": 96.5}), json!(4)), json!({"average": 96.5, "breathingDisturbanceIndex": 4}));
}

#[test]
fn activity_keeps_negative_distances_and_adds_minutes_only_when_all_are_known() {
    let document = |low: Value| {
        json!({"id": "a", "day": "2031-05-05", "score": null, "steps": 0, "meters_to_target": -1350,
            "high_activity_time": 600, "medium_activity_time": 1200, "low_activity_time": low, "class_5_min": "0123",
            "met": {"interval": 60.0, "items": [0.9, 1.0], "timestamp": "2031-05-05T04:00:00.000+02:00"},
            "contributors": {"meet_daily_targets": 60, "move_every_hour": 80, "stay_active": 70},
            "timestamp": "2031-05-05T04:00:00+02:00"})
    };
    let record = one(DataType::DailyActivity, document(json!(7200)));
    assert_eq!(record.metrics_json()["met"]["items"], json!([0.9, 1]));
    let known = &stats("2031-05-05", &[record])[&MetricType::Activity];
    assert_eq!(
        (&known["metersToTarget"], &known["steps"], &known["activeMinutes"]),
        (&json!(-1350), &json!(0), &json!(150))
    );
    assert_eq!((&known["moveEveryHour"], known.get("met"), known.get("class5Min")), (&json!(80), None, None));
    let unknown = stats("2031-05-05", &[one(DataType::DailyActivity, document(Value::Null))]);
    assert_eq!(unknown[&MetricType::Activity]["activeMinutes"], Value::Null);
}

#[test]
fn daily_documents_keep_their_values_and_unknown_words() {
    let records = [
        one(
            DataType::DailyStress,
            json!({"id": "st", "day": "2031-05-05", "stress_high": 2700, "recovery_high": 0, "day_summary": "wild"}),
        ),
        one(
            DataType::DailyResilience,
            json!({"id": "re", "day": "2031-05-05", "level": "superhuman",
            "contributors": {"sleep_recovery": 51.2, "daytime_recovery": 40, "stress": null}}),
        ),
        one(DataType::DailyCardiovascularAge, json!({"day": "2031-05-05", "vascular_age": 41})),
        one(
            DataType::Vo2Max,
            json!({"id": "vo", "day": "2031-05-05", "timestamp": "2031-05-05T10:00:00Z", "vo2_max": 42.5}),
        ),
        one(
            DataType::SleepTime,
            json!({"id": "ti", "day": "2031-05-05", "recommendation": "earlier_bedtime",
            "status": "optimal_found", "optimal_bedtime": {"day_tz": 7200, "start_offset": -3600, "end_offset": 1800}}),
        ),
    ];
    let stats = stats("2031-05-05", &records);
    assert_eq!(stats[&MetricType::Stress], json!({"stressHigh": 2700, "recoveryHigh": 0, "daySummary": "wild"}));
    assert_eq!(
        stats[&MetricType::Resilience],
        json!({"level": "superhuman",
        "contributors": {"sleepRecovery": 51.2, "daytimeRecovery": 40, "stress": null}})
    );
    assert_eq!(stats[&MetricType::CardiovascularAge], json!({"vascularAge": 41, "pulseWaveVelocity": null}));
    assert_eq!(stats[&MetricType::Vo2Max], json!({"vo2Max": 42.5}));
    assert_eq!(
        stats[&MetricType::SleepTime]["optimalBedtime"],
        json!({"dayTz": 7200, "startOffset": -3600, "endOffset": 1800})
    );
}

#[test]
fn document_without_an_id_gets_a_stable_derived_id() {
    let age = |day: &str| json!({"day": day, "vascular_age": 41});
    let (first, again) = (
        made(DataType::DailyCardiovascularAge, json!([age("2031-05-05"), age("2031-05-06")])),
        made(DataType::DailyCardiovascularAge, json!([age("2031-05-05")])),
    );
    assert_eq!(first[0].document_id, again[0].document_id);
    assert_ne!(first[0].document_id, first[1].document_id);
    let documents = documents(DataType::DailyCardiovascularAge, json!([age("2031-05-05")]));
    for (patient, account) in [("patient-2", "account-1"), ("patient-1", "account-2")] {
        let other = records_of(patient, account, &documents, &DayOffsets::default());
        assert_ne!(first[0].document_id, other[0].document_id);
    }
    let start = |start: &str| json!({"day": "2031-05-05", "activity": "running", "start_datetime": start});
    let two = made(DataType::Workout, json!([start("2031-05-05T08:00:00+02:00"), start("2031-05-05T18:00:00+02:00")]));
    assert_ne!(two[0].document_id, two[1].document_id, "two workouts of one day");
    let tag = |code: &str| json!({"day": "2031-05-05", "timestamp": "2031-05-05T08:00:00+02:00", "tags": [code]});
    let two = made(DataType::Tag, json!([tag("tag_generic_coffee"), tag("tag_generic_nap")]));
    assert_ne!(two[0].document_id, two[1].document_id, "two tags of one moment");
}

#[test]
fn document_on_two_pages_gives_one_record_with_the_later_content() {
    let score = |score: u32| json!({"id": "same", "day": "2031-05-05", "score": score});
    let records = made(DataType::DailySleep, json!([score(70), score(71)]));
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].metrics_json()["score"], 71);
}

#[test]
fn tag_counts_once_and_holds_no_words_of_the_patient() {
    let secret = "Argued with Robin again";
    let mut records = made(
        DataType::Tag,
        json!([{"id": "t1", "day": "2031-05-05", "text": secret, "timestamp": "2031-05-05T20:15:00+02:00",
            "tags": ["tag_generic_coffee", secret]}]),
    );
    records.extend(made(
        DataType::EnhancedTag,
        json!([
            {"id": "t2", "start_day": "2031-05-05", "end_day": null, "start_time": "2031-05-05T18:15:00+00:00",
                "end_time": null, "tag_type_code": "tag_generic_coffee", "comment": secret, "custom_name": null},
            {"id": "t3", "start_day": "2031-05-05", "end_day": "2031-05-06", "start_time": "2031-05-05T22:00:00",
                "end_time": "2031-05-06T01:00:00", "tag_type_code": "custom", "comment": "", "custom_name": secret},
            {"id": "t4", "start_day": "2031-05-05", "start_time": "2031-05-05T23:00:00+02:00", "comment": secret},
        ]),
    ));
    let stats = stats("2031-05-05", &records);
    assert!(!format!("{records:?}{stats:?}").contains("Robin"));
    assert_eq!(
        stats[&MetricType::Tag]["tags"],
        json!([
            {"code": "custom", "start": "2031-05-05T22:00:00", "end": "2031-05-06T01:00:00"},
            {"code": "tag_generic_coffee", "start": "2031-05-05T20:15:00+02:00", "end": null},
            {"code": "custom", "start": "2031-05-05T20:15:00+02:00", "end": null},
            {"code": null, "start": "2031-05-05T23:00:00+02:00", "end": null},
        ])
    );
}

#[test]
fn rest_mode_shows_on_the_day_on_which_it_begins() {
    let record = one(
        DataType::RestModePeriod,
        json!({"id": "rm", "start_day": "2031-05-05", "start_time": "2031-05-04T23:03:00+00:00", "end_day": null, "end_time": null,
            "episodes": [{"tags": ["tag_generic_cold"], "timestamp": "2031-05-04T23:03:00.000+00:00"}]}),
    );
    assert_eq!(record.metrics_json()["episodes"][0]["codes"], json!(["tag_generic_cold"]));
    let stats = stats("2031-05-05", &[record]);
    assert_eq!(stats[&MetricType::RestMode]["periods"][0]["endDay"], Value::Null);
}

#[test]
fn ring_belongs_to_the_day_of_its_set_up_and_battery_to_every_day() {
    let ring = |set_up: Value| {
        one(DataType::RingConfiguration, json!({"id": "ring", "hardware_type": "or9", "set_up_at": set_up, "size": 9}))
    };
    assert_eq!(ring(json!("2030-03-09T23:48:00+00:00")).day, day("2030-03-09"));
    for unknown in [Value::Null, json!("1970-01-01T00:00:00+00:00")] {
        let ring = ring(unknown);
        assert_eq!((ring.day, &ring.metrics_json()["setUpAt"]), (day("2015-01-01"), &Value::Null));
        assert_eq!(stats("2015-01-01", &[ring]), BTreeMap::new(), "a ring is no metric of a day");
    }
    let level = |at: &str, level: u32, charging: Value| json!({"timestamp": at, "level": level, "charging": charging, "in_charger": null});
    let records = made(
        DataType::RingBatteryLevel,
        json!([
            level("2031-05-05T20:00:00Z", 95, json!(true)),
            level("2031-05-05T08:00:00Z", 31, json!(false)),
            level("2031-05-06T08:00:00Z", 80, Value::Null)
        ]),
    );
    assert_eq!(
        stats("2031-05-05", &records)[&MetricType::Ring],
        json!({"batteryMinimum": 31, "batteryLast": 95, "charged": true})
    );
    assert_eq!(stats("2031-05-06", &records)[&MetricType::Ring]["charged"], Value::Null);
}

#[test]
fn changed_fields_name_metric_type_and_field() {
    let mut before = busy_day();
    let old = typed_stats("2031-05-05", &before);
    assert_eq!(changed_fields(&old, &old), [""; 0]);
    before.retain(|record| record.document_id.as_str() != "nap");
    for record in &mut before {
        if record.document_id.as_str() == "night" {
            let Some(RecordMetrics::Sleep(period)) = &mut record.metrics else { panic!("a sleep period") };
            period.measures.total_sleep = Some(Number::from(25230));
        }
    }
    before.push(one(DataType::Vo2Max, json!({"id": "vo", "day": "2031-05-05", "vo2_max": null})));
    let new = typed_stats("2031-05-05", &before);
    assert_eq!(
        changed_fields(&old, &new),
        ["sleep.naps", "sleep.totalSleep", "sleep.totalSleepAllPeriods", "vo2Max.vo2Max"]
    );
    assert_eq!(changed_fields(&new, &old), changed_fields(&old, &new));
}

#[test]
fn day_is_provisional_until_it_is_two_days_old_and_its_night_was_analysed_in_the_foreground() {
    let records = busy_day();
    let provisional_at = |records: &[Record], now: &str| {
        provisional(day("2031-05-05"), &records.iter().collect::<Vec<_>>(), now.parse().unwrap())
    };
    assert!(provisional_at(&records, "2031-05-05T10:00:00Z"));
    assert!(provisional_at(&records, "2031-05-06T23:59:59Z"));
    assert!(!provisional_at(&records, "2031-05-07T00:00:00Z"));
    assert!(!provisional_at(&[], "2031-05-07T00:00:00Z"));
    let mut background =
        sleep("night", "long_sleep", json!(25200), "2031-05-05T00:10:00+02:00", "2031-05-05T08:20:00+02:00");
    background["sleep_analysis_reason"] = json!("background_sleep_analysis");
    assert!(provisional_at(&made(DataType::Sleep, json!([background])), "2031-05-09T00:00:00Z"));
}
