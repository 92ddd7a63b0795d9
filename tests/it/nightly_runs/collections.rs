//! A collection on which Oura fails for everyone: it delays nothing else, costs few requests, and is named.

use std::time::Duration;

use jiff::SignedDuration;
use oura_simulator::{Fault as OuraFault, FaultMatch};
use serde_json::json;
use shared::aws::SharedRateLimit;
use shared::domain::{BackfillState, DataType, FetchFailure, PatientId};
use shared::oura::rate_limit::Lane;
use shared::oura::{OuraError, ThrottleReason};

use super::webhook_event;
use tests::{NIGHT, World, fleet, night};

fn limiter(world: &World) -> SharedRateLimit {
    SharedRateLimit::new(&world.sdk, &world.names.connections_table, 5000, world.clock.clone())
}

fn patient(n: u32) -> PatientId {
    format!("patient-{n}").parse().unwrap()
}

fn failing(collection: &str) -> OuraFault {
    let path = format!("/v2/usercollection/{collection}");
    let on = FaultMatch { path, ..FaultMatch::default() };
    OuraFault { on, status: Some(503), body: Some(json!("")), ..OuraFault::default() }
}

fn requests(world: &World, collection: &str) -> u64 {
    world.oura().request_counts().get(&format!("GET /v2/usercollection/{collection}")).copied().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_collection_is_paused_alone_and_probed_by_one_request() {
    let world = World::start().await;
    let (one, other) = (limiter(&world), limiter(&world));
    let down = OuraError::Unavailable { status: Some(503) };
    let sleep = Some(DataType::DailySleep);
    for n in 0..20 {
        one.lane(Lane::Live, &patient(1 + n % 2)).on_response(sleep, Some(&down)).await;
    }
    for data_type in [Some(DataType::Sleep), Some(DataType::HeartRate), None] {
        one.lane(Lane::Nightly, &patient(3)).acquire(data_type).await.expect("any other collection is requested");
        other.lane(Lane::Live, &patient(3)).acquire(data_type).await.expect("by every worker");
    }
    let (one, other) = (one.lane(Lane::Live, &patient(3)), other.lane(Lane::Nightly, &patient(4)));
    for lane in [&one, &other] {
        let held = lane.acquire(sleep).await.unwrap_err();
        assert_eq!(held.reason, ThrottleReason::Collection);
        assert!(held.retry_after <= Duration::from_secs(30), "{held:?}");
    }
    world.pass(Duration::from_secs(31));
    other.acquire(sleep).await.expect("one probes");
    assert_eq!(one.acquire(sleep).await.unwrap_err().reason, ThrottleReason::Collection, "and the others do not");
    other.on_response(sleep, Some(&down)).await;
    let held = other.acquire(sleep).await.unwrap_err();
    assert!(held.retry_after > Duration::from_secs(55), "the next pause is longer: {held:?}");
    world.pass(Duration::from_secs(61));
    one.acquire(sleep).await.expect("another probe");
    one.on_response(sleep, Some(&OuraError::NotFound)).await;
    other.acquire(None).await.unwrap();
    other.acquire(sleep).await.expect("a response closes the breaker");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_patients_failing_collection_is_not_paused() {
    let world = World::start().await;
    let limiter = limiter(&world);
    let down = OuraError::Unavailable { status: Some(503) };
    for _ in 0..50 {
        limiter.lane(Lane::Live, &patient(1)).on_response(Some(DataType::Sleep), Some(&down)).await;
    }
    limiter.lane(Lane::Live, &patient(2)).acquire(Some(DataType::Sleep)).await.unwrap();
}

/// A failing collection holds up no webhook event for long, and the next night fetches the documents, old ones too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhook_sync_ends_without_a_collection_that_keeps_failing() {
    let world = World::connected().await;
    world.work().await;
    let mut events = Vec::new();
    let mut documents = Vec::new();
    for day in ["2026-02-25", "2026-03-17"] {
        for document in world.oura().edit_night("ada", day.parse().unwrap()).unwrap() {
            events.push(webhook_event(&world, &document.collection, &document.id));
            documents.push(document.id);
        }
    }
    assert!(world.deliver(&events, 1).await.is_empty());
    world.pass(Duration::from_secs(31));
    world.oura().add_fault(failing("daily_sleep*")).unwrap();
    let syncs = world.bodies().await;
    let mut left = Vec::new();
    for count in 1..=3 {
        left.push(world.deliver(&syncs, count).await.len());
    }
    assert_eq!(left, [1, 1, 0]);
    world.pass(Duration::from_secs(900));
    assert!(world.bodies().await.is_empty(), "nothing waits");
    let connection = world.connection().await;
    assert_eq!(connection.failing, [(DataType::DailySleep, FetchFailure::Unavailable)].into());
    assert!(connection.needs_catch_up());
    world.oura().clear_faults();
    world.pass_until(NIGHT);
    world.schedule(night()).await;
    assert_eq!(world.work_off_night().await.failed, 0);
    assert!(world.connection().await.failing.is_empty());
    let records = world.items(&world.names.wearable_data_table).await;
    for id in documents {
        let stored = records.iter().find(|record| record["documentId"] == id.as_str()).unwrap();
        assert_eq!(stored["revision"], 2, "{} of {}", stored["dataType"], stored["day"]);
    }
}

/// While the breaker is open, the sync ends with its first delivery.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhook_sync_does_not_wait_for_a_paused_collection() {
    let world = World::connected().await;
    world.work().await;
    let touched = world.oura().edit_night("ada", "2026-03-17".parse().unwrap()).unwrap();
    let document = touched.iter().find(|document| document.collection == "daily_sleep").unwrap();
    assert!(world.deliver(&[webhook_event(&world, "daily_sleep", &document.id)], 1).await.is_empty());
    world.pass(Duration::from_secs(31));
    world.oura().add_fault(failing("daily_sleep*")).unwrap();
    let (limiter, down) = (limiter(&world), OuraError::Unavailable { status: Some(503) });
    for n in 0..20 {
        limiter.lane(Lane::Live, &patient(1 + n % 2)).on_response(Some(DataType::DailySleep), Some(&down)).await;
    }
    assert!(world.deliver(&world.bodies().await, 1).await.is_empty());
    assert_eq!(world.connection().await.failing, [(DataType::DailySleep, FetchFailure::Unavailable)].into());
    world.pass(Duration::from_secs(900));
    assert!(world.bodies().await.is_empty(), "nothing waits");
}

/// Collections of every night, of nights after the ring has synced, and a time series.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_collection_delays_nothing_else_of_a_night() {
    for data_type in [DataType::DailySleep, DataType::HeartRate] {
        let collection = data_type.path();
        let world = World::with_fleet(5, &[]).await;
        world.pass_until(NIGHT);
        world.oura().add_fault(failing(collection)).unwrap();
        world.schedule(night()).await;
        let before = world.clock.now();
        let worked = world.work_off_night().await;
        let took = world.clock.now().duration_since(before);
        assert!(took < SignedDuration::from_mins(20), "{collection}: {took}");
        let report = &world.watch().await[0];
        assert_eq!(report["done"], 5, "{collection}: {worked:?}");
        assert_eq!(report["failingCollections"], json!([data_type.as_str()]));
        assert!(requests(&world, collection) < 60, "{collection}: {}", requests(&world, collection));
        for patient in fleet(5) {
            let connection = world.connection_of(&patient).await;
            assert_eq!(connection.failing.get(&data_type), Some(&FetchFailure::Unavailable), "{collection}");
            let night = connection.watermarks.values().filter(|fetched| **fetched >= before).count();
            assert!(night >= 9, "{collection}: {night} data types arrived");
        }
        // For hours nothing but probes is sent to it.
        world.oura().clear_requests();
        for _ in 0..2 {
            world.pass(Duration::from_secs(4 * 3600));
            world.schedule(json!({"task": "catchUp"})).await;
            world.work_off_night().await;
        }
        assert!(requests(&world, collection) < 40, "{collection}: {}", requests(&world, collection));
        world.oura().clear_faults();
        // One request probes the collection first. Who comes before its answer waits for the next catch-up.
        for _ in 0..4 {
            world.pass(Duration::from_secs(4 * 3600));
            world.schedule(json!({"task": "catchUp"})).await;
            world.work_off_night().await;
        }
        for patient in fleet(5) {
            assert_eq!(world.connection_of(&patient).await.failing.len(), 0, "{collection}: {patient}");
        }
    }
}

/// Nothing shows then whether a ring has synced, so everything else is requested.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_collections_of_every_night_delay_nothing_else() {
    let every_night = [DataType::Sleep, DataType::DailySleep, DataType::DailyActivity];
    let world = World::with_fleet(5, &[]).await;
    world.pass_until(NIGHT);
    for data_type in every_night {
        world.oura().add_fault(failing(data_type.path())).unwrap();
    }
    world.schedule(night()).await;
    let before = world.clock.now();
    world.work_off_night().await;
    let took = world.clock.now().duration_since(before);
    assert!(took < SignedDuration::from_mins(20), "{took}");
    assert_eq!(world.watch().await[0]["done"], 5);
    for patient in fleet(5) {
        let connection = world.connection_of(&patient).await;
        for data_type in every_night {
            assert_eq!(connection.failing.get(&data_type), Some(&FetchFailure::Unavailable), "{patient}");
        }
        // The time series wait for the offsets of the sleep.
        let night: Vec<_> = connection.watermarks.iter().filter(|(_, fetched)| **fetched >= before).collect();
        assert!(night.len() >= 7, "{patient}: {night:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_arrives_without_a_failing_collection_and_is_completed_later() {
    let world = World::with_fleet(3, &[]).await;
    world.oura().add_fault(failing("daily_sleep")).unwrap();
    for account in ["ada", "bruno", "chiyo"] {
        assert_eq!(world.connect_as(account, account).await.outcome().0, "connected");
    }
    let bodies = world.bodies().await;
    world.deliver(&bodies, 1).await;
    for account in ["ada", "bruno", "chiyo"] {
        let answer = world.request(Some(account), "GET", "/daily", "from=2026-03-15&to=2026-03-19", "").await;
        let days = answer.data()["days"].as_array().unwrap().clone();
        assert!(days.iter().any(|day| !day["metrics"]["activity"]["steps"].is_null()), "{account}: {days:?}");
    }
    world.oura().clear_faults();
    world.pass(Duration::from_secs(1800));
    assert!(world.deliver(&bodies, 2).await.is_empty());
    world.work_off_live().await;
    // Histories that ended without it need a catch-up. One of the first run probes the collection for all others.
    for _ in 0..2 {
        world.pass(Duration::from_secs(2 * 3600));
        world.schedule(json!({"task": "catchUp"})).await;
        world.work_off_night().await;
    }
    for account in ["ada", "bruno", "chiyo"] {
        let connection = world.connection_of(account).await;
        assert_eq!(connection.backfill.map(|backfill| backfill.state), Some(BackfillState::Done), "{account}");
    }
}
