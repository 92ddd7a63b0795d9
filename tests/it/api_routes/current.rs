//! Days of two Oura accounts, and documents that Oura gave a new id: charts and workouts are those of `GET /daily`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use oura_simulator::{Fault, PutDocument};
use serde_json::{Value, json};
use shared::domain::{Day, DayRange, Trigger};

use super::{RANGE, month, pages, stored};
use tests::{PATIENT, World};

fn put(world: &World, collection: &str, document: Value) {
    let put = PutDocument { collection: collection.to_owned(), document, day: None };
    world.oura().put_document("ada", put).unwrap();
}

async fn sync(world: &World) {
    world.pass(Duration::from_secs(3600));
    let range = DayRange::ending(Day::of_utc(world.clock.now()).plus(1), 8);
    assert!(world.deliver(&[world.sync_message(Trigger::Manual, "manual-1", range)], 1).await.is_empty());
}

/// Ids of the documents in a day's chart.
async fn charted(world: &World, series_type: &str, day: &str) -> Vec<String> {
    let data = world.get("/series", &format!("type={series_type}&day={day}")).await.data();
    data["series"].as_array().unwrap().iter().map(|one| one["documentId"].as_str().unwrap().to_owned()).collect()
}

/// Days and ids of the workouts in the days' stats.
async fn daily_workouts(world: &World) -> BTreeSet<(String, String)> {
    let days = world.daily("2026-02-01", "2026-03-19").await;
    let of_day = |day: &Value| {
        let workouts = day["metrics"]["workout"]["workouts"].as_array().cloned().unwrap_or_default();
        let day = day["day"].as_str().unwrap().to_owned();
        workouts.into_iter().map(move |of| (day.clone(), of["documentId"].as_str().unwrap().to_owned()))
    };
    days.iter().flat_map(of_day).collect()
}

/// Days and ids of `GET /workouts`.
async fn listed_workouts(world: &World) -> BTreeSet<(String, String)> {
    let listed = pages(world, "/workouts", RANGE, "workouts").await.concat();
    let text = |of: &Value, field: &str| of[field].as_str().unwrap().to_owned();
    let keys: BTreeSet<_> = listed.iter().map(|of| (text(of, "day"), text(of, "documentId"))).collect();
    assert_eq!(keys.len(), listed.len(), "none twice");
    keys
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn day_of_two_accounts_shows_those_of_its_stats() {
    let world = month().await;
    put(
        &world,
        "workout",
        json!({"id": "w-ada", "day": "2026-03-14", "activity": "walking", "calories": 10.0,
            "start_datetime": "2026-03-14T10:00:00+01:00", "end_datetime": "2026-03-14T11:00:00+01:00"}),
    );
    sync(&world).await;
    let before: BTreeMap<String, Value> = nights(&world).await;
    assert_eq!(world.connect_as(PATIENT, "bruno").await.outcome().0, "connected");
    world.work().await;
    let after = nights(&world).await;
    let other = after.iter().find(|(day, night)| before.get(*day).is_some_and(|old| old != *night));
    let (day, main) = other.expect("a day with a night of either account");
    let sleeps: Vec<_> = stored(&world, Some("sleep")).await;
    let accounts: BTreeSet<_> =
        sleeps.iter().filter(|of| of["day"] == **day).map(|of| of["ouraUserId"].to_string()).collect();
    assert_eq!(accounts.len(), 2, "both are stored");
    for series_type in ["hypnogram", "hrv"] {
        let charted = charted(&world, series_type, day).await;
        assert_eq!(charted[0], main.as_str().unwrap(), "{series_type}");
        for id in &charted {
            let owner = sleeps.iter().find(|of| of["documentId"] == id.as_str()).unwrap()["ouraUserId"].clone();
            assert_eq!(owner, world.user_id("bruno"), "{series_type} {day}");
        }
    }
    let met = charted(&world, "met", day).await;
    assert_eq!(met.len(), 1);
    // A day that only the old account has is still shown, and so are its workouts.
    assert_eq!(listed_workouts(&world).await, daily_workouts(&world).await);
    let all = pages(&world, "/records", &format!("type=workout&{RANGE}"), "records").await.concat();
    assert!(all.len() > listed_workouts(&world).await.len(), "records are all documents");
    assert!(all.iter().any(|of| of["documentId"] == "w-ada"));
}

/// Ids of the main sleeps, by day.
async fn nights(world: &World) -> BTreeMap<String, Value> {
    let days = world.daily("2026-02-01", "2026-03-19").await;
    let main = |day: &Value| (day["day"].as_str().unwrap().to_owned(), day["metrics"]["sleep"]["documentId"].clone());
    days.iter().map(main).filter(|(_, id)| id.is_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn document_with_a_new_id_is_shown_once() {
    let world = month().await;
    let day = "2026-03-16";
    let night = |id: &str, asleep: u32| {
        json!({"id": id, "day": day, "type": "long_sleep", "total_sleep_duration": asleep,
            "bedtime_start": "2026-03-15T20:10:00+01:00", "bedtime_end": "2026-03-16T07:30:00+01:00",
            "sleep_phase_5_min": "4422331"})
    };
    let workout = |id: &str| {
        json!({"id": id, "day": day, "activity": "walking", "calories": 10.0,
            "start_datetime": "2026-03-16T10:00:00+01:00", "end_datetime": "2026-03-16T11:00:00+01:00"})
    };
    put(&world, "sleep", night("night-z", 40_000));
    put(&world, "workout", workout("walk-a"));
    // More workouts than a page holds, so that a page ends inside the day.
    for n in 0..120 {
        let mut other = workout(&format!("walk-n{n:03}"));
        other["start_datetime"] = json!(format!("2026-03-16T12:{:02}:{:02}+01:00", n / 60, n % 60));
        put(&world, "workout", other);
    }
    sync(&world).await;
    // Oura has others instead, and does not say that the old ones are deleted.
    for (collection, old, new) in
        [("sleep", "night-z", night("night-b", 39_000)), ("workout", "walk-a", workout("walk-z"))]
    {
        world.oura().delete_document("ada", collection, old).unwrap();
        put(&world, collection, new);
        world.oura().add_fault(Fault::on(&format!("/v2/usercollection/{collection}/*")).status(503)).unwrap();
    }
    world.pass(Duration::from_secs(3600));
    let range = DayRange::ending(Day::of_utc(world.clock.now()).plus(1), 8);
    assert!(world.deliver(&[world.sync_message(Trigger::Manual, "manual-2", range)], 1).await.is_empty());
    let nights = charted(&world, "hypnogram", day).await;
    assert_eq!(nights[0], nights_main(&world, day).await);
    assert!(nights.contains(&"night-b".to_owned()) && !nights.contains(&"night-z".to_owned()), "{nights:?}");
    let listed = listed_workouts(&world).await;
    let has = |id: &str| listed.contains(&(day.to_owned(), id.to_owned()));
    assert_eq!((has("walk-a"), has("walk-z")), (false, true), "they are on two pages");
    assert_eq!(listed, daily_workouts(&world).await);
}

async fn nights_main(world: &World, day: &str) -> String {
    nights(world).await[day].as_str().unwrap().to_owned()
}
