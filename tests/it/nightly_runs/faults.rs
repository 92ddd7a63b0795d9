//! Failures during nightly runs: no patient is disconnected by mistake and the next run covers the gaps.

use std::time::Duration;

use futures::future::join;
use local::aws::{Effect, Fault, Service};
use oura_simulator::{Fault as OuraFault, FaultMatch, Outage, OutageKind, OutageTarget, PutDocument};
use serde_json::json;
use shared::aws::NightlyRuns;
use shared::domain::{ConnectionStatus, DataType, DayRange, NightlyRun, Trigger};

use super::webhook_event;
use tests::{NIGHT, World, fleet, night};

const NEXT: &str = "2026-03-20T03:00:00Z";

fn next_night() -> serde_json::Value {
    json!({"task": "nightly", "scheduledAt": NEXT})
}

async fn nobody_is_disconnected(world: &World, count: u32) {
    for patient in fleet(count) {
        let connection = world.connection_of(&patient).await;
        assert_eq!((connection.status, connection.reason), (ConnectionStatus::Connected, None), "{patient}");
    }
    assert_eq!(world.count("wearable_disconnected") + world.count("wearable_reconnect_required"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_killed_at_any_write_completes_on_redelivery() {
    // Enough to meet every kind of write; each world costs a second.
    for point in (0..24).step_by(3) {
        for effect in [Effect::Stop, Effect::StopAfter] {
            let world = World::with_fleet(2, &[]).await;
            world.pass_until(NIGHT);
            world.schedule(night()).await;
            let messages = world.receive_nightly().await;
            assert_eq!(messages.len(), 2);
            let faults = world.aws.faults();
            faults.inject(Fault { effect: effect.clone(), ..Fault::stop_after_mutations(point) });
            {
                let work = Box::pin(world.hand_over(world.worker(), &messages));
                let stopped = Box::pin(faults.stopped());
                tokio::select! {
                    biased;
                    () = stopped => {}
                    _ = work => {}
                }
            }
            faults.clear();
            world.work_off_night().await;
            let report = world.watch().await.remove(0);
            assert_eq!(
                (&report["state"], &report["done"], &report["failed"]),
                (&json!("ended"), &json!(2), &json!(0)),
                "killed at {point} ({effect:?})"
            );
            nobody_is_disconnected(&world, 2).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nightly_run_during_an_outage_is_made_up_by_the_next() {
    let world = World::with_fleet(3, &[("LOOKBACK_DAYS", "1")]).await;
    world.pass_until(NIGHT);
    world.oura().set_outage(Some(Outage::new(OutageKind::Unavailable))).unwrap();
    world.schedule(night()).await;
    let worked = world.work_off_night().await;
    assert!(world.clock.now() > "2026-03-19T20:00:00Z".parse().unwrap(), "it is waited for, all day");
    // After each pause two at most, and the pauses grow up to a quarter of an hour.
    assert!(world.data_requests() < 200, "and hardly asked meanwhile: {}", world.data_requests());
    assert!(worked.failed < 15, "waiting is no failure: {worked:?}");
    let sqs = aws_sdk_sqs::Client::new(&world.sdk);
    let dead = sqs.receive_message().queue_url(&world.resources.nightly_dead_letter_url).send().await.unwrap();
    assert!(dead.messages().is_empty());
    let report = world.watch().await.remove(0);
    assert_eq!((&report["state"], &report["failed"]), (&json!("ended"), &json!(3)), "{report}");
    nobody_is_disconnected(&world, 3).await;

    world.oura().set_outage(None).unwrap();
    world.pass_until(NEXT);
    world.schedule(next_night()).await;
    assert_eq!(world.work_off_night().await.failed, 0);
    assert_eq!(world.watch().await[0]["done"], 3);
    nobody_is_disconnected(&world, 3).await;
    for patient in fleet(3) {
        let connection = world.connection_of(&patient).await;
        assert!(connection.failing.is_empty(), "{:?}", connection.failing);
        // The day that the lost night should have brought is further back than the look-back.
        let answer =
            world.request(Some(&patient), "GET", "/daily", "from=2026-03-18&to=2026-03-19&metrics=activity", "").await;
        let days = answer.data()["days"].as_array().unwrap().len();
        assert!(days >= 1, "{patient} has the days of the outage");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_token_host_delays_the_run_and_disconnects_no_patient() {
    for kind in [OutageKind::Unavailable, OutageKind::Gateway, OutageKind::Drop] {
        let world = World::with_fleet(2, &[]).await;
        world.pass_until(NIGHT);
        let until = "2026-03-19T05:00:00Z".parse().unwrap();
        let outage = Outage { target: OutageTarget::Token, until: Some(until), ..Outage::new(kind) };
        world.oura().set_outage(Some(outage)).unwrap();
        world.oura().expire_access_tokens(None).unwrap();
        world.schedule(night()).await;
        world.work_off_night().await;
        assert!(world.clock.now() >= until, "{kind:?}");
        assert_eq!(world.watch().await[0]["done"], 2, "{kind:?}");
        nobody_is_disconnected(&world, 2).await;
        assert_eq!(world.oura().summary().reused, 0, "{kind:?}: no refresh token was sent twice");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreadable_documents_affect_one_patient() {
    let world = World::with_fleet(12, &[]).await;
    for collection in ["sleep", "daily_activity"] {
        let document = json!({"id": format!("odd-{collection}"), "day": 17, "score": {"a": []}});
        let put = PutDocument { collection: collection.into(), document, day: Some("2026-03-18".parse().unwrap()) };
        world.oura().put_document("fleet-00005", put).unwrap();
    }
    world.pass_until(NEXT);
    world.schedule(next_night()).await;
    assert_eq!(world.work_off_night().await.failed, 0);
    let report = world.watch().await.remove(0);
    assert_eq!((&report["done"], &report["failed"]), (&json!(12), &json!(0)));
    for (n, patient) in fleet(12).enumerate() {
        let failing = world.connection_of(&patient).await.failing;
        assert_eq!(
            failing.values().any(|failure| failure.as_str() == "malformed_documents"),
            n == 4,
            "{patient}: {failing:?}"
        );
        let answer = world.request(Some(&patient), "GET", "/daily", "from=2026-03-15&to=2026-03-20", "").await;
        assert!(!answer.data()["days"].as_array().unwrap().is_empty(), "{patient}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patients_without_membership_or_consent_are_skipped() {
    let world = World::with_fleet(4, &[]).await;
    world.pass_until(NIGHT);
    world.oura().set_membership("fleet-00001", false).unwrap();
    world.oura().withdraw_consent("fleet-00002").unwrap();
    world.schedule(night()).await;
    world.work_off_night().await;
    let report = world.watch().await.remove(0);
    assert_eq!(
        (&report["state"], &report["done"], &report["skipped"], &report["failed"]),
        (&json!("ended"), &json!(2), &json!(2), &json!(0)),
        "{report}"
    );
    let status = async |patient: &str| world.connection_of(patient).await.status;
    assert_eq!(status("patient-00001").await, ConnectionStatus::Error);
    assert_eq!(status("patient-00002").await, ConnectionStatus::Disconnected);
    assert_eq!((world.count("wearable_disconnected"), world.count("wearable_reconnect_required")), (1, 1));
    // The next night does not even queue the one who is gone.
    world.pass(Duration::from_secs(3600));
    world.pass_until(NEXT);
    assert_eq!(world.schedule(next_night()).await["planned"], 3);
}

/// Oura answers every request for data of this path with this status.
fn always(path: &str, status: u16) -> OuraFault {
    OuraFault {
        on: FaultMatch { path: format!("/v2/usercollection/{path}"), ..FaultMatch::default() },
        status: Some(status),
        body: Some(json!("")),
        ..OuraFault::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_message_expires_or_fails() {
    let world = World::connected().await;
    world.work().await;
    world.oura().add_fault(always("*", 429)).unwrap();
    let range = DayRange::ending("2026-03-20".parse().unwrap(), 8);
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    for (trigger, id, waited, (requeued, failed)) in [
        (Trigger::Daily, "nightly-2026-03-19", hours(19), (1, 0)),
        (Trigger::Daily, "catchup-2026-03-19T12", hours(1), (1, 0)),
        (Trigger::Manual, "manual-1", hours(23), (1, 0)),
        (Trigger::Manual, "manual-2", hours(25), (0, 1)),
        (Trigger::Daily, "catchup-2026-03-19T14", hours(3), (0, 0)),
        (Trigger::Daily, "nightly-2026-03-20", hours(21), (0, 0)),
    ] {
        let message = world.sync_message(trigger, id, range);
        world.pass(waited);
        assert_eq!(world.deliver(&[message], 1).await.len(), failed, "{id}");
        world.pass(Duration::from_secs(15 * 60));
        assert_eq!(world.bodies().await.len(), requeued, "{id}");
        let is_abandoned = (requeued, failed) == (0, 0);
        assert_eq!(!world.connection().await.failing.is_empty(), is_abandoned, "{id}: the connection shows it");
    }
    let nights = NightlyRuns::new(&world.sdk, &world.names.connections_table);
    for (day, failed) in [("2026-03-19", 0), ("2026-03-20", 1)] {
        let counts = nights.count(NightlyRun::of(day.parse().unwrap())).await.unwrap();
        assert_eq!((counts.over(), counts.failed), (failed, failed), "{day}");
    }
}

/// While every request waits, a sync does not even begin: its last delivery names what it would have fetched.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expired_sync_names_its_data_types_in_its_last_delivery() {
    let world = World::connected().await;
    world.work().await;
    let touched = world.oura().edit_night("ada", "2026-03-17".parse().unwrap()).unwrap();
    assert!(world.deliver(&[webhook_event(&world, "sleep", &touched[0].id)], 1).await.is_empty());
    world.pass(Duration::from_secs(31));
    let syncs = world.bodies().await;
    assert_eq!(syncs.len(), 1);
    world.pass(Duration::from_secs(25 * 3600));
    // Oura refuses everything again.
    world.oura().add_fault(always("*", 429)).unwrap();
    let range = DayRange::ending("2026-03-20".parse().unwrap(), 8);
    world.deliver(&[world.sync_message(Trigger::Manual, "manual-1", range)], 1).await;
    assert_eq!(world.deliver(&syncs, 4).await.len(), 1);
    assert!(world.connection().await.failing.is_empty());
    assert_eq!(world.deliver(&syncs, 5).await.len(), 1);
    let failing = world.connection().await.failing;
    assert_eq!(failing.keys().collect::<Vec<_>>(), [&DataType::Sleep], "the next nightly run fetches it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patient_who_disconnects_before_the_sync_is_skipped() {
    for begins in [false, true] {
        let world = World::with_fleet(2, &[]).await;
        world.pass_until(NIGHT);
        world.schedule(night()).await;
        let leave = async || {
            let path = "/connections/oura";
            assert_eq!(world.request(Some("patient-00001"), "DELETE", path, "data=keep", "").await.status, 202);
        };
        if begins {
            // Between the first read of the connection and the second, after which nothing stops it.
            let opens = Fault::on(Service::DynamoDb, "UpdateItem", Effect::Delay { millis: 1500 }).times(2);
            world.aws.faults().inject(opens);
            world.aws.meter().reset();
            let leave_then = async {
                world.arrived(Service::DynamoDb, "UpdateItem", 2).await;
                leave().await;
            };
            let (worked, ()) = join(world.work_off_night(), leave_then).await;
            assert_eq!(worked.failed, 0);
        } else {
            leave().await;
            assert_eq!(world.work_off_night().await.failed, 0);
        }
        let report = world.watch().await.remove(0);
        let counts = (&report["state"], &report["done"], &report["skipped"]);
        assert_eq!(counts, (&json!("ended"), &json!(1), &json!(1)), "{begins}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sync_with_unrecorded_outcome_is_redelivered() {
    let world = World::with_fleet(1, &[]).await;
    world.pass_until(NIGHT);
    world.schedule(night()).await;
    let down = Effect::Error { status: 500, code: "InternalServerError".into(), message: "x".into() };
    world.aws.faults().inject(Fault::on(Service::DynamoDb, "PutItem", down).times(1000));
    let messages = world.receive_nightly().await;
    assert_eq!(world.hand_over(world.worker(), &messages).await, 1);
    world.aws.faults().clear();
    world.work_off_night().await;
    assert_eq!(world.watch().await[0]["done"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sync_that_always_fails_reaches_the_dead_letter_queue_and_is_counted() {
    let world = World::with_fleet(1, &[]).await;
    world.pass_until(NIGHT);
    world.oura().add_fault(always("*", 503)).unwrap();
    world.schedule(night()).await;
    assert_eq!(world.work_off_night().await.failed, 5);
    let report = world.watch().await.remove(0);
    assert_eq!((&report["state"], &report["failed"]), (&json!("ended"), &json!(1)));
    // The requests of all five deliveries. Of the windows of a time series that are requested at once, those after a failed one
    // are cancelled, perhaps before they are sent: two of each list at most.
    let (counted, sent) = (report["requests"].as_u64().unwrap(), world.data_requests());
    assert!((sent..=sent + 5 * 2 * 2 * 3).contains(&counted), "{counted} counted, {sent} sent");
    assert!(!world.connection_of("patient-00001").await.failing.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_document_of_a_webhook_event_leaves_the_rest() {
    let world = World::connected().await;
    world.work().await;
    let touched = world.oura().edit_night("ada", "2026-03-17".parse().unwrap()).unwrap();
    assert!(world.deliver(&[webhook_event(&world, "sleep", &touched[0].id)], 1).await.is_empty());
    world.pass(Duration::from_secs(31));
    world
        .oura()
        .set_outage(Some(Outage { target: OutageTarget::Data, ..Outage::new(OutageKind::Unavailable) }))
        .unwrap();
    let sync = world.bodies().await;
    assert_eq!(world.deliver(&sync, 1).await.len(), 1);
    assert!(world.connection().await.failing.is_empty());
    assert_eq!(world.deliver(&sync, 5).await.len(), 1, "abandoned");
    let connection = world.connection().await;
    assert_eq!((connection.failing.len(), connection.silent_since), (1, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_lasts_while_oura_answers_no_request() {
    let world = World::connected().await;
    world.work().await;
    let message = |n: u32| {
        let range = DayRange::ending("2026-03-19".parse().unwrap(), 8);
        [world.sync_message(Trigger::Manual, &format!("manual-{n}"), range)]
    };
    let refused = |path: &str, status: u16| OuraFault {
        on: FaultMatch { path: format!("/v2/usercollection/{path}"), ..FaultMatch::default() },
        status: Some(status),
        headers: [("x-ratelimit-tier".to_owned(), "token".to_owned())].into(),
        ..OuraFault::default()
    };
    world.oura().add_fault(refused("daily_sleep", 503)).unwrap();
    world.oura().add_fault(refused("*", 429)).unwrap();
    assert_eq!(world.deliver(&message(1), 5).await.len(), 1);
    let connection = world.connection().await;
    assert!(connection.failing.len() > 5 && connection.silent_since.is_none(), "it says that this is too much");

    world.oura().clear_faults();
    let outage = Outage { target: OutageTarget::Data, ..Outage::new(OutageKind::Unavailable) };
    world.oura().set_outage(Some(outage.clone())).unwrap();
    let began = world.clock.now();
    assert_eq!(world.deliver(&message(2), 5).await.len(), 1);
    world.pass(Duration::from_secs(60));
    assert_eq!(world.deliver(&message(3), 5).await.len(), 1);
    assert_eq!(world.connection().await.silent_since, Some(began), "since the first");

    world.oura().set_outage(None).unwrap();
    let touched = world.oura().edit_night("ada", "2026-03-17".parse().unwrap()).unwrap();
    let night = touched.iter().find(|one| one.collection == "sleep").unwrap();
    assert!(world.deliver(&[webhook_event(&world, "sleep", &night.id)], 1).await.is_empty());
    world.pass(Duration::from_secs(31));
    assert!(world.deliver(&world.bodies().await, 1).await.is_empty());
    let connection = world.connection().await;
    assert!(connection.failing.len() > 5 && connection.silent_since.is_none(), "a document ends it");

    world.oura().set_outage(Some(outage)).unwrap();
    let again = world.clock.now();
    assert_eq!(world.deliver(&message(4), 1).await.len(), 1);
    assert_eq!(world.connection().await.silent_since, Some(again), "and it starts again with the first delivery");
}
