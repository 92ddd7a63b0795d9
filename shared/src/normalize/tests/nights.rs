//! Nights and naps: the main period, its day and its scores.

use super::*;

#[test]
fn main_sleep_is_the_longest_long_sleep_and_naps_stay_beside_it() {
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
    assert_eq!(sleep["totalSleepAllPeriods"], 60 + 240 + 25_200 + 2_700, "neither rest nor what Oura deleted");
    assert_eq!(stats[&MetricType::Hrv]["averageHrv"], 44);
}

#[test]
fn sleep_periods_begin_with_the_main_one_and_leave_out_rest() {
    let records = busy_day();
    let periods: Vec<_> = sleep_periods(&records.iter().collect::<Vec<_>>());
    let ids: Vec<_> = periods.iter().map(|period| period.document_id.as_str()).collect();
    assert_eq!(ids, ["night", "frag-1", "artefact", "nap"]);
}

#[test]
fn main_sleep_without_a_long_sleep_is_the_longest_sleep() {
    let at = ("2031-05-05T01:00:00+02:00", "2031-05-05T05:00:00+02:00");
    let records = made(
        DataType::Sleep,
        json!([
            fragment("short", json!(900), at.0, at.1),
            sleep("longer", "sleep", json!(9000), at.0, at.1),
            sleep("nap", "late_nap", json!(12000), at.0, at.1),
            sleep("new", "a_type_of_tomorrow", json!(20000), at.0, at.1),
        ]),
    );
    assert_eq!(stats("2031-05-05", &records)[&MetricType::Sleep]["documentId"], "longer");

    let none = made(
        DataType::Sleep,
        json!([sleep("nap", "late_nap", json!(12000), at.0, at.1), fragment("frag", Value::Null, at.0, at.1)]),
    );
    let stats = stats("2031-05-05", &none);
    assert_eq!(stats[&MetricType::Sleep]["totalSleep"], Value::Null);
    assert_eq!(stats[&MetricType::Sleep]["totalSleepAllPeriods"], 12_000);
    assert_eq!(stats[&MetricType::Sleep]["naps"][0]["totalSleep"], 12000);
    assert!(!stats.contains_key(&MetricType::Hrv));
}

#[test]
fn day_with_only_deleted_and_resting_periods_has_no_sleep() {
    let at = ("2031-05-05T01:00:00+02:00", "2031-05-05T05:00:00+02:00");
    let records = made(
        DataType::Sleep,
        json!([sleep("a", "deleted", json!(9000), at.0, at.1), sleep("b", "rest", json!(9000), at.0, at.1)]),
    );
    assert_eq!(stats("2031-05-05", &records), BTreeMap::new());
}

#[test]
fn documented_metric_types_have_all_their_keys_even_if_oura_sends_only_nulls() {
    let mut night = sleep("night", "long_sleep", json!(1), "2031-05-05T00:10:00+02:00", "2031-05-05T08:20:00+02:00");
    for (key, value) in night.as_object_mut().unwrap() {
        if !["id", "day", "type", "total_sleep_duration"].contains(&key.as_str()) {
            *value = Value::Null;
        }
    }
    let mut records = made(DataType::Sleep, json!([night]));
    for (data_type, id) in
        [(DataType::DailyReadiness, "r"), (DataType::DailySleep, "s"), (DataType::DailyActivity, "a")]
    {
        records.push(one(data_type, json!({"id": id, "day": "2031-05-05", "score": null, "contributors": null})));
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
    for (data_type, keys) in wanted {
        for key in keys.split_whitespace() {
            assert_eq!(stats[&data_type].get(key), Some(&Value::Null), "{data_type}.{key}");
        }
    }
    assert_eq!(stats.len(), 4, "a data type without a document is absent");
}

#[test]
fn scores_and_measurements_of_the_same_name_are_kept_apart() {
    let mut records = busy_day();
    records.push(one(
        DataType::DailySleep,
        json!({"id": "scores", "day": "2031-05-05", "score": 79, "timestamp": "2031-05-04T00:00:00+00:00",
            "contributors": {"deep_sleep": 81, "efficiency": 63, "latency": 97, "rem_sleep": 58, "restfulness": 44,
                "timing": 90, "total_sleep": 76}}),
    ));
    records.push(one(
        DataType::DailyReadiness,
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
    let scores = vec![one(DataType::DailySleep, json!({"id": "s", "day": "2031-05-05", "score": 79}))];
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
        DataType::Sleep,
        sleep("dst", "long_sleep", json!(28800), "2031-10-25T23:30:00+02:00", "2031-10-26T07:30:00+01:00"),
    );
    assert_eq!(autumn.metrics_json()["totalSleep"], 28800);
    assert_eq!(autumn.metrics_json()["bedtimeEnd"], "2031-10-26T07:30:00+01:00");
    let workout = one(
        DataType::Workout,
        json!({"id": "w", "day": "2031-10-26", "activity": "walking", "start_datetime": "2031-10-26T02:30:00+02:00",
            "end_datetime": "2031-10-26T02:30:00+01:00"}),
    );
    assert_eq!(workout.metrics_json()["duration"], 3600, "the clock showed the same time twice");
    let flight = one(
        DataType::Workout,
        json!({"id": "w", "day": "2031-07-01", "activity": "yoga", "start_datetime": "2031-07-01T21:00:00+09:00",
            "end_datetime": "2031-07-01T06:00:00-07:00"}),
    );
    assert_eq!(flight.metrics_json()["duration"], 3600);
    assert_eq!(flight.metrics_json()["start"], "2031-07-01T21:00:00+09:00");
}

#[test]
fn record_day_is_ouras_and_not_that_of_the_timestamp() {
    let record = one(
        DataType::DailyReadiness,
        json!({"id": "r", "day": "2031-05-05", "score": 80, "timestamp": "2031-05-03T22:00:00+00:00"}),
    );
    assert_eq!(record.day, day("2031-05-05"));
}

#[test]
fn unfinished_night_and_night_without_type_are_read() {
    let mut night = sleep("night", "long_sleep", json!(18000), "2031-05-05T00:10:00+02:00", "");
    night["bedtime_end"] = Value::Null;
    night["type"] = Value::Null;
    let stats = stats("2031-05-05", &made(DataType::Sleep, json!([night])));
    let sleep = &stats[&MetricType::Sleep];
    assert_eq!(
        (&sleep["totalSleep"], &sleep["bedtimeEnd"], &sleep["type"]),
        (&json!(18000), &Value::Null, &Value::Null)
    );
}
