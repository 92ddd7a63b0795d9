//! Documents in the shapes that Oura sends, with invented values, through to records and stats.

mod catalogue;

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::*;
use crate::oura::DataType as Kind;

fn patient() -> PatientId {
    PatientId::parse("patient-1").unwrap()
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn documents(kind: Kind, all: Value) -> Documents {
    let raw: Vec<Box<RawValue>> = serde_json::from_str(&all.to_string()).unwrap();
    let raw: Vec<&RawValue> = raw.iter().map(AsRef::as_ref).collect();
    let (documents, malformed) = Documents::parse(kind, &raw);
    assert_eq!(malformed, [], "{kind}");
    documents
}

fn made(kind: Kind, all: Value) -> Vec<Record> {
    records(&patient(), &documents(kind, all), &DayOffsets::default())
}

fn one(kind: Kind, document: Value) -> Record {
    let [record] = <[Record; 1]>::try_from(made(kind, json!([document]))).unwrap();
    record
}

/// The day's stats, after making sure that neither the order of the records nor a way through a table changes them.
fn stats(of: &str, records: &[Record]) -> BTreeMap<MetricType, Value> {
    let fresh: Vec<&Record> = records.iter().collect();
    let stats = day_stats(day(of), &fresh);
    let stored: Vec<Record> = records
        .iter()
        .rev()
        .map(|record| serde_json::from_str(&serde_json::to_string(record).unwrap()).unwrap())
        .collect();
    assert_eq!(day_stats(day(of), &stored.iter().collect::<Vec<_>>()), stats);
    for record in records {
        assert_eq!(canonical(Value::Object(record.metrics.clone())), Value::Object(record.metrics.clone()));
    }
    stats
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
        Kind::Sleep,
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

#[test]
fn the_longest_long_sleep_is_the_main_one_and_naps_stay_beside_it() {
    let records = busy_day();
    assert_eq!(records.len(), 7, "one record per document, the deleted one too");
    let stats = stats("2031-05-05", &records);
    let sleep = &stats[&MetricType::Sleep];
    assert_eq!(sleep["documentId"], "night");
    assert_eq!(
        (&sleep["totalSleep"], &sleep["efficiency"], &sleep["latency"]),
        (&json!(25200), &json!(88), &json!(540))
    );
    assert_eq!((&sleep["lightSleep"], &sleep["averageBreath"]), (&json!(15600), &json!(15.125)));
    assert_eq!(sleep["bedtimeStart"], "2031-05-05T00:10:00+02:00");
    let ids = |key: &str| sleep[key].as_array().unwrap().iter().map(|n| n["documentId"].clone()).collect::<Vec<_>>();
    assert_eq!(ids("naps"), ["frag-1", "nap"]);
    assert_eq!(sleep["naps"][0]["lowestHeartRate"], Value::Null, "255 is Oura's way to say that there is none");
    assert_eq!(ids("furtherSleeps"), ["artefact"]);
    assert_eq!(stats[&MetricType::Hrv]["averageHrv"], 44);
}

#[test]
fn the_periods_of_a_day_begin_with_the_main_one_and_leave_out_rest() {
    let records = busy_day();
    let periods: Vec<_> = sleep_periods(&records.iter().collect::<Vec<_>>());
    let ids: Vec<_> = periods.iter().map(|period| period.document_id.as_str()).collect();
    assert_eq!(ids, ["night", "frag-1", "artefact", "nap"]);
}

#[test]
fn without_a_long_sleep_the_longest_sleep_is_the_main_one_and_never_rest_or_a_late_nap() {
    let at = ("2031-05-05T01:00:00+02:00", "2031-05-05T05:00:00+02:00");
    let records = made(
        Kind::Sleep,
        json!([
            fragment("short", json!(900), at.0, at.1),
            sleep("longer", "sleep", json!(9000), at.0, at.1),
            sleep("nap", "late_nap", json!(12000), at.0, at.1),
            sleep("new", "a_type_of_tomorrow", json!(20000), at.0, at.1),
        ]),
    );
    assert_eq!(stats("2031-05-05", &records)[&MetricType::Sleep]["documentId"], "longer");

    let none = made(
        Kind::Sleep,
        json!([sleep("nap", "late_nap", json!(12000), at.0, at.1), fragment("frag", Value::Null, at.0, at.1)]),
    );
    let stats = stats("2031-05-05", &none);
    assert_eq!(stats[&MetricType::Sleep]["totalSleep"], Value::Null);
    assert_eq!(stats[&MetricType::Sleep]["naps"][0]["totalSleep"], 12000);
    assert!(!stats.contains_key(&MetricType::Hrv));
}

#[test]
fn a_day_with_only_deleted_and_resting_periods_has_no_sleep() {
    let at = ("2031-05-05T01:00:00+02:00", "2031-05-05T05:00:00+02:00");
    let records = made(
        Kind::Sleep,
        json!([sleep("a", "deleted", json!(9000), at.0, at.1), sleep("b", "rest", json!(9000), at.0, at.1)]),
    );
    assert_eq!(stats("2031-05-05", &records), BTreeMap::new());
}

#[test]
fn the_four_documented_shapes_have_all_their_keys_even_when_oura_sends_nothing_but_nulls() {
    let mut night = sleep("night", "long_sleep", json!(1), "2031-05-05T00:10:00+02:00", "2031-05-05T08:20:00+02:00");
    for (key, value) in night.as_object_mut().unwrap() {
        if !["id", "day", "type", "total_sleep_duration"].contains(&key.as_str()) {
            *value = Value::Null;
        }
    }
    let mut records = made(Kind::Sleep, json!([night]));
    for (kind, id) in [(Kind::DailyReadiness, "r"), (Kind::DailySleep, "s"), (Kind::DailyActivity, "a")] {
        records.push(one(kind, json!({"id": id, "day": "2031-05-05", "score": null, "contributors": null})));
    }
    let stats = stats("2031-05-05", &records);
    let wanted = [
        (
            MetricType::Readiness,
            "score temperatureDeviation temperatureTrendDeviation activityBalance bodyTemperature \
            hrvBalance previousDayActivity previousNight recoveryIndex restingHeartRate sleepBalance",
        ),
        (
            MetricType::Sleep,
            "score efficiency latency remSleep deepSleep lightSleep awake restfulness timing \
            bedtimeStart bedtimeEnd",
        ),
        (
            MetricType::Activity,
            "score activeCalories totalCalories steps equivalentWalkingDistance inactivityAlerts \
            meetDailyTargets moveEveryHour trainingFrequency trainingVolume activeMinutes",
        ),
        (MetricType::Hrv, "averageHrv maxHrv minHrv restingHeartRate"),
    ];
    for (kind, keys) in wanted {
        for key in keys.split_whitespace() {
            assert_eq!(stats[&kind].get(key), Some(&Value::Null), "{kind}.{key}");
        }
    }
    assert_eq!(stats.len(), 4, "a kind without a document is absent");
}

#[test]
fn scores_and_measurements_of_the_same_name_are_kept_apart() {
    let mut records = busy_day();
    records.push(one(
        Kind::DailySleep,
        json!({"id": "scores", "day": "2031-05-05", "score": 79, "timestamp": "2031-05-04T00:00:00+00:00",
            "contributors": {"deep_sleep": 81, "efficiency": 63, "latency": 97, "rem_sleep": 58, "restfulness": 44,
                "timing": 90, "total_sleep": 76}}),
    ));
    records.push(one(
        Kind::DailyReadiness,
        json!({"id": "ready", "day": "2031-05-05", "score": 83, "temperature_deviation": -0.12,
            "temperature_trend_deviation": null, "timestamp": "2031-05-05T00:00:00-05:00",
            "contributors": {"body_temperature": 96, "resting_heart_rate": 88, "hrv_balance": null,
                "sleep_regularity": 71, "a_contributor_of_tomorrow": {"x": 1}}}),
    ));
    let stats = stats("2031-05-05", &records);
    let (sleep, readiness, hrv) =
        (&stats[&MetricType::Sleep], &stats[&MetricType::Readiness], &stats[&MetricType::Hrv]);
    assert_eq!((&sleep["efficiency"], &sleep["contributors"]["efficiency"]), (&json!(88), &json!(63)));
    assert_eq!((&sleep["latency"], &sleep["contributors"]["latency"]), (&json!(540), &json!(97)));
    assert_eq!((&sleep["score"], &sleep["restfulness"], &sleep["timing"]), (&json!(79), &json!(44), &json!(90)));
    assert_eq!((&readiness["restingHeartRate"], &hrv["restingHeartRate"]), (&json!(88), &json!(51)));
    assert_eq!((&readiness["bodyTemperature"], &readiness["temperatureDeviation"]), (&json!(96), &json!(-0.12)));
    assert_eq!((&readiness["hrvBalance"], &readiness["sleepRegularity"]), (&Value::Null, &json!(71)));
    assert_eq!(readiness["from"], "daily_readiness", "the document, although the night has a readiness of its own");
    assert_eq!((&hrv["maxHrv"], &hrv["minHrv"], &hrv["method"]), (&json!(71), &json!(19), &json!("rmssd")));
    assert_eq!(hrv["series"]["items"], json!([null, 40, 71, null, 19]));
    assert_eq!(hrv["series"]["intervalSeconds"], 300);
}

#[test]
fn scores_without_periods_and_periods_without_scores_leave_nulls() {
    let scores = vec![one(Kind::DailySleep, json!({"id": "s", "day": "2031-05-05", "score": 79}))];
    let with_scores = stats("2031-05-05", &scores);
    assert_eq!(
        (&with_scores[&MetricType::Sleep]["score"], &with_scores[&MetricType::Sleep]["totalSleep"]),
        (&json!(79), &Value::Null)
    );
    let with_periods = stats("2031-05-05", &busy_day());
    assert_eq!(with_periods[&MetricType::Sleep]["score"], Value::Null);
    let readiness = &with_periods[&MetricType::Readiness];
    assert_eq!(
        (&readiness["score"], &readiness["from"], &readiness["restingHeartRate"]),
        (&json!(74), &json!("sleep"), &json!(91))
    );
}

#[test]
fn nights_of_25_hours_and_flights_keep_ouras_durations_and_offsets() {
    let autumn = one(
        Kind::Sleep,
        sleep("dst", "long_sleep", json!(28800), "2031-10-25T23:30:00+02:00", "2031-10-26T07:30:00+01:00"),
    );
    assert_eq!(autumn.metrics["totalSleep"], 28800);
    assert_eq!(autumn.metrics["bedtimeEnd"], "2031-10-26T07:30:00+01:00");
    let workout = one(
        Kind::Workout,
        json!({"id": "w", "day": "2031-10-26", "activity": "walking", "start_datetime": "2031-10-26T02:30:00+02:00",
            "end_datetime": "2031-10-26T02:30:00+01:00"}),
    );
    assert_eq!(workout.metrics["duration"], 3600, "the clock showed the same time twice");
    let flight = one(
        Kind::Workout,
        json!({"id": "w", "day": "2031-07-01", "activity": "yoga", "start_datetime": "2031-07-01T21:00:00+09:00",
            "end_datetime": "2031-07-01T06:00:00-07:00"}),
    );
    assert_eq!(flight.metrics["duration"], 3600);
    assert_eq!(flight.metrics["start"], "2031-07-01T21:00:00+09:00");
}

#[test]
fn the_day_is_ouras_and_not_that_of_the_timestamp() {
    let record = one(
        Kind::DailyReadiness,
        json!({"id": "r", "day": "2031-05-05", "score": 80, "timestamp": "2031-05-03T22:00:00+00:00"}),
    );
    assert_eq!(record.day, day("2031-05-05"));
}

#[test]
fn an_unfinished_night_and_an_unnamed_one_are_read() {
    let mut night = sleep("night", "long_sleep", json!(18000), "2031-05-05T00:10:00+02:00", "");
    night["bedtime_end"] = Value::Null;
    night["type"] = Value::Null;
    let stats = stats("2031-05-05", &made(Kind::Sleep, json!([night])));
    let sleep = &stats[&MetricType::Sleep];
    assert_eq!(
        (&sleep["totalSleep"], &sleep["bedtimeEnd"], &sleep["type"]),
        (&json!(18000), &Value::Null, &Value::Null)
    );
}

#[test]
fn oxygen_of_zero_is_no_measurement() {
    let spo2 = |average, index| {
        let document =
            json!({"id": "o", "day": "2031-05-05", "spo2_percentage": average, "breathing_disturbance_index": index});
        stats("2031-05-05", &[one(Kind::DailySpo2, document)])[&MetricType::Spo2].clone()
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
    let record = one(Kind::DailyActivity, document(json!(7200)));
    assert_eq!(record.metrics["met"]["items"], json!([0.9, 1]));
    let known = &stats("2031-05-05", &[record])[&MetricType::Activity];
    assert_eq!(
        (&known["metersToTarget"], &known["steps"], &known["activeMinutes"]),
        (&json!(-1350), &json!(0), &json!(150))
    );
    assert_eq!((&known["moveEveryHour"], known.get("met"), known.get("class5Min")), (&json!(80), None, None));
    let unknown = stats("2031-05-05", &[one(Kind::DailyActivity, document(Value::Null))]);
    assert_eq!(unknown[&MetricType::Activity]["activeMinutes"], Value::Null);
}

#[test]
fn small_daily_kinds_keep_their_values_and_words_not_known_yet() {
    let records = [
        one(
            Kind::DailyStress,
            json!({"id": "st", "day": "2031-05-05", "stress_high": 2700, "recovery_high": 0, "day_summary": "wild"}),
        ),
        one(
            Kind::DailyResilience,
            json!({"id": "re", "day": "2031-05-05", "level": "superhuman",
            "contributors": {"sleep_recovery": 51.2, "daytime_recovery": 40, "stress": null}}),
        ),
        one(Kind::DailyCardiovascularAge, json!({"day": "2031-05-05", "vascular_age": 41})),
        one(
            Kind::Vo2Max,
            json!({"id": "vo", "day": "2031-05-05", "timestamp": "2031-05-05T10:00:00Z", "vo2_max": 42.5}),
        ),
        one(
            Kind::SleepTime,
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
fn documents_without_an_id_get_a_stable_one_of_their_own() {
    let age = |day: &str| json!({"day": day, "vascular_age": 41});
    let (first, again) = (
        made(Kind::DailyCardiovascularAge, json!([age("2031-05-05"), age("2031-05-06")])),
        made(Kind::DailyCardiovascularAge, json!([age("2031-05-05")])),
    );
    assert_eq!(first[0].document_id, again[0].document_id);
    assert_ne!(first[0].document_id, first[1].document_id);
    let other = records(
        &PatientId::parse("patient-2").unwrap(),
        &documents(Kind::DailyCardiovascularAge, json!([age("2031-05-05")])),
        &DayOffsets::default(),
    );
    assert_ne!(first[0].document_id, other[0].document_id);
    let start = |start: &str| json!({"day": "2031-05-05", "activity": "running", "start_datetime": start});
    let two = made(Kind::Workout, json!([start("2031-05-05T08:00:00+02:00"), start("2031-05-05T18:00:00+02:00")]));
    assert_ne!(two[0].document_id, two[1].document_id, "two workouts of one day");
}

#[test]
fn a_document_on_two_pages_gives_one_record_with_the_later_content() {
    let score = |score: u32| json!({"id": "same", "day": "2031-05-05", "score": score});
    let records = made(Kind::DailySleep, json!([score(70), score(71)]));
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].metrics["score"], 71);
}

fn beat(at: &str, source: &str, bpm: u32) -> Value {
    json!({"timestamp": at, "source": source, "bpm": bpm, "timestamp_unix": 0})
}

#[test]
fn heart_rate_samples_are_keyed_by_moment_and_source_and_listed_in_order() {
    let records = made(
        Kind::HeartRate,
        json!([
            beat("2031-05-05T12:05:00+00:00", "awake", 72),
            beat("2031-05-05T12:00:00+00:00", "awake", 70),
            beat("2031-05-05T12:00:00+00:00", "workout", 101),
            beat("2031-05-05T12:00:00.000Z", "awake", 71),
        ]),
    );
    assert_eq!(records.len(), 1);
    let metrics = Value::Object(records[0].metrics.clone());
    assert_eq!(
        metrics,
        json!({
            "count": 3, "min": 71, "max": 101, "average": 81.33, "everyNth": 1,
            "start": "2031-05-05T12:00:00Z", "end": "2031-05-05T12:05:00Z",
            "secondsFromStart": [0, 0, 300], "bpm": [71, 101, 72], "source": ["awake", "workout", "awake"],
        })
    );
    let stats = stats("2031-05-05", &records);
    assert_eq!(stats[&MetricType::HeartRate], json!({"count": 3, "min": 71, "max": 101, "average": 81.33}));
}

#[test]
fn samples_around_midnight_lie_on_the_patients_day_wherever_the_patient_is() {
    let nights = documents(
        Kind::Sleep,
        json!([
            sleep("tokyo", "long_sleep", json!(20000), "2031-05-05T00:10:00+09:00", "2031-05-05T08:00:00+09:00"),
            sleep("lima", "long_sleep", json!(20000), "2031-05-09T23:10:00-05:00", "2031-05-10T07:00:00-05:00"),
        ]),
    );
    let offsets = DayOffsets::of_documents([&nights]);
    let samples = documents(
        Kind::HeartRate,
        json!([
            beat("2031-05-05T14:59:00+00:00", "awake", 60),
            beat("2031-05-05T15:01:00+00:00", "awake", 61),
            beat("2031-05-10T04:59:00+00:00", "rest", 62),
            beat("2031-05-10T05:00:00+00:00", "rest", 63),
        ]),
    );
    let days = |records: &[Record]| records.iter().map(|record| record.day.to_string()).collect::<Vec<_>>();
    let local = records(&patient(), &samples, &offsets);
    assert_eq!(days(&local), ["2031-05-05", "2031-05-06", "2031-05-09", "2031-05-10"]);
    let utc = records(&patient(), &samples, &DayOffsets::default());
    assert_eq!(days(&utc), ["2031-05-05", "2031-05-10"]);

    let stored = DayOffsets::of_records(&records(&patient(), &nights, &DayOffsets::default()));
    assert_eq!(stored, offsets, "stored records tell the same as fresh documents");

    let mut within = local;
    retain_days(&mut within, DayRange::new(day("2031-05-06"), day("2031-05-09")).unwrap());
    assert_eq!(days(&within), ["2031-05-06", "2031-05-09"]);
}

#[test]
fn a_day_of_very_many_samples_is_thinned_and_its_summary_is_not() {
    let start: jiff::Timestamp = "2031-05-05T00:00:00Z".parse().unwrap();
    let samples: Vec<Value> = (0..25_000_u32)
        .map(|n| beat(&(start + jiff::SignedDuration::from_secs(3 * i64::from(n))).to_string(), "live", 60 + n % 100))
        .collect();
    let records = made(Kind::HeartRate, Value::Array(samples));
    let metrics = &records[0].metrics;
    assert_eq!((&metrics["count"], &metrics["everyNth"], &metrics["max"]), (&json!(25_000), &json!(3), &json!(159)));
    assert_eq!(metrics["bpm"].as_array().unwrap().len(), 8_334);
    assert!(serde_json::to_string(&records[0]).unwrap().len() < 250_000);
}

#[test]
fn workouts_have_totals_titles_and_the_heart_rate_inside_them() {
    let mut records = made(
        Kind::Workout,
        json!([
            {"id": "late", "day": "2031-05-05", "activity": "strengthTraining", "label": "", "calories": 180.25,
                "distance": null, "intensity": "hard", "source": "manual", "end_datetime": "2031-05-05T19:00:00+02:00",
                "start_datetime": "2031-05-05T18:00:00+02:00"},
            {"id": "early", "day": "2031-05-05", "activity": "cross_country_skiing", "label": null, "calories": 99.5,
                "distance": 5200.5, "intensity": "easy", "source": "confirmed",
                "start_datetime": "2031-05-05T06:00:00+00:00", "end_datetime": "2031-05-05T06:30:00+00:00"},
        ]),
    );
    let without_samples = stats("2031-05-05", &records);
    assert_eq!(without_samples[&MetricType::Workout]["workouts"][0]["averageHeartRate"], Value::Null);
    records.extend(made(
        Kind::HeartRate,
        json!([
            beat("2031-05-05T05:59:59Z", "awake", 50),
            beat("2031-05-05T06:00:00Z", "workout", 120),
            beat("2031-05-05T06:15:00Z", "workout", 151),
            beat("2031-05-05T06:31:00Z", "awake", 170),
        ]),
    ));
    let stats = stats("2031-05-05", &records);
    let workout = &stats[&MetricType::Workout];
    assert_eq!((&workout["count"], &workout["totalDuration"]), (&json!(2), &json!(5400)));
    assert_eq!((&workout["totalCalories"], &workout["totalDistance"]), (&json!(279.75), &json!(5200.5)));
    let (early, late) = (&workout["workouts"][0], &workout["workouts"][1]);
    assert_eq!((&early["title"], &early["duration"]), (&json!("Cross country skiing"), &json!(1800)));
    assert_eq!((&early["averageHeartRate"], &early["maxHeartRate"]), (&json!(135.5), &json!(151)));
    assert_eq!(
        (&late["title"], &late["distance"], &late["maxHeartRate"]),
        (&json!("Strength training"), &Value::Null, &Value::Null)
    );
}

#[test]
fn sessions_carry_the_averages_of_their_series() {
    let record = one(
        Kind::Session,
        json!({"id": "se", "day": "2031-05-05", "type": "breathing", "mood": null, "heart_rate_variability": null,
            "start_datetime": "2031-05-05T16:00:00+02:00", "end_datetime": "2031-05-05T16:05:30+02:00",
            "heart_rate": {"interval": 5.0, "items": [60.0, null, 63.0], "timestamp": "2031-05-05T16:00:00.000+02:00"},
            "motion_count": {"interval": 5.0, "items": [0.0], "timestamp": "2031-05-05T16:00:00.000+02:00"}}),
    );
    let stats = stats("2031-05-05", &[record]);
    let session = &stats[&MetricType::Session]["sessions"][0];
    assert_eq!(
        (&session["duration"], &session["averageHeartRate"], &session["averageHrv"]),
        (&json!(330), &json!(61.5), &Value::Null)
    );
}

#[test]
fn what_a_patient_wrote_is_in_no_record_and_a_tag_counts_once() {
    let secret = "Argued with Robin again";
    let mut records = made(
        Kind::Tag,
        json!([{"id": "t1", "day": "2031-05-05", "text": secret, "timestamp": "2031-05-05T20:15:00+02:00",
            "tags": ["tag_generic_coffee", secret]}]),
    );
    records.extend(made(
        Kind::EnhancedTag,
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
        Kind::RestModePeriod,
        json!({"id": "rm", "start_day": "2031-05-05", "start_time": "2031-05-04T23:03:00+00:00", "end_day": null, "end_time": null,
            "episodes": [{"tags": ["tag_generic_cold"], "timestamp": "2031-05-04T23:03:00.000+00:00"}]}),
    );
    assert_eq!(record.metrics["episodes"][0]["codes"], json!(["tag_generic_cold"]));
    let stats = stats("2031-05-05", &[record]);
    assert_eq!(stats[&MetricType::RestMode]["periods"][0]["endDay"], Value::Null);
}

#[test]
fn rings_lie_on_the_day_of_their_set_up_and_batteries_on_every_day() {
    let ring = |set_up: Value| {
        one(Kind::RingConfiguration, json!({"id": "ring", "hardware_type": "or9", "set_up_at": set_up, "size": 9}))
    };
    assert_eq!(ring(json!("2030-03-09T23:48:00+00:00")).day, day("2030-03-09"));
    for unknown in [Value::Null, json!("1970-01-01T00:00:00+00:00")] {
        let ring = ring(unknown);
        assert_eq!((ring.day, &ring.metrics["setUpAt"]), (day("2015-01-01"), &Value::Null));
        assert_eq!(stats("2015-01-01", &[ring]), BTreeMap::new(), "a ring is no metric of a day");
    }
    let level = |at: &str, level: u32, charging: Value| json!({"timestamp": at, "level": level, "charging": charging, "in_charger": null});
    let records = made(
        Kind::RingBatteryLevel,
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
fn a_change_is_named_by_kind_and_field() {
    let mut before = busy_day();
    let old = stats("2031-05-05", &before);
    assert_eq!(changed_fields(&old, &old), [""; 0]);
    before.retain(|record| record.document_id.as_str() != "nap");
    for record in &mut before {
        if record.document_id.as_str() == "night" {
            record.metrics.insert("totalSleep".to_owned(), json!(25230));
        }
    }
    before.push(one(Kind::Vo2Max, json!({"id": "vo", "day": "2031-05-05", "vo2_max": null})));
    let new = stats("2031-05-05", &before);
    assert_eq!(changed_fields(&old, &new), ["sleep.naps", "sleep.totalSleep", "vo2Max.vo2Max"]);
    assert_eq!(changed_fields(&new, &old), changed_fields(&old, &new));
}

#[test]
fn a_day_is_provisional_until_it_is_two_days_old_and_its_night_was_analysed_in_the_foreground() {
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
    assert!(provisional_at(&made(Kind::Sleep, json!([background])), "2031-05-09T00:00:00Z"));
}
