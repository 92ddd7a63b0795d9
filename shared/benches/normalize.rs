//! Cost of normalization: per document of each main kind, and per day of stats.
//!
//! `cargo bench -p shared --bench normalize`

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark's own data is known to be good")]

use divan::Bencher;
use divan::counter::ItemsCount;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use shared::domain::{DataType, Day, Record};
use shared::normalize::{DayOffsets, OuraAccount, day_stats, records};
use shared::oura::model::Documents;

fn main() {
    divan::main();
}

const KINDS: [DataType; 6] = [
    DataType::Sleep,
    DataType::DailySleep,
    DataType::DailyReadiness,
    DataType::DailyActivity,
    DataType::Workout,
    DataType::HeartRate,
];

/// Reading one document from JSON text.
#[divan::bench(args = KINDS)]
fn read(bencher: Bencher<'_, '_>, kind: DataType) {
    let raw = raw(kind);
    bencher.counter(ItemsCount::new(raw.len())).bench(|| {
        let raw: Vec<&str> = raw.iter().map(|raw| raw.get()).collect();
        Documents::parse(divan::black_box(kind), &raw)
    });
}

/// One record from a document (heart rate: one from a day of 1,231 samples).
#[divan::bench(args = KINDS)]
fn normalize(bencher: Bencher<'_, '_>, kind: DataType) {
    let offsets = DayOffsets::of_documents([&documents(DataType::Sleep)]);
    let documents = documents(kind);
    bencher.counter(ItemsCount::new(documents.len())).bench(|| of_patient(divan::black_box(&documents), &offsets));
}

/// The stats of one day with a document of every main kind.
#[divan::bench]
fn stats_of_a_day(bencher: Bencher<'_, '_>) {
    let day: Day = "2031-05-05".parse().unwrap();
    let all: Vec<Record> =
        KINDS.into_iter().flat_map(|kind| of_patient(&documents(kind), &DayOffsets::default())).collect();
    let all: Vec<&Record> = all.iter().collect();
    bencher.bench(|| day_stats(day, divan::black_box(&all)));
}

/// A document (for heart rate: a day of samples) from JSON text to its record and the record's hash, the way of a sync.
#[divan::bench(args = KINDS)]
fn whole_way(bencher: Bencher<'_, '_>, kind: DataType) {
    let raw = raw(kind);
    let offsets = DayOffsets::default();
    bencher.bench(|| {
        let raw: Vec<&str> = raw.iter().map(|raw| raw.get()).collect();
        let (documents, _) = Documents::parse(divan::black_box(kind), &raw);
        let records = of_patient(&documents, &offsets);
        records.iter().map(Record::content_hash).collect::<Vec<_>>()
    });
}

fn of_patient(documents: &Documents, offsets: &DayOffsets) -> Vec<Record> {
    let (patient, user_id) = ("patient-1".parse().unwrap(), "account-1".parse().unwrap());
    records(OuraAccount { patient: &patient, user_id: &user_id }, documents, offsets)
}

fn documents(kind: DataType) -> Documents {
    let raw = raw(kind);
    let (documents, malformed) = Documents::parse(kind, &raw.iter().map(|raw| raw.get()).collect::<Vec<_>>());
    assert_eq!(malformed, []);
    documents
}

fn raw(kind: DataType) -> Vec<Box<RawValue>> {
    let documents = match kind {
        DataType::HeartRate => (0..1_231).map(sample).collect(),
        _ => json!([document(kind)]),
    };
    serde_json::from_str(&documents.to_string()).unwrap()
}

/// One sample about every 70 seconds from midnight on.
fn sample(n: u32) -> Value {
    let second = n * 70;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    json!({"timestamp": format!("2031-05-05T{hour:02}:{minute:02}:{second:02}+00:00"), "bpm": 55 + n % 60, "source": "awake"})
}

fn series(interval: f64, items: u32) -> Value {
    let items: Vec<_> =
        (0..items).map(|n| if n % 17 == 0 { Value::Null } else { json!(f64::from(n % 50) + 20.5) }).collect();
    json!({"interval": interval, "items": items, "timestamp": "2031-05-05T00:10:00.000+00:00"})
}

fn document(kind: DataType) -> Value {
    let scores = json!({"deep_sleep": 81, "efficiency": 63, "latency": 97, "rem_sleep": 58, "restfulness": 44, "timing": 90,
        "total_sleep": 76, "activity_balance": 66, "body_temperature": 96, "hrv_balance": 70, "previous_night": 88,
        "recovery_index": 64, "resting_heart_rate": 91, "sleep_balance": 75, "meet_daily_targets": 60, "move_every_hour": 80,
        "stay_active": 70, "training_frequency": 100, "training_volume": 95});
    let mut document = json!({"id": format!("{kind}-1"), "day": "2031-05-05", "score": 80, "contributors": scores});
    let fields = match kind {
        DataType::Sleep => json!({"type": "long_sleep", "bedtime_start": "2031-05-05T00:10:00+00:00",
            "bedtime_end": "2031-05-05T08:20:00+00:00", "total_sleep_duration": 25200, "time_in_bed": 29400, "awake_time": 4200,
            "deep_sleep_duration": 5100, "light_sleep_duration": 15600, "rem_sleep_duration": 4500, "latency": 540,
            "efficiency": 86, "average_breath": 15.125, "average_heart_rate": 57.75, "lowest_heart_rate": 51, "average_hrv": 44,
            "hrv": series(300.0, 98), "heart_rate": series(300.0, 98), "movement_30_sec": "1".repeat(980),
            "sleep_phase_5_min": "2".repeat(98), "sleep_phase_30_sec": "2".repeat(980),
            "readiness": {"score": 74, "contributors": scores}}),
        DataType::DailyActivity => {
            json!({"timestamp": "2031-05-05T04:00:00+00:00", "steps": 9000, "active_calories": 450,
            "total_calories": 2500, "high_activity_time": 600, "medium_activity_time": 1800, "low_activity_time": 14400,
            "class_5_min": "2".repeat(288), "met": series(60.0, 1440)})
        }
        DataType::Workout => {
            json!({"activity": "running", "calories": 320.5, "distance": 5100.25, "intensity": "moderate",
            "source": "confirmed", "start_datetime": "2031-05-05T17:00:00+00:00", "end_datetime": "2031-05-05T17:35:00+00:00"})
        }
        _ => json!({"temperature_deviation": -0.12, "temperature_trend_deviation": 0.05}),
    };
    document.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    document
}
