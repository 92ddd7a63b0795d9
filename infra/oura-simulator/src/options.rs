//! What of the simulated cloud can be switched while it runs.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::config::OuraSimulatorConfig;
use super::hosts::TokenHost;
use super::limits::LimitWindow;
use super::webhooks::DeliveryOrder;

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
    pub access_token_ttl_seconds: u64,
    /// Life of codes issued from now on.
    pub code_ttl_seconds: u64,
    /// Requests of the application in 5 minutes.
    pub app_limit: u32,
    /// Requests of one access token in 5 minutes.
    pub token_limit: Option<u32>,
    /// Which 5 minutes: any, or those by the clock.
    pub limit_window: LimitWindow,
    /// Whether a 429 carries its headers; without them it says nothing but its status, which occurs.
    pub limit_headers: bool,
    /// Whether those headers say which of the two limits it was.
    pub limit_tier: bool,
    /// Which of the two token hosts serves the application.
    pub token_host: TokenHost,
    /// Scopes that the application enabled in the portal.
    pub enabled_scopes: Vec<String>,
    /// How many people there are beside the named ones: `fleet-00001` and so on.
    pub fleet: u32,
    /// How long after a change its notices are due.
    pub webhook_delay_seconds: u64,
    /// How long a receiver may take, for the handshake and for a notice (documented: 10 seconds).
    pub webhook_timeout_ms: u64,
    /// The status for a subscription that is not there: 403 (documented) or 404 (seen in test data of others).
    pub webhook_unknown_status: u16,
    /// A second subscription for the same event type and data type is created instead of answering 409.
    pub webhook_duplicates_allowed: bool,
    /// `expiration_time` is written with its offset (documented) instead of without one (seen).
    pub webhook_expiration_offset: bool,
    /// `x-oura-timestamp` counts seconds (documented) instead of milliseconds (seen).
    pub webhook_timestamp_seconds: bool,
    /// A retry is signed anew; otherwise it repeats the first signature and timestamp. Which one Oura does is unknown.
    pub webhook_resign: bool,
    /// Whether notices tell their `event_time`.
    pub webhook_event_time: bool,
    /// How often each notice is delivered: more than 1 makes duplicates.
    pub webhook_copies: u32,
    /// In which order notices are sent that are due together.
    pub webhook_order: DeliveryOrder,
    /// Every n-th notice is lost, counted from when this was switched on: 1 loses all; `None` = none is lost.
    pub webhook_lose_every: Option<u32>,
}

impl Options {
    pub(super) fn of(config: &OuraSimulatorConfig, origin: &str) -> Self {
        Self {
            extapi_prefix: true,
            iss: Some(format!("{origin}/oauth/v2/ext/oauth-anonymous")),
            scope_status: 401,
            page_size: None,
            family_revocation: false,
            access_token_ttl_seconds: config.access_token_ttl.as_secs(),
            code_ttl_seconds: config.code_ttl.as_secs(),
            app_limit: config.app_limit,
            token_limit: config.token_limit,
            limit_window: LimitWindow::default(),
            limit_headers: true,
            limit_tier: true,
            token_host: TokenHost::default(),
            enabled_scopes: config.enabled_scopes.clone(),
            fleet: config.fleet,
            webhook_delay_seconds: config.webhook_delay.as_secs(),
            webhook_timeout_ms: 10_000,
            webhook_unknown_status: 403,
            webhook_duplicates_allowed: false,
            webhook_expiration_offset: false,
            webhook_timestamp_seconds: false,
            webhook_resign: true,
            webhook_event_time: true,
            webhook_copies: 1,
            webhook_order: DeliveryOrder::Loose,
            webhook_lose_every: None,
        }
    }

    /// How long a receiver of handshakes and notices may take.
    pub(super) fn webhook_timeout(&self) -> Duration {
        Duration::from_millis(self.webhook_timeout_ms)
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
    /// See [`Options::access_token_ttl_seconds`].
    pub access_token_ttl_seconds: Option<u64>,
    /// See [`Options::code_ttl_seconds`].
    pub code_ttl_seconds: Option<u64>,
    /// See [`Options::app_limit`].
    pub app_limit: Option<u32>,
    /// See [`Options::token_limit`].
    #[serde(deserialize_with = "nullable")]
    pub token_limit: Option<Option<u32>>,
    /// See [`Options::limit_window`].
    pub limit_window: Option<LimitWindow>,
    /// See [`Options::limit_headers`].
    pub limit_headers: Option<bool>,
    /// See [`Options::limit_tier`].
    pub limit_tier: Option<bool>,
    /// See [`Options::token_host`].
    pub token_host: Option<TokenHost>,
    /// See [`Options::enabled_scopes`].
    pub enabled_scopes: Option<Vec<String>>,
    /// See [`Options::fleet`].
    pub fleet: Option<u32>,
    /// See [`Options::webhook_delay_seconds`].
    pub webhook_delay_seconds: Option<u64>,
    /// See [`Options::webhook_timeout_ms`].
    pub webhook_timeout_ms: Option<u64>,
    /// See [`Options::webhook_unknown_status`].
    pub webhook_unknown_status: Option<u16>,
    /// See [`Options::webhook_duplicates_allowed`].
    pub webhook_duplicates_allowed: Option<bool>,
    /// See [`Options::webhook_expiration_offset`].
    pub webhook_expiration_offset: Option<bool>,
    /// See [`Options::webhook_timestamp_seconds`].
    pub webhook_timestamp_seconds: Option<bool>,
    /// See [`Options::webhook_resign`].
    pub webhook_resign: Option<bool>,
    /// See [`Options::webhook_event_time`].
    pub webhook_event_time: Option<bool>,
    /// See [`Options::webhook_copies`].
    pub webhook_copies: Option<u32>,
    /// See [`Options::webhook_order`].
    pub webhook_order: Option<DeliveryOrder>,
    /// See [`Options::webhook_lose_every`].
    #[serde(deserialize_with = "nullable")]
    pub webhook_lose_every: Option<Option<u32>>,
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
    /// Others were never seen or documented.
    #[error("webhookUnknownStatus must be 403 or 404")]
    UnknownStatus,
    /// A receiver needs some time to answer.
    #[error("webhookTimeoutMs must be at least 1")]
    Timeout,
    /// None would mean that nothing is delivered: that is `webhookLoseEvery: 1`.
    #[error("webhookCopies must be 1 to 100")]
    Copies,
    /// There is no zeroth notice.
    #[error("webhookLoseEvery must be at least 1, or null")]
    LoseEvery,
}

impl OptionsPatch {
    fn check(&self) -> Result<(), InvalidOption> {
        if self.scope_status.is_some_and(|status| status != 401 && status != 403) {
            return Err(InvalidOption::ScopeStatus);
        }
        if self.page_size == Some(Some(0)) {
            return Err(InvalidOption::PageSize);
        }
        if self.webhook_unknown_status.is_some_and(|status| status != 403 && status != 404) {
            return Err(InvalidOption::UnknownStatus);
        }
        if self.webhook_timeout_ms == Some(0) {
            return Err(InvalidOption::Timeout);
        }
        if self.webhook_copies.is_some_and(|copies| !(1..=100).contains(&copies)) {
            return Err(InvalidOption::Copies);
        }
        if self.webhook_lose_every == Some(Some(0)) {
            return Err(InvalidOption::LoseEvery);
        }
        Ok(())
    }

    pub(super) fn apply(self, options: &mut Options) -> Result<(), InvalidOption> {
        fn put<T>(to: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *to = value;
            }
        }
        self.check()?;
        put(&mut options.extapi_prefix, self.extapi_prefix);
        put(&mut options.iss, self.iss);
        put(&mut options.scope_status, self.scope_status);
        put(&mut options.page_size, self.page_size);
        put(&mut options.family_revocation, self.family_revocation);
        put(&mut options.access_token_ttl_seconds, self.access_token_ttl_seconds);
        put(&mut options.code_ttl_seconds, self.code_ttl_seconds);
        put(&mut options.app_limit, self.app_limit);
        put(&mut options.token_limit, self.token_limit);
        put(&mut options.limit_window, self.limit_window);
        put(&mut options.limit_headers, self.limit_headers);
        put(&mut options.limit_tier, self.limit_tier);
        put(&mut options.token_host, self.token_host);
        put(&mut options.enabled_scopes, self.enabled_scopes);
        put(&mut options.fleet, self.fleet);
        put(&mut options.webhook_delay_seconds, self.webhook_delay_seconds);
        put(&mut options.webhook_timeout_ms, self.webhook_timeout_ms);
        put(&mut options.webhook_unknown_status, self.webhook_unknown_status);
        put(&mut options.webhook_duplicates_allowed, self.webhook_duplicates_allowed);
        put(&mut options.webhook_expiration_offset, self.webhook_expiration_offset);
        put(&mut options.webhook_timestamp_seconds, self.webhook_timestamp_seconds);
        put(&mut options.webhook_resign, self.webhook_resign);
        put(&mut options.webhook_event_time, self.webhook_event_time);
        put(&mut options.webhook_copies, self.webhook_copies);
        put(&mut options.webhook_order, self.webhook_order);
        put(&mut options.webhook_lose_every, self.webhook_lose_every);
        Ok(())
    }
}
