//! The binary that is deployed, behind a Runtime API as Lambda's: it plans the night once, tells how it goes, and refuses
//! what is no call of its.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::time::Duration;

use local::rehearsal::Rehearsal;
use local::runtime_api::{Binary, InvocationError};
use serde_json::{Value, json};
use shared::env::Env;

const BINARY: &str = env!("CARGO_BIN_EXE_sync");

/// The function does not start without these.
const REQUIRED: [&str; 2] = ["CONNECTIONS_TABLE", "NIGHTLY_QUEUE_URL"];

/// The function's own time-out.
const TIMEOUT: Duration = Duration::from_secs(60);

async fn planner() -> (Rehearsal, Binary) {
    let rehearsal = Rehearsal::start(Env::default()).await.unwrap();
    let mut variables = rehearsal.variables(&REQUIRED).unwrap();
    let further = [("AWS_LAMBDA_LOG_LEVEL", "TRACE"), ("METRICS_NAMESPACE", "a-stack")];
    variables.extend(further.map(|(name, value)| (name.to_owned(), value.to_owned())));
    (rehearsal, Binary::spawn(BINARY, variables).await.unwrap())
}

async fn call(binary: &Binary, event: Value) -> Value {
    let answer = binary.invoke(event, TIMEOUT).await;
    answer.unwrap_or_else(|error| panic!("{error}: {}", binary.output()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_night_is_planned_once_however_often_the_schedule_fires() {
    let (rehearsal, binary) = planner().await;
    rehearsal.connect("c4nary-of-one", "ada").await.unwrap();
    rehearsal.connect("c4nary-of-two", "bruno").await.unwrap();
    let queue = &rehearsal.resources().names.nightly_queue;
    let depth = async || rehearsal.aws().queue_depth(queue).await.unwrap().total();

    let due = jiff::Timestamp::now();
    let night = json!({"task": "nightly", "scheduledAt": due});
    let first = call(&binary, night.clone()).await;
    let day = due.to_zoned(jiff::tz::TimeZone::UTC).date();
    assert_eq!((&first["task"], &first["night"]), (&json!("night"), &json!(day)), "{first}");
    assert_eq!((&first["queued"], &first["planned"], &first["state"]), (&json!(2), &json!(2), &json!("running")));
    assert_eq!(depth().await, 2);
    let second = call(&binary, night).await;
    assert_eq!((&second["queued"], &second["planned"]), (&json!(0), &json!(2)), "{second}");
    assert_eq!(depth().await, 2);

    let watched = call(&binary, json!({"task": "watch"})).await;
    assert_eq!((&watched["nights"][0]["left"], &watched["nights"][0]["done"]), (&json!(2), &json!(0)), "{watched}");
    let caught = call(&binary, json!({"task": "catchUp"})).await;
    assert_eq!(
        (&caught["task"], &caught["queued"]),
        (&json!("catchUp"), &json!(0)),
        "their histories are on their way"
    );

    let output = binary.output();
    let metrics = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    assert!(metrics.filter(|line| line["NightlyRunsPlanned"] == 1).count() >= 1, "{output}");
    assert_eq!(rehearsal.leaks(&output, &["c4nary"]).await.unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_call_plans_nothing_and_is_not_repeated_in_the_error() {
    let (rehearsal, binary) = planner().await;
    rehearsal.connect("patient-1", "ada").await.unwrap();
    for event in [json!("night"), json!({"task": "c4nary"}), json!({"tsk": "night"}), json!({"scheduledAt": "c4nary"})]
    {
        let Err(InvocationError::Reported { message, .. }) = binary.invoke(event, TIMEOUT).await else {
            panic!("it ended as if nothing were wrong");
        };
        assert!(message.contains("not a call of this function") && !message.contains("c4nary"), "{message}");
    }
    let queue = &rehearsal.resources().names.nightly_queue;
    assert_eq!(rehearsal.aws().queue_depth(queue).await.unwrap().total(), 0);
    assert_eq!(call(&binary, json!({})).await["queued"], 1, "it lives on, and `{{}}` plans tonight");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_variable_stops_it_at_start_and_is_named() {
    let rehearsal = Rehearsal::start(Env::default()).await.unwrap();
    for missing in REQUIRED {
        let output = rehearsal.start_without(BINARY, &REQUIRED, missing).await.unwrap();
        assert!(output.contains(missing), "{missing}: {output}");
    }
}
