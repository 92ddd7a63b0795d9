//! The deployed binary behind a Runtime API like Lambda's: webhook events, handshakes, outages, and no content of a request in
//! the output.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use local::aws::{Effect, Fault, Service};
use local::runtime_api::Binary;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use shared::aws::{AppSecret, AppSecrets};
use shared::domain::{Clock, QueueMessage};
use tests::BinaryWorld;
use tests::function_url::{event, post, signed_with, webhook_event};

const BINARY: &str = env!("CARGO_BIN_EXE_webhook");

/// All variables of the function; each is required.
const VARIABLES: [&str; 2] = ["OURA_APP_SECRET_ID", "LIVE_QUEUE_URL"];

/// Time for which Oura waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

struct Stage {
    world: BinaryWorld,
    binary: Binary,
    app: AppSecret,
}

impl Stage {
    async fn set() -> Self {
        let world = BinaryWorld::start(&[]).await;
        let mut variables = world.variables(&VARIABLES).unwrap();
        variables.push(("AWS_LAMBDA_LOG_LEVEL".to_owned(), "TRACE".to_owned()));
        let secrets = AppSecrets::new(world.sdk_config(), &world.resources().names.app_secret, Clock::system());
        let app = secrets.get().await.unwrap();
        world.aws().meter().reset();
        Self { binary: Binary::spawn(BINARY, variables).await.unwrap(), world, app }
    }

    /// Status and body of the answer.
    async fn ask(&self, event: &Value) -> (u64, Value) {
        let answer = self.binary.invoke(event.clone(), TIMEOUT).await;
        let answer = answer.unwrap_or_else(|error| panic!("{error}: {}", self.binary.output()));
        assert_eq!(
            (&answer["isBase64Encoded"], &answer["headers"]["content-type"]),
            (&json!(false), &json!("application/json"))
        );
        (answer["statusCode"].as_u64().unwrap(), serde_json::from_str(answer["body"].as_str().unwrap()).unwrap())
    }

    fn signed(&self, body: &str) -> Value {
        signed_with(&self.app.client_secret, &stamp(), body)
    }

    /// Documents of the queued webhook events.
    async fn queued(&self) -> Vec<String> {
        let sqs = aws_sdk_sqs::Client::new(self.world.sdk_config());
        let queue = &self.world.resources().live_queue_url;
        let page = sqs.receive_message().queue_url(queue).max_number_of_messages(10).send().await.unwrap();
        let documents =
            page.messages().iter().map(|message| match QueueMessage::parse(message.body().unwrap()).unwrap() {
                QueueMessage::WebhookEvent(event) => event.document_id.to_string(),
                other => panic!("{other:?}"),
            });
        let mut documents: Vec<_> = documents.collect();
        documents.sort_unstable();
        documents
    }

    /// The output holds no secret and no content of a request.
    async fn assert_no_leaks(&self) {
        let sent = ["c4nary", "ring-1", "document-1", "document-2", "203.0.113.9"];
        let leaks = self.world.leaks(&self.binary.output(), &sent).await.unwrap();
        assert_eq!(leaks, Vec::<String>::new(), "{}", self.binary.output());
    }
}

/// The current time as Oura sends it.
fn stamp() -> String {
    jiff::Timestamp::now().as_millisecond().to_string()
}

fn in_base64(mut event: Value) -> Value {
    event["body"] = json!(STANDARD.encode(event["body"].as_str().unwrap()));
    event["isBase64Encoded"] = json!(true);
    event
}

fn code(answer: &(u64, Value)) -> (u64, &str) {
    (answer.0, answer.1["error"]["code"].as_str().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhook_events_are_queued_in_both_encodings_and_other_requests_refused() {
    let stage = Stage::set().await;
    let accepted = (200, json!({ "success": true }));
    let signed = stage.signed(&webhook_event("document-1"));
    assert_eq!(stage.ask(&signed).await, accepted);
    assert_eq!(stage.ask(&in_base64(stage.signed(&webhook_event("document-2")))).await, accepted);
    let meter = stage.world.aws().meter();
    assert_eq!((meter.calls(), meter.calls_of(Service::Sqs, "SendMessage")), (3, 2), "and the secret, once");

    let mut unflagged = in_base64(signed.clone());
    unflagged["isBase64Encoded"] = json!(false);
    let mut misflagged = signed.clone();
    misflagged["isBase64Encoded"] = json!(true);
    let mut unsigned = signed.clone();
    unsigned["headers"].as_object_mut().unwrap().remove("x-oura-signature");
    let mut put = signed;
    put["requestContext"]["http"]["method"] = json!("PUT");
    for (event, expected) in [
        (unflagged, (401, "signature_mismatch")),
        (misflagged, (400, "invalid_base64")),
        (unsigned, (401, "signature_missing")),
        (put, (405, "method_not_allowed")),
        (post("c4nary", &stamp(), "c4nary"), (401, "signature_malformed")),
        (post(&"0".repeat(64), "c4nary", "c4nary"), (401, "signature_mismatch")),
        (stage.signed("{\"user_id\":\"c4nary c4nary\"}"), (400, "invalid_body")),
        (stage.signed(&"c4nary".repeat(20_000)), (413, "body_too_large")),
    ] {
        let answer = stage.ask(&event).await;
        assert_eq!(code(&answer), expected);
        assert!(!answer.1.to_string().contains("c4nary"));
    }
    assert_eq!(stage.queued().await, ["document-1", "document-2"]);

    let output = stage.binary.output();
    let counted =
        |metric: &str| output.lines().filter(|line| line.contains("\"_aws\"") && line.contains(metric)).count();
    assert_eq!((counted("\"WebhooksAccepted\":1"), counted("\"WebhooksRejected\":1")), (2, 7), "{output}");
    assert!(output.contains(r#""reason":"signature_mismatch""#) && output.contains(r#""data_type":"daily_sleep""#));
    stage.assert_no_leaks().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshake_with_the_token_is_answered() {
    let stage = Stage::set().await;
    let token = stage.app.webhook_verification_token.expose_secret();
    let query = |token: &str| format!("verification_token={token}&challenge=c4nary");
    let answer = stage.ask(&event("GET", &query(token), &[])).await;
    assert_eq!(answer, (200, json!({ "challenge": "c4nary" })));
    let twice = format!("{}&verification_token={token}", query(token));
    for (method, query, expected) in [
        ("GET", query("another"), (401, "invalid_token")),
        ("GET", "challenge=c4nary".to_owned(), (401, "invalid_token")),
        ("GET", twice, (400, "invalid_query")),
        ("HEAD", query(token), (405, "method_not_allowed")),
    ] {
        assert_eq!(code(&stage.ask(&event(method, &query, &[])).await), expected, "{method}");
    }
    stage.assert_no_leaks().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outage_of_the_queue_is_survived() {
    let stage = Stage::set().await;
    let refusing = Effect::Error { status: 403, code: "AccessDenied".into(), message: "c4nary".into() };
    stage.world.aws().faults().inject(Fault::on(Service::Sqs, "SendMessage", refusing));
    let signed = stage.signed(&webhook_event("document-1"));
    assert_eq!(code(&stage.ask(&signed).await), (503, "service_unavailable"));
    assert!(stage.binary.output().contains("\"WebhookEnqueueFailures\":1"));
    stage.world.aws().faults().clear();
    assert_eq!(stage.ask(&signed).await.0, 200);
    assert_eq!(stage.queued().await, ["document-1"]);
    stage.assert_no_leaks().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn start_succeeds_without_a_readable_secret() {
    let world = BinaryWorld::start(&[]).await;
    let refusing = Effect::Error { status: 400, code: "AccessDeniedException".into(), message: "c4nary".into() };
    world.aws().faults().inject(Fault::on(Service::SecretsManager, "GetSecretValue", refusing));
    let binary = Binary::spawn(BINARY, world.variables(&VARIABLES).unwrap()).await.unwrap();
    let answer = binary.invoke(post(&"0".repeat(64), &stamp(), "{}"), TIMEOUT).await.unwrap();
    assert_eq!(answer["statusCode"], 503);
    assert!(!binary.output().contains("c4nary"), "{}", binary.output());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_variable_stops_the_start_and_is_named() {
    let world = BinaryWorld::start(&[]).await;
    for missing in VARIABLES {
        let output = world.start_without(BINARY, &VARIABLES, missing).await.unwrap();
        assert!(output.contains(missing), "{missing}: {output}");
    }
}
