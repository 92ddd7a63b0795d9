//! Documents, days and histories of any size: each part is stored, shortened, or left out and named.

use std::time::Duration;

use oura_simulator::{Fault, FaultMatch, PutDocument};
use serde_json::{Value, json};
use shared::domain::{DataType, Day, DayRange, FetchFailure, Trigger};

use tests::World;

const DAY: &str = "2026-03-16";

/// A patient with a short history.
async fn settled() -> World {
    let world = World::with(|env| env.with("BACKFILL_DAYS", "4"), |_| ()).await;
    assert_eq!(world.connect_as(tests::PATIENT, "ada").await.outcome().0, "connected");
    world.work().await;
    world.pass(Duration::from_secs(3600));
    world
}

async fn sync(world: &World, id: &str) {
    sync_days(world, id, 5).await;
}

async fn sync_days(world: &World, id: &str, days: i32) {
    let range = DayRange::ending(Day::of_utc(world.clock.now()).plus(1), days);
    assert!(world.deliver(&[world.sync_message(Trigger::Manual, id, range)], 1).await.is_empty());
    world.pass(Duration::from_secs(600));
}

fn put(world: &World, collection: &str, document: Value) {
    let put = PutDocument { collection: collection.to_owned(), document, day: None };
    world.oura().put_document("ada", put).unwrap();
}

fn workout(id: &str, label: &str) -> Value {
    workout_on(DAY, id, label)
}

fn workout_on(day: &str, id: &str, label: &str) -> Value {
    json!({"id": id, "day": day, "activity": "walking", "label": label, "calories": 10.0,
        "start_datetime": format!("{day}T10:00:00+01:00"), "end_datetime": format!("{day}T11:00:00+01:00")})
}

/// More on one day than an answer may hold.
fn put_too_much(world: &World, day: &str) {
    let label = "x".repeat(1024 * 1024);
    for n in 0..9 {
        put(world, "workout", workout_on(day, &format!("{day}-{n}"), &label));
    }
}

async fn record(world: &World, id: &str) -> Option<Value> {
    world.items(&world.names.wearable_data_table).await.into_iter().find(|record| record["documentId"] == id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_labels_are_cut_and_everything_is_stored() {
    let world = settled().await;
    put(&world, "workout", workout("long", &"Hügel ".repeat(75_000)));
    for n in 0..3 {
        put(&world, "workout", workout(&format!("label-{n}"), &"x".repeat(150_000)));
    }
    world.oura().edit_night("ada", DAY.parse().unwrap()).unwrap();
    sync(&world, "manual-1").await;
    for id in ["long", "label-0", "label-1", "label-2"] {
        let title = record(&world, id).await.unwrap()["metrics"]["title"].as_str().unwrap().to_owned();
        assert_eq!(title.chars().count(), 256, "{id}");
    }
    let connection = world.connection().await;
    assert!(connection.failing.is_empty(), "{:?}", connection.failing);
    assert!(world.daily(DAY, DAY).await[0]["metrics"]["workout"]["count"].as_u64().unwrap() >= 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_workouts_on_a_day_are_stored_and_counted() {
    let world = settled().await;
    let workouts: Vec<Value> = (0..2_500).map(|n| workout(&format!("w-{n}"), &"x".repeat(300))).collect();
    let fault = Fault {
        on: FaultMatch { path: "/v2/usercollection/workout".to_owned(), ..FaultMatch::default() },
        body: Some(json!({"data": workouts, "next_token": null})),
        ..Fault::default()
    };
    world.oura().add_fault(fault).unwrap();
    sync(&world, "manual-1").await;
    let day = world.daily(DAY, DAY).await[0]["metrics"]["workout"].clone();
    assert!(day["count"].as_u64().unwrap() >= 2_500, "{}", day["count"]);
    assert!(day["totalCalories"].as_f64().unwrap() >= 25_000.0);
    let listed = day["workouts"].as_array().unwrap().len();
    assert!((100..2_500).contains(&listed), "{listed}");
    for id in ["w-0", "w-2499"] {
        assert!(record(&world, id).await.is_some(), "{id}");
    }
    assert!(world.connection().await.failing.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn document_that_no_item_can_hold_is_left_out_and_named() {
    let world = settled().await;
    let tags: Vec<String> = (0..20).map(|n| format!("tag_generic_{n}_{}", "x".repeat(40))).collect();
    let episodes = vec![json!({"tags": tags, "timestamp": format!("{DAY}T10:00:00+01:00")}); 1_000];
    put(&world, "rest_mode_period", json!({"id": "rest", "start_day": DAY, "episodes": episodes}));
    put(&world, "rest_mode_period", json!({"id": "small", "start_day": DAY, "episodes": []}));
    put(&world, "workout", workout("w-1", "Hill"));
    sync(&world, "manual-1").await;
    assert_eq!(record(&world, "rest").await, None);
    assert!(record(&world, "small").await.is_some() && record(&world, "w-1").await.is_some());
    let failing = world.connection().await.failing;
    assert_eq!(failing.into_iter().collect::<Vec<_>>(), [(DataType::RestModePeriod, FetchFailure::TooLarge)]);
    // A smaller one is stored.
    put(&world, "rest_mode_period", json!({"id": "rest", "start_day": DAY, "episodes": []}));
    sync(&world, "manual-2").await;
    assert!(record(&world, "rest").await.is_some());
    assert!(world.connection().await.failing.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_of_large_documents_is_written_in_parts() {
    let world = World::connected().await;
    let items = json!({"interval": 5.0, "items": vec![97.25; 9_900], "timestamp": null});
    for back in 1..29 {
        let day = Day::of_utc(world.clock.now()).plus(-back);
        put(
            &world,
            "session",
            json!({"id": format!("s-{back}"), "day": day, "type": "rest", "heart_rate": items,
            "heart_rate_variability": items, "motion_count": items,
            "start_datetime": format!("{day}T10:00:00+01:00"), "end_datetime": format!("{day}T11:00:00+01:00")}),
        );
    }
    assert_eq!(world.work().await, 1, "one delivery is enough");
    let days = world.items(&world.names.daily_stats_table).await;
    let with_session = days.iter().filter(|day| day["metrics"]["session"]["count"].as_u64() >= Some(1)).count();
    assert!(with_session >= 28, "{with_session}");
    assert!(world.connection().await.failing.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn day_that_no_answer_can_hold_costs_the_days_around_it() {
    let world = settled().await;
    let arrives = async |id: &str| record(&world, id).await.is_some();
    put_too_much(&world, "2026-03-06");
    for (day, id) in [(DAY, "after"), ("2026-03-07", "beside"), ("2026-02-24", "before")] {
        put(&world, "workout", workout_on(day, id, "Hill"));
    }
    sync_days(&world, "manual-1", 31).await;
    assert_eq!((arrives("after").await, arrives("beside").await, arrives("before").await), (true, false, true));
    let failing = world.connection().await.failing;
    assert_eq!(failing.into_iter().collect::<Vec<_>>(), [(DataType::Workout, FetchFailure::MalformedDocuments)]);
    // A second one ends the data type: nobody waits for request after request. The others arrive.
    put_too_much(&world, "2026-02-28");
    put(&world, "workout", workout_on("2026-02-20", "oldest", "Hill"));
    put(
        &world,
        "session",
        json!({"id": "session", "day": DAY, "type": "rest",
        "start_datetime": format!("{DAY}T10:00:00+01:00"), "end_datetime": format!("{DAY}T11:00:00+01:00")}),
    );
    let range = DayRange::ending(Day::of_utc(world.clock.now()).plus(1), 31);
    let manual = [world.sync_message(Trigger::Manual, "manual-2", range)];
    let mut count = 1;
    while !world.deliver(&manual, count).await.is_empty() {
        count += 1;
        assert!(count <= 5, "the sync ends without it");
        world.pass(Duration::from_secs(120));
    }
    assert_eq!((arrives("oldest").await, arrives("session").await), (false, true));
    let failing = world.connection().await.failing;
    assert_eq!(failing.into_iter().collect::<Vec<_>>(), [(DataType::Workout, FetchFailure::TooLarge)]);
}
