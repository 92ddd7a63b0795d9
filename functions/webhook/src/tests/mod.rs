//! The handler against the embedded AWS: requests of Oura and of other senders.

mod deliveries;
mod handshakes;
mod outages;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_lambda_events::event::lambda_function_urls::{LambdaFunctionUrlRequest, LambdaFunctionUrlResponse};
use jiff::Timestamp;
use local::aws::resources::{self, AppCredentials, Names, Resources};
use local::aws::{EmbeddedAws, EmbeddedOptions, Service};
use serde_json::{Value, json};
use shared::aws::SdkConfig;
use shared::domain::{Clock, QueueMessage};
use shared::env::Env;
use shared::oura::ClientSecret;

use super::*;
use ::tests::function_url::{self, event, post, webhook_event};

const SECRET: &str = "app-s3cret";
const TOKEN: &str = "handshake-t0ken";
const NOW: &str = "2026-03-01T12:00:00Z";

/// The function in an AWS of its own, at a time that only tests advance.
struct World {
    aws: EmbeddedAws,
    sdk: SdkConfig,
    resources: Resources,
    now: Arc<AtomicI64>,
    deps: Deps,
}

/// Answer of the function.
#[derive(Debug)]
struct Answer {
    status: i64,
    headers: http::HeaderMap,
    body: Value,
}

impl World {
    async fn start() -> Self {
        let aws = EmbeddedAws::start(EmbeddedOptions::default()).await.unwrap();
        let sdk = aws.sdk_config();
        let resources = resources::ensure(&sdk, &Names::default(), &credentials(SECRET, TOKEN)).await.unwrap();
        aws.meter().reset();
        let now = Arc::new(AtomicI64::new(NOW.parse::<Timestamp>().unwrap().as_millisecond()));
        let clock = Clock::from_fn({
            let now = Arc::clone(&now);
            move || Timestamp::from_millisecond(now.load(Ordering::SeqCst)).unwrap()
        });
        // Without retries, so that an injected fault fails at once.
        let sdk = sdk.to_builder().retry_config(shared::aws::settings().1.with_max_attempts(1)).build();
        let config = Config::from_env(&resources.describe_in(Env::default())).unwrap();
        Self { deps: Deps::new(&config, &sdk, clock), aws, sdk, resources, now }
    }

    fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// The time in milliseconds, as Oura sends it.
    fn stamp(&self) -> String {
        self.now.load(Ordering::SeqCst).to_string()
    }

    async fn rotate(&self, client_secret: &str, token: &str) {
        let credentials = credentials(client_secret, token);
        resources::set_app_secret(&self.sdk, &self.resources.names, &credentials).await.unwrap();
        self.aws.meter().reset();
    }

    async fn send(&self, event: &Value) -> Answer {
        let request: LambdaFunctionUrlRequest = serde_json::from_value(event.clone()).unwrap();
        let answer = Answer::of(handle(&self.deps, request).await);
        assert_eq!(answer.headers["content-type"], "application/json");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_ne!(answer.status, 410, "it would cancel the subscription");
        answer
    }

    /// Posts a body signed as Oura signs it, now.
    async fn post(&self, body: &str) -> Answer {
        self.send(&self.signed(body)).await
    }

    fn signed(&self, body: &str) -> Value {
        signed_with(SECRET, &self.stamp(), body)
    }

    fn secret_reads(&self) -> u64 {
        self.aws.meter().calls_of(Service::SecretsManager, "GetSecretValue")
    }

    /// Takes the messages out of the live queue.
    async fn queued(&self) -> Vec<QueueMessage> {
        let sqs = aws_sdk_sqs::Client::new(&self.sdk);
        let queue = &self.resources.live_queue_url;
        let mut found = Vec::new();
        loop {
            let page = sqs.receive_message().queue_url(queue).max_number_of_messages(10).send().await.unwrap();
            if page.messages().is_empty() {
                return found;
            }
            found.extend(page.messages().iter().map(|message| QueueMessage::parse(message.body().unwrap()).unwrap()));
        }
    }

    /// Expects a refusal without a queued message.
    async fn refuses(&self, event: &Value, status: i64, code: &str) {
        let answer = self.send(event).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{event}");
        let text = answer.body.to_string();
        assert!(!text.contains("c4nary"), "nothing of the request is reflected: {text}");
        let written = self.aws.meter().calls_of(Service::Sqs, "SendMessage");
        assert_eq!(written, 0, "nothing is queued: {event}");
    }
}

impl Answer {
    fn of(response: LambdaFunctionUrlResponse) -> Self {
        assert!(!response.is_base64_encoded);
        let body = serde_json::from_str(&response.body.unwrap()).unwrap();
        Self { status: response.status_code, headers: response.headers, body }
    }

    fn code(&self) -> &str {
        assert_eq!(self.body["success"], false, "{}", self.body);
        assert!(self.body["error"]["message"].as_str().is_some_and(|message| message.ends_with('.')));
        self.body["error"]["code"].as_str().unwrap()
    }
}

fn credentials(client_secret: &str, token: &str) -> AppCredentials {
    AppCredentials {
        client_id: "client-1".to_owned(),
        client_secret: client_secret.to_owned(),
        webhook_verification_token: token.to_owned(),
    }
}

fn signed_with(secret: &str, timestamp: &str, body: &str) -> Value {
    function_url::signed_with(&ClientSecret::new(secret), timestamp, body)
}
