//! `webhook`, the function URL that Oura calls.
//!
//! 1. `GET`: Oura's handshake; the challenge is given back to who knows the verification token.
//! 2. `POST`: size, base64, signature over the raw bytes, age, and only then the body.
//! 3. The notice goes to the live queue, by one write. Whose patient it is about is for the worker to find out.
//! 4. 200; 4xx for what is not genuine; 503 when the secret or the queue cannot be reached, so that Oura comes again.
//!    Never 410, which would cancel the subscription.
//!
//! The address is open to everybody. Nothing of a request goes into a log, a metric or an answer but words that are known
//! here, and the challenge of who knows the token. The path does not matter.

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

/// How long [`Deps::warm_up`] may take. Oura waits 10 s for an answer, and reading the secret and writing to the queue may
/// take 4 s each ([`shared::aws::load_for_callers_who_wait`]).
const WARM_UP: Duration = Duration::from_millis(1500);

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

/// What this function works with.
#[derive(Debug)]
pub struct Deps {
    secrets: AppSecrets,
    queue: Queue,
    clock: Clock,
}

impl Deps {
    /// Makes the clients; reads nothing yet.
    #[must_use]
    pub fn new(config: &Config, sdk: &SdkConfig, clock: Clock) -> Self {
        Self {
            secrets: AppSecrets::new(sdk, &config.app_secret_id, clock.clone()),
            queue: Queue::new(sdk, &config.live_queue_url),
            clock,
        }
    }

    /// Reads the secret before the first event, and with it makes ready what TLS needs. A failure does not matter: the
    /// first event reads the secret again.
    pub async fn warm_up(&self) {
        match tokio::time::timeout(WARM_UP, self.secrets.get()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the app secret could not be read at the start"),
            Err(_elapsed) => tracing::warn!("the app secret could not be read at the start in time"),
        }
    }
}

/// Answers one request.
pub async fn handle(deps: &Deps, request: LambdaFunctionUrlRequest) -> LambdaFunctionUrlResponse {
    match request.request_context.http.method.as_deref() {
        Some("GET") => shake_hands(deps, request.raw_query_string.as_deref().unwrap_or_default()).await,
        Some("POST") => receive(deps, &request).await,
        _ => Refusal::Method.answer(),
    }
}

/// Oura's handshake, when a subscription is made or changed.
async fn shake_hands(deps: &Deps, query: &str) -> LambdaFunctionUrlResponse {
    match challenge(deps, query).await {
        Ok(challenge) => {
            tracing::info!("a handshake succeeded");
            answer::challenge(&challenge)
        }
        Err(refusal) => {
            tracing::warn!(code = refusal.code(), "a handshake was refused");
            refusal.answer()
        }
    }
}

/// The challenge, if whoever asks knows the token.
async fn challenge(deps: &Deps, query: &str) -> Result<String, Refusal> {
    let handshake = Handshake::read(query)?;
    let secret = deps.secrets.get().await.map_err(unreadable_secret)?;
    if secret.webhook_verification_token.expose_secret().is_empty() {
        tracing::error!("the app secret has no webhook_verification_token: no handshake can succeed");
    }
    let known = handshake.knows(&secret.webhook_verification_token)
        // A new token is followed by handshakes at once: they must not fail until the old one has been forgotten here.
        || handshake.knows(&deps.secrets.get_rotated().await.map_err(unreadable_secret)?.webhook_verification_token);
    if known { handshake.into_challenge() } else { Err(Refusal::Token) }
}

/// A notice, or what somebody sends as one.
async fn receive(deps: &Deps, request: &LambdaFunctionUrlRequest) -> LambdaFunctionUrlResponse {
    let now = deps.clock.now();
    match accept(deps, request, now).await {
        Ok(notice) => {
            telemetry::count(now, Metric::WebhooksAccepted, 1, &[]);
            let (data_type, event) = known_words(&notice);
            // The metric counts it and the worker says what became of it: a line for each would cost more than the function.
            tracing::debug!(data_type, event, "a notice was queued");
            answer::accepted()
        }
        Err(refusal) => {
            match refusal {
                Refusal::Unavailable => telemetry::count(now, Metric::WebhookEnqueueFailures, 1, &[]),
                _ => telemetry::count(now, Metric::WebhooksRejected, 1, &[("code", refusal.code())]),
            }
            // Strangers can call this address as often as they like: the metric's line is enough for each.
            tracing::debug!(code = refusal.code(), status = refusal.status().as_u16(), "a notice was refused");
            refusal.answer()
        }
    }
}

/// Proves that a notice is genuine, reads it and queues it.
async fn accept(deps: &Deps, request: &LambdaFunctionUrlRequest, now: Timestamp) -> Result<WebhookEvent, Refusal> {
    let delivery = Delivery::read(request)?;
    let genuine = prove(deps, &delivery, now).await?;
    let notice = genuine.notice(now).map_err(|error| {
        // It names the field and quotes nothing. Oura has come to speak otherwise: somebody has to look.
        tracing::error!(%error, "a genuine notice could not be read");
        Refusal::Body
    })?;
    deps.queue.send(notice.clone()).await.map_err(|error| {
        tracing::error!(%error, "a genuine notice could not be queued; Oura sends it again");
        Refusal::Unavailable
    })?;
    Ok(notice)
}

/// By the secret as it is known, or else as it may have become since.
async fn prove<'d>(deps: &Deps, delivery: &'d Delivery<'_>, now: Timestamp) -> Result<VerifiedBody<'d>, Refusal> {
    let secret = deps.secrets.get().await.map_err(unreadable_secret)?.client_secret;
    let proven = match delivery.prove(&secret, now) {
        Err(SignatureError::Mismatch) => {
            let rotated = deps.secrets.get_rotated().await.map_err(unreadable_secret)?.client_secret;
            if handshake::same(secret.expose(), rotated.expose()) {
                Err(SignatureError::Mismatch)
            } else {
                delivery.prove(&rotated, now)
            }
        }
        proven => proven,
    };
    proven.map_err(Refusal::NotGenuine)
}

fn unreadable_secret(error: StoreError) -> Refusal {
    tracing::error!(%error, "without the app secret nothing can be proven");
    Refusal::Unavailable
}

/// Data type and event as far as they are known here: what else Oura writes stands in no log.
fn known_words(notice: &WebhookEvent) -> (&'static str, &'static str) {
    let data_type = notice.data_type.as_str().parse::<DataType>().map_or("other", DataType::as_str);
    let event = WebhookEventType::of_word(notice.event_type.as_str()).map_or("other", WebhookEventType::as_str);
    (data_type, event)
}
