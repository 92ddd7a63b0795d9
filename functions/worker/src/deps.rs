//! Clients and settings that every job of the worker uses.

use std::time::Duration;

use anyhow::Context;
use jiff::SignedDuration;
use shared::aws::{
    AppSecrets, Bus, Connections, Days, Inbox, NightlyRuns, Outbox, Purges, Queue, Runs, SdkConfig, SharedRateLimit,
    TokenStore, WebhookDays,
};
use shared::disconnect::Disconnect;
use shared::domain::{Clock, Day, DayRange, Entropy};
use shared::oura::{HttpOptions, OAuthHttp, OuraClient};
use shared::vault::{OuraApp, Revocations, Vault};

use crate::config::Config;
use crate::look_back::SyncPolicy;

/// Clients and settings of this function.
#[derive(Debug)]
pub struct Deps {
    pub(crate) oura: OuraClient,
    pub(crate) vault: Vault,
    pub(crate) app: OuraApp,
    pub(crate) disconnect: Disconnect,
    pub(crate) revocations: Revocations,
    pub(crate) purges: Purges,
    pub(crate) connections: Connections,
    pub(crate) runs: Runs,
    pub(crate) days: Days,
    pub(crate) outbox: Outbox,
    pub(crate) inbox: Inbox,
    pub(crate) webhook_days: WebhookDays,
    pub(crate) nightly_runs: NightlyRuns,
    pub(crate) rate_limit: SharedRateLimit,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) live: Queue,
    /// Delay between the first webhook event of a burst and its sync.
    pub(crate) debounce: Duration,
    /// True if personal information is stored.
    pub(crate) personal_info: bool,
    lookback_days: u32,
    full_sync_interval_days: u32,
    nightly: Queue,
    nightly_queue_name: String,
}

impl Deps {
    /// Creates the clients, without any request.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(config: Config, sdk: &SdkConfig, clock: Clock, entropy: Entropy) -> anyhow::Result<Self> {
        let options = HttpOptions::default();
        let oauth = OAuthHttp::new(&config.hosts, options).context("set up the client for Oura")?;
        let secrets = AppSecrets::new(sdk, &config.app_secret_id, clock.clone());
        let connections = Connections::new(sdk, &config.connections_table);
        let app = OuraApp::new(secrets, oauth, &config.redirect_uri);
        let tokens = TokenStore::new(sdk, &config.tokens, &clock);
        let vault = Vault::new(
            app.clone(),
            tokens.clone(),
            connections.clone(),
            clock.clone(),
            entropy.clone(),
            config.disconnect_guard,
        );
        Ok(Self {
            oura: OuraClient::new(&config.hosts, options).context("set up the client for Oura")?,
            vault,
            app,
            disconnect: Disconnect::new(sdk, &config.connections_table, tokens.clone()),
            revocations: Revocations::new(tokens),
            purges: Purges::new(sdk, &config.connections_table, &config.wearable_data_table, &config.daily_stats_table),
            connections,
            runs: Runs::new(sdk, &config.connections_table),
            days: Days::new(sdk, &config.connections_table, &config.wearable_data_table, &config.daily_stats_table),
            outbox: Outbox::new(sdk, &config.connections_table, Bus::new(sdk, &config.event_bus_name)),
            inbox: Inbox::new(sdk, &config.connections_table),
            webhook_days: WebhookDays::new(sdk, &config.connections_table),
            nightly_runs: NightlyRuns::new(sdk, &config.connections_table),
            rate_limit: SharedRateLimit::new(sdk, &config.connections_table, config.requests_per_window, clock.clone()),
            full_sync_interval_days: config.full_sync_interval_days,
            clock,
            entropy,
            debounce: Duration::from_secs(config.debounce_seconds.into()),
            personal_info: config.personal_info,
            lookback_days: config.lookback_days,
            live: Queue::new(sdk, &config.live_queue_url),
            nightly: Queue::new(sdk, &config.nightly_queue_url),
            nightly_queue_name: config.nightly_queue_url.rsplit('/').next().unwrap_or_default().to_owned(),
        })
    }

    /// The same with another time between Oura's first refusal of a refresh token and the probe that ends the connection. Only for
    /// a simulated Oura.
    #[must_use]
    pub fn with_probe_after(mut self, probe_after: Duration) -> Self {
        self.vault = self.vault.with_probe_after(probe_after);
        self
    }

    /// Rules that decide now which data types are due.
    pub(crate) fn sync_policy(&self) -> SyncPolicy {
        SyncPolicy {
            full_sync_interval_days: self.full_sync_interval_days,
            lookback_days: self.recent_days().days() - 1,
            now: self.clock.now(),
        }
    }

    /// The [`debounce`](Self::debounce) for arithmetic with timestamps.
    pub(crate) fn signed_debounce(&self) -> SignedDuration {
        SignedDuration::try_from(self.debounce).unwrap_or_default()
    }

    /// Days of the look-back, up to tomorrow: east of UTC it may be tomorrow already.
    pub(crate) fn recent_days(&self) -> DayRange {
        let tomorrow = Day::of_utc(self.clock.now()).plus(1);
        DayRange::ending(tomorrow, i32::try_from(self.lookback_days).unwrap_or(7) + 1)
    }

    /// Returns the queue with this ARN; the live queue if it is not the nightly one.
    pub(crate) fn queue(&self, arn: Option<&str>) -> &Queue {
        let name = arn.and_then(|arn| arn.rsplit(':').next());
        if name == Some(self.nightly_queue_name.as_str()) { &self.nightly } else { &self.live }
    }
}
