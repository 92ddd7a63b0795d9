//! Progress of each data type: small faults of Oura, and rings that are away, cost no day.

mod look_backs;

use std::collections::BTreeMap;
use std::time::Duration;

use oura_simulator::{Fault, PutDocument};
use serde_json::{Value, json};
use shared::aws::{Ended, Runs, SyncEnd};
use shared::domain::{BackfillState, DataType, DayRange, FetchFailure, QueueMessage, SyncId, Trigger, WebhookEvent};

use tests::{PATIENT, World};

/// One run of the schedule at this moment.
async fn run(world: &World, task: &str, at: &str) {
    world.pass_until(at);
    world.schedule(json!({"task": task, "scheduledAt": at})).await;
    world.work_off_night().await;
}

async fn nightly(world: &World, day: &str) {
    run(world, "nightly", &format!("{day}T03:00:00Z")).await;
}

async fn catch_up(world: &World, at: &str) -> u64 {
    world.pass_until(at);
    let report = world.schedule(json!({"task": "catchUp", "scheduledAt": at})).await;
    world.work_off_night().await;
    report["queued"].as_u64().unwrap()
}

/// The metrics of these types by day.
async fn metrics(world: &World, from: &str, to: &str, types: &[&str]) -> BTreeMap<String, Vec<Value>> {
    let days = world.daily(from, to).await;
    let shown = |day: &Value| types.iter().map(|of| day["metrics"][of].clone()).collect();
    days.iter().map(|day| (day["day"].as_str().unwrap().to_owned(), shown(day))).collect()
}

/// Asserts that these metric types are those of a patient who connects now, and to whom Oura gives everything at once.
async fn assert_as_if_fetched_now(world: &World, from: &str, to: &str, types: &[&str]) {
    assert_as_if_fetched_now_of(world, "ada", (from, to), types).await;
}

async fn assert_as_if_fetched_now_of(world: &World, account: &str, range: (&str, &str), types: &[&str]) {
    let fresh = World::start().await;
    fresh.pass_until(&world.clock.now().to_string());
    assert_as_if_fetched_by(&fresh, world, account, range, types).await;
}

async fn assert_as_if_fetched_by(
    fresh: &World,
    world: &World,
    account: &str,
    (from, to): (&str, &str),
    types: &[&str],
) {
    assert_eq!(fresh.connect_as(PATIENT, account).await.outcome().0, "connected");
    fresh.work().await;
    let (expected, actual) = (metrics(fresh, from, to, types).await, metrics(world, from, to, types).await);
    assert!(expected.len() > 1 && expected.values().flatten().any(|of| !of.is_null()));
    assert_eq!(actual, expected);
}

fn refused(collection: &str, status: u16) -> Fault {
    Fault::on(&format!("/v2/usercollection/{collection}")).status(status)
}

fn empty(collection: &str) -> Fault {
    Fault { keep: Some(0), ..Fault::on(&format!("/v2/usercollection/{collection}")) }
}

async fn nights(world: &World) -> usize {
    let days = world.daily("2026-02-16", "2026-03-18").await;
    days.iter().filter(|day| day["metrics"]["sleep"]["totalSleep"].is_number()).count()
}

const REFUSALS: [u16; 6] = [400, 401, 403, 404, 307, 422];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusal_that_passes_costs_the_backfill_nothing() {
    for status in REFUSALS {
        let world = World::connected().await;
        world.oura().add_fault(refused("sleep", status).times(1)).unwrap();
        assert_eq!(world.work().await, 2, "{status}: one retry");
        assert!(nights(&world).await >= 28, "{status}");
        let connection = world.connection().await;
        assert_eq!(
            (connection.backfill.unwrap().state, connection.failing.len()),
            (BackfillState::Done, 0),
            "{status}"
        );
        let event = completed(&world).pop().unwrap();
        assert_eq!((&event["complete"], &event["failing"]), (&json!(true), &json!({})), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_data_type_is_fetched_back_to_the_first_day_once_it_is_served() {
    for (status, reason) in
        REFUSALS.into_iter().zip(["rejected", "forbidden", "forbidden", "not_found", "rejected", "rejected"])
    {
        let world = World::connected().await;
        world.oura().add_fault(refused("sleep", status)).unwrap();
        assert_eq!(world.work().await, 3, "{status}: the sync ends without it");
        let shown = world.get("/connections", "").await.data()["connections"][0].clone();
        assert_eq!((&shown["status"], &shown["failing"]), (&json!("connected"), &json!({"sleep": reason})), "{status}");
        assert_eq!(
            (&shown["backfill"]["state"], &shown["backfill"]["perType"]["tag"]["state"]),
            (&json!("failed"), &json!("done"))
        );
        assert_eq!((completed(&world).len(), nights(&world).await), (0, 0), "{status}");
        // It lasts for some days: each sync sends one request for it, and ends.
        for day in ["2026-03-19", "2026-03-20", "2026-03-21"] {
            world.oura().clear_requests();
            nightly(&world, day).await;
            let requests = world.oura().request_counts();
            assert_eq!(
                requests.iter().filter(|(route, _)| route.ends_with("/sleep")).map(|(_, count)| count).sum::<u64>(),
                1
            );
        }
        let events = completed(&world);
        assert_eq!(events.len(), 1, "{status}: reported once, a day after the connect");
        assert_eq!(
            (&events[0]["complete"], &events[0]["failing"]),
            (&json!(false), &json!({"sleep": reason})),
            "{status}"
        );
        world.oura().clear_faults();
        nightly(&world, "2026-03-22").await;
        assert!(nights(&world).await >= 28, "{status}");
        let connection = world.connection().await;
        assert_eq!(
            (connection.backfill.unwrap().state, connection.failing.len()),
            (BackfillState::Done, 0),
            "{status}"
        );
        let events = completed(&world);
        assert_eq!(
            (events.len(), &events[1]["complete"], &events[1]["failing"]),
            (2, &json!(true), &json!({})),
            "{status}"
        );
    }
}

fn completed(world: &World) -> Vec<Value> {
    let events = world.events().into_iter().filter(|event| event.detail_type == "wearable_backfill_completed");
    events.map(|event| event.detail).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_data_type_waits_for_no_one_and_a_manual_sync_brings_it() {
    let world = World::connected().await;
    world.oura().add_fault(refused("heartrate", 404)).unwrap();
    world.work().await;
    assert!(nights(&world).await >= 28);
    assert_eq!(world.connection().await.failing, BTreeMap::from([(DataType::HeartRate, FetchFailure::NotFound)]));
    world.oura().clear_faults();
    world.request(Some(PATIENT), "POST", "/sync", "", "{}").await;
    world.work().await;
    assert_eq!(world.connection().await.backfill.unwrap().state, BackfillState::Done);
    assert_as_if_fetched_now(&world, "2026-02-20", "2026-03-16", &["heartRate"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusal_of_a_webhook_events_document_is_retried() {
    let world = World::connected().await;
    world.work().await;
    let touched = world.oura().edit_night("ada", "2026-03-17".parse().unwrap()).unwrap();
    let sleep = touched.iter().find(|document| document.collection == "sleep").unwrap();
    world.oura().add_fault(refused("*", 403).times(1)).unwrap();
    deliver_webhook(&world, "sleep", &sleep.id).await;
    assert_eq!(world.daily("2026-03-17", "2026-03-17").await[0]["revision"], 2);
    assert!(world.connection().await.failing.is_empty());
}

/// Oura's webhook event about a document that has just changed, and the sync that it causes.
async fn deliver_webhook(world: &World, data_type: &str, id: &str) {
    let event = WebhookEvent {
        user: world.user_id("ada").parse().unwrap(),
        event_type: "update".parse().unwrap(),
        data_type: data_type.parse().unwrap(),
        document_id: id.parse().unwrap(),
        event_time: Some(world.clock.now()),
        received_at: world.clock.now(),
    };
    assert!(world.deliver(&[QueueMessage::from(event).to_body()], 1).await.is_empty());
    world.pass(Duration::from_secs(31));
    world.work().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn empty_answers_of_some_nights_are_made_up_for() {
    for collection in ["heartrate", "ring_battery_level", "daily_stress", "sleep"] {
        let world = World::connected().await;
        world.work().await;
        world.oura().add_fault(empty(collection)).unwrap();
        for day in ["2026-03-19", "2026-03-20", "2026-03-21"] {
            nightly(&world, day).await;
        }
        world.oura().clear_faults();
        nightly(&world, "2026-03-22").await;
        assert_as_if_fetched_now(&world, "2026-03-10", "2026-03-20", &["heartRate", "ring", "stress", "sleep"]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_that_was_empty_at_first_arrives_with_the_first_full_answer() {
    for collection in ["heartrate", "daily_activity", "workout", "vO2_max"] {
        let world = World::connected().await;
        world.oura().add_fault(empty(collection)).unwrap();
        world.work().await;
        world.oura().clear_faults();
        for day in [
            "2026-03-19",
            "2026-03-20",
            "2026-03-21",
            "2026-03-22",
            "2026-03-23",
            "2026-03-24",
            "2026-03-25",
            "2026-03-26",
        ] {
            nightly(&world, day).await;
        }
        assert_as_if_fetched_now(&world, "2026-02-27", "2026-03-17", &["heartRate", "activity", "workout", "vo2Max"])
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_that_was_cut_short_is_whole_after_a_week() {
    let world = World::connected().await;
    for collection in ["sleep", "daily_readiness", "workout"] {
        let path = format!("/v2/usercollection/{collection}");
        world.oura().add_fault(Fault { keep: Some(1), ..Fault::on(&path) }.times(1)).unwrap();
    }
    world.work().await;
    for day in ["2026-03-20", "2026-03-23", "2026-03-26"] {
        nightly(&world, day).await;
    }
    assert_as_if_fetched_now(&world, "2026-02-27", "2026-03-17", &["sleep", "readiness", "workout"]).await;
}

async fn tagged(world: &World, at: &str) {
    world.pass_until(at);
    let day = &at[..10];
    let id = format!("tag-{day}");
    let document = json!({"id": id, "tag_type_code": "tag_generic_nocaffeine", "start_time": at, "end_time": null,
        "start_day": day, "end_day": null, "comment": null});
    let put = PutDocument { collection: "enhanced_tag".into(), document, day: Some(day.parse().unwrap()) };
    world.oura().put_document("ada", put).unwrap();
    deliver_webhook(world, "enhanced_tag", &id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_do_not_vouch_for_a_ring_that_is_away() {
    let world = World::connected().await;
    world.work().await;
    world.oura().set_last_synced("ada", Some(world.clock.now())).unwrap();
    nightly(&world, "2026-03-19").await;
    for day in ["2026-03-20", "2026-03-21", "2026-03-22", "2026-03-23"] {
        nightly(&world, day).await;
        tagged(&world, &format!("{day}T10:00:00Z")).await;
    }
    assert_eq!(world.connection().await.last_data_day.unwrap().to_string(), "2026-03-18");
    let page = world.get("/daily", "from=2026-03-19&to=2026-03-22").await.data();
    let (days, gaps) = (page["days"].as_array().unwrap(), page["gaps"].as_array().unwrap());
    assert_eq!((days.len(), gaps.len()), (3, 1), "{page}");
    assert_eq!(gaps[0]["reason"], "not_synced_yet");
    for day in days {
        for metric_type in ["sleep", "activity", "heartRate", "readiness"] {
            assert_eq!(day["missing"][metric_type], "not_synced_yet", "{day}");
        }
    }
    // The ring is back.
    world.oura().set_last_synced("ada", None).unwrap();
    nightly(&world, "2026-03-24").await;
    assert_as_if_fetched_now(&world, "2026-03-17", "2026-03-22", &["heartRate", "ring", "sleep", "activity"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn manual_sync_that_finds_nothing_or_half_a_day_loses_nothing() {
    let world = World::connected().await;
    world.work().await;
    world.oura().set_last_synced("ada", Some(world.clock.now())).unwrap();
    nightly(&world, "2026-03-19").await;
    world.pass_until("2026-03-20T12:00:00Z");
    world.request(Some(PATIENT), "POST", "/sync", "", "{}").await;
    world.work().await;
    // The ring is back, and webhook events bring its documents before the night.
    world.pass_until("2026-03-21T15:00:00Z");
    for document in world.oura().sync_ring("ada").unwrap() {
        deliver_webhook(&world, &document.collection.to_lowercase(), &document.id).await;
    }
    world.oura().set_last_synced("ada", None).unwrap();
    nightly(&world, "2026-03-22").await;
    nightly(&world, "2026-03-23").await;
    assert_as_if_fetched_now(&world, "2026-03-17", "2026-03-21", &["heartRate", "ring"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn catch_up_syncs_every_time_while_webhooks_are_silent() {
    let world = World::connected().await;
    world.work().await;
    assert_eq!(catch_up(&world, "2026-03-18T16:00:00Z").await, 1, "in the first hours");
    nightly(&world, "2026-03-19").await;
    // The patient is asleep, and Oura has nothing of the night.
    world.oura().set_last_synced("ada", Some(world.clock.now())).unwrap();
    assert_eq!(catch_up(&world, "2026-03-19T05:00:00Z").await, 1);
    let reason = async |world: &World| {
        let page = world.get("/daily", "from=2026-03-19&to=2026-03-19").await.data();
        page["gaps"][0]["reason"].as_str().or(page["days"][0]["missing"]["sleep"].as_str()).map(str::to_owned)
    };
    assert_eq!(reason(&world).await.as_deref(), Some("not_synced_yet"), "asked a moment ago");
    world.oura().set_last_synced("ada", None).unwrap();
    world.pass_until("2026-03-19T11:00:00Z");
    assert_eq!(reason(&world).await.as_deref(), Some("we_are_late"), "not asked for six hours");
    assert_eq!(catch_up(&world, "2026-03-19T12:00:00Z").await, 1, "that nothing was found shows nothing");
    assert_eq!(reason(&world).await, None, "the night is there");
    // A ring that brings nothing is left to the nightly run after two days.
    world.oura().set_last_synced("ada", Some(world.clock.now())).unwrap();
    assert_eq!(catch_up(&world, "2026-03-20T12:00:00Z").await, 1);
    assert_eq!(catch_up(&world, "2026-03-22T12:00:00Z").await, 0);
    world.oura().set_last_synced("ada", None).unwrap();
    nightly(&world, "2026-03-23").await;
    assert_eq!(catch_up(&world, "2026-03-23T12:00:00Z").await, 1, "it is back");
    // Webhook events of the data types that they had missed: they speak.
    let documents = world.items(&world.names.wearable_data_table).await;
    for data_type in world.connection().await.missed_webhooks.into_keys() {
        let document = documents.iter().find(|document| document["dataType"] == data_type.as_str()).unwrap();
        deliver_webhook(&world, data_type.as_str(), document["documentId"].as_str().unwrap()).await;
    }
    assert!(world.connection().await.last_ring_webhook_at.is_some());
    assert_eq!(catch_up(&world, "2026-03-23T14:00:00Z").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn catch_up_takes_a_bounded_share_of_the_rate_limit() {
    let world = World::with(|env| env.with("OURA_REQUESTS_PER_5_MIN", "60"), |_| ()).await;
    for n in 0..80 {
        world.write_down(&format!("patient-{n}")).await;
    }
    assert_eq!(world.schedule(json!({"task": "catchUp"})).await["queued"], 72, "half an hour at five requests each");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nightly_sync_without_changes_publishes_that_it_ran() {
    let world = World::connected().await;
    world.work().await;
    world.oura().set_last_synced("ada", Some(world.clock.now())).unwrap();
    let syncs = |world: &World| -> Vec<Value> {
        world
            .events()
            .into_iter()
            .filter(|event| event.detail_type == "wearable_sync")
            .map(|event| event.detail)
            .collect()
    };
    let before = syncs(&world).len();
    nightly(&world, "2026-03-19").await;
    nightly(&world, "2026-03-20").await;
    let new = syncs(&world).split_off(before);
    assert_eq!(new.len(), 2, "{new:?}");
    for event in &new {
        assert_eq!(
            (&event["trigger"], &event["recordsWritten"], &event["days"]),
            (&json!("daily"), &json!(0), &json!([]))
        );
    }
    catch_up(&world, "2026-03-20T12:00:00Z").await;
    assert_eq!(syncs(&world).len(), before + 2, "a catch-up sync publishes only changes");
}

/// Every gap of the next years would look like days on which the ring was not worn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn document_of_the_future_is_no_newest_day() {
    let world = World::connected().await;
    world.work().await;
    let before = world.connection().await.last_data_day;
    for day in ["2190-01-01", "2026-03-30"] {
        let id = format!("of-{day}");
        let document = json!({"id": id, "day": day, "score": 80});
        let put = PutDocument { collection: "daily_sleep".to_owned(), document, day: None };
        world.oura().put_document("ada", put).unwrap();
        deliver_webhook(&world, "daily_sleep", &id).await;
        assert_eq!(world.daily(day, day).await.len(), 1, "{day} is stored");
        assert_eq!(world.connection().await.last_data_day, before, "{day}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sync_that_ends_beside_another_one_undoes_nothing_of_it() {
    let world = World::connected().await;
    world.work().await;
    let (seen, now, patient) = (world.connection().await, world.clock.now(), world.patient());
    let runs = Runs::new(&world.sdk, &world.names.connections_table);
    let end = |data_type: DataType, day: &str| SyncEnd {
        at: now,
        last_sync_at: None,
        last_data_day: None,
        failing: BTreeMap::new(),
        watermarks: BTreeMap::new(),
        looked_back: BTreeMap::new(),
        arrived_through: [(data_type, day.parse().unwrap())].into(),
        silent_since: None,
        last_webhook_at: None,
        last_ring_webhook_at: None,
        last_webhooks: BTreeMap::new(),
        missed_webhooks: BTreeMap::new(),
        status: (seen.status, seen.reason),
        needs_catch_up: false,
        backfill: None,
    };
    let [webhook, nightly] = ["webhook-1", "nightly-1"].map(|id| id.parse::<SyncId>().unwrap());
    for sync in [&webhook, &nightly] {
        runs.open(&patient, sync, now).await.unwrap();
    }
    let (back, forward) = (end(DataType::Tag, "2026-02-01"), end(DataType::Sleep, "2026-03-19"));
    assert_eq!(runs.end(&seen, &webhook, &BTreeMap::new(), &back, &[]).await.unwrap(), Ended::Recorded);
    assert_eq!(runs.end(&seen, &nightly, &BTreeMap::new(), &forward, &[]).await.unwrap(), Ended::Raced);
    let current = world.connection().await;
    assert_eq!(runs.end(&current, &nightly, &BTreeMap::new(), &forward, &[]).await.unwrap(), Ended::Recorded);
    let arrived = world.connection().await.arrived_through;
    assert_eq!(arrived[&DataType::Tag].to_string(), "2026-02-01");
    assert_eq!(arrived[&DataType::Sleep].to_string(), "2026-03-19");
    // One that stays open has seen nothing of either.
    for data_type in [DataType::Workout, DataType::Tag] {
        let open = SyncEnd {
            looked_back: [(data_type, now)].into(),
            last_webhooks: [(data_type, now)].into(),
            missed_webhooks: [(data_type, 2)].into(),
            ..end(DataType::Session, "2026-03-18")
        };
        runs.give_up(&seen, &open, None).await.unwrap();
    }
    let connection = world.connection().await;
    assert_eq!(
        connection.arrived_through.len(),
        arrived.len() + usize::from(!arrived.contains_key(&DataType::Session))
    );
    assert_eq!(connection.arrived_through[&DataType::Tag].to_string(), "2026-02-01");
    for data_type in [DataType::Workout, DataType::Tag] {
        assert_eq!(connection.looked_back[&data_type], now);
        assert_eq!(connection.last_webhooks[&data_type], now);
        assert_eq!(connection.missed_webhooks[&data_type], 2);
    }
}

/// Data types that had arrived from the first account are fetched from the second one, although the sync is the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sync_that_continues_after_a_change_of_the_account_begins_anew() {
    let world = World::connected().await;
    world.work().await;
    world.pass(Duration::from_secs(3600));
    world.oura().add_fault(refused("daily_stress", 503)).unwrap();
    let range = DayRange::new("2026-02-16".parse().unwrap(), "2026-03-20".parse().unwrap()).unwrap();
    let manual = [world.sync_message(Trigger::Manual, "manual-1", range)];
    assert_eq!(world.deliver(&manual, 1).await.len(), 1);
    world.oura().clear_faults();
    world.pass(Duration::from_secs(60));
    assert_eq!(world.connect_as(PATIENT, "bruno").await.outcome().0, "connected");
    world.oura().clear_requests();
    assert!(world.deliver(&manual, 2).await.is_empty());
    let requests = world.oura().request_counts();
    assert!(requests.keys().any(|route| route.ends_with("/sleep")), "{requests:?}");
    world.work().await;
    assert!(nights(&world).await >= 28);
    assert_as_if_fetched_now_of(&world, "bruno", ("2026-02-20", "2026-03-18"), &["sleep"]).await;
}
