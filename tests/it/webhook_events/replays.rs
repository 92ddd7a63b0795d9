//! Webhook events that come again, or by the thousand.

use std::time::Duration;

use oura_simulator::PutDocument;
use serde_json::json;
use shared::aws::Inbox;

use super::{NIGHT, a_workout, arrive, asked, records, settled, webhook_event, webhook_event_at, webhook_events};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replayed_webhook_event_costs_no_request() {
    let world = settled().await;
    let touched = world.oura().edit_night("ada", NIGHT.parse().unwrap()).unwrap();
    let workout = a_workout(&world).await;
    let id = workout["documentId"].as_str().unwrap();
    let mut bodies = webhook_events(&world, "update", &touched);
    // Oura's own times differ from this clock, and a document that does not exist is not requested again either.
    let early = world.clock.now() - jiff::SignedDuration::from_mins(20);
    bodies.push(webhook_event_at(&world, "ada", "update", "workout", id, Some(early)));
    bodies.push(webhook_event(&world, "ada", "create", "session", "not-there"));
    arrive(&world, &bodies).await;
    assert!(!asked(&world).is_empty());
    world.oura().clear_requests();
    for minutes in [1, 10, 60] {
        world.pass(Duration::from_secs(60 * minutes));
        for body in &bodies {
            arrive(&world, std::slice::from_ref(body)).await;
        }
        arrive(&world, &bodies).await;
    }
    assert_eq!(asked(&world), [""; 0], "every event had been processed");
    // A later change of the same document is another event.
    arrive(&world, &[webhook_event(&world, "ada", "update", "workout", id)]).await;
    assert_eq!(asked(&world), [format!("workout/{id}")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_webhook_events_become_one_sync_of_the_look_back() {
    let world = settled().await;
    let before = records(&world, "sleep").await.len();
    const OLDER: &str = "2026-02-24";
    for night in [NIGHT, OLDER] {
        world.oura().edit_night("ada", night.parse().unwrap()).unwrap();
    }
    // Ids as long as Oura's, and some of unusual length.
    let bodies: Vec<String> = (0..2000)
        .map(|n| {
            webhook_event(
                &world,
                "ada",
                "update",
                "sleep",
                &format!("{n:08}-0000-0000-0000-{}", "0".repeat(12 + n % 40)),
            )
        })
        .collect();
    for ten in bodies.chunks(10) {
        assert!(world.deliver(ten, 1).await.is_empty(), "none is refused");
    }
    let inbox = Inbox::new(&world.sdk, &world.names.connections_table);
    let contents = inbox.get(&world.patient()).await.unwrap().unwrap();
    assert!(contents.is_full && contents.events.is_empty(), "{} events", contents.events.len());
    let size = world.items(&world.names.connections_table).await.iter().map(|item| item.to_string().len()).max();
    assert!(size < Some(200_000), "{size:?}");
    world.pass(Duration::from_secs(31));
    world.work().await;
    assert!(asked(&world).len() < 60, "{}", asked(&world).len());
    assert_eq!(inbox.get(&world.patient()).await.unwrap(), None);
    for night in [NIGHT, OLDER] {
        assert_eq!(world.daily(night, night).await[0]["revision"], 2, "the change of {night} has arrived");
    }
    assert_eq!(records(&world, "sleep").await.len(), before);
    // The next event is an ordinary one.
    world.oura().clear_requests();
    let id = a_workout(&world).await["documentId"].as_str().unwrap().to_owned();
    arrive(&world, &[webhook_event(&world, "ada", "update", "workout", &id)]).await;
    assert_eq!(json!(asked(&world)), json!([format!("workout/{id}")]));
}

/// A patient enters a year of workouts at once, older than any list reaches.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_old_documents_are_requested_once_each() {
    const COUNT: usize = 450;
    let world = settled().await;
    let mut bodies = Vec::new();
    for n in 0..COUNT {
        let (id, hour, minute) = (format!("old-{n:04}"), 8 + n / 60, n % 60);
        let at = |second: u32| format!("2025-05-10T{hour:02}:{minute:02}:{second:02}+02:00");
        let document = json!({"id": id, "activity": "running", "day": "2025-05-10", "intensity": "easy", "source": "manual",
            "start_datetime": at(0), "end_datetime": at(30)});
        let put = PutDocument { collection: "workout".into(), document, day: None };
        bodies.push(webhook_event(
            &world,
            "ada",
            "create",
            "workout",
            &world.oura().put_document("ada", put).unwrap().id,
        ));
    }
    for ten in bodies.chunks(10) {
        assert!(world.deliver(ten, 1).await.is_empty());
    }
    world.pass(Duration::from_secs(31));
    let syncs = world.bodies().await;
    let mut deliveries = 1;
    while !world.deliver(&syncs, deliveries).await.is_empty() {
        assert!(deliveries < 4, "it ends");
        deliveries += 1;
        world.pass(Duration::from_secs(240));
    }
    let stored = records(&world, "workout").await;
    assert_eq!(stored.iter().filter(|record| record["day"] == "2025-05-10").count(), COUNT);
    let requests = asked(&world).iter().filter(|path| path.starts_with("workout/old")).count();
    assert!(requests <= 600, "{requests}: each once, and the last delivery's repeats");
    assert!(world.connection().await.failing.is_empty());
}
