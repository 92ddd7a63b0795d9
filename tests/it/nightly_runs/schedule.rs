//! Requests of a nightly run for each patient: few, and the rest when due.

use std::collections::BTreeMap;
use std::time::Duration;

use oura_simulator::{Fault, FaultMatch};
use serde_json::json;
use shared::domain::{BackfillState, DataType, DayRange, FetchFailure, Trigger};

use super::{of_one_shard, webhook_event};
use tests::{NIGHT, PATIENT, World, night};

/// One patient, the history in, the day before the night.
async fn settled() -> World {
    let world = World::connected().await;
    world.work().await;
    world.oura().clear_requests();
    world
}

async fn a_night(world: &World) {
    world.schedule(night()).await;
    assert_eq!(world.work_off_night().await.failed, 0);
}

/// Requests by collection.
fn asked(world: &World) -> BTreeMap<String, usize> {
    let mut asked = BTreeMap::new();
    for request in world.oura().requests() {
        if let Some(path) = request.path.strip_prefix("/v2/usercollection/") {
            *asked.entry(path.to_owned()).or_default() += 1;
        }
    }
    asked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unsynced_ring_takes_three_requests() {
    let world = settled().await;
    world.oura().set_last_synced("ada", Some(world.clock.now())).unwrap();
    world.pass_until(NIGHT);
    a_night(&world).await;
    let core = ["daily_activity", "daily_sleep", "sleep"];
    assert_eq!(asked(&world), core.map(|data_type| (data_type.to_owned(), 1)).into());
    assert_eq!(world.watch().await[0]["requests"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn synced_ring_fetches_all_due_data_types() {
    let world = settled().await;
    world.pass_until("2026-03-20T03:00:00Z");
    world.schedule(json!({"task": "nightly", "scheduledAt": "2026-03-20T03:00:00Z"})).await;
    assert_eq!(world.work_off_night().await.failed, 0);
    let asked = asked(&world);
    assert!(asked.contains_key("heartrate") && asked.contains_key("daily_stress"), "{asked:?}");
    assert!(!asked.contains_key("vO2_max") && !asked.contains_key("ring_configuration"), "{asked:?}");
    assert!(asked.values().sum::<usize>() <= 14, "{asked:?}");
    let day = &world.daily("2026-03-19", "2026-03-19").await[0];
    for data_type in ["sleep", "readiness", "activity", "hrv", "heartRate", "stress"] {
        assert!(day["metrics"].get(data_type).is_some(), "{data_type} of the new day");
    }
    assert_eq!(world.count("wearable_sync"), 2, "of the backfill and of the night");
}

/// A webhook event about a change of this moment, and the sync that it causes.
async fn deliver_webhook(world: &World, data_type: &str, id: &str) {
    world.pass(Duration::from_secs(3600));
    assert!(world.deliver(&[webhook_event(world, data_type, id)], 1).await.is_empty());
    world.pass(Duration::from_secs(31));
    world.work().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_types_kept_current_by_webhooks_are_skipped_until_a_full_sync() {
    let world = settled().await;
    let touched = world.oura().edit_night("ada", "2026-03-17".parse().unwrap()).unwrap();
    for document in &touched {
        deliver_webhook(&world, &document.collection, &document.id).await;
    }
    world.oura().clear_requests();
    world.pass_until(NIGHT);
    a_night(&world).await;
    let data_types = asked(&world);
    assert!(!data_types.contains_key("daily_readiness"), "{data_types:?}");
    for data_type in ["sleep", "daily_sleep", "daily_activity"] {
        assert_eq!(data_types[data_type], 1, "one request for a data type of every night: {data_types:?}");
    }
    for data_type in ["heartrate", "daily_stress"] {
        assert!(data_types.contains_key(data_type), "none of its own events arrived: {data_types:?}");
    }

    // Without another event there is hardly anything to ask for.
    world.oura().set_last_synced("ada", Some(NIGHT.parse().unwrap())).unwrap();
    world.oura().clear_requests();
    world.pass_until("2026-03-20T03:00:00Z");
    world.schedule(json!({"task": "nightly", "scheduledAt": "2026-03-20T03:00:00Z"})).await;
    world.work_off_night().await;
    let later: Vec<_> = asked(&world).into_keys().collect();
    assert_eq!(
        later,
        ["daily_activity", "daily_readiness", "daily_sleep", "sleep"],
        "its last fetch is older than its event"
    );
    world.oura().set_last_synced("ada", None).unwrap();

    // A week after the last look at everything, everything is looked at, webhooks or not.
    world.pass_until("2026-03-25T10:00:00Z");
    let touched = world.oura().edit_night("ada", "2026-03-20".parse().unwrap()).unwrap();
    deliver_webhook(&world, &touched[0].collection, &touched[0].id).await;
    world.oura().clear_requests();
    world.pass_until("2026-03-26T03:00:00Z");
    world.schedule(json!({"task": "nightly", "scheduledAt": "2026-03-26T03:00:00Z"})).await;
    world.work_off_night().await;
    let all = asked(&world);
    assert!(all.len() >= 16 && all.contains_key("vO2_max"), "{all:?}");
}

/// Events of the other data types arrive, and vouch neither for the night nor for its readiness.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn night_fetches_documents_whose_events_were_lost() {
    let world = settled().await;
    let touched = world.oura().edit_night("ada", "2026-03-17".parse().unwrap()).unwrap();
    let is_lost = |collection: &str| matches!(collection, "sleep" | "daily_readiness");
    for document in touched.iter().filter(|document| !is_lost(&document.collection)) {
        deliver_webhook(&world, &document.collection, &document.id).await;
    }
    world.pass_until(NIGHT);
    a_night(&world).await;
    let records = world.items(&world.names.wearable_data_table).await;
    for document in &touched {
        let stored = records.iter().find(|record| record["documentId"] == document.id.as_str()).unwrap();
        assert_eq!(stored["revision"], 2, "{}", document.collection);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn catch_up_reads_only_the_empty_index() {
    let world = settled().await;
    let touched = world.oura().edit_night("ada", "2026-03-17".parse().unwrap()).unwrap();
    deliver_webhook(&world, &touched[0].collection, &touched[0].id).await;
    world.pass_until(NIGHT);
    assert!(!world.connection_of(PATIENT).await.needs_catch_up());
    world.aws.meter().reset();
    let report = world.schedule(json!({"task": "catchUp"})).await;
    assert_eq!(report["queued"], 0);
    let report = world.aws.meter().report();
    assert_eq!((report.calls, report.mutations), (16, 0), "a look into each shard");
    assert!(report.dollars < 0.000_01, "{}", report.dollars);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn catch_up_covers_missing_webhooks_until_they_resume() {
    let world = settled().await;
    world.pass_until("2026-03-20T03:00:00Z");
    world.schedule(json!({"task": "nightly", "scheduledAt": "2026-03-20T03:00:00Z"})).await;
    world.work_off_night().await;
    let connection = world.connection_of(PATIENT).await;
    assert!(connection.missed_webhooks.contains_key(&DataType::Sleep), "{:?}", connection.missed_webhooks);
    // Who asks for a sync may be quicker than Oura: what it finds says nothing about webhooks, for or against.
    let message = world.sync_message(Trigger::Manual, "manual-1", DayRange::ending("2026-03-20".parse().unwrap(), 3));
    assert!(world.deliver(&[message], 1).await.is_empty());
    assert_eq!(world.connection_of(PATIENT).await.missed_webhooks, connection.missed_webhooks);
    world.oura().clear_requests();
    world.pass_until("2026-03-20T12:00:00Z");
    let call = json!({"task": "catchUp", "scheduledAt": "2026-03-20T12:00:00Z"});
    assert_eq!(world.schedule(call.clone()).await["queued"], 1);
    assert_eq!(world.schedule(call).await["queued"], 1, "twice, for the same sync");
    assert_eq!(world.work_off_night().await.failed, 0);
    let asked = asked(&world);
    assert_eq!(asked["sleep"], 1, "{asked:?}");
    assert_eq!(world.daily("2026-03-20", "2026-03-20").await.len(), 1, "today's night is there at noon");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn catch_up_fetches_a_lost_backfill_but_no_queued_one() {
    let world = World::connected().await;
    world.bodies().await;
    assert_eq!(world.schedule(json!({"task": "catchUp"})).await["queued"], 0, "it was asked for a moment ago");
    world.pass(Duration::from_secs(2 * 3600));
    assert_eq!(world.schedule(json!({"task": "catchUp"})).await["queued"], 1);
    assert_eq!(world.work_off_night().await.failed, 0);
    let connection = world.connection_of(PATIENT).await;
    assert_eq!(connection.backfill.as_ref().map(|backfill| backfill.state), Some(BackfillState::Done));
    assert!(world.daily("2026-02-20", "2026-03-19").await.len() >= 25);
    assert_eq!(world.count("wearable_backfill_completed"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn catch_up_without_remaining_time_leaves_the_rest_to_the_next() {
    let world = World::connected().await;
    world.pass(Duration::from_secs(2 * 3600));
    let deadline = world.clock.now() + Duration::from_secs(10);
    let request = sync::Request::from_event(json!({"task": "catchUp"})).unwrap();
    let report = sync::handle(&world.planner(), request, deadline).await.unwrap();
    assert_eq!(report, sync::Report::CatchUp { queued: 0 });
    assert_eq!(world.schedule(json!({"task": "catchUp"})).await["queued"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_data_types_are_retried_after_the_sync_was_detected() {
    let world = settled().await;
    let failing = Fault {
        on: FaultMatch { path: "/v2/usercollection/heartrate".into(), ..FaultMatch::default() },
        status: Some(503),
        ..Fault::default()
    };
    world.oura().add_fault(failing).unwrap();
    world.pass_until("2026-03-20T03:00:00Z");
    world.schedule(json!({"task": "nightly", "scheduledAt": "2026-03-20T03:00:00Z"})).await;
    let messages = world.receive_nightly().await;
    assert_eq!(world.hand_over(world.worker(), &messages).await, 1);
    assert!(world.connection_of(PATIENT).await.failing.is_empty(), "the others came, and this one may yet");
    let report = world.watch().await.remove(0);
    assert_eq!((&report["failed"], &report["remaining"]), (&json!(0), &json!(1)), "it is not over");
    let before = asked(&world)["heartrate"];
    world.oura().clear_faults();
    assert_eq!(world.work_off_night().await.failed, 0);
    let asked = asked(&world);
    assert!(asked["heartrate"] > before, "{asked:?}");
    assert_eq!((asked["sleep"], asked["daily_stress"]), (1, 1), "what has arrived is not asked for again");
    let report = world.watch().await.remove(0);
    assert_eq!((&report["done"], &report["failed"]), (&json!(1), &json!(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_sync_in_a_batch_runs_once() {
    let world = settled().await;
    let message = world.sync_message(Trigger::Manual, "manual-1", DayRange::ending("2026-03-18".parse().unwrap(), 3));
    assert!(world.deliver(&[message.clone(), message], 1).await.is_empty());
    assert_eq!(asked(&world)["sleep"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn catch_up_reads_every_page_of_a_shard() {
    let world = World::start().await;
    for name in of_one_shard(101) {
        world.write_down_with(&name, BTreeMap::from([(DataType::Sleep, FetchFailure::Unavailable)])).await;
    }
    assert_eq!(world.schedule(json!({"task": "catchUp"})).await["queued"], 101);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sync_after_missed_runs_covers_their_days() {
    let world = settled().await;
    world.pass_until("2026-03-23T03:00:00Z");
    let message =
        world.sync_message(Trigger::Daily, "nightly-2026-03-23", DayRange::ending("2026-03-24".parse().unwrap(), 2));
    assert!(world.deliver(&[message], 1).await.is_empty());
    let days = world.daily("2026-03-19", "2026-03-22").await;
    assert_eq!(days.iter().filter(|day| day["metrics"].get("activity").is_some()).count(), 4);
}
