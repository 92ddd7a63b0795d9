//! `webhook`, the function URL called by Oura.
//!
//! 1. `GET`: Oura's handshake. The challenge is returned if the verification token is right.
//! 2. `POST`: size, base64, signature over the raw bytes, age, and only then the body.
//! 3. The webhook event is queued in the live queue, by one write. The worker finds its patient.
//! 4. 200; 4xx if the request is not Oura's; 503 if the secret or the queue is unavailable, so that Oura retries. Never 410, which
//!    would cancel the subscription.
//!
//! The address is public. A log line, metric or answer holds nothing of a request but known words, and the challenge of a
//! handshake with the right token. The path has no effect.

mod answer;
mod delivery;
mod handshake;
#[cfg(test)]
mod tests;

use std::time::Duration;

use aws_lambda_events::event::lambda_function_urls::{LambdaFunctionUrlRequest, LambdaFunctionUrlResponse};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use shared::aws::{AppSecrets, Queue, SdkConfig, StoreError};
use shared::domain::{Clock, DataType, WebhookEvent, WebhookEventType};
use shared::env::{Env, EnvError};
use shared::oura::SignatureError;
use shared::telemetry::{self, Metric};

pub use crate::answer::Refusal;
pub use crate::delivery::{BODY_LIMIT, Delivery, VerifiedBody};
pub use crate::handshake::Handshake;

/// Time for [`Deps::warm_up`]. Oura waits 10 s for an answer, and reading the secret and writing to the queue take up to 4 s
/// each ([`shared::aws::load_interactive`]).
const WARM_UP_TIMEOUT: Duration = Duration::from_millis(1500);

/// Settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    app_secret_id: String,
    live_queue_url: String,
}

impl Config {
    /// Reads `OURA_APP_SECRET_ID` and `LIVE_QUEUE_URL`.
    ///
    /// # Errors
    /// [`EnvError`] names the variable that is missing or malformed.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        Ok(Self { app_secret_id: env.required("OURA_APP_SECRET_ID")?, live_queue_url: env.required("LIVE_QUEUE_URL")? })
    }
}

/// Clients of the function.
#[derive(Debug)]
pub struct Deps {
    secrets: AppSecrets,
    queue: Queue,
    clock: Clock,
}

impl Deps {
    /// Creates the clients; reads nothing yet.
    #[must_use]
    pub fn new(config: &Config, sdk: &SdkConfig, clock: Clock) -> Self {
        Self {
            secrets: AppSecrets::new(sdk, &config.app_secret_id, clock.clone()),
            queue: Queue::new(sdk, &config.live_queue_url),
            clock,
        }
    }

    /// Reads the secret before the first event, which also initializes TLS. After a failure the first event reads the secret
    /// again.
    pub async fn warm_up(&self) {
        match tokio::time::timeout(WARM_UP_TIMEOUT, self.secrets.get()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(event = "webhook.warm_up_failed", %error, "app secret could not be read at start");
            }
            Err(_elapsed) => {
                tracing::warn!(
                    event = "webhook.warm_up_failed",
                    "app secret could not be read at start within its time"
                );
            }
        }
    }
}

/// Answers one request.
pub async fn handle(deps: &Deps, request: LambdaFunctionUrlRequest) -> LambdaFunctionUrlResponse {
    match request.request_context.http.method.as_deref() {
        Some("GET") => answer_handshake(deps, request.raw_query_string.as_deref().unwrap_or_default()).await,
        Some("POST") => receive(deps, &request).await,
        _ => Refusal::Method.answer(),
    }
}

/// Answers Oura's handshake, at the creation or change of a subscription.
async fn answer_handshake(deps: &Deps, query: &str) -> LambdaFunctionUrlResponse {
    match challenge(deps, query).await {
        Ok(challenge) => {
            tracing::info!(event = "webhook.handshake_accepted", "handshake succeeded");
            answer::challenge(&challenge)
        }
        Err(refusal) => {
            tracing::warn!(event = "webhook.handshake_refused", reason = refusal.code(), "handshake was refused");
            refusal.answer()
        }
    }
}

/// Returns the challenge if the handshake has the right token.
async fn challenge(deps: &Deps, query: &str) -> Result<String, Refusal> {
    let handshake = Handshake::read(query)?;
    let secret = deps.secrets.get().await.map_err(unreadable_secret)?;
    if secret.webhook_verification_token.expose_secret().is_empty() {
        tracing::error!(
            event = "webhook.verification_token_missing",
            "handshake failed: the app secret has no webhook_verification_token"
        );
    }
    let is_right = handshake.has_token(&secret.webhook_verification_token)
        // Handshakes follow a new token at once: they must not fail until the cached one has expired.
        || handshake.has_token(&deps.secrets.get_rotated().await.map_err(unreadable_secret)?.webhook_verification_token);
    if is_right { handshake.into_challenge() } else { Err(Refusal::Token) }
}

/// Answers a `POST`: a webhook event, or another sender's request.
async fn receive(deps: &Deps, request: &LambdaFunctionUrlRequest) -> LambdaFunctionUrlResponse {
    let now = deps.clock.now();
    match accept(deps, request, now).await {
        Ok(webhook_event) => {
            telemetry::count(now, Metric::WebhooksAccepted, 1, &[]);
            let (data_type, event_type) = known_words(&webhook_event);
            // The metric counts it and the worker logs its outcome: a line for each would cost more than the function.
            tracing::debug!(event = "webhook.queued", data_type, event_type, "webhook event was queued");
            answer::accepted()
        }
        Err(refusal) => {
            match refusal {
                Refusal::Unavailable => telemetry::count(now, Metric::WebhookEnqueueFailures, 1, &[]),
                _ => telemetry::count(now, Metric::WebhooksRejected, 1, &[("code", refusal.code())]),
            }
            // The address is public, so requests are unlimited: the metric's line is enough for each.
            let (reason, status) = (refusal.code(), refusal.status().as_u16());
            tracing::debug!(event = "webhook.refused", reason, status, "webhook request was refused");
            refusal.answer()
        }
    }
}

/// Verifies, reads and queues a webhook event.
async fn accept(deps: &Deps, request: &LambdaFunctionUrlRequest, now: Timestamp) -> Result<WebhookEvent, Refusal> {
    let delivery = Delivery::read(request)?;
    let body = verify(deps, &delivery, now).await?;
    let webhook_event = body.webhook_event(now).map_err(|error| {
        // The error names the field and quotes nothing. Oura's format has changed: an operator has to look.
        tracing::error!(event = "webhook.event_unreadable", %error, "verified webhook event could not be read");
        Refusal::Body
    })?;
    deps.queue.send(webhook_event.clone()).await.map_err(|error| {
        tracing::error!(event = "webhook.enqueue_failed", %error, "webhook event could not be queued; Oura retries it");
        Refusal::Unavailable
    })?;
    Ok(webhook_event)
}

/// Verifies a delivery with the cached secret, or else with a rotated one.
async fn verify<'d>(deps: &Deps, delivery: &'d Delivery<'_>, now: Timestamp) -> Result<VerifiedBody<'d>, Refusal> {
    let secret = deps.secrets.get().await.map_err(unreadable_secret)?.client_secret;
    let verified = match delivery.verify(&secret, now) {
        Err(SignatureError::Mismatch) => {
            let rotated = deps.secrets.get_rotated().await.map_err(unreadable_secret)?.client_secret;
            if handshake::is_same(secret.expose(), rotated.expose()) {
                Err(SignatureError::Mismatch)
            } else {
                delivery.verify(&rotated, now)
            }
        }
        verified => verified,
    };
    verified.map_err(Refusal::Unverified)
}

fn unreadable_secret(error: StoreError) -> Refusal {
    tracing::error!(event = "webhook.secret_unreadable", %error, "app secret could not be read; the request was not verified");
    Refusal::Unavailable
}

/// Data type and event type for the log. Unknown words are not logged.
fn known_words(webhook_event: &WebhookEvent) -> (&'static str, &'static str) {
    let data_type = webhook_event.data_type.as_str().parse::<DataType>().map_or("other", DataType::as_str);
    let event_type =
        WebhookEventType::of_word(webhook_event.event_type.as_str()).map_or("other", WebhookEventType::as_str);
    (data_type, event_type)
}
