//! What a night asks of each patient: little, and the rest when it is due.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use shared::domain::{BackfillState, Notice, QueueMessage};
use shared::oura::DataType;

use super::{NIGHT, night};
use crate::world::{PATIENT, World};

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

/// What was asked for, by collection.
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
async fn a_ring_that_has_not_synced_costs_three_requests() {
    let world = settled().await;
    world.oura().set_last_synced("ada", Some(world.clock.now())).unwrap();
    world.pass_until(NIGHT);
    a_night(&world).await;
    let core = ["daily_activity", "daily_sleep", "sleep"];
    assert_eq!(asked(&world), core.map(|kind| (kind.to_owned(), 1)).into());
    assert_eq!(world.watch().await[0]["requests"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ring_that_has_synced_is_asked_for_the_rest_and_everything_arrives() {
    let world = settled().await;
    world.pass_until("2026-03-20T03:00:00Z");
    world.schedule(json!({"task": "night", "scheduledAt": "2026-03-20T03:00:00Z"})).await;
    assert_eq!(world.work_off_night().await.failed, 0);
    let asked = asked(&world);
    assert!(asked.contains_key("heartrate") && asked.contains_key("daily_stress"), "{asked:?}");
    assert!(!asked.contains_key("vO2_max") && !asked.contains_key("ring_configuration"), "{asked:?}");
    assert!(asked.values().sum::<usize>() <= 14, "{asked:?}");
    let day = &world.daily("2026-03-19", "2026-03-19").await[0];
    for kind in ["sleep", "readiness", "activity", "hrv", "heartRate", "stress"] {
        assert!(day["metrics"].get(kind).is_some(), "{kind} of the new day");
    }
    assert_eq!(world.count("wearable_sync"), 2, "of the backfill and of the night");
}

/// A notice of Oura's about something that has just happened, and the sync that it causes.
async fn noticed(world: &World, data_type: &str, id: &str) {
    world.pass(Duration::from_secs(3600));
    let notice = Notice {
        user: world.user_id("ada").parse().unwrap(),
        event_type: "update".parse().unwrap(),
        data_type: data_type.parse().unwrap(),
        document_id: id.parse().unwrap(),
        event_time: Some(world.clock.now()),
        received_at: world.clock.now(),
    };
    assert!(world.deliver(&[QueueMessage::from(notice).to_body()], 1).await.is_empty());
    world.pass(Duration::from_secs(31));
    world.work().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_webhooks_keep_current_is_skipped_until_a_full_pull_is_due() {
    let world = settled().await;
    let touched = world.oura().edit_night("ada", "2026-03-17".parse().unwrap()).unwrap();
    noticed(&world, "sleep", &touched[0].id).await;
    world.oura().clear_requests();
    world.pass_until(NIGHT);
    a_night(&world).await;
    let kinds: Vec<_> = asked(&world).into_keys().collect();
    assert_eq!(kinds, ["heartrate", "ring_battery_level"], "only these have no webhook");

    // Without another notice there is nothing to ask for; the night costs Oura nothing.
    world.oura().clear_requests();
    world.pass_until("2026-03-20T03:00:00Z");
    world.schedule(json!({"task": "night", "scheduledAt": "2026-03-20T03:00:00Z"})).await;
    world.work_off_night().await;
    let later = asked(&world);
    assert_eq!(later.values().sum::<usize>(), 0, "{later:?}");

    // A week after the last look at everything, everything is looked at, webhooks or not.
    world.pass_until("2026-03-25T10:00:00Z");
    let touched = world.oura().edit_night("ada", "2026-03-20".parse().unwrap()).unwrap();
    noticed(&world, "sleep", &touched[0].id).await;
    world.oura().clear_requests();
    world.pass_until("2026-03-26T03:00:00Z");
    world.schedule(json!({"task": "night", "scheduledAt": "2026-03-26T03:00:00Z"})).await;
    world.work_off_night().await;
    let all = asked(&world);
    assert!(all.len() >= 16 && all.contains_key("vO2_max"), "{all:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn catch_up_looks_at_an_empty_index_and_at_nothing_else() {
    let world = settled().await;
    world.pass_until(NIGHT);
    assert!(!world.connection_of(PATIENT).await.needs_care());
    world.aws.meter().reset();
    let report = world.schedule(json!({"task": "catchUp"})).await;
    assert_eq!(report["queued"], 0);
    let report = world.aws.meter().report();
    assert_eq!((report.calls, report.mutations), (16, 0), "a look into each shard");
    assert!(report.dollars < 0.000_01, "{}", report.dollars);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn catch_up_brings_what_silent_webhooks_did_not_announce_and_stops_when_they_speak_again() {
    let world = settled().await;
    world.pass_until("2026-03-20T03:00:00Z");
    world.schedule(json!({"task": "night", "scheduledAt": "2026-03-20T03:00:00Z"})).await;
    world.work_off_night().await;
    let connection = world.connection_of(PATIENT).await;
    assert!(connection.unannounced.contains_key(&DataType::Sleep), "{:?}", connection.unannounced);
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
async fn catch_up_brings_a_history_whose_message_was_lost_but_not_one_that_is_on_its_way() {
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
    assert!(!world.connection_of(PATIENT).await.needs_care());
}
