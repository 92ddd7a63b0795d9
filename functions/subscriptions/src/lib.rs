//! `subscriptions`: keeps Oura's webhook subscriptions as they should be. Runs daily, and by hand after a deployment.

use shared::aws::{AppSecrets, SdkConfig};
use shared::domain::{Clock, ScopeSet};
use shared::env::{Env, EnvError};
use shared::oura::OuraHosts;
use url::Url;

/// Settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    app_secret_id: String,
    scopes: ScopeSet,
    hosts: OuraHosts,
    webhook_url: Url,
    renewal_days: u32,
}

impl Config {
    /// Reads `OURA_APP_SECRET_ID`, `OURA_SCOPES`, `OURA_API_BASE_URL`, `WEBHOOK_URL` and `SUBSCRIPTION_RENEWAL_DAYS`.
    ///
    /// # Errors
    /// [`EnvError`] names the variable that is missing or malformed.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        Ok(Self {
            app_secret_id: env.required("OURA_APP_SECRET_ID")?,
            scopes: ScopeSet::parse(env.get("OURA_SCOPES").unwrap_or(ScopeSet::DEFAULT)),
            hosts: OuraHosts::from_env(env)?,
            webhook_url: env.parsed("WEBHOOK_URL")?,
            renewal_days: env.bounded("SUBSCRIPTION_RENEWAL_DAYS", 7, 1..=60)?,
        })
    }
}

/// What this function works with.
#[derive(Debug)]
pub struct Deps {
    config: Config,
    secrets: AppSecrets,
    clock: Clock,
}

impl Deps {
    /// Makes the clients; reads nothing yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(config: Config, sdk: &SdkConfig, clock: Clock) -> anyhow::Result<Self> {
        Ok(Self { secrets: AppSecrets::new(sdk, &config.app_secret_id, clock.clone()), config, clock })
    }
}
