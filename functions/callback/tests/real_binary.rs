//! The deployed binary behind a Runtime API like Lambda's: a browser returns from Oura, and the worker continues with the stored
//! connection.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use local::runtime_api::Binary;
use tests::{BinaryWorld, Part};

const BINARY: &str = env!("CARGO_BIN_EXE_callback");

/// Required variables.
const REQUIRED: [&str; 6] = [
    "OURA_APP_SECRET_ID",
    "OURA_REDIRECT_URI",
    "CONNECTIONS_TABLE",
    "TOKEN_SECRET_PREFIX",
    "LIVE_QUEUE_URL",
    "EVENT_BUS_NAME",
];

/// All variables of the function.
const VARIABLES: [&str; 9] = [
    "OURA_APP_SECRET_ID",
    "OURA_REDIRECT_URI",
    "CONNECTIONS_TABLE",
    "TOKEN_SECRET_PREFIX",
    "LIVE_QUEUE_URL",
    "EVENT_BUS_NAME",
    "OURA_TOKEN_URL",
    "OURA_API_BASE_URL",
    "APP_RETURN_URL",
];

async fn world() -> (BinaryWorld, std::sync::Arc<Binary>) {
    let mut world = BinaryWorld::start(&[]).await;
    let mut variables = world.variables(&VARIABLES).unwrap();
    variables.push(("AWS_LAMBDA_LOG_LEVEL".to_owned(), "TRACE".to_owned()));
    let binary = world.replace(Part::Callback, Binary::spawn(BINARY, variables).await.unwrap());
    (world, binary)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callback_stores_tokens_publishes_the_event_and_queues_the_backfill() {
    let (world, binary) = world().await;
    world.connect("patient-1", "ada").await.unwrap();

    let published: Vec<_> = world.aws().events().history().into_iter().map(|event| event.detail_type).collect();
    assert_eq!(published, ["wearable_connected"]);
    // The worker finds its message and the tokens.
    let delivery = world.deliver().await.unwrap();
    assert_eq!((delivery.messages, delivery.failed), (1, Vec::new()));
    let counts = world.oura().control().request_counts();
    assert!(counts.contains_key("GET /v2/usercollection/sleep"), "{counts:?}");

    let output = binary.output();
    assert!(output.contains("\"level\":"), "JSON lines: {output}");
    assert_eq!(world.leaks(&output, &[]).await.unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn second_use_of_a_callback_gets_the_first_outcome_and_changes_nothing() {
    let (world, binary) = world().await;
    let begun = world.begin("patient-1").await.unwrap();
    let query = world.consent(&begun, "ada");
    let path = format!("/callback/oura?{query}");
    let outcome = async |cookie: Option<&str>| {
        let back = world.request(None, "GET", &path, cookie, "").await.unwrap();
        let location = back.headers["location"].clone();
        (back.status, location.contains("status=connected"), location.contains("status=error"))
    };
    assert_eq!(outcome(Some(&begun.cookie)).await, (303, true, false));
    assert_eq!(outcome(Some(&begun.cookie)).await, (303, true, false));
    assert_eq!(outcome(None).await, (303, false, true), "another browser gets nothing of it");
    let output = binary.output();
    assert_eq!(world.leaks(&output, &[]).await.unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_variable_stops_the_start_and_is_named() {
    let world = BinaryWorld::start(&[]).await;
    for missing in REQUIRED {
        let output = world.start_without(BINARY, &VARIABLES, missing).await.unwrap();
        assert!(output.contains(missing), "{missing}: {output}");
    }
}
