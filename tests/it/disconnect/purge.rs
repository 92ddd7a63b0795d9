//! `DELETE /connections/oura?data=purge`: nothing stays, and a receipt says what it was.

use std::time::Duration;

use local::aws::{Effect, Fault, Service};
use serde_json::{Value, json};
use shared::domain::{Command, CommandKind, QueueMessage};

use super::{
    asked, delete, delete_of, delete_until_killed, details, failed, items_of, revoke, secrets_of, settle, settled,
    settled_with, small,
};
use tests::{PATIENT, World};

/// The commands among the bodies.
fn purge_of(bodies: Vec<String>) -> Vec<String> {
    let is_purge = |body: &String| {
        matches!(QueueMessage::parse(body), Ok(QueueMessage::Command(Command { kind: CommandKind::Purge, .. })))
    };
    bodies.into_iter().filter(is_purge).collect()
}

async fn counts(world: &World) -> (usize, usize) {
    let [_, records, days] = world.tables().await;
    let ours = |items: Vec<Value>| items.into_iter().filter(|item| item["patientId"] == PATIENT).count();
    (ours(records), ours(days))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn purge_deletes_every_item_and_publishes_counts() {
    let world = settled().await;
    assert_eq!(world.connect_as("patient-2", "bruno").await.outcome().0, "connected");
    world.work().await;
    let other = (items_of(&world, "patient-2").await, secrets_of(&world, "patient-2").await);
    let (records, days) = counts(&world).await;
    assert!(records > 300 && days > 27, "{records} {days}");
    let requested_at = world.clock.now();
    let answer = delete(&world, "data=purge").await;
    assert_eq!(answer.status, 202);
    let request = answer.data()["requestId"].clone();
    assert!(request.is_string());
    assert_eq!((&answer.data()["data"], &answer.data()["status"]), (&json!("purge"), &json!("disconnected")));
    settle(&world).await;
    assert_eq!(items_of(&world, PATIENT).await, Vec::<Value>::new());
    assert_eq!(secrets_of(&world, PATIENT).await, Vec::<String>::new());
    let receipts = details(&world, "wearable_data_purged");
    assert_eq!(receipts.len(), 1);
    let receipt = &receipts[0];
    assert_eq!((&receipt["requestId"], &receipt["requestedAt"]), (&request, &json!(requested_at)));
    assert_eq!((&receipt["counts"]["records"], &receipt["counts"]["days"]), (&json!(records), &json!(days)));
    // The connection, the progress of its backfill, the consent, its state's marker and the count of connects.
    assert_eq!((&receipt["counts"]["connectionItems"], &receipt["counts"]["consents"]), (&json!(5), &json!(1)));
    assert_eq!(details(&world, "wearable_disconnected").len(), 2);
    assert_eq!(asked(&world, "POST /oauth/revoke"), 1);
    assert_eq!((items_of(&world, "patient-2").await, secrets_of(&world, "patient-2").await), other);
    assert_eq!(world.get("/connections", "").await.data()["connections"], json!([]));
    assert_eq!(world.daily("2026-02-16", "2026-03-19").await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_purge_is_one_and_a_later_purge_finds_nothing() {
    let world = settled().await;
    let (first, second) = futures::future::join(delete(&world, "data=purge"), delete(&world, "data=purge")).await;
    assert_eq!(first.data()["requestId"], second.data()["requestId"]);
    settle(&world).await;
    assert_eq!(details(&world, "wearable_data_purged").len(), 1);
    let third = delete(&world, "data=purge").await;
    assert_eq!(third.status, 202);
    settle(&world).await;
    let receipts = details(&world, "wearable_data_purged");
    let last = receipts.iter().find(|receipt| receipt["requestId"] == third.data()["requestId"]).expect("a receipt");
    assert_eq!((receipts.len(), &last["counts"]["records"]), (2, &json!(0)));
    assert_eq!(items_of(&world, PATIENT).await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn purge_deletes_data_without_a_connection() {
    let world = settled().await;
    assert_eq!(delete(&world, "data=keep").await.status, 202);
    settle(&world).await;
    assert!(counts(&world).await.0 > 300);
    assert_eq!(delete(&world, "data=purge").await.status, 202);
    settle(&world).await;
    assert_eq!(items_of(&world, PATIENT).await, Vec::<Value>::new());
    assert_eq!((details(&world, "wearable_disconnected").len(), asked(&world, "POST /oauth/revoke")), (2, 1));
    // A patient who has only opened the consent page.
    let flow = world.begin("patient-3").await;
    assert_eq!(delete_of(&world, "patient-3", "data=purge").await.status, 202);
    let query = world.consent(&flow, "bruno", "allow", None).await;
    let bodies = purge_of(world.bodies().await);
    assert!(world.deliver(&bodies, 1).await.is_empty());
    assert_eq!(world.callback(&query, Some(&flow.cookie)).await.outcome().1, "state_invalid", "its state is gone");
    settle(&world).await;
    assert_eq!(items_of(&world, "patient-3").await, Vec::<Value>::new());
    assert_eq!(details(&world, "wearable_data_purged").len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_is_refused_during_a_purge_and_works_after_it() {
    let world = settled().await;
    assert_eq!(delete(&world, "data=purge").await.status, 202);
    // The requester is dead, and its messages are lost.
    world.bodies().await;
    world.pass(Duration::from_secs(16));
    world.bodies().await;
    let refused = world.connect_as(PATIENT, "ada").await.outcome();
    assert_eq!(refused, ("error".to_owned(), "purge_running".to_owned()));
    assert_eq!(secrets_of(&world, PATIENT).await.len(), 2, "of the old consent and of the new one, to be revoked");
    let bodies = world.bodies().await;
    assert_eq!(bodies.len(), 2, "the purge is requested again, and the revocation of the new consent");
    assert!(world.deliver(&bodies, 1).await.is_empty());
    assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected");
    world.work().await;
    settle(&world).await;
    let backfill = world.connection().await.backfill.unwrap();
    assert_eq!((backfill.range.days(), backfill.reconnected), (31, false), "the whole history");
    let connected = details(&world, "wearable_connected");
    assert!(connected.iter().all(|detail| detail["reconnected"] == false), "{connected:?}");
    assert!(world.daily("2026-02-16", "2026-03-19").await.len() >= 28, "and the look after the purge leaves it alone");
}

/// Killed before or after any write, the worker's message is redelivered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn purge_killed_at_any_write_completes_with_the_same_counts() {
    let asked_for = || async {
        let world = small().await;
        assert_eq!(delete(&world, "data=purge").await.status, 202);
        let bodies = purge_of(world.bodies().await);
        assert_eq!(bodies.len(), 1);
        (world, bodies)
    };
    let (clean, bodies) = asked_for().await;
    let before = clean.aws.meter().mutations();
    assert!(clean.deliver(&bodies, 1).await.is_empty());
    let writes = u32::try_from(clean.aws.meter().mutations() - before).unwrap();
    assert!(writes >= 8, "{writes}");
    let receipt = details(&clean, "wearable_data_purged");
    for (point, effect) in (0..writes).flat_map(|point| [(point, Effect::Stop), (point, Effect::StopAfter)]) {
        let context = format!("killed at write {point} ({effect:?})");
        let (world, bodies) = asked_for().await;
        let fault = Fault { effect: effect.clone(), ..Fault::stop_after_mutations(point) };
        assert!(world.deliver_until_killed(&bodies, 1, fault).await, "{context}");
        // The dead worker's time is over at the redelivery.
        world.pass(Duration::from_secs(400));
        assert!(world.deliver(&bodies, 2).await.is_empty(), "{context}");
        settle(&world).await;
        assert_eq!(items_of(&world, PATIENT).await, Vec::<Value>::new(), "{context}");
        let again = details(&world, "wearable_data_purged");
        assert_eq!(again.len(), 1, "{context}");
        for field in ["eventId", "requestId", "requestedAt", "counts"] {
            assert_eq!(again[0][field], receipt[0][field], "{context}: {field}");
        }
    }
}

/// The request itself, killed: once its safety net is there the purge happens, and before that it was not asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn purge_request_killed_at_any_write_leaves_no_partial_state() {
    for (point, effect) in (0..10).flat_map(|point| [(point, Effect::Stop), (point, Effect::StopAfter)]) {
        let context = format!("killed at write {point} ({effect:?})");
        let world = small().await;
        let fault = Fault { effect, ..Fault::stop_after_mutations(point) };
        delete_until_killed(&world, "data=purge", fault).await;
        // Without an answer the patient asks again.
        assert_eq!(delete(&world, "data=purge").await.status, 202, "{context}");
        settle(&world).await;
        assert_eq!(items_of(&world, PATIENT).await, Vec::<Value>::new(), "{context}");
        assert_eq!(secrets_of(&world, PATIENT).await, Vec::<String>::new(), "{context}");
        assert_eq!(details(&world, "wearable_data_purged").len(), 1, "{context}");
        assert!(details(&world, "wearable_data_purged")[0]["counts"]["records"].as_u64().unwrap() > 20, "{context}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn purge_without_remaining_time_resumes() {
    let world = settled().await;
    let (records, _) = counts(&world).await;
    assert_eq!(delete(&world, "data=purge").await.status, 202);
    let bodies = purge_of(world.bodies().await);
    assert!(world.deliver_with(&bodies, 1, Duration::from_secs(15)).await.is_empty(), "it is re-enqueued");
    assert_eq!(counts(&world).await.0, records, "there was no time");
    settle(&world).await;
    assert_eq!(items_of(&world, PATIENT).await, Vec::<Value>::new());
    assert_eq!(details(&world, "wearable_data_purged")[0]["counts"]["records"], records);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_purges_end_as_one() {
    let world = settled().await;
    assert_eq!(delete(&world, "data=purge").await.status, 202);
    let bodies = purge_of(world.bodies().await);
    let all = futures::future::join_all((0..4).map(|_| world.deliver(&bodies, 1))).await;
    assert!(all.iter().all(Vec::is_empty), "those that wait are no failures");
    settle(&world).await;
    assert_eq!(items_of(&world, PATIENT).await, Vec::<Value>::new());
    assert_eq!(details(&world, "wearable_data_purged").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn purge_event_is_published_before_the_last_item_is_deleted() {
    let world = settled().await;
    assert_eq!(delete(&world, "data=purge").await.status, 202);
    let mut bodies = purge_of(world.bodies().await);
    let refuses = Effect::FailEntries { entries: vec![], code: "ThrottlingException".into() };
    world.aws.faults().inject(Fault::on(Service::Events, "PutEvents", refuses));
    let again = world.deliver(&bodies, 1).await;
    bodies = failed(bodies, &again);
    assert_eq!(bodies.len(), 1);
    assert_eq!((world.count("wearable_data_purged"), counts(&world).await), (0, (0, 0)));
    world.aws.faults().clear();
    assert!(world.deliver(&bodies, 2).await.is_empty());
    settle(&world).await;
    assert_eq!(details(&world, "wearable_data_purged").len(), 1);
    assert_eq!(items_of(&world, PATIENT).await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn purge_retries_unprocessed_items() {
    let world = settled().await;
    assert_eq!(delete(&world, "data=purge").await.status, 202);
    let bodies = purge_of(world.bodies().await);
    let leaves = |entries: Vec<usize>| {
        let effect = Effect::FailEntries { entries, code: String::new() };
        Fault::on(Service::DynamoDb, "BatchWriteItem", effect)
    };
    // Nothing at all gets done: the purge is redelivered.
    world.aws.faults().inject(leaves(vec![]));
    let again = world.deliver(&bodies, 1).await;
    assert_eq!(failed(bodies.clone(), &again), bodies);
    assert_eq!(world.count("wearable_data_purged"), 0);
    world.aws.faults().clear();
    world.aws.faults().inject(leaves(vec![0, 2]).times(3));
    assert!(world.deliver(&bodies, 2).await.is_empty());
    assert_eq!(world.aws.faults().list()[0].fired, 3);
    settle(&world).await;
    assert_eq!(items_of(&world, PATIENT).await, Vec::<Value>::new());
    assert_eq!(details(&world, "wearable_data_purged").len(), 1);
}

/// Items written during a purge are deleted a few minutes later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn purge_deletes_late_writes_minutes_later() {
    let world = settled_with(World::connected().await).await;
    let record = world.items(&world.names.wearable_data_table).await.remove(0);
    assert_eq!(delete(&world, "data=purge").await.status, 202);
    let bodies = purge_of(world.bodies().await);
    assert!(world.deliver(&bodies, 1).await.is_empty());
    assert_eq!(items_of(&world, PATIENT).await, Vec::<Value>::new());
    let client = aws_sdk_dynamodb::Client::new(&world.sdk);
    let text = |name: &str| aws_sdk_dynamodb::types::AttributeValue::S(record[name].as_str().unwrap().to_owned());
    let put = client.put_item().table_name(&world.names.wearable_data_table);
    put.item("patientId", text("patientId")).item("sk", text("sk")).send().await.unwrap();
    settle(&world).await;
    assert_eq!(items_of(&world, PATIENT).await, Vec::<Value>::new());
    assert_eq!(details(&world, "wearable_data_purged").len(), 1);
}

/// Sealed, the last token of a grant is among the patient's own items: it outlives the purge until Oura has answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pending_revocation_outlives_a_purge_in_each_vault() {
    for vault in ["secret", "sealed"] {
        let world = settled_with(World::connected_in(vault).await).await;
        world.oura().add_fault(revoke(503, "")).unwrap();
        let grant = world.connection().await.grant_id;
        assert_eq!(delete(&world, "data=purge").await.status, 202);
        let bodies = world.bodies().await;
        assert!(world.deliver(&bodies, 1).await.is_empty());
        assert_eq!(details(&world, "wearable_data_purged").len(), 1, "{vault}");
        assert!(world.secrets.get(&world.patient(), &grant).await.unwrap().is_none(), "{vault}");
        assert!(world.secrets.get(&world.patient(), &grant.revocation()).await.unwrap().is_some(), "{vault}");
        world.oura().clear_faults();
        settle(&world).await;
        assert!(world.oura().person("ada").unwrap().grants == 0, "{vault}: the consent has ended");
        assert_eq!(items_of(&world, PATIENT).await, Vec::<Value>::new(), "{vault}");
        assert_eq!(secrets_of(&world, PATIENT).await, Vec::<String>::new(), "{vault}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn purge_deletes_the_state_of_every_tab() {
    let world = World::start().await;
    for _tab in 0..3 {
        world.begin_with(PATIENT, r#"{"returnTo":"/settings"}"#).await;
        world.pass(Duration::from_secs(5));
    }
    assert_eq!(delete(&world, "data=purge").await.status, 202);
    settle(&world).await;
    assert_eq!(items_of(&world, PATIENT).await, Vec::<Value>::new());
    let left = json!(world.items(&world.names.connections_table).await).to_string();
    assert!(!left.contains(PATIENT) && !left.contains("STATE#"), "{left}");
}

/// The sweep minutes after a purge deletes late writes of before it, not what the patient has done since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweep_keeps_what_began_after_the_purge() {
    let world = settled().await;
    assert_eq!(world.connect_as("patient-2", "bruno").await.outcome().0, "connected");
    assert_eq!(delete(&world, "data=purge").await.status, 202);
    world.work().await;
    assert_eq!(details(&world, "wearable_data_purged").len(), 1);
    world.pass(Duration::from_secs(300));
    assert_eq!(world.connect_as(PATIENT, "bruno").await.outcome().1, "account_conflict");
    world.pass(Duration::from_secs(400));
    settle(&world).await;
    let shown = world.get("/connections", "").await.data()["connections"][0].clone();
    assert_eq!((&shown["status"], &shown["reasonCode"]), (&json!("error"), &json!("account_conflict")));
    let consents = world.get("/connections/oura/consents", "").await.data();
    assert_eq!(consents["consents"][0]["outcome"], "account_conflict");
    world.pass(Duration::from_secs(24 * 3600));
    assert_eq!(world.get("/connections", "").await.data()["connections"], json!([]), "shown for a day");
}
