//! `GET /workouts` and `GET /records`.

use oura_simulator::PutDocument;
use serde_json::{Value, json};
use shared::domain::MetricType;

use super::{RANGE, long_records, month, pages, stored};
use tests::{PATIENT, World};

/// The fields of an item that the API shows.
fn shown(item: &Value) -> Value {
    let keys = ["day", "metricType", "dataType", "documentId", "source", "metrics", "revision", "observedAt"];
    keys.iter().map(|key| ((*key).to_owned(), item[*key].clone())).collect()
}

#[tokio::test]
async fn records_list_each_record_once_as_stored() {
    let world = month().await;
    for metric_type in MetricType::ALL.iter().filter(|metric_type| **metric_type != MetricType::Hrv) {
        // Ring records belong to the day of the ring's setup.
        let mut wanted = stored(&world, Some(metric_type.as_str())).await;
        wanted.retain(|item| item["day"].as_str().unwrap() >= "2026-02-01");
        let pages = pages(&world, "/records", &format!("type={metric_type}&{RANGE}"), "records").await;
        assert!(pages.iter().all(|page| page.len() <= 100));
        let found: Vec<Value> = pages.concat();
        assert_eq!(found, wanted.iter().map(shown).collect::<Vec<_>>(), "{metric_type}");
    }
    assert!(stored(&world, Some("heartRate")).await.len() > 25, "there was something to find");
}

/// Keys of the documented record of a day.
const DAY_KEYS: [(&str, &[&str]); 4] = [
    (
        "readiness",
        &[
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
        ],
    ),
    (
        "sleep",
        &[
            "score",
            "totalSleep",
            "efficiency",
            "latency",
            "remSleep",
            "deepSleep",
            "lightSleep",
            "awake",
            "restfulness",
            "timing",
            "bedtimeStart",
            "bedtimeEnd",
        ],
    ),
    (
        "activity",
        &[
            "score",
            "activeCalories",
            "totalCalories",
            "steps",
            "equivalentWalkingDistance",
            "inactivityAlerts",
            "meetDailyTargets",
            "moveEveryHour",
            "trainingFrequency",
            "trainingVolume",
        ],
    ),
    ("hrv", &["averageHrv", "maxHrv", "minHrv", "restingHeartRate"]),
];

#[tokio::test]
async fn records_per_day_have_the_documented_keys() {
    let world = month().await;
    let days = world.daily("2026-02-01", "2026-03-19").await;
    for (metric_type, keys) in DAY_KEYS {
        let pages = pages(&world, "/records", &format!("type={metric_type}&per=day&{RANGE}"), "records").await;
        let records = pages.concat();
        let expected: Vec<_> = days.iter().filter(|day| day["metrics"][metric_type].is_object()).collect();
        assert!(records.len() > 20 && records.len() == expected.len(), "{metric_type}: {}", records.len());
        for (record, day) in records.iter().zip(expected) {
            assert_eq!((&record["metricType"], &record["source"]), (&json!(metric_type), &json!("oura")));
            assert_eq!((&record["day"], &record["metrics"]), (&day["day"], &day["metrics"][metric_type]));
            for key in keys {
                assert!(record["metrics"].get(*key).is_some(), "{metric_type} {key}");
            }
        }
        assert!(
            records.iter().any(|record| keys.iter().all(|key| !record["metrics"][*key].is_null())),
            "{metric_type}"
        );
    }
    // Document by document is the default.
    let of_documents = pages(&world, "/records", &format!("type=sleep&{RANGE}"), "records").await.concat();
    let stated = pages(&world, "/records", &format!("type=sleep&per=document&{RANGE}"), "records").await.concat();
    assert_eq!(of_documents, stated);
    // Pages of ninety days.
    let year = pages(&world, "/records", "type=sleep&per=day&from=2025-06-01&to=2026-03-19", "records").await;
    assert_eq!(year.concat().len(), days.iter().filter(|day| day["metrics"]["sleep"].is_object()).count());
}

#[tokio::test]
async fn workouts_exclude_tombstones() {
    let world = month().await;
    let before = pages(&world, "/workouts", RANGE, "workouts").await.concat();
    assert!(before.len() > 5, "{}", before.len());
    assert_eq!(before, pages(&world, "/records", &format!("type=workout&{RANGE}"), "records").await.concat());
    let gone = &before[before.len() - 1];
    world.oura().delete_document("ada", "workout", gone["documentId"].as_str().unwrap()).unwrap();
    world.request(Some(PATIENT), "POST", "/sync", "", r#"{"from":"2026-02-17"}"#).await;
    world.work().await;
    let after = pages(&world, "/workouts", RANGE, "workouts").await.concat();
    assert_eq!(after, before[..before.len() - 1]);
    let day = gone["day"].as_str().unwrap();
    let of_day = pages(&world, "/workouts", &format!("from={day}&to={day}"), "workouts").await.concat();
    assert!(of_day.iter().all(|workout| workout["day"] == day && workout != gone), "{of_day:?}");
}

#[tokio::test]
async fn records_page_holds_a_hundred() {
    let world = World::connected().await;
    for n in 0..250 {
        let at = |minute: u32| format!("2026-03-{:02}T{:02}:{minute:02}:00+01:00", 10 + n % 5, n % 24);
        let document = json!({"id": format!("many-{n:03}"), "day": format!("2026-03-{:02}", 10 + n % 5),
            "activity": "walking", "start_datetime": at(1), "end_datetime": at(30)});
        let put = PutDocument { collection: "workout".to_owned(), document, day: None };
        world.oura().put_document("ada", put).unwrap();
    }
    world.work().await;
    let wanted: Vec<_> = stored(&world, Some("workout")).await.iter().map(shown).collect();
    let pages = pages(&world, "/workouts", RANGE, "workouts").await;
    assert_eq!(pages.concat(), wanted);
    assert_eq!(pages[..2].iter().map(Vec::len).collect::<Vec<_>>(), [100, 100]);
}

#[tokio::test]
async fn records_page_ends_at_a_megabyte() {
    let world = long_records("30", 1).await;
    let pages = pages(&world, "/records", &format!("type=sleep&{RANGE}"), "records").await;
    let sizes: Vec<_> = pages.iter().map(|page| Value::from(page.clone()).to_string().len()).collect();
    assert!(pages.len() > 9 && sizes.iter().all(|size| *size < 1_010_000), "{sizes:?}");
    assert_eq!(pages.concat(), stored(&world, Some("sleep")).await.iter().map(shown).collect::<Vec<_>>());
}

#[tokio::test]
async fn records_request_reads_a_bounded_part() {
    let world = long_records("30", 3).await;
    let query = format!("type=restMode&{RANGE}");
    world.aws.meter().reset();
    let data = world.get("/records", &query).await.data();
    let reads = world.aws.meter().calls();
    assert_eq!((&data["records"], reads), (&json!([]), 8), "there is none, and not everything was looked through");
    assert!(data["cursor"].is_string());
    let pages = pages(&world, "/records", &query, "records").await;
    assert!(pages.len() > 1 && pages.concat().is_empty(), "{}", pages.len());
}

#[tokio::test]
async fn patient_without_data_has_empty_lists() {
    let world = World::start().await;
    assert_eq!(world.get("/workouts", RANGE).await.data(), json!({"workouts": [], "cursor": null}));
    let records = world.get("/records", &format!("type=sleep&{RANGE}")).await.data();
    assert_eq!(records, json!({"records": [], "cursor": null}));
}
