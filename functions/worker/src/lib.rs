//! The worker: takes sync messages from the queues, several patients at once, and answers with the ones that have to
//! come again (partial batch response).

pub mod fetch;
pub mod plan;
pub mod sync;

use std::time::Duration;

use anyhow::Context;
use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::FutureExt;
use futures::future;
use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use shared::aws::{AppSecrets, Bus, Connections, Days, Outbox, Queue, Runs, SdkConfig, TokenSecrets};
use shared::domain::{Clock, Entropy, QueueMessage};
use shared::env::{Env, EnvError};
use shared::oura::{HttpOptions, OAuthHttp, OuraClient, OuraHosts};
use shared::telemetry;
use shared::vault::{OuraApp, Vault};

use crate::sync::{Delivery, Outcome};

/// Patients synced at once in one process. Every one holds a month of documents in memory at most.
const PATIENTS_AT_ONCE: usize = 4;

/// Settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    app_secret_id: String,
    redirect_uri: String,
    hosts: OuraHosts,
    connections_table: String,
    wearable_data_table: String,
    daily_stats_table: String,
    token_secret_prefix: String,
    live_queue_url: String,
    nightly_queue_url: String,
    event_bus_name: String,
    disconnect_guard: u32,
}

impl Config {
    /// Reads `OURA_APP_SECRET_ID`, `OURA_REDIRECT_URI`, `OURA_TOKEN_URL`, `OURA_API_BASE_URL`, `CONNECTIONS_TABLE`,
    /// `WEARABLE_DATA_TABLE`, `DAILY_STATS_TABLE`, `TOKEN_SECRET_PREFIX`, `LIVE_QUEUE_URL`, `NIGHTLY_QUEUE_URL`,
    /// `EVENT_BUS_NAME` and `MAX_DISCONNECTS_PER_DAY`.
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
            token_secret_prefix: env.required("TOKEN_SECRET_PREFIX")?,
            live_queue_url: env.required("LIVE_QUEUE_URL")?,
            nightly_queue_url: env.required("NIGHTLY_QUEUE_URL")?,
            event_bus_name: env.required("EVENT_BUS_NAME")?,
            disconnect_guard: env.bounded("MAX_DISCONNECTS_PER_DAY", 20, 1..=100_000)?,
        })
    }
}

/// What this function works with.
#[derive(Debug)]
pub struct Deps {
    pub(crate) oura: OuraClient,
    pub(crate) vault: Vault,
    pub(crate) connections: Connections,
    pub(crate) runs: Runs,
    pub(crate) days: Days,
    pub(crate) outbox: Outbox,
    pub(crate) clock: Clock,
    live: Queue,
    nightly: Queue,
    nightly_queue_name: String,
}

impl Deps {
    /// Makes the clients; reads nothing yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(config: Config, sdk: &SdkConfig, clock: Clock, entropy: Entropy) -> anyhow::Result<Self> {
        let options = HttpOptions::default();
        let oauth = OAuthHttp::new(&config.hosts, options).context("set up the client for Oura")?;
        let secrets = AppSecrets::new(sdk, &config.app_secret_id, clock.clone());
        let connections = Connections::new(sdk, &config.connections_table);
        let vault = Vault::new(
            OuraApp::new(secrets, oauth, &config.redirect_uri),
            TokenSecrets::new(sdk, &config.token_secret_prefix),
            connections.clone(),
            clock.clone(),
            entropy,
            config.disconnect_guard,
        );
        Ok(Self {
            oura: OuraClient::new(&config.hosts, options).context("set up the client for Oura")?,
            vault,
            connections,
            runs: Runs::new(sdk, &config.connections_table),
            days: Days::new(sdk, &config.connections_table, &config.wearable_data_table, &config.daily_stats_table),
            outbox: Outbox::new(sdk, &config.connections_table, Bus::new(sdk, &config.event_bus_name)),
            clock,
            live: Queue::new(sdk, &config.live_queue_url),
            nightly: Queue::new(sdk, &config.nightly_queue_url),
            nightly_queue_name: config.nightly_queue_url.rsplit('/').next().unwrap_or_default().to_owned(),
        })
    }

    /// The queue that a message came from, by the last part of its ARN.
    fn queue_of(&self, message: &SqsMessage) -> &Queue {
        let name = message.event_source_arn.as_deref().and_then(|arn| arn.rsplit(':').next());
        if name == Some(self.nightly_queue_name.as_str()) { &self.nightly } else { &self.live }
    }
}

/// Works off a batch. `deadline`: when this invocation ends.
///
/// # Errors
/// When a message has no id: without one nothing can be said about it, so the whole batch has to come again.
pub async fn handle(deps: &Deps, event: SqsEvent, deadline: Timestamp) -> anyhow::Result<SqsBatchResponse> {
    if event.records.iter().any(|message| message.message_id.is_none()) {
        anyhow::bail!("a message of the batch has no id");
    }
    let failures = stream::iter(event.records)
        .map(|message| one(deps, message, deadline).boxed())
        .buffer_unordered(PATIENTS_AT_ONCE)
        .filter_map(future::ready)
        .collect()
        .await;
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failures;
    Ok(response)
}

/// Works off one message; gives it back when it has to come again.
async fn one(deps: &Deps, message: SqsMessage, deadline: Timestamp) -> Option<BatchItemFailure> {
    let delivery = Delivery {
        count: message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1),
        deadline,
    };
    let (after, why) = match QueueMessage::parse(message.body.as_deref().unwrap_or_default()) {
        Ok(QueueMessage::Notice(_)) => return None,
        Ok(QueueMessage::Sync(sync)) => match sync::run(deps, &sync, delivery).await {
            Outcome::Done => return None,
            Outcome::Retry { after, why } => (after, why),
        },
        Err(error) => {
            // It will never parse. It goes to the dead-letter queue, where a person can see it.
            tracing::error!(%error, "a message is not a sync message");
            telemetry::count(deps.clock.now(), "MessagesUnreadable", 1, &[]);
            (Duration::ZERO, "unreadable")
        }
    };
    tracing::info!(why, wait_s = after.as_secs(), delivery = delivery.count, "a message goes back to its queue");
    if let Some(receipt) = &message.receipt_handle
        && let Err(error) = deps.queue_of(&message).delay(receipt, after).await
    {
        tracing::warn!(%error, "the message waits for the queue's own time-out");
    }
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message.message_id.unwrap_or_default();
    Some(failure)
}
