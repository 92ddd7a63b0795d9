//! Look-backs: each day is fetched once more after it has arrived, so that one short answer loses nothing.

use oura_simulator::{Edit, Fault, RequestRecord, Selection, UnwornDays};
use shared::domain::DataType;

use super::{assert_as_if_fetched_by, assert_as_if_fetched_now, empty, nightly, run};
use tests::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn look_back_that_was_cut_short_is_repeated() {
    for keep in [0, 5] {
        let world = World::connected().await;
        world.work().await;
        nightly(&world, "2026-03-24").await;
        let edited = "2026-03-20".parse().unwrap();
        world.oura().edit_night("ada", edited).unwrap();
        world.oura().add_fault(Fault::on("heartrate").keep(keep)).unwrap();
        nightly(&world, "2026-03-26").await;
        world.oura().clear_faults();
        // Only a look-back fetches the samples of an older day again, and the next usual one begins after the edited night.
        nightly(&world, "2026-03-27").await;
        nightly(&world, "2026-04-03").await;
        let fresh = World::start().await;
        fresh.pass_until(&world.clock.now().to_string());
        fresh.oura().edit_night("ada", edited).unwrap();
        assert_as_if_fetched_by(&fresh, &world, "ada", ("2026-03-15", "2026-03-28"), &["heartRate"]).await;
    }
}

/// Days whose samples Oura has dropped for good look like an answer that was cut short.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn look_back_is_repeated_once_a_day_for_two_days_at_most() {
    let world = World::connected().await;
    world.work().await;
    nightly(&world, "2026-03-24").await;
    let unworn = UnwornDays { days: Selection::day("2026-03-21".parse().unwrap()), score: None };
    world.oura().make_unworn("ada", &unworn).unwrap();
    let mut looked_back = Vec::new();
    for (task, at) in [
        ("nightly", "2026-03-26T03:00:00Z"),
        ("catchUp", "2026-03-26T04:10:00Z"),
        ("nightly", "2026-03-27T03:00:00Z"),
        ("nightly", "2026-03-28T03:00:00Z"),
        ("nightly", "2026-03-29T03:00:00Z"),
    ] {
        world.oura().clear_requests();
        run(&world, task, at).await;
        let of_day = |request: &RequestRecord| {
            let start = ("start_datetime".to_owned(), "2026-03-20T00:00:00Z".to_owned());
            request.path.ends_with("/heartrate") && request.query.iter().any(|of| of.0 == start.0 && of.1 <= start.1)
        };
        let is_recorded = world.connection().await.looked_back.contains_key(&DataType::HeartRate);
        looked_back.push((world.oura().requests().iter().any(of_day), is_recorded));
    }
    assert_eq!(looked_back, [(true, false), (false, false), (true, false), (true, true), (false, true)]);
}

/// Days that arrive long after they were are in one list only, and a part of them may be missing from it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_that_a_late_answer_lacks_arrive_on_the_next_day() {
    for (collection, metric_type) in [("heartrate", "heartRate"), ("sleep", "sleep"), ("workout", "workout")] {
        let world = World::connected().await;
        world.work().await;
        nightly(&world, "2026-03-24").await;
        world.oura().add_fault(empty(collection)).unwrap();
        for day in ["2026-03-25", "2026-03-28", "2026-03-31", "2026-04-03", "2026-04-06"] {
            nightly(&world, day).await;
        }
        world.oura().clear_faults();
        let lacking = Selection::days("2026-03-26".parse().unwrap(), "2026-03-31".parse().unwrap());
        world.oura().add_fault(Fault::on(collection).edit(lacking, Edit::Omit)).unwrap();
        nightly(&world, "2026-04-08").await;
        world.oura().clear_faults();
        nightly(&world, "2026-04-09").await;
        assert_as_if_fetched_now(&world, "2026-03-20", "2026-04-06", &[metric_type]).await;
    }
}
