//! Work that runs during a disconnect restores nothing.

use std::time::Duration;

use local::aws::{Effect, Fault, Service};
use serde_json::Value;
use shared::aws::Inbox;
use shared::domain::{ConnectionStatus, QueueMessage, Trigger, WebhookEvent};

use super::{asked, assert_ended, delete, delete_of, details, items_of, secrets_of, settle, settled, slow};
use tests::{PATIENT, World};

const BOTH: [&str; 2] = ["data=keep", "data=purge"];

fn webhook_event(world: &World, document: &str) -> String {
    let webhook_event = WebhookEvent {
        user: world.user_id("ada").parse().unwrap(),
        event_type: "update".parse().unwrap(),
        data_type: "sleep".parse().unwrap(),
        document_id: document.parse().unwrap(),
        event_time: Some(world.clock.now()),
        received_at: world.clock.now(),
    };
    QueueMessage::from(webhook_event).to_body()
}

/// A write of the first worker's that is still on its way when the second thing happens.
fn late(operation: &str, containing: &str) -> Fault {
    Fault::on(Service::DynamoDb, operation, Effect::Delay { millis: 900 }).containing(containing).times(1)
}

async fn soon() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

/// Disconnects and works off what that leaves in the queue.
async fn disconnect(world: &World, query: &str) {
    assert_eq!(delete(world, query).await.status, 202);
    let bodies = world.bodies().await;
    assert!(world.deliver(&bodies, 1).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn running_backfill_stores_nothing_after_disconnect() {
    for query in BOTH {
        let world = World::connected().await;
        let grant = world.connection().await.grant_id;
        world.oura().add_fault(slow("/v2/usercollection/sleep", 900)).unwrap();
        let bodies = world.bodies().await;
        let ended = async {
            soon().await;
            disconnect(&world, query).await;
        };
        let (again, ()) = futures::future::join(world.deliver(&bodies, 1), ended).await;
        assert!(again.is_empty(), "{query}: nothing is tried again");
        assert!(world.deliver(&bodies, 2).await.is_empty(), "{query}");
        settle(&world).await;
        assert_ended(&world, &grant).await;
        let [_, records, days] = world.tables().await;
        assert_eq!((records, days), (vec![], vec![]), "{query}");
        assert_eq!(secrets_of(&world, PATIENT).await, Vec::<String>::new(), "{query}");
        assert!(details(&world, "wearable_sync").is_empty() && details(&world, "wearable_day_updated").is_empty());
        if query == "data=purge" {
            assert_eq!(items_of(&world, PATIENT).await, Vec::<Value>::new());
        } else {
            assert_eq!(world.connection().await.status, ConnectionStatus::Disconnected);
        }
    }
}

/// The transaction with the data was sent before the end and arrives after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fetched_data_is_not_stored_after_disconnect() {
    for query in BOTH {
        let world = World::connected().await;
        let bodies = world.bodies().await;
        world.aws.faults().inject(late("TransactWriteItems", &world.names.wearable_data_table));
        let ended = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            while !world.aws.faults().list().iter().any(|fault| fault.fired > 0) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            disconnect(&world, query).await;
        };
        let (again, ()) = futures::future::join(world.deliver(&bodies, 1), ended).await;
        assert!(again.is_empty(), "{query}");
        settle(&world).await;
        let [_, records, days] = world.tables().await;
        assert_eq!((records.len(), days.len()), (0, 0), "{query}");
        if query == "data=purge" {
            assert_eq!(items_of(&world, PATIENT).await, Vec::<Value>::new());
            assert_eq!(details(&world, "wearable_data_purged")[0]["counts"]["records"], 0, "it was never there");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn running_webhook_sync_stores_nothing_after_disconnect() {
    for query in BOTH {
        let world = settled().await;
        let before = world.tables().await;
        let touched = world.oura().edit_night("ada", "2026-03-16".parse().unwrap()).unwrap();
        let edited = touched.iter().find(|touched| touched.collection == "sleep").unwrap();
        let bodies = [webhook_event(&world, &edited.id)];
        assert!(world.deliver(&bodies, 1).await.is_empty());
        world.pass(Duration::from_secs(31));
        let sync = world.bodies().await;
        assert_eq!(sync.len(), 1);
        world.oura().add_fault(slow("/v2/usercollection/sleep/*", 900)).unwrap();
        let ended = async {
            soon().await;
            disconnect(&world, query).await;
        };
        let (again, ()) = futures::future::join(world.deliver(&sync, 1), ended).await;
        assert!(again.is_empty(), "{query}");
        settle(&world).await;
        let [_, records, days] = world.tables().await;
        if query == "data=purge" {
            assert_eq!(items_of(&world, PATIENT).await, Vec::<Value>::new());
        } else {
            assert_eq!([records, days], [before[1].clone(), before[2].clone()], "as it was before the end");
        }
    }
}

/// The worker has read the claim, and puts the event into the inbox after the patient has disconnected.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhook_event_is_withdrawn_during_collection() {
    for query in BOTH {
        let world = settled().await;
        let bodies = [webhook_event(&world, "some-night")];
        world.aws.faults().inject(late("UpdateItem", "INBOX#oura"));
        let ended = async {
            soon().await;
            disconnect(&world, query).await;
        };
        let (again, ()) = futures::future::join(world.deliver(&bodies, 1), ended).await;
        assert!(again.is_empty(), "{query}");
        let inbox = Inbox::new(&world.sdk, &world.names.connections_table);
        assert_eq!(inbox.get(&world.patient()).await.unwrap(), None, "{query}");
        if query == "data=purge" {
            assert_eq!(items_of(&world, PATIENT).await, Vec::<Value>::new());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_after_disconnect_leave_nothing() {
    for query in BOTH {
        let world = settled().await;
        let range = shared::domain::DayRange::ending("2026-03-18".parse().unwrap(), 8);
        let triggers = [Trigger::Manual, Trigger::Daily, Trigger::Webhook, Trigger::Backfill];
        let mut bodies: Vec<String> = triggers
            .into_iter()
            .map(|trigger| world.sync_message(trigger, &format!("late-{trigger:?}"), range))
            .collect();
        disconnect(&world, query).await;
        settle(&world).await;
        let before = world.tables().await;
        world.oura().clear_requests();
        assert!(world.deliver(&bodies, 1).await.is_empty(), "{query}: done, and not tried again");
        bodies = vec![webhook_event(&world, "some-night")];
        for count in 1..=3 {
            let again = world.deliver(&bodies, count).await;
            assert_eq!(again.is_empty(), count == 3, "{query}: an unknown user, after a minute");
        }
        assert_eq!(world.tables().await, before, "{query}");
        assert!(world.bodies().await.is_empty() && world.oura().requests().is_empty(), "{query}");
    }
}

/// Oura's answer to a refresh arrives when the patient has disconnected.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn running_refresh_restores_no_tokens_after_disconnect() {
    for query in BOTH {
        let world = settled().await;
        world.pass(Duration::from_secs(25 * 3600));
        let grant = world.connection().await.grant_id;
        assert_eq!(world.request(Some(PATIENT), "POST", "/sync", "", "{}").await.status, 202);
        let bodies = world.bodies().await;
        world.oura().add_fault(slow("/oauth/token", 900)).unwrap();
        let ended = async {
            soon().await;
            disconnect(&world, query).await;
        };
        let (again, ()) = futures::future::join(world.deliver(&bodies, 1), ended).await;
        assert!(again.is_empty(), "{query}");
        assert_eq!(asked(&world, "POST /oauth/token"), 1, "{query}: it was under way");
        settle(&world).await;
        assert_ended(&world, &grant).await;
        assert_eq!(secrets_of(&world, PATIENT).await, Vec::<String>::new(), "{query}");
        match query {
            "data=purge" => assert_eq!(items_of(&world, PATIENT).await, Vec::<Value>::new()),
            _ => assert_eq!(world.connection().await.status, ConnectionStatus::Disconnected),
        }
        assert_eq!(details(&world, "wearable_reconnect_required"), Vec::<Value>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patient_deleted_within_a_batch_leaves_the_others() {
    let world = World::start().await;
    for (patient, account) in [("patient-1", "ada"), ("patient-2", "bruno"), ("patient-3", "chiyo")] {
        assert_eq!(world.connect_as(patient, account).await.outcome().0, "connected");
    }
    let bodies = world.bodies().await;
    world.oura().add_fault(slow("/v2/usercollection/*", 250)).unwrap();
    let ended = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(delete_of(&world, "patient-2", "data=purge").await.status, 202);
        let bodies = world.bodies().await;
        assert!(world.deliver(&bodies, 1).await.is_empty());
    };
    let (again, ()) = futures::future::join(world.deliver(&bodies, 1), ended).await;
    assert!(again.is_empty());
    settle(&world).await;
    assert_eq!(items_of(&world, "patient-2").await, Vec::<Value>::new());
    for patient in ["patient-1", "patient-3"] {
        let days = world.items(&world.names.daily_stats_table).await;
        assert!(days.iter().filter(|day| day["patientId"] == patient).count() >= 25, "{patient}");
    }
    let completed = details(&world, "wearable_backfill_completed");
    assert_eq!(completed.len(), 2, "{completed:?}");
}
