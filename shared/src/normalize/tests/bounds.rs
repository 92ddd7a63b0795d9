//! Values out of the bounds of their metrics, and values that mean that there was no reading.

use super::*;

/// The metrics of one document with this field, and the fields that were out of bounds.
fn with(data_type: DataType, field: &str, value: &Value) -> (Value, Vec<String>) {
    let mut document = json!({"id": "d", "day": "2031-05-05"});
    match field.split_once('.') {
        Some((outer, inner)) => document[outer] = json!({inner: value}),
        None => document[field] = value.clone(),
    }
    let documents = documents(data_type, json!([document]));
    let outside = out_of_bounds(&documents);
    assert!(outside.iter().all(|one| one.document_id.as_ref().unwrap().as_str() == "d" && !one.loses_document));
    let record = records_with(&documents, &DayOffsets::default()).remove(0);
    (record.metrics_json(), outside.into_iter().map(|one| one.path).collect())
}

#[test]
fn value_out_of_bounds_is_null_and_named() {
    for (data_type, field, value, pointer) in [
        (DataType::Sleep, "latency", -1.0, "/latency"),
        (DataType::Sleep, "efficiency", 900.0, "/efficiency"),
        (DataType::Sleep, "average_hrv", -3.0, "/averageHrv"),
        (DataType::Sleep, "average_heart_rate", 300.0, "/averageHeartRate"),
        (DataType::Sleep, "total_sleep_duration", 1e9, "/totalSleep"),
        (DataType::Sleep, "readiness.score", 101.0, "/readiness/score"),
        (DataType::DailyActivity, "steps", -5.0, "/steps"),
        (DataType::DailyActivity, "score", 900.0, "/score"),
        (DataType::DailyActivity, "contributors.stay_active", -1.0, "/stayActive"),
        (DataType::DailyReadiness, "temperature_deviation", 37.0, "/temperatureDeviation"),
        (DataType::DailySleep, "contributors.latency", 101.0, "/contributors/latency"),
        (DataType::DailySpo2, "spo2_percentage.average", 120.0, "/average"),
        (DataType::DailyStress, "stress_high", -900.0, "/stressHigh"),
        (DataType::DailyResilience, "contributors.stress", 200.0, "/contributors/stress"),
        (DataType::DailyCardiovascularAge, "vascular_age", 0.0, "/vascularAge"),
        (DataType::Vo2Max, "vo2_max", -1.0, "/vo2Max"),
        (DataType::Workout, "calories", -1.0, "/calories"),
    ] {
        let (metrics, outside) = with(data_type, field, &json!(value));
        assert_eq!(metrics.pointer(pointer), Some(&Value::Null), "{data_type} {field}");
        assert_eq!(outside.len(), 1, "{data_type} {field}: {outside:?}");
    }
}

#[test]
fn value_that_means_no_reading_is_null_and_no_fault() {
    for (data_type, field, value, pointer) in [
        (DataType::Sleep, "average_hrv", 0, "/averageHrv"),
        (DataType::Sleep, "average_breath", 0, "/averageBreath"),
        (DataType::Sleep, "average_heart_rate", 0, "/averageHeartRate"),
        (DataType::Sleep, "lowest_heart_rate", 0, "/lowestHeartRate"),
        (DataType::Sleep, "lowest_heart_rate", 255, "/lowestHeartRate"),
        (DataType::DailyActivity, "score", 0, "/score"),
        (DataType::DailyReadiness, "score", 0, "/score"),
        (DataType::DailySpo2, "spo2_percentage.average", 0, "/average"),
    ] {
        let (metrics, outside) = with(data_type, field, &json!(value));
        assert_eq!((metrics.pointer(pointer), outside), (Some(&Value::Null), vec![]), "{data_type} {field}");
    }
}

#[test]
fn unusual_value_within_bounds_stays() {
    for (data_type, field, value, pointer) in [
        (DataType::DailyActivity, "contributors.stay_active", 0, "/stayActive"),
        (DataType::DailyActivity, "contributors.stay_active", 1, "/stayActive"),
        (DataType::DailySleep, "contributors.latency", 0, "/contributors/latency"),
        (DataType::DailyReadiness, "contributors.hrv_balance", 1, "/hrvBalance"),
        (DataType::DailyReadiness, "temperature_deviation", -3, "/temperatureDeviation"),
        (DataType::DailyActivity, "meters_to_target", -1350, "/metersToTarget"),
        (DataType::DailyActivity, "steps", 0, "/steps"),
        (DataType::DailyActivity, "non_wear_time", 86_400, "/nonWearTime"),
        (DataType::DailyStress, "stress_high", 0, "/stressHigh"),
        (DataType::SleepTime, "optimal_bedtime.start_offset", -3600, "/optimalBedtime/startOffset"),
        (DataType::Sleep, "sleep_score_delta", -12, "/sleepScoreDelta"),
    ] {
        let (metrics, outside) = with(data_type, field, &json!(value));
        assert_eq!((metrics.pointer(pointer), outside), (Some(&json!(value)), vec![]), "{data_type} {field}");
    }
}

#[test]
fn reading_of_a_series_is_held_alone_and_what_follows_from_it_too() {
    let hrv = json!({"interval": 300, "items": [0, 41, -5, null, 66, 5000], "timestamp": null});
    let (metrics, outside) = with(DataType::Sleep, "hrv", &hrv);
    assert_eq!(metrics["hrv"]["items"], json!([null, 41, null, null, 66, null]));
    assert_eq!((&metrics["minHrv"], &metrics["maxHrv"]), (&json!(41), &json!(66)));
    assert_eq!(outside, ["hrv.items"]);
    let (metrics, outside) = with(DataType::Session, "heart_rate", &json!({"items": [0, 255, 58], "interval": 5}));
    assert_eq!((&metrics["heartRate"]["items"], outside), (&json!([null, null, 58]), vec![]));
    let document = json!({"id": "d", "day": "2031-05-05", "high_activity_time": -60, "medium_activity_time": 60,
        "low_activity_time": 60});
    assert_eq!(one(DataType::DailyActivity, document).metrics_json()["activeMinutes"], Value::Null);
}

#[test]
fn samples_without_a_reading_are_no_part_of_the_day() {
    let samples = json!([
        beat("2031-05-05T10:00:00Z", "awake", 0),
        beat("2031-05-05T10:05:00Z", "awake", 58),
        beat("2031-05-05T10:10:00Z", "awake", 255),
        beat("2031-05-05T10:15:00Z", "awake", 62),
        beat("2031-05-05T10:20:00Z", "awake", 900),
    ]);
    let day = one_of(made(DataType::HeartRate, samples.clone())).metrics_json();
    assert_eq!(
        (&day["count"], &day["min"], &day["max"], &day["average"]),
        (&json!(2), &json!(58), &json!(62), &json!(60))
    );
    let outside = out_of_bounds(&documents(DataType::HeartRate, samples));
    assert_eq!(outside.iter().map(|one| (one.index, one.path.as_str())).collect::<Vec<_>>(), [(4, "bpm")]);
    let only_gaps = made(DataType::HeartRate, json!([beat("2031-05-05T10:00:00Z", "awake", 255)]));
    assert!(only_gaps.is_empty());
}

#[test]
fn night_in_pieces_has_a_total() {
    let pieces = made(
        DataType::Sleep,
        json!([
            sleep("a", "long_sleep", json!(12_600), "2031-05-04T22:00:00+02:00", "2031-05-05T02:00:00+02:00"),
            sleep("b", "long_sleep", json!(11_880), "2031-05-05T03:00:00+02:00", "2031-05-05T06:30:00+02:00"),
            sleep("c", "sleep", json!(2_400), "2031-05-05T07:00:00+02:00", "2031-05-05T07:50:00+02:00"),
        ]),
    );
    let stats = stats("2031-05-05", &pieces);
    let sleep = &stats[&MetricType::Sleep];
    assert_eq!((&sleep["totalSleep"], &sleep["totalSleepAllPeriods"]), (&json!(12_600), &json!(26_880)));
}

#[test]
fn what_follows_from_values_is_held_too() {
    let activity = json!({"id": "d", "day": "2031-05-05",
        "high_activity_time": 86_400, "medium_activity_time": 86_400, "low_activity_time": 86_400});
    let documents = documents(DataType::DailyActivity, json!([activity]));
    let record = records_with(&documents, &DayOffsets::default()).remove(0);
    assert_eq!((&record.metrics_json()["activeMinutes"], out_of_bounds(&documents).len()), (&Value::Null, 1));
}
