//! The routes that the platform's frontend reads and asks with.
//!
//! | route | answer |
//! |---|---|
//! | `GET /connections` | the patient's connection: status, reason, scopes, last sync, progress of the backfill |
//! | `POST /sync` | queues a sync of the patient |
//! | `GET /daily` | the patient's days |
//!
//! Everything is the signed-in patient's own: no route takes a patient's id.

mod connections;
mod daily;
mod sync;

use lambda_http::http::Method;
use lambda_http::{Body, Request, Response};
use shared::aws::{Connections, DailyStatsTable, Queue, SdkConfig, StoreError};
use shared::domain::{Clock, Entropy};
use shared::env::{Env, EnvError};
use shared::http::{self, HttpError};

/// Settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    connections_table: String,
    daily_stats_table: String,
    live_queue_url: String,
    patient_claim: String,
    lookback_days: u32,
}

impl Config {
    /// Reads `CONNECTIONS_TABLE`, `DAILY_STATS_TABLE`, `LIVE_QUEUE_URL`, `PATIENT_ID_CLAIM` and `LOOKBACK_DAYS`.
    ///
    /// # Errors
    /// [`EnvError`] names the variable that is missing or malformed.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        Ok(Self {
            connections_table: env.required("CONNECTIONS_TABLE")?,
            daily_stats_table: env.required("DAILY_STATS_TABLE")?,
            live_queue_url: env.required("LIVE_QUEUE_URL")?,
            patient_claim: env.get("PATIENT_ID_CLAIM").unwrap_or("sub").to_owned(),
            lookback_days: env.bounded("LOOKBACK_DAYS", 7, 1..=30)?,
        })
    }
}

/// What this function works with.
#[derive(Debug)]
pub struct Deps {
    config: Config,
    connections: Connections,
    daily_stats: DailyStatsTable,
    queue: Queue,
    clock: Clock,
    entropy: Entropy,
}

impl Deps {
    /// Makes the clients; reads nothing yet.
    ///
    /// # Errors
    /// None today; the signature is that of every function.
    pub fn new(config: Config, sdk: &SdkConfig, clock: Clock, entropy: Entropy) -> anyhow::Result<Self> {
        Ok(Self {
            connections: Connections::new(sdk, &config.connections_table),
            daily_stats: DailyStatsTable::new(sdk, &config.daily_stats_table),
            queue: Queue::new(sdk, &config.live_queue_url),
            config,
            clock,
            entropy,
        })
    }
}

/// Answers one request.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    match route(deps, &request).await {
        Ok(response) => response,
        Err(refusal) => http::failure(&refusal),
    }
}

async fn route(deps: &Deps, request: &Request) -> Result<Response<Body>, HttpError> {
    let method = request.method();
    match (http::route(request), method) {
        (Some("/connections"), &Method::GET) => connections::get(deps, request).await,
        (Some("/daily"), &Method::GET) => daily::get(deps, request).await,
        (Some("/sync"), &Method::POST) => sync::post(deps, request).await,
        // A preflight that reaches the `$default` route; API Gateway puts the CORS headers on whatever is answered.
        (_, &Method::OPTIONS) => Ok(http::no_content()),
        (Some("/connections" | "/daily" | "/sync" | "/connect/oura" | "/callback/oura"), _) => {
            Err(HttpError::method_not_allowed())
        }
        _ => Err(HttpError::not_found()),
    }
}

fn unavailable(error: StoreError) -> HttpError {
    tracing::error!(%error, "a request could not be answered");
    HttpError::unavailable()
}
