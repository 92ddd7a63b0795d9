//! Failures of Oura and AWS during a sync: each data type fails alone, nothing is lost, no patient is disconnected.

use std::time::Duration;

use local::aws::{Effect, Fault, Service};
use oura_simulator::{Fault as OuraFault, FaultMatch, PutDocument};
use serde_json::{Value, json};
use shared::domain::{BackfillState, ConnectionStatus, DataType, DayRange, FetchState, ReasonCode, Trigger};

use tests::{PATIENT, World};

fn on(path: &str, status: u16, body: Value) -> OuraFault {
    let path = format!("/v2/usercollection/{path}");
    OuraFault {
        on: FaultMatch { path, ..FaultMatch::default() },
        status: Some(status),
        body: Some(body),
        ..OuraFault::default()
    }
}

async fn state(world: &World, data_type: DataType) -> (FetchState, Option<String>) {
    let progress = world.connection().await.backfill.unwrap().per_type[&data_type].clone();
    (progress.state, progress.error.map(|failure| failure.to_string()))
}

/// One data type goes wrong and stays so: how it is remembered, and that everything else arrives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn error_status_of_one_data_type_leaves_the_others() {
    let cases = [
        (401, json!(""), FetchState::Failed, Some("forbidden"), false),
        (401, json!({"detail": "Scope extapi:daily is missing"}), FetchState::Failed, Some("forbidden"), false),
        (
            403,
            json!({"status": 403, "title": "Forbidden", "detail": "no"}),
            FetchState::Failed,
            Some("forbidden"),
            false,
        ),
        (404, json!({"detail": "Document not found."}), FetchState::Failed, Some("not_found"), false),
        (
            422,
            json!({"detail": [{"loc": ["query", 0], "msg": "x", "type": "y"}]}),
            FetchState::Failed,
            Some("rejected"),
            false,
        ),
        (400, json!(""), FetchState::Failed, Some("rejected"), false),
        (426, json!(""), FetchState::NotAvailable, Some("app_outdated"), true),
        (429, json!(""), FetchState::Failed, Some("rate_limited"), false),
        (500, json!("<html>"), FetchState::Failed, Some("unavailable"), false),
        (503, json!(""), FetchState::Failed, Some("unavailable"), false),
        (200, json!("<html>"), FetchState::Failed, Some("malformed"), false),
        (200, json!({"data": 7}), FetchState::Failed, Some("malformed"), false),
    ];
    for (status, body, wanted, error, settled) in cases {
        let world = World::connected().await;
        let context = format!("{status} {body}");
        world.oura().add_fault(on("daily_stress", status, body)).unwrap();
        let bodies = world.bodies().await;
        let again = world.deliver(&bodies, 1).await;
        // Messages throttled by Oura's limit are re-enqueued.
        assert_eq!(again.is_empty(), settled || status == 429, "{context}");
        assert_eq!(state(&world, DataType::DailyStress).await, (wanted, error.map(str::to_owned)), "{context}");
        assert_eq!(state(&world, DataType::Sleep).await.0, FetchState::Done, "{context}");
        assert!(world.daily("2026-02-16", "2026-03-19").await.len() >= 28, "{context}");
        let connection = world.connection().await;
        assert_eq!((connection.status, connection.reason), (ConnectionStatus::Connected, None), "{context}");
        if settled {
            assert_eq!(connection.backfill.unwrap().state, BackfillState::Failed, "{context}");
            assert_eq!(world.count("wearable_backfill_completed"), 0, "{context}: it has not arrived");
        } else {
            assert_eq!(connection.backfill.unwrap().state, BackfillState::Running, "{context}");
            // Oura recovers: only what is missing is asked for again, and the end is as if nothing had been.
            world.oura().clear_faults();
            world.oura().clear_requests();
            world.pass(Duration::from_secs(61));
            assert!(world.deliver(&bodies, 2).await.is_empty(), "{context}");
            assert_eq!(world.oura().request_counts().len(), 1, "{context}: {:?}", world.oura().request_counts());
            assert_eq!(world.connection().await.backfill.unwrap().state, BackfillState::Done);
            assert!(world.connection().await.failing.is_empty());
            assert_eq!((world.count("wearable_sync"), world.count("wearable_backfill_completed")), (1, 1));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backfill_ends_without_a_data_type_that_keeps_failing_and_later_syncs_bring_it() {
    let world = World::connected().await;
    world.oura().add_fault(on("daily_stress", 503, json!(""))).unwrap();
    let bodies = world.bodies().await;
    for count in 1..=2 {
        assert_eq!(world.deliver(&bodies, count).await.len(), 1);
    }
    assert!(world.deliver(&bodies, 3).await.is_empty(), "it ends without it");
    let connection = world.connection().await;
    assert_eq!(connection.status, ConnectionStatus::Connected);
    assert_eq!(connection.failing.get(&DataType::DailyStress).map(|failure| failure.as_str()), Some("unavailable"));
    assert!(connection.needs_catch_up());
    assert_eq!(connection.backfill.unwrap().state, BackfillState::Failed);
    assert_eq!(
        (world.count("wearable_sync"), world.count("wearable_backfill_completed")),
        (1, 0),
        "it is not complete"
    );
    let shown = world.get("/connections", "").await.data();
    assert_eq!(shown["connections"][0]["failing"], json!({ "daily_stress": "unavailable" }));
    // A day after the connect, the platform is told what is missing.
    let night = async |at: &str| {
        world.pass_until(at);
        world.schedule(json!({"task": "nightly", "scheduledAt": at})).await;
        world.work_off_night().await;
    };
    night("2026-03-20T03:00:00Z").await;
    let reported = completed(&world);
    assert_eq!(reported.len(), 1);
    assert_eq!(
        (&reported[0]["complete"], &reported[0]["failing"]),
        (&json!(false), &json!({"daily_stress": "unavailable"}))
    );
    // It arrives with the first sync after Oura has recovered, back to the first day.
    world.oura().clear_faults();
    night("2026-03-21T03:00:00Z").await;
    let connection = world.connection().await;
    assert_eq!((connection.failing.len(), connection.backfill.unwrap().state), (0, BackfillState::Done));
    let reported = completed(&world);
    assert_eq!((reported.len(), &reported[1]["complete"]), (2, &json!(true)));
    let stress = world.daily("2026-02-18", "2026-03-17").await;
    assert!(stress.iter().filter(|day| day["metrics"]["stress"].is_object()).count() >= 25);
}

fn completed(world: &World) -> Vec<Value> {
    let events = world.events().into_iter().filter(|event| event.detail_type == "wearable_backfill_completed");
    events.map(|event| event.detail).collect()
}

/// A data type whose answers stay useless holds up no later sync, whatever they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn manual_sync_ends_without_a_data_type_that_stays_unreadable() {
    let world = World::connected().await;
    world.work().await;
    let week = DayRange::ending("2026-03-19".parse().unwrap(), 8);
    for (n, body) in [json!("<html>"), json!({"data": 7}), json!({})].into_iter().enumerate() {
        world.oura().clear_faults();
        world.oura().add_fault(on("daily_stress", 200, body.clone())).unwrap();
        let message = [world.sync_message(Trigger::Manual, &format!("manual-{n}"), week)];
        let mut left = Vec::new();
        for count in 1..=3 {
            left.push(world.deliver(&message, count).await.len());
        }
        assert_eq!(left, [1, 1, 0], "{body}");
        let failing = world.connection().await.failing;
        assert_eq!(failing.keys().collect::<Vec<_>>(), [&DataType::DailyStress], "{body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn abandoned_history_arrives_with_the_next_manual_sync() {
    let world = World::connected().await;
    world.oura().add_fault(on("*", 503, json!(""))).unwrap();
    let bodies = world.bodies().await;
    assert_eq!(world.deliver(&bodies, 5).await.len(), 1);
    let connection = world.connection().await;
    assert_eq!((connection.backfill.unwrap().state, connection.last_sync_at), (BackfillState::Failed, None));
    world.oura().clear_faults();
    assert_eq!(world.request(Some(PATIENT), "POST", "/sync", "", "{}").await.status, 202);
    assert_eq!(world.work().await, 1);
    assert_eq!(world.connection().await.backfill.unwrap().state, BackfillState::Done);
    assert!(world.daily("2026-02-16", "2026-03-19").await.len() >= 28);
    assert_eq!(world.count("wearable_backfill_completed"), 1);
    // The first message comes back from the dead-letter queue after all.
    world.oura().clear_requests();
    assert!(world.deliver(&bodies, 1).await.is_empty());
    assert!(world.oura().request_counts().is_empty());
    assert_eq!(world.count("wearable_backfill_completed"), 1);
}

/// A sample belongs to the same local day if its sleep arrives with the first or with the second attempt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn series_without_offsets_is_fetched_again() {
    let clean = World::connected().await;
    clean.work().await;
    let world = World::connected().await;
    for data_type in
        ["sleep", "daily_activity", "workout", "session", "tag", "enhanced_tag", "daily_sleep", "daily_readiness"]
    {
        world.oura().add_fault(on(data_type, 503, json!(""))).unwrap();
    }
    let bodies = world.bodies().await;
    assert_eq!(world.deliver(&bodies, 1).await.len(), 1);
    assert_eq!(state(&world, DataType::HeartRate).await, (FetchState::Failed, Some("awaits_offsets".into())));
    world.oura().clear_faults();
    assert!(world.deliver(&bodies, 2).await.is_empty());
    let samples = |records: Vec<Value>| -> Vec<Value> {
        let series =
            records.into_iter().filter(|record| record["dataType"] == "heartrate" && record["deleted"] != true);
        series.map(|record| json!([record["day"], record["metrics"]])).collect()
    };
    let table = &world.names.wearable_data_table;
    assert_eq!(samples(world.items(table).await), samples(clean.items(table).await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timed_out_data_type_fails_alone() {
    let world = World::connected().await;
    let slow = OuraFault { delay_ms: Some(60_000), status: None, body: None, ..on("daily_stress", 200, json!("")) };
    world.oura().add_fault(slow).unwrap();
    let bodies = world.bodies().await;
    let again = world.deliver_with(&bodies, 1, std::time::Duration::from_secs(38)).await;
    assert_eq!(again.len(), 1);
    assert_eq!(state(&world, DataType::DailyStress).await, (FetchState::Failed, Some("unavailable".into())));
    assert!(world.daily("2026-02-16", "2026-03-19").await.len() >= 28, "the others are stored");
    assert_eq!(world.oura().faults()[0].matched, 1, "there was no time for another try");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_failure_is_retried_unseen() {
    let world = World::connected().await;
    for path in ["sleep", "heartrate", "daily_activity"] {
        let fault = OuraFault { times: Some(1), ..on(path, 502, json!("<html>")) };
        world.oura().add_fault(fault).unwrap();
    }
    let headers = [("Retry-After".to_owned(), "1".to_owned()), ("X-RateLimit-Tier".to_owned(), "token".to_owned())];
    let limited = OuraFault { times: Some(1), headers: headers.into(), ..on("workout", 429, json!("")) };
    world.oura().add_fault(limited).unwrap();
    assert_eq!(world.work().await, 1);
    assert_eq!(world.connection().await.backfill.unwrap().state, BackfillState::Done);
}

/// A patient's world in which Oura has this sleep period besides the usual ones, after the backfill.
async fn with_sleep(document: serde_json::Value) -> World {
    let world = World::connected().await;
    let put = PutDocument { collection: "sleep".into(), document, day: Some("2026-03-10".parse().unwrap()) };
    world.oura().put_document("ada", put).unwrap();
    assert_eq!(world.work().await, 1);
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn document_without_a_readable_day_is_skipped_alone() {
    let clean = World::connected().await;
    clean.work().await;
    let world = with_sleep(json!({ "id": "broken", "day": 20_260_310, "type": "long_sleep" })).await;
    assert_eq!(state(&world, DataType::Sleep).await, (FetchState::Malformed, Some("malformed_documents".into())));
    assert_eq!(
        clean.items(&clean.names.wearable_data_table).await,
        world.items(&world.names.wearable_data_table).await,
        "every other document is there"
    );
    let connection = world.connection().await;
    assert_eq!(connection.failing.get(&DataType::Sleep).map(|failure| failure.as_str()), Some("malformed_documents"));
    assert!(connection.watermarks.contains_key(&DataType::Sleep), "the list was complete");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreadable_field_costs_only_itself() {
    let odd = json!({
        "id": 12345, "day": "2026-03-10T00:00:00+02:00", "type": "late_nap", "total_sleep_duration": "1200",
        "bedtime_start": 7, "bedtime_end": "", "hrv": { "items": null }, "low_battery_alert": 0, "average_breath": [],
        "average_hrv": 1e16, "readiness": { "contributors": [] },
    });
    let world = with_sleep(odd).await;
    assert_eq!(state(&world, DataType::Sleep).await.0, FetchState::Malformed);
    let day = &world.daily("2026-03-10", "2026-03-10").await[0];
    let nap = day["metrics"]["sleep"]["naps"].as_array().unwrap().iter().find(|nap| nap["documentId"] == "12345");
    let nap = nap.unwrap_or_else(|| panic!("the nap is there: {day}"));
    assert_eq!(
        (&nap["totalSleep"], &nap["bedtimeStart"], &nap["averageHrv"]),
        (&json!(1200), &json!(null), &json!(null))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn document_with_any_id_is_stored_and_found_again() {
    let id = "night 1/\u{e9}?#%2F";
    let nap =
        |seconds: u32| json!({ "id": id, "day": "2026-03-10", "type": "late_nap", "total_sleep_duration": seconds });
    let world = with_sleep(nap(1200)).await;
    let put = PutDocument { collection: "sleep".into(), document: nap(1500), day: Some("2026-03-10".parse().unwrap()) };
    world.oura().put_document("ada", put).unwrap();
    assert_eq!(world.request(Some(PATIENT), "POST", "/sync", "", r#"{"from":"2026-03-01"}"#).await.status, 202);
    world.work().await;
    let naps = world.daily("2026-03-10", "2026-03-10").await[0]["metrics"]["sleep"]["naps"].clone();
    let found: Vec<_> = naps.as_array().unwrap().iter().filter(|nap| nap["documentId"] == id).collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["totalSleep"], 1500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expired_membership_is_reported_and_keeps_the_connection() {
    let world = World::connected().await;
    world.oura().set_membership("ada", false).unwrap();
    assert_eq!(world.work().await, 1, "waiting does not help");
    let connection = world.connection().await;
    assert_eq!((connection.status, connection.reason), (ConnectionStatus::Error, Some(ReasonCode::Membership)));
    assert_eq!(connection.backfill.unwrap().state, BackfillState::Failed);
    let shown = world.get("/connections", "").await.data();
    assert_eq!(
        (&shown["connections"][0]["status"], &shown["connections"][0]["reasonCode"]),
        (&"error".into(), &"membership".into())
    );
    assert_eq!(world.count("wearable_disconnected"), 0);
    world.oura().set_membership("ada", true).unwrap();
    assert_eq!(world.request(Some(PATIENT), "POST", "/sync", "", "{}").await.status, 202);
    world.work().await;
    let connection = world.connection().await;
    assert_eq!((connection.status, connection.reason), (ConnectionStatus::Connected, None), "it heals by itself");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outdated_app_is_reported_and_keeps_the_connection() {
    let world = World::connected().await;
    world.oura().set_app_outdated("ada", true).unwrap();
    world.work().await;
    let connection = world.connection().await;
    assert_eq!((connection.status, connection.reason), (ConnectionStatus::Error, Some(ReasonCode::AppOutdated)));
    assert_eq!(world.count("wearable_disconnected"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_outage_changes_no_status() {
    let world = World::connected().await;
    world.oura().add_fault(on("*", 503, json!("<html>down</html>"))).unwrap();
    let bodies = world.bodies().await;
    assert_eq!(world.deliver(&bodies, 1).await.len(), 1);
    let connection = world.connection().await;
    assert_eq!((connection.status, connection.reason), (ConnectionStatus::Connected, None));
    world.oura().clear_faults();
    assert!(world.deliver(&bodies, 2).await.is_empty());
    assert!(world.daily("2026-02-16", "2026-03-19").await.len() >= 28);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn throttled_or_failing_table_loses_nothing() {
    let clean = World::connected().await;
    clean.work().await;
    let failure = || Effect::Error { status: 500, code: "InternalServerError".into(), message: "x".into() };
    for fault in [
        Fault::on(Service::DynamoDb, "TransactWriteItems", Effect::Throttle).times(2),
        Fault::on(Service::DynamoDb, "Query", Effect::Throttle).times(2),
        Fault::on(Service::DynamoDb, "TransactWriteItems", failure()).after(1).times(8),
        Fault::on(Service::DynamoDb, "TransactWriteItems", Effect::DropAfter).after(1).times(1),
        Fault::on(Service::DynamoDb, "GetItem", failure()).times(8),
        Fault::on(Service::SecretsManager, "GetSecretValue", failure()).times(8),
    ] {
        let context = format!("{fault:?}");
        let world = World::connected().await;
        world.aws.faults().inject(fault);
        let bodies = world.bodies().await;
        let again = world.deliver(&bodies, 1).await;
        world.aws.faults().clear();
        if !again.is_empty() {
            assert!(world.deliver(&bodies, 2).await.is_empty(), "{context}");
        }
        assert_eq!(world.tables().await, clean.tables().await, "{context}");
        assert_eq!(world.event_ids(), clean.event_ids(), "{context}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_events_stay_in_the_outbox() {
    let clean = World::connected().await;
    clean.work().await;
    let world = World::connected().await;
    let partly = Effect::FailEntries { entries: vec![0, 3], code: "ThrottlingException".into() };
    world.aws.faults().inject(Fault::on(Service::Events, "PutEvents", partly));
    let bodies = world.bodies().await;
    assert_eq!(world.deliver(&bodies, 1).await.len(), 1, "the remaining events are still to be published");
    let left = world.items(&world.names.connections_table).await;
    assert!(left.iter().any(|item| item["sk"].as_str().unwrap().starts_with("OUTBOX#")));
    world.aws.faults().clear();
    world.oura().clear_requests();
    assert!(world.deliver(&bodies, 2).await.is_empty());
    assert!(world.oura().request_counts().is_empty(), "nothing is fetched for that");
    assert_eq!(world.event_ids(), clean.event_ids());
    assert_eq!(world.tables().await, clean.tables().await);
}

#[tokio::test]
async fn unrecognized_messages_are_redelivered() {
    let world = World::connected().await;
    let mut bodies = world.bodies().await;
    for odd in ["", "{}", "nonsense", r#"{"version":2}"#] {
        bodies.push(odd.to_owned());
    }
    bodies.push(bodies[0].replace(PATIENT, "unknown"));
    let again = world.deliver(&bodies, 1).await;
    assert_eq!(
        again,
        ["m-1", "m-2", "m-3", "m-4"],
        "unreadable ones go to the dead-letter queue; that of an unknown patient is done"
    );
    assert_eq!(world.connection().await.backfill.unwrap().state, BackfillState::Done);
}

#[tokio::test]
async fn backfill_of_an_older_grant_is_skipped() {
    let world = World::connected().await;
    let old = world.bodies().await;
    assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected");
    world.oura().clear_requests();
    assert!(world.deliver(&old, 1).await.is_empty());
    assert!(world.oura().request_counts().is_empty());
    assert_eq!(world.connection().await.backfill.unwrap().state, BackfillState::Pending);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_patient_of_a_batch_leaves_the_others() {
    let world = World::connected().await;
    assert_eq!(world.connect_as("patient-2", "bruno").await.outcome().0, "connected");
    assert_eq!(world.connect_as("patient-3", "chiyo").await.outcome().0, "connected");
    let fault = on("sleep", 503, json!(""));
    let fault = OuraFault { on: FaultMatch { person: Some("bruno".into()), ..fault.on.clone() }, ..fault };
    world.oura().add_fault(fault).unwrap();
    let bodies = world.bodies().await;
    assert_eq!(bodies.len(), 3);
    let again = world.deliver(&bodies, 1).await;
    assert_eq!(again.len(), 1);
    let state = |id: &str| {
        let id = id.parse().unwrap();
        let connections = world.connections.clone();
        async move { connections.get(&id).await.unwrap().unwrap().backfill.unwrap().state }
    };
    assert_eq!(state("patient-1").await, BackfillState::Done);
    assert_eq!(state("patient-2").await, BackfillState::Running);
    assert_eq!(state("patient-3").await, BackfillState::Done);
}
