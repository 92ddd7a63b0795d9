//! A process killed between any two writes: after the message is redelivered, the tables and the set of event ids are exactly
//! what they are without the kill.

use local::aws::{Effect, Fault};

use tests::World;

/// Days enough for several transactions, few enough for a world per write.
async fn connected() -> World {
    let world = World::with(|env| env.with("BACKFILL_DAYS", "12"), |_| ()).await;
    assert_eq!(world.connect_as("patient-1", "ada").await.outcome().0, "connected");
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backfill_killed_at_any_write_completes_on_redelivery() {
    let clean = connected().await;
    let bodies = clean.bodies().await;
    let before = clean.aws.meter().mutations();
    assert!(clean.deliver(&bodies, 1).await.is_empty());
    let writes = u32::try_from(clean.aws.meter().mutations() - before).unwrap();
    assert!(writes > 15, "{writes}");
    let (tables, events) = (clean.tables().await, clean.event_ids());
    let mut kills = 0;
    // Both sides of every write: killed before it, and after it took effect but before anybody learned of it.
    for (point, effect) in (0..writes).flat_map(|point| [(point, Effect::Stop), (point, Effect::StopAfter)]) {
        let world = connected().await;
        let bodies = world.bodies().await;
        let fault = Fault { effect: effect.clone(), ..Fault::stop_after_mutations(point) };
        if !world.deliver_until_killed(&bodies, 1, fault).await {
            continue;
        }
        kills += 1;
        let again = world.deliver(&bodies, 2).await;
        assert!(again.is_empty(), "killed at write {point} ({effect:?})");
        assert_eq!(world.tables().await, tables, "killed at write {point} ({effect:?})");
        assert_eq!(world.event_ids(), events, "killed at write {point} ({effect:?})");
    }
    // Requests of the same moment share a write of the rate limit, or do not: the last write may be one more or less.
    assert!(kills >= 2 * (writes - 1), "nearly every one of them was a kill: {kills} of {}", 2 * writes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callback_killed_at_any_write_lets_the_patient_connect() {
    for point in 0..6 {
        let world = World::start().await;
        let flow = world.begin("patient-1").await;
        let query = world.consent(&flow, "ada", "allow", None).await;
        let faults = world.aws.faults();
        faults.inject(Fault::stop_after_mutations(point));
        {
            let callback = Box::pin(world.callback(&query, Some(&flow.cookie)));
            let stopped = Box::pin(faults.stopped());
            tokio::select! {
                biased;
                () = stopped => {}
                _ = callback => {}
            }
        }
        faults.clear();
        if world.connections.get(&world.patient()).await.unwrap().is_some() {
            let connection = world.connection().await;
            let tokens = world.secrets.get(&world.patient(), &connection.grant_id).await.unwrap();
            assert!(tokens.is_some(), "killed at write {point}: a connection always has its tokens");
        } else {
            assert_eq!(world.connect_as("patient-1", "ada").await.outcome().0, "connected", "killed at write {point}");
        }
        // Whatever was not queued or published comes with the next sync.
        assert_eq!(world.request(Some("patient-1"), "POST", "/sync", "", "{}").await.status, 202);
        world.work().await;
        assert_eq!(world.count("wearable_connected"), 1, "killed at write {point}");
        assert!(world.daily("2026-02-18", "2026-03-18").await.len() >= 27, "killed at write {point}");
    }
}

/// SQS delivers at least once, also twice at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_deliveries_of_one_message_end_as_one() {
    let clean = connected().await;
    clean.work().await;
    let world = connected().await;
    let bodies = world.bodies().await;
    let mut waiting = 4;
    for count in 1..=4 {
        let all = futures::future::join_all((0..waiting).map(|_| world.deliver(&bodies, count))).await;
        waiting = all.iter().filter(|again| !again.is_empty()).count();
    }
    assert_eq!(waiting, 0, "all of them come to an end");
    let [connections, records, stats] = world.tables().await;
    let [clean_connections, clean_records, clean_stats] = clean.tables().await;
    assert_eq!((records, stats), (clean_records, clean_stats));
    assert_eq!(connections, clean_connections);
    assert_eq!(world.event_ids(), clean.event_ids());
}
