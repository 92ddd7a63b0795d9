//! Webhook events in the worker: each change is stored once, with few requests, although Oura repeats, reorders or loses events.

mod faults;
mod missing_documents;
mod replays;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use local::aws::{Effect, Fault, Service};
use oura_simulator::{ChangedDocument, Fault as OuraFault, FaultMatch, PutDocument};
use serde_json::{Value, json};
use shared::aws::{Inbox, WebhookDays};
use shared::domain::{ConnectionStatus, DataType, Day, QueueMessage, Trigger, WebhookEvent};

use tests::{PATIENT, World};

const NIGHT: &str = "2026-03-16";

/// The patient's ring, connected, its history stored, and an hour gone by.
async fn settled() -> World {
    settled_with(World::connected().await).await
}

async fn settled_with(world: World) -> World {
    world.work().await;
    world.pass(Duration::from_secs(3600));
    world.oura().clear_requests();
    world
}

/// The queue message of a webhook event that has just arrived, about a change of the same moment.
fn webhook_event(world: &World, account: &str, event: &str, data_type: &str, id: &str) -> String {
    webhook_event_at(world, account, event, data_type, id, Some(world.clock.now()))
}

fn webhook_event_at(
    world: &World,
    account: &str,
    event: &str,
    data_type: &str,
    id: &str,
    event_time: Option<Timestamp>,
) -> String {
    let webhook_event = WebhookEvent {
        user: world.user_id(account).parse().unwrap(),
        event_type: event.parse().unwrap(),
        data_type: data_type.parse().unwrap(),
        document_id: id.parse().unwrap(),
        event_time,
        received_at: world.clock.now(),
    };
    QueueMessage::from(webhook_event).to_body()
}

fn webhook_events(world: &World, event: &str, touched: &[ChangedDocument]) -> Vec<String> {
    touched
        .iter()
        .map(|touched| webhook_event(world, "ada", event, &touched.collection.to_lowercase(), &touched.id))
        .collect()
}

/// Delivers the webhook events, waits for the debounce, and delivers the sync that they cause until it is done.
async fn arrive(world: &World, bodies: &[String]) {
    assert!(world.deliver(bodies, 1).await.is_empty(), "webhook events are gathered at once");
    world.pass(Duration::from_secs(31));
    world.work().await;
}

/// The sync is redelivered after the waits that it requests.
async fn arrive_with_waits(world: &World, bodies: &[String], deliveries: u32) {
    assert!(world.deliver(bodies, 1).await.is_empty());
    world.pass(Duration::from_secs(31));
    let syncs = world.bodies().await;
    for count in 1..deliveries {
        assert_eq!(world.deliver(&syncs, count).await.len(), 1, "delivery {count}");
        world.pass(Duration::from_secs(if count == 1 { 15 } else { 60 }));
    }
    assert!(world.deliver(&syncs, deliveries).await.is_empty());
}

/// Requests by collection of Oura.
fn asked(world: &World) -> Vec<String> {
    let all = world.oura().requests();
    all.into_iter().filter_map(|request| Some(request.path.strip_prefix("/v2/usercollection/")?.to_owned())).collect()
}

/// The patient's stored records of one data type.
async fn records(world: &World, data_type: &str) -> Vec<Value> {
    let all = world.items(&world.names.wearable_data_table).await;
    all.into_iter().filter(|record| record["dataType"] == data_type && record["patientId"] == PATIENT).collect()
}

async fn a_workout(world: &World) -> Value {
    let workouts = records(world, "workout").await;
    workouts.into_iter().max_by_key(|workout| workout["day"].to_string()).expect("ada runs")
}

/// Published events without repeats: two workers may publish the same outbox at once, and consumers drop what they know.
fn details(world: &World, detail_type: &str) -> Vec<Value> {
    let mut known = BTreeSet::new();
    let events = world.events().into_iter().filter(|event| event.detail_type == detail_type);
    events.map(|event| event.detail).filter(|detail| known.insert(detail["eventId"].to_string())).collect()
}

/// Deletes the record of processed events, as if it had not been written.
async fn forget_processed(world: &World) {
    let key = |text: &str| AttributeValue::S(text.to_owned());
    aws_sdk_dynamodb::Client::new(&world.sdk)
        .delete_item()
        .table_name(&world.names.connections_table)
        .key("pk", key(&format!("PATIENT#{PATIENT}")))
        .key("sk", key("PROCESSED#oura"))
        .send()
        .await
        .unwrap();
}

fn on(path: &str, status: u16, times: Option<u64>) -> OuraFault {
    let path = format!("/v2/usercollection/{path}");
    OuraFault {
        on: FaultMatch { path, ..FaultMatch::default() },
        status: Some(status),
        body: Some(json!({"detail": "Document not found."})),
        times,
        ..OuraFault::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edited_sleep_takes_one_request_per_document_after_the_debounce() {
    let world = settled().await;
    let before = world.daily(NIGHT, NIGHT).await;
    let updates = details(&world, "wearable_day_updated").len();
    let touched = world.oura().edit_night("ada", NIGHT.parse().unwrap()).unwrap();
    let data_types: Vec<_> = touched.iter().map(|touched| touched.collection.as_str()).collect();
    assert!(data_types.contains(&"sleep") && data_types.contains(&"daily_readiness"), "{data_types:?}");
    let bodies = webhook_events(&world, "update", &touched);
    assert!(world.deliver(&bodies, 1).await.is_empty());
    assert!(world.bodies().await.is_empty() && asked(&world).is_empty(), "it waits for what else may come");
    world.pass(Duration::from_secs(29));
    assert!(world.bodies().await.is_empty(), "WEBHOOK_DEBOUNCE_SECONDS have not gone by");
    world.pass(Duration::from_secs(2));
    assert_eq!(world.work().await, 1);
    let mut wanted: Vec<_> = touched.iter().map(|touched| format!("{}/{}", touched.collection, touched.id)).collect();
    let mut paths = asked(&world);
    wanted.sort_unstable();
    paths.sort_unstable();
    assert_eq!(paths, wanted);
    let after = world.daily(NIGHT, NIGHT).await;
    assert_ne!(before[0]["metrics"]["sleep"], after[0]["metrics"]["sleep"]);
    assert_eq!(after[0]["revision"], 2);
    let updated = &details(&world, "wearable_day_updated")[updates..];
    assert_eq!(updated.len(), 1, "{updated:?}");
    assert_eq!((&updated[0]["day"], &updated[0]["reason"]), (&json!(NIGHT), &json!("revised")));
    let fields = updated[0]["changedFields"].as_array().unwrap();
    assert!(fields.iter().any(|field| field.as_str().unwrap().starts_with("sleep.")), "{fields:?}");
    let sync = details(&world, "wearable_sync").pop().unwrap();
    assert_eq!((&sync["trigger"], &sync["days"]), (&json!("webhook"), &json!([NIGHT])));
    assert_eq!(sync["recordsWritten"], touched.len());
    let connection = world.connection().await;
    assert_eq!(connection.status, ConnectionStatus::Connected);
    assert!(connection.last_webhook_at.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unchanged_document_writes_and_publishes_nothing() {
    let world = settled().await;
    let [_, records_before, stats] = world.tables().await;
    let events = world.events().len();
    let workout = a_workout(&world).await;
    let id = workout["documentId"].as_str().unwrap();
    arrive(&world, &[webhook_event(&world, "ada", "update", "workout", id)]).await;
    let [_, records_after, stats_after] = world.tables().await;
    assert!(records_before == records_after && stats == stats_after, "nothing was written");
    assert_eq!(world.events().len(), events);
    assert_eq!(asked(&world), [format!("workout/{id}")]);
}

/// Forty webhook events of one patient, received by four workers at once: one sync, no data type requested twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn burst_of_forty_webhook_events_takes_one_sync() {
    let world = settled().await;
    let mut bodies = Vec::new();
    for day in ["2026-03-13", "2026-03-14", "2026-03-15", NIGHT] {
        let touched = world.oura().edit_night("ada", day.parse().unwrap()).unwrap();
        bodies.extend(webhook_events(&world, "update", &touched));
    }
    for data_type in ["daily_activity", "daily_stress", "daily_spo2"] {
        let mut all = records(&world, data_type).await;
        all.sort_by_key(|record| record["day"].to_string());
        for record in all.iter().rev().take(10) {
            bodies.push(webhook_event(&world, "ada", "update", data_type, record["documentId"].as_str().unwrap()));
        }
    }
    assert!(bodies.len() >= 40, "{}", bodies.len());
    bodies.truncate(40);
    let batches: Vec<_> = bodies.chunks(10).collect();
    let answers = futures::future::join_all(batches.iter().map(|batch| world.deliver(batch, 1))).await;
    assert!(answers.iter().all(Vec::is_empty));
    world.pass(Duration::from_secs(31));
    let syncs = world.messages().await;
    assert_eq!((syncs.len(), syncs[0].trigger), (1, Trigger::Webhook));
    assert!(world.deliver(&[syncs[0].to_body()], 1).await.is_empty());
    let paths = asked(&world);
    let data_types: BTreeSet<_> = paths.iter().map(|path| path.split('/').next().unwrap()).collect();
    let lists = paths.iter().filter(|path| !path.contains('/')).count();
    assert_eq!(lists, data_types.len(), "one list for each data type: {paths:?}");
    assert!(
        paths.len() <= data_types.len() + 4,
        "{} requests for {} webhook_events: {paths:?}",
        paths.len(),
        bodies.len()
    );
    assert_eq!(details(&world, "wearable_sync").iter().filter(|sync| sync["trigger"] == "webhook").count(), 1);
    for day in ["2026-03-13", "2026-03-14", "2026-03-15", NIGHT] {
        assert_eq!(world.daily(day, day).await[0]["revision"], 2, "{day}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_copies_of_a_webhook_event_take_one_request() {
    let world = settled().await;
    let touched = world.oura().edit_night("ada", NIGHT.parse().unwrap()).unwrap();
    let scores = touched.iter().find(|touched| touched.collection == "daily_readiness").unwrap();
    let body = webhook_event(&world, "ada", "update", "daily_readiness", &scores.id);
    let bodies = vec![body; 50];
    let batches: Vec<_> = bodies.chunks(10).collect();
    futures::future::join_all(batches.iter().map(|batch| world.deliver(batch, 1))).await;
    world.pass(Duration::from_secs(31));
    // More than one worker may have thought itself the first: the syncs are the same one.
    let syncs = world.bodies().await;
    futures::future::join_all(syncs.iter().map(|sync| world.deliver(std::slice::from_ref(sync), 1))).await;
    assert_eq!(asked(&world), [format!("daily_readiness/{}", scores.id)]);
    assert_eq!(details(&world, "wearable_sync").iter().filter(|sync| sync["trigger"] == "webhook").count(), 1);
    for sync in &syncs {
        assert!(world.deliver(std::slice::from_ref(sync), 2).await.is_empty(), "every copy comes to an end");
    }
    assert_eq!(asked(&world).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delete_event_tombstones_a_workout_without_a_request() {
    let world = settled().await;
    let workout = a_workout(&world).await;
    let (id, day) = (workout["documentId"].as_str().unwrap(), workout["day"].as_str().unwrap());
    let count = |days: &[Value]| days[0]["metrics"]["workout"]["count"].as_u64().unwrap_or(0);
    let before = count(&world.daily(day, day).await);
    world.oura().delete_document("ada", "workout", id).unwrap();
    let body = webhook_event(&world, "ada", "delete", "workout", id);
    arrive(&world, std::slice::from_ref(&body)).await;
    assert_eq!(asked(&world), [""; 0], "a deletion names all there is to know");
    let stored = records(&world, "workout").await;
    let stored = stored.iter().find(|record| record["documentId"] == id).unwrap();
    assert_eq!((&stored["deleted"], &stored["metrics"], &stored["revision"]), (&json!(true), &json!({}), &json!(2)));
    assert_eq!(count(&world.daily(day, day).await), before - 1);
    let updated = details(&world, "wearable_day_updated").pop().unwrap();
    assert_eq!((&updated["day"], &updated["reason"]), (&json!(day), &json!("deleted")));
    // Oura says it again, and says late that it had been created: neither brings it back.
    let events = world.events().len();
    arrive(&world, &[body]).await;
    let late = Some("2026-03-17T06:00:00Z".parse().unwrap());
    arrive(&world, &[webhook_event_at(&world, "ada", "create", "workout", id, late)]).await;
    world.work().await;
    assert_eq!(world.events().len(), events);
    let stored = records(&world, "workout").await;
    assert_eq!(stored.iter().find(|record| record["documentId"] == id).unwrap()["revision"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reordered_webhook_events_end_in_ouras_state() {
    let world = settled().await;
    let workout = a_workout(&world).await;
    let id = workout["documentId"].as_str().unwrap().to_owned();
    let then = |minutes: i64| Some(world.clock.now() - jiff::SignedDuration::from_mins(minutes));
    let of = |event: &str, minutes| webhook_event_at(&world, "ada", event, "workout", &id, then(minutes));
    // It exists at Oura: it was deleted and put back, and the webhook events arrive in the wrong order.
    arrive(&world, &[of("create", 5), of("delete", 10)]).await;
    let live = |all: &[Value]| all.iter().any(|one| one["documentId"] == id.as_str() && one["deleted"].is_null());
    assert!(live(&records(&world, "workout").await));
    // A deletion from before what we last saw of it: Oura is asked.
    let long_ago = Some("2026-03-18T09:00:00Z".parse().unwrap());
    arrive(&world, &[webhook_event_at(&world, "ada", "delete", "workout", &id, long_ago)]).await;
    assert!(live(&records(&world, "workout").await));
    assert_eq!(asked(&world), [format!("workout/{id}"), format!("workout/{id}")]);
    // A new one whose update arrives before its creation.
    let put = json!({"id": "w-new", "activity": "cycling", "day": "2026-03-18", "intensity": "easy", "source": "manual",
        "start_datetime": "2026-03-18T08:00:00+01:00", "end_datetime": "2026-03-18T08:30:00+01:00"});
    let put = PutDocument { collection: "workout".into(), document: put, day: None };
    world.oura().put_document("ada", put).unwrap();
    arrive(&world, &[webhook_event(&world, "ada", "update", "workout", "w-new")]).await;
    arrive(&world, &[webhook_event(&world, "ada", "create", "workout", "w-new")]).await;
    let stored = records(&world, "workout").await;
    let stored: Vec<_> = stored.iter().filter(|record| record["documentId"] == "w-new").collect();
    assert_eq!((stored.len(), &stored[0]["revision"], &stored[0]["day"]), (1, &json!(1), &json!("2026-03-18")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_user_is_retried_and_then_dropped() {
    let world = settled().await;
    let body = webhook_event(&world, "bruno", "update", "daily_readiness", "d-1");
    for count in 1..=2 {
        assert_eq!(world.deliver(std::slice::from_ref(&body), count).await.len(), 1, "delivery {count}");
    }
    assert!(world.deliver(std::slice::from_ref(&body), 3).await.is_empty(), "dropped");
    world.pass(Duration::from_secs(60));
    assert!(world.bodies().await.is_empty() && asked(&world).is_empty());
    // The connect was under way: the second delivery finds the patient.
    assert_eq!(world.deliver(std::slice::from_ref(&body), 1).await.len(), 1);
    assert_eq!(world.connect_as("patient-2", "bruno").await.outcome().0, "connected");
    assert!(world.deliver(std::slice::from_ref(&body), 2).await.is_empty());
    world.pass(Duration::from_secs(31));
    let patients: Vec<_> =
        world.messages().await.iter().map(|sync| (sync.patient_id.to_string(), sync.trigger)).collect();
    assert!(patients.contains(&("patient-2".into(), Trigger::Webhook)), "{patients:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_data_types_are_counted_and_dropped() {
    let world = settled().await;
    let workout = a_workout(&world).await;
    let bodies = [
        webhook_event(&world, "ada", "create", "meal", "m-1"),
        webhook_event(&world, "ada", "merge", "sleep", "s-1"),
        webhook_event(&world, "ada", "update", "heartrate", "h-1"),
        webhook_event(&world, "ada", "update", "workout", workout["documentId"].as_str().unwrap()),
    ];
    arrive(&world, &bodies).await;
    assert_eq!(asked(&world).len(), 1, "{:?}", asked(&world));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vo2_max_is_requested_by_its_own_path() {
    let world = settled().await;
    let stored = records(&world, "vo2_max").await;
    let id = stored.last().expect("ada has one")["documentId"].as_str().unwrap();
    arrive(&world, &[webhook_event(&world, "ada", "update", "vo2_max", id)]).await;
    assert_eq!(asked(&world), [format!("vO2_max/{id}")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhook_events_of_three_patients_in_one_batch_stay_apart() {
    let world = World::start().await;
    let people = [("patient-1", "ada"), ("patient-2", "bruno"), ("patient-3", "chiyo")];
    for (patient, account) in people {
        assert_eq!(world.connect_as(patient, account).await.outcome().0, "connected");
    }
    let world = settled_with(world).await;
    let mut bodies = Vec::new();
    for (_, account) in people {
        let touched = world.oura().edit_night(account, NIGHT.parse().unwrap()).unwrap();
        for touched in touched {
            bodies.push(webhook_event(&world, account, "update", &touched.collection, &touched.id));
        }
    }
    // Interleaved.
    bodies.sort_by_key(|body| body.len());
    for batch in bodies.chunks(10) {
        assert!(world.deliver(batch, 1).await.is_empty());
    }
    world.pass(Duration::from_secs(31));
    world.work().await;
    for (patient, _) in people {
        let query = format!("from={NIGHT}&to={NIGHT}");
        let day = world.request(Some(patient), "GET", "/daily", &query, "").await.data();
        assert_eq!(day["days"][0]["revision"], 2, "{patient}");
    }
    let syncs = details(&world, "wearable_sync");
    let syncs: BTreeMap<_, _> = syncs
        .iter()
        .filter(|sync| sync["trigger"] == "webhook")
        .map(|sync| (sync["patientId"].to_string(), sync["days"].clone()))
        .collect();
    assert_eq!(syncs.len(), 3);
    assert!(syncs.values().all(|days| *days == json!([NIGHT])), "{syncs:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhook_event_is_covered_by_a_later_sync() {
    let world = settled().await;
    let today = world.daily("2026-03-17", "2026-03-17").await;
    assert_eq!(today.len(), 1);
    let touched = world.oura().edit_night("ada", "2026-03-17".parse().unwrap()).unwrap();
    let bodies = webhook_events(&world, "update", &touched);
    assert!(world.deliver(&bodies, 1).await.is_empty());
    world.pass(Duration::from_secs(5));
    world.request(Some(PATIENT), "POST", "/sync", "", "{}").await;
    world.work().await;
    assert_eq!(world.daily("2026-03-17", "2026-03-17").await[0]["revision"], 2);
    world.oura().clear_requests();
    world.pass(Duration::from_secs(31));
    assert_eq!(world.work().await, 1, "the webhook events' own sync comes all the same");
    assert_eq!(asked(&world), [""; 0], "and finds that everything is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhook_event_without_scope_sends_no_request() {
    let world = World::start().await;
    let flow = world.begin(PATIENT).await;
    let query = world.consent(&flow, "ada", "allow", Some(&["daily"])).await;
    assert_eq!(world.callback(&query, Some(&flow.cookie)).await.outcome().0, "connected");
    let world = settled_with(world).await;
    arrive(&world, &[webhook_event(&world, "ada", "create", "workout", "w-1")]).await;
    assert_eq!(asked(&world), [""; 0]);
    let connection = world.connection().await;
    assert_eq!((connection.status, connection.reason), (ConnectionStatus::Connected, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhook_event_after_disconnect_is_dropped() {
    let world = settled().await;
    let touched = world.oura().edit_night("ada", NIGHT.parse().unwrap()).unwrap();
    let bodies = webhook_events(&world, "update", &touched);
    world.oura().withdraw_consent("ada").unwrap();
    world.deliver(&bodies, 1).await;
    world.pass(Duration::from_secs(31));
    let waiting = world.bodies().await;
    assert_eq!(waiting.len(), 1);
    // The patient's own sync learns of it first.
    world.pass(Duration::from_secs(25 * 3600));
    world.request(Some(PATIENT), "POST", "/sync", "", "{}").await;
    world.work().await;
    world.pass(Duration::from_secs(121));
    world.work().await;
    assert_eq!(world.connection().await.status, ConnectionStatus::Disconnected);
    let events = world.events().len();
    world.oura().clear_requests();
    assert!(world.deliver(&waiting, 1).await.is_empty(), "nothing to sync any more");
    assert_eq!(asked(&world), [""; 0]);
    assert_eq!((world.connection().await.status, world.events().len()), (ConnectionStatus::Disconnected, events));
}

/// SQS redelivers the webhook events after everything was done: nothing is published twice, even if they are processed again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redelivered_webhook_events_after_their_sync_are_not_stuck() {
    let world = settled().await;
    let touched = world.oura().edit_night("ada", NIGHT.parse().unwrap()).unwrap();
    let bodies = webhook_events(&world, "update", &touched);
    arrive(&world, &bodies).await;
    let events = world.events().len();
    forget_processed(&world).await;
    assert!(world.deliver(&bodies, 2).await.is_empty());
    world.pass(Duration::from_secs(31));
    world.work().await;
    world.pass(Duration::from_secs(31));
    world.work().await;
    let inbox = Inbox::new(&world.sdk, &world.names.connections_table).get(&world.patient()).await.unwrap();
    assert_eq!(inbox, None, "nothing waits for ever");
    assert_eq!(world.events().len(), events);
    // The next change arrives as ever.
    world.oura().edit_night("ada", NIGHT.parse().unwrap()).unwrap();
    arrive(&world, &webhook_events(&world, "update", &touched)).await;
    assert_eq!(world.daily(NIGHT, NIGHT).await[0]["revision"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_sync_message_is_sent_by_the_next_webhook_event() {
    let world = settled().await;
    let touched = world.oura().edit_night("ada", NIGHT.parse().unwrap()).unwrap();
    let bodies = webhook_events(&world, "update", &touched);
    // The queue takes no message while the events go into the inbox, and they are never redelivered.
    let refused = Effect::Error { status: 403, code: "AccessDenied".into(), message: "no".into() };
    world.aws.faults().inject(Fault {
        service: Some(Service::Sqs),
        operation: Some("SendMessage".into()),
        mutations_only: false,
        times: None,
        effect: refused,
        ..Fault::stop_after_mutations(0)
    });
    assert_eq!(world.deliver(&bodies, 1).await.len(), bodies.len(), "they need a redelivery");
    world.aws.faults().clear();
    world.pass(Duration::from_secs(600));
    let workout = a_workout(&world).await;
    let other = webhook_event(&world, "ada", "update", "workout", workout["documentId"].as_str().unwrap());
    arrive(&world, &[other]).await;
    assert_eq!(world.daily(NIGHT, NIGHT).await[0]["revision"], 2);
}

/// The worker is killed before and after every write, while it gathers and while it syncs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhook_events_killed_at_any_write_complete_on_redelivery() {
    async fn world_with_webhook_events() -> (World, Vec<String>) {
        let world = World::with(|env| env.with("BACKFILL_DAYS", "5"), |_| ()).await;
        assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected");
        let world = settled_with(world).await;
        let mut bodies =
            webhook_events(&world, "update", &world.oura().edit_night("ada", NIGHT.parse().unwrap()).unwrap());
        let workout = records(&world, "daily_stress").await;
        let id = workout.last().unwrap()["documentId"].as_str().unwrap();
        world.oura().delete_document("ada", "daily_stress", id).unwrap();
        bodies.push(webhook_event(&world, "ada", "delete", "daily_stress", id));
        (world, bodies)
    }
    /// A kill after the sync was asked for makes two messages of it: both are delivered.
    async fn sync(world: &World) -> Vec<String> {
        world.pass(Duration::from_secs(31));
        world.bodies().await
    }
    async fn end(world: &World, syncs: &[String], count: u32) -> bool {
        let again = futures::future::join_all(syncs.iter().map(|one| world.deliver(std::slice::from_ref(one), count)));
        let again = again.await.iter().filter(|again| !again.is_empty()).count();
        again == 0 || world.deliver(syncs, count + 1).await.is_empty()
    }
    let (clean, bodies) = world_with_webhook_events().await;
    let start = clean.aws.meter().mutations();
    assert!(clean.deliver(&bodies, 1).await.is_empty());
    let gathering = u32::try_from(clean.aws.meter().mutations() - start).unwrap();
    let syncs = sync(&clean).await;
    let start = clean.aws.meter().mutations();
    assert!(clean.deliver(&syncs, 1).await.is_empty());
    let syncing = u32::try_from(clean.aws.meter().mutations() - start).unwrap();
    assert!(gathering >= 2 && syncing >= 5, "{gathering} {syncing}");
    /// Without the statistics, which may miss a count.
    async fn tables_of(world: &World) -> [Vec<Value>; 3] {
        let [mut connections, records, stats] = world.tables().await;
        connections.retain(|item| item["pk"] != "WEBHOOKS");
        [connections, records, stats]
    }
    let (tables, events) = (tables_of(&clean).await, clean.event_ids());
    let mut kills = 0;
    let points = (0..gathering).map(|n| (n, true)).chain((0..syncing).map(|n| (n, false)));
    for (point, while_gathering) in points {
        for effect in [Effect::Stop, Effect::StopAfter] {
            let context = format!("killed at write {point} ({effect:?}), gathering: {while_gathering}");
            let (world, bodies) = world_with_webhook_events().await;
            let fault = Fault { effect, ..Fault::stop_after_mutations(point) };
            if while_gathering {
                kills += u32::from(world.deliver_until_killed(&bodies, 1, fault).await);
                assert!(world.deliver(&bodies, 2).await.is_empty(), "{context}");
                let syncs = sync(&world).await;
                assert!((1..=2).contains(&syncs.len()), "{context}");
                assert!(end(&world, &syncs, 1).await, "{context}");
            } else {
                assert!(world.deliver(&bodies, 1).await.is_empty());
                let syncs = sync(&world).await;
                kills += u32::from(world.deliver_until_killed(&syncs, 1, fault).await);
                assert!(world.deliver(&syncs, 2).await.is_empty(), "{context}");
            }
            assert!(tables_of(&world).await == tables, "{context}: other tables");
            assert_eq!(world.event_ids(), events, "{context}");
        }
    }
    assert_eq!(kills, 2 * (gathering + syncing), "every one of them was a kill");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nightly_sync_counts_documents_missed_by_webhooks() {
    let world = settled().await;
    let first_edit = world.oura().edit_night("ada", "2026-03-17".parse().unwrap()).unwrap();
    let untold = world.oura().edit_night("ada", NIGHT.parse().unwrap()).unwrap();
    assert!(world.deliver(&webhook_events(&world, "update", &first_edit), 1).await.is_empty());
    let today: Day = "2026-03-18".parse().unwrap();
    let nightly = world.sync_message(Trigger::Daily, "nightly-1", shared::domain::DayRange::ending(today, 8));
    assert!(world.deliver(&[nightly], 1).await.is_empty());
    let connection = world.connection().await;
    // What has only grown within the hour since the last sync is among them; of the two nights, the one without webhook events.
    for touched in &untold {
        let data_type: DataType = touched.collection.parse().unwrap();
        assert_eq!(
            connection.missed_webhooks.get(&data_type),
            Some(&1),
            "{data_type}: {:?}",
            connection.missed_webhooks
        );
    }
    let days = WebhookDays::new(&world.sdk, &world.names.connections_table);
    let day = days.get(today).await.unwrap();
    assert_eq!(day.missed_webhooks, connection.missed_webhooks);
    // Documents of webhook events are counted beside it.
    world.pass(Duration::from_secs(31));
    world.work().await;
    assert_eq!(days.get(today).await.unwrap().from_webhooks.values().sum::<u64>(), first_edit.len() as u64);
    // Data types with webhook events since are not missed any more; a sync that finds nothing shows nothing about the others.
    let from_webhooks: BTreeSet<DataType> = first_edit.iter().map(|of| of.collection.parse().unwrap()).collect();
    let missed = world.connection().await.missed_webhooks;
    assert!(!missed.is_empty() && !missed.keys().any(|of| from_webhooks.contains(of)), "{missed:?}");
    let nightly = world.sync_message(Trigger::Daily, "nightly-2", shared::domain::DayRange::ending(today, 8));
    assert!(world.deliver(&[nightly], 1).await.is_empty());
    assert_eq!(world.connection().await.missed_webhooks, missed);
    // The documents are counted, not listed: a sync that finds thousands of them has to fit into its item.
    let syncs = world.items(&world.names.connections_table).await;
    let sync = syncs.iter().find(|item| item["sk"] == "SYNC#nightly-1").unwrap().to_string();
    for touched in &untold {
        assert!(!sync.contains(&touched.id), "{sync}");
    }
    // A manual sync may be quicker than Oura's webhooks: that counts nothing.
    world.oura().edit_night("ada", NIGHT.parse().unwrap()).unwrap();
    world.request(Some(PATIENT), "POST", "/sync", "", "{}").await;
    world.work().await;
    assert_eq!(world.connection().await.missed_webhooks, missed);
}
