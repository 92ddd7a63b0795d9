//! The deployed binary behind a Runtime API like Lambda's: settings, AWS and Oura, events and answers of API Gateway.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use local::runtime_api::Binary;
use tests::{BinaryWorld, Part};

const BINARY: &str = env!("CARGO_BIN_EXE_connect");

/// Required variables.
const REQUIRED: [&str; 3] = ["OURA_APP_SECRET_ID", "OURA_REDIRECT_URI", "CONNECTIONS_TABLE"];

/// All variables of the function.
const VARIABLES: [&str; 5] =
    ["OURA_APP_SECRET_ID", "OURA_REDIRECT_URI", "CONNECTIONS_TABLE", "OURA_AUTHORIZE_URL", "APP_RETURN_URL"];

async fn world() -> (BinaryWorld, std::sync::Arc<Binary>) {
    let mut world = BinaryWorld::start(&[]).await;
    let mut variables = world.variables(&VARIABLES).unwrap();
    variables.push(("AWS_LAMBDA_LOG_LEVEL".to_owned(), "TRACE".to_owned()));
    let binary = world.replace(Part::Connect, Binary::spawn(BINARY, variables).await.unwrap());
    (world, binary)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patient_is_sent_to_oura_and_the_callback_connects() {
    let (world, binary) = world().await;
    let begun = world.begin("patient-1").await.unwrap();
    assert_eq!(url::Url::parse(&begun.auth_url).unwrap().origin(), world.oura().url().origin());
    let query = world.consent(&begun, "ada");
    let path = format!("/callback/oura?{query}");
    let back = world.request(None, "GET", &path, Some(&begun.cookie), "").await.unwrap();
    assert_eq!(back.headers["location"], "https://app.example/wearables?wearable=oura&status=connected");

    let output = binary.output();
    assert!(output.contains("\"level\":"), "JSON lines: {output}");
    assert_eq!(world.leaks(&output, &[]).await.unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_requests_are_refused_and_later_ones_served() {
    let (world, binary) = world().await;
    let connect =
        async |patient, body| world.request(patient, "POST", "/connect/oura", None, body).await.unwrap().refusal();
    assert_eq!(connect(None, "{}").await, (401, "unauthorized".to_owned()));
    assert_eq!(connect(Some("patient-1"), "{c4nary").await, (400, "invalid_json".to_owned()));
    assert_eq!(connect(Some("patient-1"), r#"{"returnTo":7}"#).await, (400, "invalid_body".to_owned()));
    assert!(world.begin("patient-1").await.is_ok());
    assert!(!binary.output().contains("c4nary"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_variable_stops_the_start_and_is_named() {
    let world = BinaryWorld::start(&[]).await;
    for missing in REQUIRED {
        let output = world.start_without(BINARY, &VARIABLES, missing).await.unwrap();
        assert!(output.contains(missing), "{missing}: {output}");
    }
}
