//! The planner: every patient once a night, however often it is called and wherever it dies.

use std::time::Duration;

use futures::future::join;
use local::aws::{Effect, Fault, Service};
use serde_json::json;
use shared::aws::{NightlyRunCounts, NightlyRuns};
use shared::domain::{NightlyOutcome, NightlyRun, QueueMessage, Trigger};

use super::of_one_shard;
use tests::{NIGHT, World, fleet, night};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nightly_run_queues_each_patient_once_and_ends_after_the_last() {
    let world = World::with_fleet(23, &[]).await;
    world.pass_until(NIGHT);
    let planned = world.schedule(night()).await;
    assert_eq!(
        (&planned["planned"], &planned["state"], &planned["queued"]),
        (&json!(23), &json!("running"), &json!(23))
    );
    // The scheduler repeats its call, at once and late.
    assert_eq!(world.schedule(night()).await["queued"], 0);
    world.pass(Duration::from_secs(3600));
    assert_eq!(world.schedule(night()).await["queued"], 0);
    assert_eq!(world.waiting_nightly().await, 23);

    let worked = world.work_off_night().await;
    assert_eq!((worked.deliveries, worked.failed), (23, 0));
    let watched = world.watch().await;
    let report = &watched[0];
    assert_eq!((&report["state"], &report["done"], &report["remaining"]), (&json!("ended"), &json!(23), &json!(0)));
    assert_eq!(report["requests"].as_u64(), Some(world.data_requests()), "every request is counted");
    assert!(world.watch().await.is_empty(), "it has ended");
    assert_eq!(world.schedule(night()).await["state"], "ended");
    for patient in fleet(23) {
        let connection = world.connection_of(&patient).await;
        assert!(connection.last_sync_at.is_some_and(|at| at >= NIGHT.parse().unwrap()), "{patient}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planner_killed_at_any_write_is_resumed() {
    for (point, effect) in (0..40).flat_map(|point| [(point, Effect::Stop), (point, Effect::StopAfter)]) {
        let world = World::start().await;
        for n in 0..31 {
            world.write_down(&format!("patient-{n}")).await;
        }
        world.pass_until(NIGHT);
        let faults = world.aws.faults();
        faults.inject(Fault { effect: effect.clone(), ..Fault::stop_after_mutations(point) });
        let killed = {
            let planning = Box::pin(world.schedule(night()));
            let stopped = Box::pin(faults.stopped());
            tokio::select! {
                biased;
                () = stopped => true,
                _ = planning => false,
            }
        };
        faults.clear();
        if !killed {
            assert!(point > 15, "the planner writes for every shard");
            return;
        }
        // The scheduler's own retry comes at once, or the watch finds out.
        if point % 2 == 0 {
            world.schedule(night()).await;
        } else {
            world.pass(Duration::from_secs(180));
            world.watch().await;
            world.schedule(night()).await;
        }
        let report = world.schedule(night()).await;
        assert_eq!((&report["planned"], &report["state"]), (&json!(31), &json!("running")), "at {point} ({effect:?})");
        let mut queued = std::collections::BTreeSet::new();
        loop {
            let messages = world.receive_nightly().await;
            if messages.is_empty() {
                break;
            }
            for message in messages {
                let Ok(QueueMessage::Sync(sync)) = QueueMessage::parse(message.body().unwrap()) else {
                    panic!("a sync")
                };
                assert_eq!((sync.trigger, sync.sync_id.as_str()), (Trigger::Daily, "nightly-2026-03-19"));
                queued.insert(sync.patient_id);
            }
        }
        assert_eq!(queued.len(), 31, "at {point} ({effect:?})");
    }
    panic!("the planner never ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planner_without_remaining_time_leaves_the_rest_to_the_watch() {
    let world = World::start().await;
    for n in 0..20 {
        world.write_down(&format!("patient-{n}")).await;
    }
    world.pass_until(NIGHT);
    let short = world.clock.now() + Duration::from_secs(10);
    let request = sync::Request::from_event(night()).unwrap();
    sync::handle(&world.planner(), request, short).await.unwrap();
    assert_eq!(world.waiting_nightly().await, 0, "nothing is begun so late");
    assert_eq!(world.watch().await[0]["state"], "planning", "a planner may still be at work");
    world.pass(Duration::from_secs(180));
    let watched = world.watch().await;
    assert_eq!((&watched[0]["state"], &watched[0]["planned"]), (&json!("running"), &json!(20)));
    assert_eq!(world.waiting_nightly().await, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_messages_fail_the_call_and_the_next_one_queues_the_rest() {
    let world = World::start().await;
    for n in 0..12 {
        world.write_down(&format!("patient-{n}")).await;
    }
    world.pass_until(NIGHT);
    let down = Effect::Error { status: 503, code: "ServiceUnavailable".into(), message: "x".into() };
    world.aws.faults().inject(Fault::on(Service::Sqs, "SendMessageBatch", down).times(1000));
    let deadline = world.clock.now() + Duration::from_secs(900);
    let request = sync::Request::from_event(night()).unwrap();
    assert!(sync::handle(&world.planner(), request, deadline).await.is_err());
    world.aws.faults().clear();
    assert_eq!(world.schedule(night()).await["planned"], 12);
    assert_eq!(world.waiting_nightly().await, 12);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stalled_run_is_reported_and_an_endless_one_closed() {
    let world = World::start().await;
    world.write_down("patient-1").await;
    world.pass_until(NIGHT);
    world.schedule(night()).await;
    assert_eq!(world.watch().await[0]["stalled"], false);
    world.pass(Duration::from_secs(3700));
    let watched = world.watch().await;
    assert_eq!((&watched[0]["stalled"], &watched[0]["remaining"]), (&json!(true), &json!(1)));
    world.pass(Duration::from_secs(26 * 3600));
    let watched = world.watch().await;
    assert_eq!((&watched[0]["state"], &watched[0]["remaining"]), (&json!("ended"), &json!(1)));
    assert!(world.watch().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nightly_run_without_patients_ends_at_once() {
    let world = World::start().await;
    world.pass_until(NIGHT);
    assert_eq!(world.schedule(night()).await["planned"], 0);
    assert_eq!(world.watch().await[0]["state"], "ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_planners_count_each_patient_once() {
    let world = World::start().await;
    for n in 0..31 {
        world.write_down(&format!("patient-{n}")).await;
    }
    world.pass_until(NIGHT);
    let (one, other) = join(world.schedule(night()), world.schedule(night())).await;
    assert_eq!((&one["planned"], &one["state"]), (&json!(31), &json!("running")));
    assert_eq!(one["queued"].as_u64().unwrap() + other["queued"].as_u64().unwrap(), 31);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planner_queues_every_page_of_a_shard() {
    let world = World::start().await;
    for name in of_one_shard(501) {
        world.write_down(&name).await;
    }
    world.pass_until(NIGHT);
    assert_eq!(world.schedule(night()).await["planned"], 501);
    assert_eq!(world.waiting_nightly().await, 501);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_run_is_not_stalled_while_patients_complete() {
    let world = World::with_fleet(12, &[]).await;
    world.pass_until(NIGHT);
    world.schedule(night()).await;
    let messages = world.receive_nightly().await;
    assert_eq!(world.hand_over(world.worker(), &messages).await, 0);
    let mut stalled = Vec::new();
    for minutes in [65, 55, 10] {
        world.pass(Duration::from_secs(minutes * 60));
        let report = world.watch().await.remove(0);
        assert_eq!(report["remaining"].as_u64().unwrap(), 12 - messages.len() as u64);
        stalled.push(report["stalled"].as_bool().unwrap());
    }
    assert_eq!(stalled, [false, false, true], "an hour after it was seen to move");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patient_is_counted_once_and_stored_data_stays() {
    let world = World::start().await;
    let nights = NightlyRuns::new(&world.sdk, &world.names.connections_table);
    let (night, now) = (NightlyRun::of("2026-03-19".parse().unwrap()), world.clock.now());
    for (outcome, requests) in [
        (NightlyOutcome::Failed, 5),
        (NightlyOutcome::Done, 8),
        (NightlyOutcome::Done, 9),
        (NightlyOutcome::Skipped, 0),
    ] {
        nights.record_outcome(night, &world.patient(), outcome, requests, now).await.unwrap();
    }
    let counts = nights.count(night).await.unwrap();
    assert_eq!(counts, NightlyRunCounts { done: 1, skipped: 0, failed: 0, requests: 8 });
    nights.begin(night, now).await.unwrap();
    assert!(nights.record_counts(night, counts, true, true, now).await.unwrap());
    assert!(!nights.record_counts(night, NightlyRunCounts::default(), false, true, now).await.unwrap(), "it ends once");
    assert_eq!(nights.get(night).await.unwrap().unwrap().counts, counts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_batch_entries_are_retried_before_the_call_fails() {
    let world = World::start().await;
    for n in 0..12 {
        world.write_down(&format!("patient-{n}")).await;
    }
    world.pass_until(NIGHT);
    let refused = || Effect::FailEntries { entries: vec![0], code: "InternalError".into() };
    world.aws.faults().inject(Fault::on(Service::Sqs, "SendMessageBatch", refused()).times(1000));
    let deadline = world.clock.now() + Duration::from_secs(900);
    let request = sync::Request::from_event(night()).unwrap();
    assert!(sync::handle(&world.planner(), request, deadline).await.is_err(), "it refuses again and again");
    world.aws.faults().clear();
    let before = world.waiting_nightly().await;
    world.aws.faults().inject(Fault::on(Service::Sqs, "SendMessageBatch", refused()).times(2));
    assert_eq!(world.schedule(night()).await["planned"], 12);
    assert_eq!(world.waiting_nightly().await - before, 12);
}
