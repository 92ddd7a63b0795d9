//! `webhook`, the function URL that Oura calls.
//!
//! 1. `GET`: Oura's handshake; the challenge is given back to who knows the verification token.
//! 2. `POST`: size, base64, signature over the raw bytes, age, and only then the body.
//! 3. The notice goes to the live queue, by one write. Whose patient it is about is for the worker to find out.
//! 4. 200; 4xx for what is not genuine; 503 when the queue refuses, so that Oura comes again. Never 410, which would
//!    cancel the subscription.

use aws_lambda_events::event::lambda_function_urls::{LambdaFunctionUrlRequest, LambdaFunctionUrlResponse};
use shared::aws::{AppSecrets, Queue, SdkConfig};
use shared::domain::Clock;
use shared::env::{Env, EnvError};

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
}

/// Answers one request.
pub async fn handle(deps: &Deps, request: LambdaFunctionUrlRequest) -> LambdaFunctionUrlResponse {
    let _ = (deps, request);
    LambdaFunctionUrlResponse::default()
}
