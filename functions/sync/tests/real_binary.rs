//! The deployed binary behind a Runtime API like Lambda's: plans a nightly run once, reports its progress, refuses invalid
//! requests.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::time::Duration;

use local::runtime_api::{Binary, InvocationError};
use serde_json::{Value, json};
use tests::BinaryWorld;

const BINARY: &str = env!("CARGO_BIN_EXE_sync");

/// Variables without which the function does not start.
const REQUIRED: [&str; 2] = ["CONNECTIONS_TABLE", "NIGHTLY_QUEUE_URL"];

/// Timeout of the function.
const TIMEOUT: Duration = Duration::from_secs(60);

async fn planner() -> (BinaryWorld, Binary) {
    let world = BinaryWorld::start(&[]).await;
    let mut variables = world.variables(&REQUIRED).unwrap();
    let further = [("AWS_LAMBDA_LOG_LEVEL", "TRACE"), ("METRICS_NAMESPACE", "a-stack")];
    variables.extend(further.map(|(name, value)| (name.to_owned(), value.to_owned())));
    (world, Binary::spawn(BINARY, variables).await.unwrap())
}

async fn call(binary: &Binary, event: Value) -> Value {
    let answer = binary.invoke(event, TIMEOUT).await;
    answer.unwrap_or_else(|error| panic!("{error}: {}", binary.output()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planner_plans_a_nightly_run_once_for_repeated_calls() {
    let (world, binary) = planner().await;
    world.connect("c4nary-of-one", "ada").await.unwrap();
    world.connect("c4nary-of-two", "bruno").await.unwrap();
    let queue = &world.resources().names.nightly_queue;
    let depth = async || world.aws().queue_depth(queue).await.unwrap().total();

    let due = jiff::Timestamp::now();
    let night = json!({"task": "nightly", "scheduledAt": due});
    let first = call(&binary, night.clone()).await;
    let day = due.to_zoned(jiff::tz::TimeZone::UTC).date();
    assert_eq!((&first["task"], &first["day"]), (&json!("nightly"), &json!(day)), "{first}");
    assert_eq!((&first["queued"], &first["planned"], &first["state"]), (&json!(2), &json!(2), &json!("running")));
    assert_eq!(depth().await, 2);
    let second = call(&binary, night).await;
    assert_eq!((&second["queued"], &second["planned"]), (&json!(0), &json!(2)), "{second}");
    assert_eq!(depth().await, 2);

    let watched = call(&binary, json!({"task": "watch"})).await;
    assert_eq!((&watched["runs"][0]["remaining"], &watched["runs"][0]["done"]), (&json!(2), &json!(0)), "{watched}");
    let caught = call(&binary, json!({"task": "catchUp"})).await;
    assert_eq!((&caught["task"], &caught["queued"]), (&json!("catchUp"), &json!(0)), "their backfills are running");

    let output = binary.output();
    let metrics = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    assert!(metrics.filter(|line| line["NightlyRunsPlanned"] == 1).count() >= 1, "{output}");
    assert_eq!(world.leaks(&output, &["c4nary"]).await.unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planner_refuses_an_invalid_request_without_quoting_it() {
    let (world, binary) = planner().await;
    world.connect("patient-1", "ada").await.unwrap();
    for event in
        [json!("nightly"), json!({"task": "c4nary"}), json!({"tsk": "nightly"}), json!({"scheduledAt": "c4nary"})]
    {
        let Err(InvocationError::Reported { message, .. }) = binary.invoke(event.clone(), TIMEOUT).await else {
            panic!("accepted: {event}");
        };
        assert!(message.contains("not a request of this function") && !message.contains("c4nary"), "{message}");
    }
    let queue = &world.resources().names.nightly_queue;
    assert_eq!(world.aws().queue_depth(queue).await.unwrap().total(), 0);
    assert_eq!(call(&binary, json!({})).await["queued"], 1, "still alive, and `{{}}` plans today's run");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planner_names_a_missing_variable_at_start() {
    let world = BinaryWorld::start(&[]).await;
    for missing in REQUIRED {
        let output = world.start_without(BINARY, &REQUIRED, missing).await.unwrap();
        assert!(output.contains(missing), "{missing}: {output}");
    }
}
