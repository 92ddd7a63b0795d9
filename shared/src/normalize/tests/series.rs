//! Samples, and what has samples inside: heart rate, workouts, sessions.

use super::*;

#[test]
fn heart_rate_samples_are_keyed_by_moment_and_source_and_listed_in_order() {
    let records = made(
        DataType::HeartRate,
        json!([
            beat("2031-05-05T12:05:00+00:00", "awake", 72),
            beat("2031-05-05T12:00:00+00:00", "awake", 70),
            beat("2031-05-05T12:00:00+00:00", "workout", 101),
            beat("2031-05-05T12:00:00.000Z", "awake", 71),
        ]),
    );
    assert_eq!(records.len(), 1);
    let metrics = records[0].metrics_json();
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
fn samples_around_midnight_belong_to_the_patients_local_day() {
    let nights = documents(
        DataType::Sleep,
        json!([
            sleep("tokyo", "long_sleep", json!(20000), "2031-05-05T00:10:00+09:00", "2031-05-05T08:00:00+09:00"),
            sleep("lima", "long_sleep", json!(20000), "2031-05-09T23:10:00-05:00", "2031-05-10T07:00:00-05:00"),
        ]),
    );
    let offsets = DayOffsets::of_documents([&nights]);
    let samples = documents(
        DataType::HeartRate,
        json!([
            beat("2031-05-05T14:59:00+00:00", "awake", 60),
            beat("2031-05-05T15:01:00+00:00", "awake", 61),
            beat("2031-05-10T04:59:00+00:00", "rest", 62),
            beat("2031-05-10T05:00:00+00:00", "rest", 63),
        ]),
    );
    let days = |records: &[Record]| records.iter().map(|record| record.day.to_string()).collect::<Vec<_>>();
    let local = records_with(&samples, &offsets);
    assert_eq!(days(&local), ["2031-05-05", "2031-05-06", "2031-05-09", "2031-05-10"]);
    let utc = records_with(&samples, &DayOffsets::default());
    assert_eq!(days(&utc), ["2031-05-05", "2031-05-10"]);

    let stored = DayOffsets::of_records(&records_with(&nights, &DayOffsets::default()));
    assert_eq!(stored, offsets, "stored records have the same offsets as fresh documents");

    let mut within = local;
    retain_days(&mut within, DayRange::new(day("2031-05-06"), day("2031-05-09")).unwrap());
    assert_eq!(days(&within), ["2031-05-06", "2031-05-09"]);
}

#[test]
fn heart_rate_of_many_samples_is_thinned_and_its_summary_is_not() {
    let start: jiff::Timestamp = "2031-05-05T00:00:00Z".parse().unwrap();
    let samples: Vec<Value> = (0..25_000_u32)
        .map(|n| beat(&(start + jiff::SignedDuration::from_secs(3 * i64::from(n))).to_string(), "live", 60 + n % 100))
        .collect();
    let records = made(DataType::HeartRate, Value::Array(samples));
    let metrics = &records[0].metrics_json();
    assert_eq!((&metrics["count"], &metrics["everyNth"], &metrics["max"]), (&json!(25_000), &json!(3), &json!(159)));
    assert_eq!(metrics["bpm"].as_array().unwrap().len(), 8_334);
    assert!(records[0].metrics_json().to_string().len() < 250_000);
}

#[test]
fn workouts_have_totals_titles_and_the_heart_rate_inside_them() {
    let mut records = made(
        DataType::Workout,
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
        DataType::HeartRate,
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
        DataType::Session,
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
fn stored_samples_outside_a_shorter_answer_stay() {
    let at = |minute: u32| format!("2031-05-05T12:{minute:02}:00+00:00");
    let day_of = |samples: &[(u32, u32)]| {
        one_of(made(
            DataType::HeartRate,
            samples.iter().map(|(minute, bpm)| beat(&at(*minute), "awake", *bpm)).collect(),
        ))
    };
    let offsets = DayOffsets::default();
    let stored = day_of(&[(0, 60), (5, 61), (10, 62), (15, 63)]);
    // Between its first and its last sample, the answer counts alone.
    let merged = merged_series(&stored, &day_of(&[(5, 71), (7, 72), (10, 62)]), &offsets).unwrap();
    assert_eq!(merged, day_of(&[(0, 60), (5, 71), (7, 72), (10, 62), (15, 63)]));
    assert_eq!(merged_series(&stored, &day_of(&[(0, 60), (15, 64)]), &offsets), None);
    // Samples that belong to another day by what is known now do not stay.
    let nights = documents(
        DataType::Sleep,
        json!([sleep("n", "long_sleep", json!(20000), "2031-05-05T12:00:00+12:00", "2031-05-05T20:00:00+12:00")]),
    );
    assert_eq!(merged_series(&stored, &day_of(&[(5, 61)]), &DayOffsets::of_documents([&nights])), None);
}

#[test]
fn battery_of_a_shorter_answer_is_joined_with_the_stored_one() {
    let day_of = |samples: &[(u32, u32)]| {
        let sample = |(hour, level): &(u32, u32)| json!({"timestamp": format!("2031-05-05T{hour:02}:00:00Z"), "level": level, "charging": false});
        one_of(made(DataType::RingBatteryLevel, samples.iter().map(sample).collect()))
    };
    let (stored, offsets) = (day_of(&[(1, 80), (9, 40), (20, 70)]), DayOffsets::default());
    let merged = merged_series(&stored, &day_of(&[(1, 80), (9, 35)]), &offsets).unwrap().metrics_json();
    assert_eq!(
        merged,
        json!({"batteryMinimum": 35, "batteryLast": 70, "charged": false, "count": 3,
            "start": "2031-05-05T01:00:00Z", "end": "2031-05-05T20:00:00Z"})
    );
    assert_eq!(merged_series(&stored, &day_of(&[(1, 80), (9, 45), (20, 70)]), &offsets), None, "it covers the other");
}

#[test]
fn thinned_day_stands_against_a_shorter_answer_unless_its_samples_are_of_other_days() {
    let start: jiff::Timestamp = "2031-05-05T00:00:00Z".parse().unwrap();
    let day_of = |count: u32| {
        let at = |n: u32| (start + jiff::SignedDuration::from_secs(4 * i64::from(n))).to_string();
        one_of(made(DataType::HeartRate, (0..count).map(|n| beat(&at(n), "live", 60 + n % 100)).collect()))
    };
    let (dense, short) = (day_of(12_000), day_of(100));
    assert_eq!(merged_series(&dense, &short, &DayOffsets::default()), Some(dense.clone()));
    assert_eq!(merged_series(&short, &dense, &DayOffsets::default()), None);
    let nights = documents(
        DataType::Sleep,
        json!([sleep("n", "long_sleep", json!(20000), "2031-05-05T00:00:00-08:00", "2031-05-05T08:00:00-08:00")]),
    );
    assert_eq!(merged_series(&dense, &short, &DayOffsets::of_documents([&nights])), None);
}
