//! `api`: the routes for reading and commands of the platform's frontend.
//!
//! | route | answer |
//! |---|---|
//! | `GET /connections` | the patient's connection: status, reason, scopes, last sync, progress of the backfill |
//! | `DELETE /connections/oura` | ends the connection; keeps or deletes the data |
//! | `POST /connections/oura/refresh` | queues a refresh of the tokens |
//! | `POST /sync` | queues a sync of the patient |
//! | `GET /daily` | the patient's days |
//! | `GET /workouts` | the patient's workouts |
//! | `GET /records` | stored records of any data type |
//! | `GET /series` | time series of a day's charts |
//! | `GET /metrics` | meaning of each metric, and its presence for the patient |
//! | `GET /export` | everything stored about the patient, in lines |
//!
//! The patient is always the signed-in one: no route takes a patient's id.

mod connections;
mod consents;
mod current;
mod cursor;
mod daily;
mod disconnect;
mod export;
mod metrics;
mod page_size;
mod parameters;
mod profile;
mod records;
mod refresh;
mod series;
mod sync;
mod workouts;

use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Request, Response};
use shared::aws::{
    Bus, Connections, DailyStatsTable, Limits, Outbox, PatientDaysReader, Queue, Rate, SdkConfig, StoreError,
    TokenSettings, TokenStore, WearableDataTable,
};
use shared::disconnect::Disconnect;
use shared::domain::{Clock, Connection, ConnectionStatus, Entropy, PatientId};
use shared::env::{Env, EnvError};
use shared::http::{self, HttpError};
use shared::token_policy::TokenPolicy;

/// Settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    connections_table: String,
    wearable_data_table: String,
    daily_stats_table: String,
    tokens: TokenSettings,
    live_queue_url: String,
    event_bus_name: String,
    token_policy: TokenPolicy,
    lookback_days: u32,
    full_sync_interval_days: u32,
    catch_up_hours: u32,
    manual_syncs: Rate,
}

impl Config {
    /// Reads `CONNECTIONS_TABLE`, `WEARABLE_DATA_TABLE`, `DAILY_STATS_TABLE`, `TOKEN_VAULT`, `TOKEN_VAULT_MIGRATE_FROM`,
    /// `TOKEN_SECRET_PREFIX`, `TOKEN_KEY_RING_SECRET_ID`, `LIVE_QUEUE_URL`, `EVENT_BUS_NAME`, `PATIENT_ID_CLAIM`,
    /// `JWT_ALLOWED_AUDIENCES`, `JWT_ALLOWED_AZP`, `LOOKBACK_DAYS`, `FULL_SYNC_INTERVAL_DAYS`, `CATCH_UP_HOURS` and
    /// `MANUAL_SYNCS_PER_HOUR`.
    ///
    /// # Errors
    /// [`EnvError`] names the variable that is missing or malformed.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        Ok(Self {
            connections_table: env.required("CONNECTIONS_TABLE")?,
            wearable_data_table: env.required("WEARABLE_DATA_TABLE")?,
            daily_stats_table: env.required("DAILY_STATS_TABLE")?,
            tokens: TokenSettings::from_env(env)?,
            live_queue_url: env.required("LIVE_QUEUE_URL")?,
            event_bus_name: env.required("EVENT_BUS_NAME")?,
            token_policy: TokenPolicy::from_env(env)?,
            lookback_days: env.bounded("LOOKBACK_DAYS", 7, 1..=30)?,
            full_sync_interval_days: env.bounded("FULL_SYNC_INTERVAL_DAYS", 7, 1..=30)?,
            catch_up_hours: env.bounded("CATCH_UP_HOURS", 2, 0..=12)?,
            manual_syncs: Rate::per_hour(env.bounded("MANUAL_SYNCS_PER_HOUR", 12, 1..=3600)?),
        })
    }
}

/// Clients and settings of the function.
#[derive(Debug)]
pub struct Deps {
    config: Config,
    connections: Connections,
    patient_days: PatientDaysReader,
    daily_stats: DailyStatsTable,
    wearable_data: WearableDataTable,
    disconnect: Disconnect,
    limits: Limits,
    outbox: Outbox,
    queue: Queue,
    clock: Clock,
    entropy: Entropy,
}

impl Deps {
    /// Creates the clients; reads nothing yet.
    ///
    /// # Errors
    /// None today; the signature is that of every function.
    pub fn new(config: Config, sdk: &SdkConfig, clock: Clock, entropy: Entropy) -> anyhow::Result<Self> {
        Ok(Self {
            connections: Connections::new(sdk, &config.connections_table),
            patient_days: PatientDaysReader::new(sdk, &config.connections_table, &config.daily_stats_table),
            daily_stats: DailyStatsTable::new(sdk, &config.daily_stats_table),
            wearable_data: WearableDataTable::new(sdk, &config.wearable_data_table),
            disconnect: Disconnect::new(sdk, &config.connections_table, TokenStore::new(sdk, &config.tokens, &clock)),
            limits: Limits::new(sdk, &config.connections_table),
            outbox: Outbox::new(sdk, &config.connections_table, Bus::new(sdk, &config.event_bus_name)),
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
        (Some("/connections/oura"), &Method::DELETE) => disconnect::delete(deps, request).await,
        (Some("/connections/oura/consents"), &Method::GET) => consents::get(deps, request).await,
        (Some("/connections/oura/refresh"), &Method::POST) => refresh::post(deps, request).await,
        (Some("/daily"), &Method::GET) => daily::get(deps, request).await,
        (Some("/workouts"), &Method::GET) => workouts::get(deps, request).await,
        (Some("/records"), &Method::GET) => records::get(deps, request).await,
        (Some("/series"), &Method::GET) => series::get(deps, request).await,
        (Some("/profile"), &Method::GET) => profile::get(deps, request).await,
        (Some("/metrics"), &Method::GET) => metrics::get(deps, request).await,
        (Some("/export"), &Method::GET) => export::get(deps, request).await,
        (Some("/sync"), &Method::POST) => sync::post(deps, request).await,
        // A preflight that reaches the `$default` route; API Gateway adds the CORS headers to every answer.
        (_, &Method::OPTIONS) => Ok(http::no_content()),
        (
            Some(
                "/connections"
                | "/connections/oura/consents"
                | "/daily"
                | "/workouts"
                | "/records"
                | "/series"
                | "/metrics"
                | "/profile"
                | "/export",
            ),
            _,
        ) => Err(HttpError::method_not_allowed("GET")),
        (Some("/connections/oura/refresh" | "/sync" | "/connect/oura"), _) => {
            Err(HttpError::method_not_allowed("POST"))
        }
        (Some("/connections/oura"), _) => Err(HttpError::method_not_allowed("DELETE")),
        (Some("/callback/oura"), _) => Err(HttpError::method_not_allowed("GET, POST")),
        _ => Err(HttpError::not_found()),
    }
}

/// Returns the patient's connection, for routes that need one.
async fn connected(deps: &Deps, patient: &PatientId) -> Result<Connection, HttpError> {
    let connection = deps.connections.get(patient).await.map_err(unavailable)?;
    connection
        .filter(|connection| connection.status != ConnectionStatus::Disconnected)
        .ok_or_else(|| HttpError::new(StatusCode::CONFLICT, "not_connected", "No ring is connected."))
}

/// Counts a request, and refuses it above the patient's rate.
async fn limited(
    deps: &Deps,
    patient: &PatientId,
    name: &str,
    rate: Rate,
    code: &'static str,
) -> Result<(), HttpError> {
    match deps.limits.take(patient, name, rate, deps.clock.now()).await.map_err(unavailable)? {
        None => Ok(()),
        Some(wait) => Err(HttpError::too_many(code, wait)),
    }
}

fn unavailable(error: StoreError) -> HttpError {
    tracing::error!(event = "api.store_failed", %error, "request could not be answered");
    HttpError::unavailable()
}
