//! A patient comes back: what is missing since the last good day is fetched, and no more.

use std::time::Duration;

use serde_json::json;
use shared::domain::{Day, DayRange, Trigger};

use super::{delete, details, settle, settled};
use tests::{PATIENT, World};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Five days later, when the ring has been worn all the time.
async fn five_days_later() -> World {
    let world = settled().await;
    let range = DayRange::ending(Day::of_utc(world.clock.now()).plus(1), 8);
    assert!(world.deliver(&[world.sync_message(Trigger::Daily, "daily-1", range)], 1).await.is_empty());
    assert_eq!(delete(&world, "").await.status, 202);
    settle(&world).await;
    world.pass(5 * DAY);
    world.oura().clear_requests();
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconnect_after_five_days_fetches_the_gap() {
    let world = five_days_later().await;
    let last_good_day = world.connection().await.last_data_day.unwrap();
    let before = world.items(&world.names.daily_stats_table).await.len();
    assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected");
    world.work().await;
    let backfill = world.connection().await.backfill.unwrap();
    let today = Day::of_utc(world.clock.now());
    assert_eq!((backfill.range.first(), backfill.range.last()), (last_good_day.plus(-1), today.plus(1)));
    let days = world.items(&world.names.daily_stats_table).await.len();
    assert!(days >= before + 4, "{before} and then {days}");
    let completed = details(&world, "wearable_backfill_completed");
    let gap = completed.iter().find(|detail| detail["reconnected"] == true).expect("the second of two");
    let first = completed.iter().find(|detail| detail["reconnected"] == false).expect("the first");
    assert_eq!((completed.len(), &first["daysRepaired"]), (2, &json!(0)));
    assert_eq!(gap["from"], json!(last_good_day.plus(-1)));
    let repaired = gap["daysRepaired"].as_u64().unwrap();
    assert!((5..=8).contains(&repaired), "{repaired}");
    let shown = world.get("/connections", "").await.data()["connections"][0]["backfill"].clone();
    assert_eq!((&shown["reconnected"], &shown["daysRepaired"]), (&json!(true), &json!(repaired)));
    // Nothing older was asked for, except for data types whose last document is older: Oura is asked for two days more on each
    // side.
    let oldest = last_good_day.plus(-4).to_string();
    let is_daily =
        |path: &str| ["sleep", "daily_sleep", "daily_activity"].iter().any(|of| path.ends_with(&format!("/{of}")));
    for request in world.oura().requests().into_iter().filter(|request| is_daily(&request.path)) {
        let start = request.query.iter().find(|(name, _)| name == "start_date").map(|(_, start)| start);
        assert!(start.is_none_or(|start| *start >= oldest), "{request:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconnect_with_another_account_or_scopes_fetches_the_whole_history() {
    let world = five_days_later().await;
    assert_eq!(world.connect_as(PATIENT, "bruno").await.outcome().0, "connected");
    let backfill = world.connection().await.backfill.unwrap();
    assert_eq!((backfill.range.days(), backfill.reconnected), (31, false));

    let world = World::start().await;
    for (scopes, days) in [(vec!["daily"], 31), (vec!["daily"], 3), (vec!["daily", "workout"], 31)] {
        let flow = world.begin(PATIENT).await;
        let query = world.consent(&flow, "ada", "allow", Some(&scopes)).await;
        assert_eq!(world.callback(&query, Some(&flow.cookie)).await.outcome().0, "connected");
        assert_eq!(world.connection().await.backfill.unwrap().range.days(), days, "{scopes:?}");
        world.work().await;
    }
}
