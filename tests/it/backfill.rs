//! The history after a connect: stored data, published events, and progress on the way.

use std::collections::BTreeSet;
use std::time::Duration;

use local::aws::Service;
use serde_json::Value;
use shared::domain::{BackfillState, ConnectionStatus, FetchState};

use tests::{PATIENT, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backfill_fetches_thirty_days_of_every_data_type() {
    let world = World::connected().await;
    assert_eq!(world.work().await, 1, "one delivery is enough");
    let days = world.daily("2026-02-16", "2026-03-19").await;
    assert!(days.len() >= 28, "{} days", days.len());
    let metric_types: BTreeSet<_> =
        days.iter().flat_map(|day| day["metrics"].as_object().unwrap().keys().cloned()).collect();
    for metric_type in ["readiness", "sleep", "activity", "hrv", "spo2", "stress", "resilience", "heartRate", "workout"]
    {
        assert!(metric_types.contains(metric_type), "{metric_type} is missing in {metric_types:?}");
    }
    let connection = world.connection().await;
    let backfill = connection.backfill.unwrap();
    assert_eq!(backfill.state, BackfillState::Done);
    assert!(backfill.per_type.values().all(|progress| progress.state == FetchState::Done), "{:?}", backfill.per_type);
    assert_eq!(connection.status, ConnectionStatus::Connected);
    assert!(connection.failing.is_empty());
    assert_eq!(connection.last_data_day.unwrap().to_string(), "2026-03-18");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backfill_stores_one_record_per_document_and_one_item_per_day() {
    let world = World::connected().await;
    world.work().await;
    let records = world.items(&world.names.wearable_data_table).await;
    let ids: BTreeSet<_> = records.iter().map(|record| record["documentId"].to_string()).collect();
    assert_eq!(ids.len(), records.len(), "no document is there twice");
    for record in &records {
        for key in ["patientId", "source", "metricType", "day", "documentId", "metrics", "observedAt", "revision"] {
            assert!(!record[key].is_null(), "{key} in {record}");
        }
        assert_eq!(record["revision"], 1);
    }
    let stats = world.items(&world.names.daily_stats_table).await;
    for day in &stats {
        assert_eq!((&day["patientId"], &day["source"]), (&Value::from(PATIENT), &Value::from("oura")));
        assert!(day["contentHash"].as_str().unwrap().len() == 64 && day["provisional"].is_boolean());
    }
    // The shapes that the platform documents, on a day with everything.
    let day = stats.iter().find(|day| day["day"] == "2026-03-10").unwrap();
    for (metric_type, keys) in [
        ("readiness", &["score", "temperatureTrendDeviation", "hrvBalance", "restingHeartRate", "sleepBalance"][..]),
        ("sleep", &["score", "totalSleep", "efficiency", "latency", "remSleep", "deepSleep", "lightSleep", "awake"]),
        ("activity", &["score", "activeCalories", "totalCalories", "steps", "equivalentWalkingDistance"]),
        ("hrv", &["averageHrv", "maxHrv", "minHrv", "restingHeartRate"]),
    ] {
        for key in keys {
            assert!(
                day["metrics"][metric_type][key].is_number(),
                "{metric_type}.{key} in {}",
                day["metrics"][metric_type]
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backfill_sends_one_request_per_data_type_and_page() {
    let world = World::connected().await;
    world.oura().clear_requests();
    world.work().await;
    let counts = world.oura().request_counts();
    for (route, count) in &counts {
        let series = route.ends_with("/heartrate") || route.ends_with("/ring_battery_level");
        // 31 days and one on each side, in windows of three days; a dense day may need a second page.
        assert!(*count == 1 || (series && *count <= 33), "{route}: {count}");
    }
    assert_eq!(counts.len(), 18, "{counts:?}");
}

/// Hundreds of documents are new, and none can be stored on another day.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_backfill_looks_up_no_document() {
    let world = World::connected().await;
    world.aws.meter().reset();
    world.work().await;
    let queries = world.aws.meter().calls_of(Service::DynamoDb, "Query");
    assert!(world.items(&world.names.wearable_data_table).await.len() > 300 && queries < 60, "{queries}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backfill_publishes_each_day_once_and_its_completion() {
    let world = World::connected().await;
    world.work().await;
    let days = world.items(&world.names.daily_stats_table).await.len();
    assert_eq!(world.count("wearable_connected"), 1);
    assert_eq!(world.count("wearable_day_updated"), days);
    assert_eq!(world.count("wearable_sync"), 1);
    assert_eq!(world.count("wearable_backfill_completed"), 1);
    let sync = world.events().into_iter().find(|event| event.detail_type == "wearable_sync").unwrap().detail;
    assert_eq!(sync["trigger"], "backfill");
    assert_eq!(sync["days"].as_array().unwrap().len(), days);
    let records = world.items(&world.names.wearable_data_table).await.len();
    assert_eq!(sync["recordsWritten"], records);
    let order: Vec<_> = world.events().iter().map(|e| format!("{} {}", e.detail_type, e.detail["day"])).collect();
    assert_eq!(order[0], "wearable_connected null");
    assert!(order[1..=days].is_sorted(), "the days, oldest first: {order:?}");
    assert_eq!(order[days + 1..], ["wearable_sync null", "wearable_backfill_completed null"]);
    let left = world.items(&world.names.connections_table).await;
    assert!(!left.iter().any(|item| item["sk"].as_str().unwrap().starts_with("OUTBOX#")), "the outbox is empty");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backfill_progress_is_in_connections() {
    let world = World::connected().await;
    let backfill = |answer: tests::Answer| answer.data()["connections"][0]["backfill"].clone();
    let before = backfill(world.get("/connections", "").await);
    assert_eq!((&before["state"], &before["done"], &before["total"]), (&"pending".into(), &0.into(), &18.into()));
    world.work().await;
    let after = backfill(world.get("/connections", "").await);
    assert_eq!((&after["state"], &after["done"], &after["total"]), (&"done".into(), &18.into(), &18.into()));
    assert_eq!(after["perType"]["sleep"]["state"], "done");
    assert!(after["perType"]["sleep"]["documents"].as_u64().unwrap() > 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_sync_writes_and_publishes_nothing() {
    let world = World::connected().await;
    world.work().await;
    let before =
        (world.items(&world.names.wearable_data_table).await, world.items(&world.names.daily_stats_table).await);
    let published = world.events().len();
    world.pass(Duration::from_secs(60));
    assert_eq!(world.request(Some(PATIENT), "POST", "/sync", "", r#"{"source":"oura"}"#).await.status, 202);
    world.aws.meter().reset();
    assert_eq!(world.work().await, 1);
    let after =
        (world.items(&world.names.wearable_data_table).await, world.items(&world.names.daily_stats_table).await);
    assert_eq!(before, after);
    assert_eq!(world.events().len(), published);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edited_sleep_is_one_revision_of_its_day() {
    let world = World::connected().await;
    world.work().await;
    let published = world.events().len();
    world.oura().edit_night("ada", "2026-03-16".parse().unwrap()).unwrap();
    assert_eq!(world.request(Some(PATIENT), "POST", "/sync", "", "{}").await.status, 202);
    world.work().await;
    let news: Vec<_> = world.events().split_off(published);
    let updated: Vec<_> = news.iter().filter(|event| event.detail_type == "wearable_day_updated").collect();
    // The night began the evening before: that day's heart rate has changed with it.
    assert_eq!(updated.len(), 2);
    let detail = &updated.iter().find(|event| event.detail["day"] == "2026-03-16").unwrap().detail;
    assert_eq!((&detail["revision"], &detail["reason"]), (&2.into(), &"revised".into()));
    let fields: Vec<_> = detail["changedFields"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
    assert!(fields.contains(&"sleep.totalSleep") && fields.contains(&"readiness.score"), "{fields:?}");
    assert!(!fields.iter().any(|field| field.starts_with("activity.")), "{fields:?}");
    assert_eq!(world.daily("2026-03-16", "2026-03-16").await[0]["revision"], 2);
    assert_eq!(world.daily("2026-03-14", "2026-03-14").await[0]["revision"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_document_is_tombstoned_and_its_day_published() {
    let world = World::connected().await;
    world.work().await;
    let records = world.items(&world.names.wearable_data_table).await;
    let stress = records.iter().find(|r| r["dataType"] == "daily_stress" && r["day"] == "2026-03-14").unwrap();
    let id = stress["documentId"].as_str().unwrap();
    world.oura().delete_document("ada", "daily_stress", id).unwrap();
    world.request(Some(PATIENT), "POST", "/sync", "", "{}").await;
    world.work().await;
    let records = world.items(&world.names.wearable_data_table).await;
    let gone = records.iter().find(|record| record["documentId"] == id).unwrap();
    assert_eq!(
        (&gone["deleted"], &gone["revision"], &gone["metrics"]),
        (&true.into(), &2.into(), &serde_json::json!({}))
    );
    let event = world.events().into_iter().rev().find(|event| event.detail_type == "wearable_day_updated").unwrap();
    assert_eq!((&event.detail["day"], &event.detail["reason"]), (&"2026-03-14".into(), &"deleted".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_size_does_not_change_the_tables() {
    let whole = World::connected().await;
    whole.work().await;
    let paged = World::connected().await;
    paged.oura().change_options(|options| options.page_size = Some(25)).unwrap();
    paged.work().await;
    assert_eq!(whole.tables().await[1..], paged.tables().await[1..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_scope_skips_its_data_types() {
    let world = World::start().await;
    let flow = world.begin(PATIENT).await;
    let query = world.consent(&flow, "ada", "allow", Some(&["daily", "spo2"])).await;
    assert_eq!(world.callback(&query, Some(&flow.cookie)).await.outcome().0, "connected");
    world.oura().clear_requests();
    world.work().await;
    let counts = world.oura().request_counts();
    assert!(!counts.keys().any(|route| route.contains("heartrate") || route.contains("workout")), "{counts:?}");
    let answer = world.get("/connections", "").await.data();
    let connection = &answer["connections"][0];
    assert_eq!(connection["status"], "connected");
    assert_eq!(connection["scopesGranted"], serde_json::json!(["daily", "spo2"]));
    assert!(connection["scopesMissing"].as_array().unwrap().contains(&"heartrate".into()));
    assert_eq!(connection["backfill"]["perType"]["heartrate"]["state"], "not_granted");
    assert_eq!(connection["backfill"]["state"], "done");
}
