//! The options and their limits.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::OuraSimulatorConfig;

use super::bare_scopes::BareScopes;
use super::delivery_order::DeliveryOrder;
use super::limit_window::LimitWindow;
use super::page_tokens::PageTokens;
use super::token_host::TokenHost;

/// Options that can be changed at any time: by `PUT /control/options`, or in process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Options {
    /// True if granted scopes come back as `extapi:daily` instead of `daily`.
    pub extapi_prefix: bool,
    /// Treatment of requested scope names without `extapi:`.
    pub bare_scopes: BareScopes,
    /// The `iss` parameter of the callback. `None` is the new portal's issuer if that portal alone serves the application,
    /// otherwise no parameter; an empty text omits it.
    pub iss: Option<String>,
    /// The status for a missing scope: 401 (seen) or 403 (documented).
    pub scope_status: u16,
    /// Documents or rows on a page of any collection; `None` = 1000 rows of a series, 10,000 documents.
    pub page_size: Option<usize>,
    pub page_tokens: PageTokens,
    /// True if `timestamp` of `daily_activity` is local midnight; false if it is 04:00. Both were seen.
    pub activity_at_midnight: bool,
    /// True if a refresh token that is used twice ends its whole grant.
    pub family_revocation: bool,
    /// Seconds until access tokens issued from now on expire.
    pub access_token_ttl_seconds: u64,
    /// Seconds until codes issued from now on expire.
    pub code_ttl_seconds: u64,
    /// Requests of the application in 5 minutes.
    pub app_limit: u32,
    /// Requests of one access token in 5 minutes.
    pub token_limit: Option<u32>,
    pub limit_window: LimitWindow,
    /// True if a 429 carries its headers. Some of Oura's do not.
    pub limit_headers: bool,
    /// True if those headers name the tier of the limit.
    pub limit_tier: bool,
    pub token_host: TokenHost,
    /// Scopes that the application enabled in the portal.
    pub enabled_scopes: Vec<String>,
    /// Number of people beside the named ones: `fleet-00001` and so on.
    pub fleet: u32,
    /// Seconds from a change to its webhook events.
    pub webhook_delay_seconds: u64,
    /// Time limit of a receiver, for the handshake and for an event (documented: 10 seconds).
    pub webhook_timeout_ms: u64,
    /// The status for an unknown subscription: 403 (documented) or 404 (seen in test data of others).
    pub webhook_unknown_status: u16,
    /// True if a second subscription for the same event type and data type is created instead of answering 409.
    pub webhook_duplicates_allowed: bool,
    /// True if `expiration_time` has an offset (documented); false if not (seen).
    pub webhook_expiration_offset: bool,
    /// True if `x-oura-timestamp` counts seconds (documented); false for milliseconds (seen).
    pub webhook_timestamp_seconds: bool,
    /// True if a retry gets a new signature; false if it repeats the first one. Oura's behaviour is unknown.
    pub webhook_resign: bool,
    /// True if events carry their `event_time`.
    pub webhook_event_time: bool,
    /// Deliveries of each event: more than 1 makes duplicates.
    pub webhook_copies: u32,
    pub webhook_order: DeliveryOrder,
    /// Every n-th event is lost, counted from the change of this option: 1 loses all; `None` loses none.
    pub webhook_lose_every: Option<u32>,
}

impl Options {
    pub(crate) fn of(config: &OuraSimulatorConfig) -> Self {
        Self {
            extapi_prefix: true,
            bare_scopes: BareScopes::default(),
            iss: None,
            scope_status: 401,
            page_size: None,
            page_tokens: PageTokens::default(),
            activity_at_midnight: false,
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

    /// Time limit of a receiver of handshakes and events.
    pub(crate) fn webhook_timeout(&self) -> Duration {
        Duration::from_millis(self.webhook_timeout_ms)
    }

    /// Scopes as they appear in callbacks and token answers.
    pub(crate) fn spelled(&self, scopes: &[String]) -> String {
        let prefix = if self.extapi_prefix { "extapi:" } else { "" };
        scopes.iter().map(|scope| format!("{prefix}{scope}")).collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn check(&self) -> Result<(), InvalidOption> {
        if !matches!(self.scope_status, 401 | 403) {
            return Err(InvalidOption::ScopeStatus);
        }
        if self.page_size == Some(0) {
            return Err(InvalidOption::PageSize);
        }
        if !matches!(self.webhook_unknown_status, 403 | 404) {
            return Err(InvalidOption::UnknownStatus);
        }
        if self.webhook_timeout_ms == 0 {
            return Err(InvalidOption::Timeout);
        }
        if !(1..=100).contains(&self.webhook_copies) {
            return Err(InvalidOption::Copies);
        }
        if self.webhook_lose_every == Some(0) {
            return Err(InvalidOption::LoseEvery);
        }
        Ok(())
    }
}

/// An option outside its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOption {
    /// Oura was never seen or documented to answer otherwise.
    #[error("scopeStatus must be 401 or 403")]
    ScopeStatus,
    #[error("pageSize must be at least 1")]
    PageSize,
    /// Others were never seen or documented.
    #[error("webhookUnknownStatus must be 403 or 404")]
    UnknownStatus,
    #[error("webhookTimeoutMs must be at least 1")]
    Timeout,
    /// Without any delivery: `webhookLoseEvery: 1`.
    #[error("webhookCopies must be 1 to 100")]
    Copies,
    #[error("webhookLoseEvery must be at least 1, or null")]
    LoseEvery,
}
