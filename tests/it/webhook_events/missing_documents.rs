//! Documents of webhook events that Oura does not have, or not yet.

use oura_simulator::PutDocument;
use serde_json::json;
use shared::domain::{DataType, Day, DayRange, Trigger};

use super::{NIGHT, arrive_with_waits, asked, on, records, settled, webhook_event, webhook_events};
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_document_is_retried_and_then_left_to_the_nightly_run() {
    let world = settled().await;
    let touched = world.oura().edit_night("ada", NIGHT.parse().unwrap()).unwrap();
    let bodies = webhook_events(&world, "update", &touched);
    let late = touched.iter().find(|touched| touched.collection == "daily_sleep").unwrap();
    world.oura().add_fault(on(&format!("daily_sleep/{}", late.id), 404, Some(2))).unwrap();
    arrive_with_waits(&world, &bodies, 3).await;
    assert_eq!(asked(&world).iter().filter(|path| path.starts_with("daily_sleep")).count(), 3);
    assert_eq!(asked(&world).len(), touched.len() + 2, "the others are not requested again");
    assert_eq!(world.daily(NIGHT, NIGHT).await[0]["revision"], 3, "what was there was stored at once");
    // One that never appears.
    world.oura().clear_requests();
    let ghost = webhook_event(&world, "ada", "create", "session", "ghost");
    arrive_with_waits(&world, &[ghost], 3).await;
    assert_eq!(asked(&world), ["session/ghost", "session/ghost", "session/ghost"]);
    let connection = world.connection().await;
    assert!(connection.failing.is_empty(), "it is no failure of the data type");
    assert!(connection.missed_webhooks.contains_key(&DataType::Session) && connection.needs_catch_up());
    // It appears hours later, with an old day, and without another event.
    let document = json!({"id": "ghost", "type": "meditation", "day": "2026-01-20", "mood": "good",
        "start_datetime": "2026-01-20T08:00:00+01:00", "end_datetime": "2026-01-20T08:10:00+01:00"});
    let put = PutDocument { collection: "session".into(), document, day: None };
    let nightly = |day: &str| {
        let range = DayRange::ending(day.parse::<Day>().unwrap().plus(1), 8);
        [world.sync_message(Trigger::Daily, &format!("nightly-{day}"), range)]
    };
    world.pass_until("2026-03-19T01:00:00Z");
    world.oura().put_document("ada", put).unwrap();
    world.pass_until("2026-03-19T03:00:00Z");
    assert!(world.deliver(&nightly("2026-03-19"), 1).await.is_empty());
    assert!(records(&world, "session").await.iter().any(|record| record["documentId"] == "ghost"));
}

/// One night and its scores are not there when their events arrive, nor minutes later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_that_appear_long_after_their_events_arrive_with_the_night() {
    let world = settled().await;
    let touched = world.oura().edit_night("ada", NIGHT.parse().unwrap()).unwrap();
    for data_type in ["sleep", "daily_readiness"] {
        world.oura().add_fault(on(&format!("{data_type}/*"), 404, None)).unwrap();
    }
    arrive_with_waits(&world, &webhook_events(&world, "update", &touched), 3).await;
    world.oura().clear_faults();
    world.pass_until("2026-03-19T03:00:00Z");
    let range = DayRange::ending("2026-03-20".parse().unwrap(), 8);
    assert!(world.deliver(&[world.sync_message(Trigger::Daily, "nightly-2026-03-19", range)], 1).await.is_empty());
    for touched in &touched {
        let stored = records(&world, &touched.collection).await;
        let stored = stored.iter().find(|record| record["documentId"] == touched.id.as_str()).unwrap();
        assert_eq!(stored["revision"], 2, "{}", touched.collection);
    }
}
