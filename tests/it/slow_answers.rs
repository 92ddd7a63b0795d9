//! What arrives is stored as it arrives: a slow data type holds up none of the others.

use std::collections::BTreeSet;
use std::time::Duration;

use oura_simulator::{Drip, Fault};
use serde_json::Value;

use tests::World;

/// The days that have stats.
async fn stored_days(world: &World) -> usize {
    world.items(&world.names.daily_stats_table).await.len()
}

/// Delivers everything that waits once. Returns true if so many days were stored before the delivery was over.
async fn stores_before_the_end(world: &World, days: usize) -> bool {
    let bodies = world.bodies().await;
    let again = Box::pin(world.deliver(&bodies, 1));
    let stored = Box::pin(async {
        while stored_days(world).await < days {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    match futures::future::select(again, stored).await {
        futures::future::Either::Left((again, _)) => panic!("the delivery ended first: {again:?}"),
        futures::future::Either::Right(((), again)) => !again.await.is_empty(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn type_that_sends_a_byte_a_second_holds_up_no_other() {
    let world = World::connected().await;
    let slow = Fault { drip: Some(Drip { bytes: 1, every_ms: 1_000 }), ..Fault::on("daily_stress") };
    let fault = world.oura().add_fault(slow).unwrap();
    let history = world.bodies().await;
    let again = {
        let sqs = aws_sdk_sqs::Client::new(&world.sdk);
        for body in &history {
            let queue = &world.resources.live_queue_url;
            sqs.send_message().queue_url(queue).message_body(body).send().await.unwrap();
        }
        stores_before_the_end(&world, 25).await
    };
    assert!(again, "the slow type is requested again");
    let heart_rate = world.daily("2026-03-10", "2026-03-10").await[0]["metrics"]["heartRate"]["count"].clone();
    assert!(heart_rate.as_u64() > Some(100), "{heart_rate}");
    world.oura().remove_fault(fault);
    world.pass(Duration::from_secs(600));
    assert!(world.deliver(&history, 2).await.is_empty());
    assert!(world.daily("2026-03-10", "2026-03-10").await[0]["metrics"]["stress"].is_object());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn samples_stored_before_late_offsets_move_to_their_days() {
    let usual = World::connected().await;
    usual.work().await;
    let world = World::connected().await;
    // The whole list takes some seconds.
    let slow = Fault { drip: Some(Drip { bytes: 40_000, every_ms: 800 }), ..Fault::on("sleep").times(1) };
    world.oura().add_fault(slow).unwrap();
    world.work().await;
    let series = |records: Vec<Value>| -> BTreeSet<String> {
        let of_series = records.into_iter().filter(|record| record["dataType"] == "heartrate");
        of_series.map(|record| format!("{} {}", record["day"], record["contentHash"])).collect()
    };
    let (usual, late) =
        (usual.items(&usual.names.wearable_data_table).await, world.items(&world.names.wearable_data_table).await);
    assert_eq!(series(late), series(usual));
}
