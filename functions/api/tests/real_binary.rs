//! The deployed binary behind a Runtime API like Lambda's: a patient's stored data, commands, and refusals.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::sync::Arc;
use std::time::Duration;

use local::runtime_api::Binary;
use oura_simulator::PutDocument;
use serde_json::json;
use tests::{Answer, BinaryWorld, CANARY_CALORIES, Part, event, holds_canary};

const BINARY: &str = env!("CARGO_BIN_EXE_api");

/// All variables of the function; each is required.
const REQUIRED: [&str; 6] = [
    "CONNECTIONS_TABLE",
    "DAILY_STATS_TABLE",
    "EVENT_BUS_NAME",
    "LIVE_QUEUE_URL",
    "TOKEN_SECRET_PREFIX",
    "WEARABLE_DATA_TABLE",
];

async fn world() -> (BinaryWorld, Arc<Binary>) {
    let mut world = BinaryWorld::start(&[]).await;
    let mut variables = world.variables(&REQUIRED).unwrap();
    variables.push(("AWS_LAMBDA_LOG_LEVEL".to_owned(), "TRACE".to_owned()));
    let binary = world.replace(Part::Api, Binary::spawn(BINARY, variables).await.unwrap());
    (world, binary)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patient_gets_connection_days_export_and_another_sync() {
    let (world, binary) = world().await;
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let yesterday = today.yesterday().unwrap();
    let (start, end) = (format!("{yesterday}T12:00:00+00:00"), format!("{yesterday}T12:30:00+00:00"));
    let document = json!({"id": "c-1", "day": yesterday.to_string(), "activity": "running", "intensity": "moderate",
        "source": "manual", "calories": CANARY_CALORIES, "start_datetime": start, "end_datetime": end});
    let put = PutDocument { collection: "workout".to_owned(), document, day: None };
    world.oura().control().put_document("ada", put).unwrap();
    let get = async |patient, path: &str| world.request(Some(patient), "GET", path, None, "").await.unwrap().data();
    assert_eq!(get("patient-1", "/connections").await["connections"], json!([]));
    world.connect("patient-1", "ada").await.unwrap();
    assert_eq!(get("patient-1", "/connections").await["connections"][0]["backfill"]["state"], "pending");
    world.deliver().await.unwrap();
    let connection = get("patient-1", "/connections").await["connections"][0].clone();
    assert_eq!((&connection["status"], &connection["backfill"]["state"]), (&json!("connected"), &json!("done")));

    let from = today.saturating_sub(jiff::Span::new().days(30));
    let path = format!("/daily?from={from}&to={today}");
    let daily = get("patient-1", &path).await;
    assert!(daily["days"].as_array().unwrap().len() >= 28);
    assert!(holds_canary(&daily), "the canary is in the days: {daily}");
    assert_eq!(get("patient-2", &path).await["days"], json!([]), "another patient's days are not theirs");

    let path = format!("/workouts?from={yesterday}&to={yesterday}");
    let workouts = get("patient-1", &path).await["workouts"].clone();
    let is_canary = |workout: &serde_json::Value| workout["metrics"]["calories"] == CANARY_CALORIES;
    assert!(workouts.as_array().unwrap().iter().any(is_canary), "{workouts}");
    assert_eq!(get("patient-2", &path).await["workouts"], json!([]));

    let export = async |patient, query: &str| {
        let answer = world.request(Some(patient), "GET", &format!("/export{query}"), None, "").await.unwrap();
        assert_eq!((answer.status, answer.headers["cache-control"].as_str()), (200, "no-store"));
        (answer.headers["content-type"].clone(), answer.body.clone())
    };
    let (kind, lines) = export("patient-1", "").await;
    assert_eq!(kind, "application/x-ndjson");
    assert!(lines.starts_with("{\"type\":\"export\"") && lines.contains("98461.3579"));
    assert!(lines.ends_with("{\"type\":\"end\",\"complete\":true,\"cursor\":null}\n"), "{:.200}", lines);
    let (kind, observations) = export("patient-1", "?format=fhir").await;
    assert_eq!(kind, "application/fhir+ndjson");
    let canary = |line: &str| holds_canary(&serde_json::from_str(line).unwrap());
    assert!(observations.lines().count() > 1000 && observations.lines().any(canary));
    assert_eq!(export("patient-2", "").await.1.lines().count(), 2);

    let sync = world.request(Some("patient-1"), "POST", "/sync", None, r#"{"source":"oura"}"#).await.unwrap();
    assert_eq!(sync.status, 202);
    let delivery = world.deliver().await.unwrap();
    assert_eq!((delivery.messages, delivery.failed), (1, Vec::new()));

    let output = binary.output();
    assert!(output.contains("\"level\":"), "JSON lines: {output}");
    assert_eq!(world.leaks(&output, &["98461.3579"]).await.unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_requests_are_refused_and_later_ones_served() {
    let (world, binary) = world().await;
    let refused =
        async |patient, method, path, body| world.request(patient, method, path, None, body).await.unwrap().refusal().0;
    let patient = Some("patient-1");
    assert_eq!(refused(None, "GET", "/connections", "").await, 401);
    assert_eq!(refused(patient, "GET", "/daily?from=c4nary&to=2026-01-01", "").await, 400);
    assert_eq!(refused(patient, "GET", "/daily?from=2026-02-01&to=2026-01-01", "").await, 400);
    assert_eq!(refused(patient, "POST", "/sync", "c4nary").await, 400);
    assert_eq!(refused(patient, "GET", "/records?type=c4nary&from=2026-01-01&to=2026-01-02", "").await, 400);
    assert_eq!(refused(patient, "GET", "/export?cursor=c4nary", "").await, 400);
    assert_eq!(refused(patient, "GET", "/c4nary", "").await, 404);
    assert_eq!(refused(patient, "DELETE", "/daily", "").await, 405);
    assert_eq!(world.request(patient, "GET", "/connections", None, "").await.unwrap().status, 200);
    assert!(!binary.output().contains("c4nary"));
}

/// The path begins with the mapping key of a custom domain, or with the name of a stage.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routes_are_the_matched_ones_behind_a_mapping_key_and_on_a_named_stage() {
    let (_world, binary) = world().await;
    for (stage, begin) in [("$default", "/oura"), ("prod", "/prod"), ("prod", "/oura/v1")] {
        let asked = async |method: &str, path: &str| {
            let mut event = event(Some(json!({"sub": "patient-1"})), method, path, "", "", &[]);
            let path = format!("{begin}{}", event["rawPath"].as_str().unwrap());
            event["requestContext"]["stage"] = json!(stage);
            event["requestContext"]["http"]["path"] = json!(path);
            event["rawPath"] = json!(path);
            Answer::of_payload(&binary.invoke(event, Duration::from_secs(10)).await.unwrap())
        };
        assert_eq!(asked("GET", "/connections").await.data()["connections"], json!([]), "{begin}");
        assert_eq!(asked("GET", "/metrics").await.status, 200, "{begin}");
        assert_eq!(asked("POST", "/sync").await.refusal(), (409, "not_connected".into()), "{begin}");
        let other_method = asked("DELETE", "/daily").await;
        assert_eq!((other_method.status, other_method.headers["allow"].as_str()), (405, "GET"), "{begin}");
        assert_eq!(asked("GET", "/connect/oura").await.headers["allow"], "POST", "{begin}");
        assert_eq!(asked("GET", "/c4nary").await.refusal(), (404, "not_found".into()), "{begin}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_variable_stops_the_start_and_is_named() {
    let world = BinaryWorld::start(&[]).await;
    for missing in REQUIRED {
        let output = world.start_without(BINARY, &REQUIRED, missing).await.unwrap();
        assert!(output.contains(missing), "{missing}: {output}");
    }
}
