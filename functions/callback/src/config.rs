//! Settings.

use shared::aws::TokenSettings;
use shared::domain::ScopeSet;
use shared::env::{Env, EnvError};
use shared::flow::{Binding, BindingCookie, ReturnAddresses};
use shared::oura::OuraHosts;
use shared::token_policy::TokenPolicy;
use strum::{EnumString, VariantNames};
use url::Url;

/// Treatment of a consent with another Oura account than the patient's. Values of the setting `ACCOUNT_CHANGE`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum AccountChange {
    /// It replaces the account.
    #[default]
    Allow,
    /// It is refused for as long as anything of the other account is stored.
    Refuse,
}

/// Settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    pub(crate) app_secret_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) scopes: ScopeSet,
    pub(crate) hosts: OuraHosts,
    pub(crate) connections_table: String,
    pub(crate) tokens: TokenSettings,
    pub(crate) live_queue_url: String,
    pub(crate) event_bus_name: String,
    pub(crate) token_policy: TokenPolicy,
    pub(crate) returns: ReturnAddresses,
    pub(crate) binding: Binding,
    pub(crate) cookie: BindingCookie,
    pub(crate) account_change: AccountChange,
    pub(crate) backfill_days: u32,
}

impl Config {
    /// Reads `OURA_APP_SECRET_ID`, `OURA_REDIRECT_URI`, `OURA_SCOPES`, `OURA_PORTAL`, `OURA_TOKEN_URL`,
    /// `OURA_NEW_PORTAL_TOKEN_URL`, `OURA_API_BASE_URL`, `CONNECTIONS_TABLE`, `TOKEN_VAULT`, `TOKEN_VAULT_MIGRATE_FROM`,
    /// `TOKEN_SECRET_PREFIX`, `TOKEN_KEY_RING_SECRET_ID`, `LIVE_QUEUE_URL`, `EVENT_BUS_NAME`, `PATIENT_ID_CLAIM`,
    /// `JWT_ALLOWED_AUDIENCES`, `JWT_ALLOWED_AZP`, `APP_RETURN_URL`, `APP_ALLOWED_ORIGINS`, `CALLBACK_BINDING`,
    /// `ACCOUNT_CHANGE` and `BACKFILL_DAYS`.
    ///
    /// # Errors
    /// [`EnvError`] names the variable that is missing or malformed.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        let callback: Url = env.parsed("OURA_REDIRECT_URI")?;
        Ok(Self {
            app_secret_id: env.required("OURA_APP_SECRET_ID")?,
            redirect_uri: env.required("OURA_REDIRECT_URI")?,
            scopes: ScopeSet::parse(env.get("OURA_SCOPES").unwrap_or(ScopeSet::DEFAULT)),
            hosts: OuraHosts::from_env(env)?,
            connections_table: env.required("CONNECTIONS_TABLE")?,
            tokens: TokenSettings::from_env(env)?,
            live_queue_url: env.required("LIVE_QUEUE_URL")?,
            event_bus_name: env.required("EVENT_BUS_NAME")?,
            token_policy: TokenPolicy::from_env(env)?,
            returns: ReturnAddresses::from_env(env)?,
            binding: Binding::from_env(env)?,
            cookie: BindingCookie::of_callback(&callback),
            account_change: env.choice("ACCOUNT_CHANGE")?,
            backfill_days: env.bounded("BACKFILL_DAYS", 30, 1..=400)?,
        })
    }
}
