//! How the simulated cloud is set up, and what of it can be switched while it runs.

use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};
use shared::domain::{Clock, Entropy};

/// The eleven scopes that Oura enforces. Others are dropped without a word, as Oura does.
pub const KNOWN_SCOPES: [&str; 11] = [
    "email",
    "personal",
    "daily",
    "heartrate",
    "workout",
    "tag",
    "session",
    "spo2",
    "heart_health",
    "stress",
    "ring_configuration",
];

/// The registered application and the world around it.
#[derive(Debug, Clone)]
pub struct OuraCloudConfig {
    /// The application's id.
    pub client_id: String,
    /// The application's secret. Webhooks will be signed with it too.
    pub client_secret: SecretString,
    /// Callbacks that the application registered; compared character by character.
    pub redirect_uris: Vec<String>,
    /// Scopes that the application enabled in the portal; others are dropped from consents silently.
    pub enabled_scopes: Vec<String>,
    /// What "now" and "today" are.
    pub clock: Clock,
    /// Where codes and tokens come from.
    pub entropy: Entropy,
    /// Which world of data: the same seed gives the same documents.
    pub seed: u64,
    /// How many days back the data reaches.
    pub history_days: i32,
    /// How long an access token lives.
    pub access_token_life: Duration,
    /// How long an authorization code lives (documented: 10 minutes).
    pub code_life: Duration,
    /// Requests that the application may make in 5 minutes (documented: 5000).
    pub app_limit: u32,
    /// Requests that one access token may make in 5 minutes. Oura says that there is a limit but not which: none here.
    pub token_limit: Option<u32>,
}

impl OuraCloudConfig {
    /// An application with everything as documented: all scopes enabled, tokens of 24 hours, codes of 10 minutes.
    #[must_use]
    pub fn new(client_id: &str, client_secret: SecretString, redirect_uri: &str) -> Self {
        Self {
            client_id: client_id.to_owned(),
            client_secret,
            redirect_uris: vec![redirect_uri.to_owned()],
            enabled_scopes: KNOWN_SCOPES.map(str::to_owned).to_vec(),
            clock: Clock::system(),
            entropy: Entropy::system(),
            seed: 1,
            history_days: 400,
            access_token_life: Duration::from_hours(24),
            code_life: Duration::from_mins(10),
            app_limit: 5000,
            token_limit: None,
        }
    }
}

/// What can be switched at any time: by `PUT /control/options`, or in process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Options {
    /// Granted scopes come back as `extapi:daily` instead of `daily`.
    pub extapi_prefix: bool,
    /// The `iss` parameter of the callback; `None` leaves it away.
    pub iss: Option<String>,
    /// The status for a missing scope: 401 (seen) or 403 (documented).
    pub scope_status: u16,
    /// Documents or rows on a page of any collection; `None` = 1000 rows of a series, 10,000 documents.
    pub page_size: Option<usize>,
    /// A refresh token that is used twice kills its whole grant.
    pub family_revocation: bool,
    /// Life of access tokens issued from now on.
    pub access_token_life_seconds: u64,
    /// Life of codes issued from now on.
    pub code_life_seconds: u64,
    /// Requests of the application in 5 minutes.
    pub app_limit: u32,
    /// Requests of one access token in 5 minutes.
    pub token_limit: Option<u32>,
    /// Scopes that the application enabled in the portal.
    pub enabled_scopes: Vec<String>,
}

impl Options {
    pub(super) fn of(config: &OuraCloudConfig, origin: &str) -> Self {
        Self {
            extapi_prefix: true,
            iss: Some(format!("{origin}/oauth/v2/ext/oauth-anonymous")),
            scope_status: 401,
            page_size: None,
            family_revocation: false,
            access_token_life_seconds: config.access_token_life.as_secs(),
            code_life_seconds: config.code_life.as_secs(),
            app_limit: config.app_limit,
            token_limit: config.token_limit,
            enabled_scopes: config.enabled_scopes.clone(),
        }
    }

    /// A scope as it appears in callbacks and token answers.
    pub(super) fn spelled(&self, scopes: &[String]) -> String {
        let prefix = if self.extapi_prefix { "extapi:" } else { "" };
        scopes.iter().map(|scope| format!("{prefix}{scope}")).collect::<Vec<_>>().join(" ")
    }
}

/// A change of some [`Options`]: what is absent stays, an explicit null takes away.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OptionsPatch {
    /// See [`Options::extapi_prefix`].
    pub extapi_prefix: Option<bool>,
    /// See [`Options::iss`].
    #[serde(deserialize_with = "nullable")]
    pub iss: Option<Option<String>>,
    /// See [`Options::scope_status`].
    pub scope_status: Option<u16>,
    /// See [`Options::page_size`].
    #[serde(deserialize_with = "nullable")]
    pub page_size: Option<Option<usize>>,
    /// See [`Options::family_revocation`].
    pub family_revocation: Option<bool>,
    /// See [`Options::access_token_life_seconds`].
    pub access_token_life_seconds: Option<u64>,
    /// See [`Options::code_life_seconds`].
    pub code_life_seconds: Option<u64>,
    /// See [`Options::app_limit`].
    pub app_limit: Option<u32>,
    /// See [`Options::token_limit`].
    #[serde(deserialize_with = "nullable")]
    pub token_limit: Option<Option<u32>>,
    /// See [`Options::enabled_scopes`].
    pub enabled_scopes: Option<Vec<String>>,
}

fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(from).map(Some)
}

/// An option that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOption {
    /// Oura was never seen or documented to answer otherwise.
    #[error("scopeStatus must be 401 or 403")]
    ScopeStatus,
    /// A page holds at least one document.
    #[error("pageSize must be at least 1")]
    PageSize,
}

impl OptionsPatch {
    pub(super) fn apply(self, options: &mut Options) -> Result<(), InvalidOption> {
        if self.scope_status.is_some_and(|status| status != 401 && status != 403) {
            return Err(InvalidOption::ScopeStatus);
        }
        if self.page_size == Some(Some(0)) {
            return Err(InvalidOption::PageSize);
        }
        fn put<T>(to: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *to = value;
            }
        }
        put(&mut options.extapi_prefix, self.extapi_prefix);
        put(&mut options.iss, self.iss);
        put(&mut options.scope_status, self.scope_status);
        put(&mut options.page_size, self.page_size);
        put(&mut options.family_revocation, self.family_revocation);
        put(&mut options.access_token_life_seconds, self.access_token_life_seconds);
        put(&mut options.code_life_seconds, self.code_life_seconds);
        put(&mut options.app_limit, self.app_limit);
        put(&mut options.token_limit, self.token_limit);
        put(&mut options.enabled_scopes, self.enabled_scopes);
        Ok(())
    }
}
