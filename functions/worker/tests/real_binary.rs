//! The deployed binary behind a Runtime API like Lambda's: processes the queue's batches, brings the history, and logs no
//! measured value.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::sync::Arc;

use local::runtime_api::Binary;
use oura_simulator::{Fault, PutDocument};
use serde_json::json;
use tests::{BinaryWorld, CANARY_CALORIES, Part, holds_canary, sqs_event};

const BINARY: &str = env!("CARGO_BIN_EXE_worker");

/// The function does not start without these.
const REQUIRED: [&str; 9] = [
    "OURA_APP_SECRET_ID",
    "OURA_REDIRECT_URI",
    "CONNECTIONS_TABLE",
    "WEARABLE_DATA_TABLE",
    "DAILY_STATS_TABLE",
    "TOKEN_SECRET_PREFIX",
    "LIVE_QUEUE_URL",
    "NIGHTLY_QUEUE_URL",
    "EVENT_BUS_NAME",
];

/// All that it is given.
const VARIABLES: [&str; 11] = [
    "OURA_APP_SECRET_ID",
    "OURA_REDIRECT_URI",
    "CONNECTIONS_TABLE",
    "WEARABLE_DATA_TABLE",
    "DAILY_STATS_TABLE",
    "TOKEN_SECRET_PREFIX",
    "LIVE_QUEUE_URL",
    "NIGHTLY_QUEUE_URL",
    "EVENT_BUS_NAME",
    "OURA_TOKEN_URL",
    "OURA_API_BASE_URL",
];

async fn world() -> (BinaryWorld, Arc<Binary>) {
    let mut world = BinaryWorld::start(&[]).await;
    let mut variables = world.variables(&VARIABLES).unwrap();
    variables.push(("AWS_LAMBDA_LOG_LEVEL".to_owned(), "TRACE".to_owned()));
    variables.push(("WEBHOOK_DEBOUNCE_SECONDS".to_owned(), "0".to_owned()));
    let binary = world.replace(Part::Worker, Binary::spawn(BINARY, variables).await.unwrap());
    (world, binary)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_brings_thirty_days_and_logs_no_measured_value() {
    let (world, binary) = world().await;
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let yesterday = today.yesterday().unwrap();
    let put = |collection: &str, document: serde_json::Value| {
        let put = PutDocument { collection: collection.to_owned(), document, day: Some(yesterday) };
        world.oura().control().put_document("ada", put).unwrap();
    };
    // Canary values, in a readable document and in an unreadable one.
    let (start, end) = (format!("{yesterday}T12:00:00+00:00"), format!("{yesterday}T12:30:00+00:00"));
    put(
        "workout",
        json!({"id": "c-1", "day": yesterday.to_string(), "activity": "running", "intensity": "moderate",
        "source": "manual", "calories": CANARY_CALORIES, "start_datetime": start, "end_datetime": end}),
    );
    put("daily_stress", json!({"id": "c-2", "day": yesterday.to_string(), "stress_high": {"c4nary": 918_273_645}}));
    put("enhanced_tag", json!({"id": "c-3", "start_day": yesterday.to_string(), "comment": "c4nary in words"}));
    world.connect("patient-1", "ada").await.unwrap();

    let delivery = world.deliver().await.unwrap();
    assert_eq!((delivery.messages, delivery.failed), (1, Vec::new()));
    let (from, to) = (today.saturating_sub(jiff::Span::new().days(30)), today);
    let path = format!("/daily?from={from}&to={to}");
    let daily = world.request(Some("patient-1"), "GET", &path, None, "").await.unwrap().data();
    let days = daily["days"].as_array().unwrap();
    assert!(days.len() >= 28, "{} days", days.len());
    assert!(holds_canary(&daily), "the canary is in the days: {daily}");
    let events = world.aws().events().history();
    assert!(events.iter().any(|event| event.detail_type == "wearable_backfill_completed"));

    let output = binary.output();
    assert!(output.contains("\"level\":") && output.contains("\"_aws\":"), "lines and metrics: {output}");
    let values = ["98461.3579", "918273645", "c4nary"];
    assert_eq!(world.leaks(&output, &values).await.unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_returns_only_the_failed_message_of_a_batch() {
    let (world, binary) = world().await;
    world.connect("patient-1", "ada").await.unwrap();
    world.connect("patient-2", "bruno").await.unwrap();
    let failing: Fault = serde_json::from_value(json!({
        "match": {"path": "/v2/usercollection/sleep", "person": "bruno"}, "status": 503, "body": {"detail": "c4nary"},
    }))
    .unwrap();
    world.oura().control().add_fault(failing).unwrap();

    let delivery = world.deliver().await.unwrap();
    assert_eq!((delivery.messages, delivery.failed.len()), (2, 1));
    let status = async |patient| {
        let answer = world.request(Some(patient), "GET", "/connections", None, "").await.unwrap().data();
        answer["connections"][0]["backfill"]["state"].as_str().unwrap().to_owned()
    };
    assert_eq!((status("patient-1").await, status("patient-2").await), ("done".to_owned(), "running".to_owned()));
    let output = binary.output();
    assert_eq!(world.leaks(&output, &["c4nary"]).await.unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_turns_webhook_events_into_a_sync_and_counts_dropped_ones() {
    let (world, binary) = world().await;
    world.connect("patient-1", "ada").await.unwrap();
    assert!(world.deliver().await.unwrap().failed.is_empty());
    let control = world.oura().control();
    let night =
        jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().saturating_sub(jiff::Span::new().days(3));
    let touched = control.edit_night("ada", night).unwrap();
    let ada = control.people().into_iter().find(|person| person.key == "ada").unwrap().user_id;
    let message = |user: &str, data_type: &str, id: &str| {
        let now = jiff::Timestamp::now();
        let event = shared::domain::WebhookEvent {
            user: user.parse().unwrap(),
            event_type: "update".parse().unwrap(),
            data_type: data_type.parse().unwrap(),
            document_id: id.parse().unwrap(),
            event_time: Some(now),
            received_at: now,
        };
        event.to_body()
    };
    let mut bodies: Vec<_> = touched.iter().map(|touched| message(&ada, &touched.collection, &touched.id)).collect();
    bodies.push(message("unknown", "sleep", "d-1"));
    bodies.push(message(&ada, "meal", "d-2"));
    let event = serde_json::to_value(sqs_event::of_bodies("oura-live", &bodies, 3)).unwrap();
    let answer = binary.invoke(event, std::time::Duration::from_secs(20)).await.unwrap();
    assert_eq!(answer["batchItemFailures"], json!([]));
    let sync = world.deliver().await.unwrap();
    assert_eq!((sync.messages, sync.failed), (1, Vec::new()));
    let daily = world.request(Some("patient-1"), "GET", &format!("/daily?from={night}&to={night}"), None, "").await;
    assert_eq!(daily.unwrap().data()["days"][0]["revision"], 2);
    let output = binary.output();
    for metric in ["\"WebhooksUnknownUser\":1", "\"WebhooksUnknownType\":1", "\"DocumentsFromWebhooks\":1"] {
        assert!(output.contains(metric), "{metric}");
    }
}

/// Each of 30 days with 10,000 heart-rate samples.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_with_four_dense_histories_takes_less_than_200_mb() {
    let (world, binary) = world().await;
    for (n, person) in ["ada", "bruno", "chiyo", "dana"].into_iter().enumerate() {
        world.oura().control().set_heart_rate_every(person, Some(8)).unwrap();
        world.connect(&format!("patient-{n}"), person).await.unwrap();
    }
    let delivery = world.deliver().await.unwrap();
    let peak = binary.peak_memory_kib().unwrap();
    assert_eq!((delivery.messages, delivery.failed.len()), (4, 0), "{peak} KiB");
    assert!(peak < 200 * 1024, "{peak} KiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_names_a_missing_variable_at_start() {
    let world = BinaryWorld::start(&[]).await;
    for missing in REQUIRED {
        let output = world.start_without(BINARY, &VARIABLES, missing).await.unwrap();
        assert!(output.contains(missing), "{missing}: {output}");
    }
}
