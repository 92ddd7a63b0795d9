//! Settings of the worker, read from the environment.

use shared::aws::TokenSettings;
use shared::env::{Env, EnvError};
use shared::oura::OuraHosts;
use shared::oura::rate_limit::MIN_ALLOWANCE;
use strum::{EnumString, VariantNames};

/// Values of the setting `PERSONAL_INFO`.
#[derive(Default, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase")]
enum PersonalInfo {
    /// Only the account's id is kept.
    #[default]
    Off,
    /// Age, weight, height and sex are stored.
    On,
}

/// Settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    pub(crate) app_secret_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) hosts: OuraHosts,
    pub(crate) connections_table: String,
    pub(crate) wearable_data_table: String,
    pub(crate) daily_stats_table: String,
    pub(crate) tokens: TokenSettings,
    pub(crate) live_queue_url: String,
    pub(crate) nightly_queue_url: String,
    pub(crate) event_bus_name: String,
    pub(crate) disconnect_guard: u32,
    pub(crate) debounce_seconds: u32,
    pub(crate) lookback_days: u32,
    pub(crate) requests_per_window: u32,
    pub(crate) full_sync_interval_days: u32,
    pub(crate) personal_info: bool,
}

impl Config {
    /// Reads `OURA_APP_SECRET_ID`, `OURA_REDIRECT_URI`, `OURA_TOKEN_URL`, `OURA_REVOKE_URL`, `OURA_NEW_PORTAL_TOKEN_URL`, `OURA_PORTAL`,
    /// `OURA_API_BASE_URL`, `CONNECTIONS_TABLE`, `WEARABLE_DATA_TABLE`, `DAILY_STATS_TABLE`, `TOKEN_VAULT`,
    /// `TOKEN_VAULT_MIGRATE_FROM`, `TOKEN_SECRET_PREFIX`, `TOKEN_KEY_RING_SECRET_ID`, `LIVE_QUEUE_URL`, `NIGHTLY_QUEUE_URL`,
    /// `EVENT_BUS_NAME`, `MAX_DISCONNECTS_PER_DAY`, `WEBHOOK_DEBOUNCE_SECONDS`, `LOOKBACK_DAYS`, `OURA_REQUESTS_PER_5_MIN`,
    /// `FULL_SYNC_INTERVAL_DAYS` and `PERSONAL_INFO`.
    ///
    /// # Errors
    /// [`EnvError`] names the variable that is missing or malformed.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        Ok(Self {
            app_secret_id: env.required("OURA_APP_SECRET_ID")?,
            redirect_uri: env.required("OURA_REDIRECT_URI")?,
            hosts: OuraHosts::from_env(env)?,
            connections_table: env.required("CONNECTIONS_TABLE")?,
            wearable_data_table: env.required("WEARABLE_DATA_TABLE")?,
            daily_stats_table: env.required("DAILY_STATS_TABLE")?,
            tokens: TokenSettings::from_env(env)?,
            live_queue_url: env.required("LIVE_QUEUE_URL")?,
            nightly_queue_url: env.required("NIGHTLY_QUEUE_URL")?,
            event_bus_name: env.required("EVENT_BUS_NAME")?,
            disconnect_guard: env.bounded("MAX_DISCONNECTS_PER_DAY", 20, 1..=100_000)?,
            // SQS delays a message by at most 15 minutes.
            debounce_seconds: env.bounded("WEBHOOK_DEBOUNCE_SECONDS", 30, 0..=900)?,
            lookback_days: env.bounded("LOOKBACK_DAYS", 7, 1..=30)?,
            requests_per_window: env.bounded("OURA_REQUESTS_PER_5_MIN", 5000, MIN_ALLOWANCE..=10_000_000)?,
            personal_info: env.choice::<PersonalInfo>("PERSONAL_INFO")? == PersonalInfo::On,
            full_sync_interval_days: env.bounded("FULL_SYNC_INTERVAL_DAYS", 7, 1..=30)?,
        })
    }
}
