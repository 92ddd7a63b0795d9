//! The deployed binary behind a Runtime API like Lambda's: settings, subscriptions at a fake Oura, metrics, and no secret
//! in the output.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

mod fake_oura;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use local::runtime_api::{Binary, InvocationError};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use shared::aws::{AppSecret, AppSecrets};
use shared::domain::Clock;
use tests::BinaryWorld;

use crate::fake_oura::{FakeOura, Reply};

const BINARY: &str = env!("CARGO_BIN_EXE_subscriptions");
const HERE: &str = "https://abc.lambda-url.example/oura/prod";
const ELSEWHERE: &str = "https://hooks.example/oura?key=c4nary";

/// The function does not start without these.
const REQUIRED: [&str; 2] = ["OURA_APP_SECRET_ID", "WEBHOOK_URL"];

/// The function's own time-out.
const TIMEOUT: Duration = Duration::from_secs(120);

struct Stage {
    world: BinaryWorld,
    oura: FakeOura,
    app: AppSecret,
    binary: Binary,
}

impl Stage {
    async fn set() -> Self {
        let world = BinaryWorld::start(&[("WEBHOOK_URL", HERE)]).await;
        let secrets = AppSecrets::new(world.sdk_config(), &world.resources().names.app_secret, Clock::system());
        let app = secrets.get().await.unwrap();
        // Hours behind the machine's clock, which may be set back while a test runs: days that are left are whole days.
        let now = Timestamp::now() - SignedDuration::from_hours(6);
        let oura = FakeOura::start(&app.client_id, app.client_secret.expose(), now).await;
        let mut variables = world.variables(&REQUIRED).unwrap();
        variables.extend(
            [
                ("OURA_API_BASE_URL", oura.url()),
                ("OURA_SCOPES", "extapi:workout extapi:tag email"),
                ("SUBSCRIPTION_RENEWAL_DAYS", "10"),
                ("METRICS_NAMESPACE", "a-stack"),
                ("AWS_LAMBDA_LOG_LEVEL", "TRACE"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let binary = Binary::spawn(BINARY, variables).await.unwrap();
        Self { world, oura, app, binary }
    }

    async fn run(&self, event: Value) -> Value {
        let answer = self.binary.invoke(event, TIMEOUT).await;
        answer.unwrap_or_else(|error| panic!("{error}: {}", self.binary.output()))
    }

    /// Values of this metric, oldest first.
    fn counted(&self, metric: &str) -> Vec<u64> {
        let output = self.binary.output();
        let lines = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let of_metric = lines.filter(|line| line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "a-stack");
        of_metric.filter_map(|line| line[metric].as_u64()).collect()
    }

    /// The output holds neither a secret nor an address.
    async fn assert_no_leaks(&self) {
        let token = self.app.webhook_verification_token.expose_secret();
        let secrets = [self.app.client_secret.expose(), token, "c4nary"];
        let leaks = self.world.leaks(&self.binary.output(), &secrets).await.unwrap();
        assert_eq!(leaks, Vec::<String>::new(), "{}", self.binary.output());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_of_the_scopes_are_created_by_any_invocation() {
    let stage = Stage::set().await;
    stage.oura.put(ELSEWHERE, "tag/create", 24);
    stage.oura.put(HERE, "tag/delete", 9 * 24);
    let report = stage.run(json!({ "source": "aws.scheduler", "detail": {} })).await;
    assert_eq!(
        (&report["ok"], &report["desired"], &report["unmanaged"]),
        (&json!(true), &json!(9), &json!(1)),
        "{report}"
    );
    assert_eq!(report["renewed"], json!([{ "dataType": "tag", "eventType": "delete" }]));
    let token = stage.app.webhook_verification_token.expose_secret();
    let seen = stage.oura.take_seen();
    let mut made = seen.iter().filter(|seen| seen.is("POST")).map(|seen| &seen.body["verification_token"]);
    assert!(made.clone().count() == 8 && made.all(|sent| sent == token));

    for event in [json!(null), json!({}), json!({ "adopt": false })] {
        let report = stage.run(event).await;
        assert_eq!((&report["ok"], &report["kept"]), (&json!(true), &json!(9)), "{report}");
    }
    let report = stage.run(json!({ "adopt": true })).await;
    assert_eq!(report["removed"], json!([{ "dataType": "tag", "eventType": "create" }]), "{report}");

    assert_eq!(stage.counted("SubscriptionsDesired"), [9; 5]);
    assert_eq!(stage.counted("SubscriptionsMissing"), [0; 5]);
    assert_eq!(stage.counted("SubscriptionsFailed"), [0; 5]);
    assert_eq!(stage.counted("SubscriptionDaysLeft"), [89; 5], "the fake's clock is fixed");
    let output = stage.binary.output();
    let lines = output.lines().filter(|line| line.contains(r#""event":"subscriptions.reconciled""#));
    assert!(lines.clone().count() == 5 && lines.clone().all(|line| line.contains("\"level\":\"INFO\"")), "{output}");
    stage.assert_no_leaks().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_steps_are_reported_and_a_failed_run_is_an_invocation_error() {
    let stage = Stage::set().await;
    stage.oura.misbehave(|seen| {
        (seen.is("POST") && seen.topic() == "workout/update").then_some(Reply(422, "", r#"{"detail":"c4nary"}"#))
    });
    let report = stage.run(json!({})).await;
    assert_eq!((&report["ok"], report["created"].as_array().unwrap().len()), (&json!(false), 8), "{report}");
    assert_eq!(report["missing"], json!([{ "dataType": "workout", "eventType": "update" }]));
    assert_eq!((stage.counted("SubscriptionsMissing"), stage.counted("SubscriptionsFailed")), (vec![1], vec![1]));
    let output = stage.binary.output();
    assert!(output.contains(r#""missing_pairs":"workout/update""#) && output.contains("status 422"), "{output}");

    stage.oura.misbehave(|_| Some(Reply(401, "", "c4nary")));
    let Err(InvocationError::Reported { error_type, message }) = stage.binary.invoke(json!({}), TIMEOUT).await else {
        panic!("the invocation succeeded");
    };
    assert_eq!(error_type, "unauthorized");
    assert!(message.ends_with("Oura does not accept the app's client id and secret"), "{message}");
    let output = stage.binary.output();
    assert!(output.contains("\"level\":\"ERROR\"") && output.contains("\"reason\":\"unauthorized\""), "{output}");
    assert_eq!(stage.counted("SubscriptionsMissing").len(), 1, "a failed run has no metrics");

    stage.oura.behave();
    assert_eq!(stage.run(json!({})).await["ok"], true, "the next invocation succeeds");
    stage.assert_no_leaks().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_variable_stops_the_start_and_is_named() {
    let world = BinaryWorld::start(&[("WEBHOOK_URL", HERE)]).await;
    for missing in REQUIRED {
        let output = world.start_without(BINARY, &REQUIRED, missing).await.unwrap();
        assert!(output.contains(missing), "{missing}: {output}");
    }
}
