//! The worker: takes notices, sync messages and patients' commands from the queues, several patients at once, and answers with the ones that
//! have to come again (partial batch response).

pub mod assignment;
pub mod commands;
pub mod due;
mod ending;
pub mod fetch;
mod night;
pub mod notices;
pub mod plan;
mod purge;
mod store;
pub mod sync;
pub mod tally;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::FutureExt;
use futures::future;
use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use shared::aws::{
    AppSecrets, Bus, Connections, Days, Inbox, NightlyRuns, Outbox, Purges, Queue, Runs, SdkConfig, SharedRateLimit,
    TokenSettings, TokenStore, WebhookDays,
};
use shared::disconnect::Disconnect;
use shared::domain::{Clock, Command, Entropy, OuraUserId, QueueMessage, SyncMessage, WebhookEvent};
use shared::env::{Env, EnvError};
use shared::oura::rate_limit::LEAST_ALLOWANCE;
use shared::oura::{HttpOptions, OAuthHttp, OuraClient, OuraHosts};
use shared::telemetry::{self, Metric};
use shared::vault::{OuraApp, Revocations, Vault};

use crate::due::Rhythm;
use crate::sync::{Delivery, Outcome};

/// Patients synced at once in one process: a batch of the nightly queue. One of the live queue is smaller, since a history
/// is a month of documents in memory and a night only some days.
const PATIENTS_AT_ONCE: usize = 16;

/// Settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    app_secret_id: String,
    redirect_uri: String,
    hosts: OuraHosts,
    connections_table: String,
    wearable_data_table: String,
    daily_stats_table: String,
    tokens: TokenSettings,
    live_queue_url: String,
    nightly_queue_url: String,
    event_bus_name: String,
    disconnect_guard: u32,
    debounce_seconds: u32,
    lookback_days: u32,
    requests_per_window: u32,
    full_sync_interval_days: u32,
}

impl Config {
    /// Reads `OURA_APP_SECRET_ID`, `OURA_REDIRECT_URI`, `OURA_TOKEN_URL`, `OURA_TOKEN_FALLBACK_URL`, `OURA_REVOKE_URL`,
    /// `OURA_API_BASE_URL`, `CONNECTIONS_TABLE`, `WEARABLE_DATA_TABLE`, `DAILY_STATS_TABLE`, `TOKEN_VAULT`,
    /// `TOKEN_VAULT_MIGRATE_FROM`, `TOKEN_SECRET_PREFIX`, `TOKEN_KEY_RING_SECRET_ID`, `LIVE_QUEUE_URL`, `NIGHTLY_QUEUE_URL`,
    /// `EVENT_BUS_NAME`, `MAX_DISCONNECTS_PER_DAY`, `WEBHOOK_DEBOUNCE_SECONDS`, `LOOKBACK_DAYS`, `OURA_REQUESTS_PER_5_MIN`
    /// and `FULL_SYNC_INTERVAL_DAYS`.
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
            requests_per_window: env.bounded("OURA_REQUESTS_PER_5_MIN", 5000, LEAST_ALLOWANCE..=10_000_000)?,
            full_sync_interval_days: env.bounded("FULL_SYNC_INTERVAL_DAYS", 7, 1..=30)?,
        })
    }
}

/// What this function works with.
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
    pub(crate) live: Queue,
    /// How long notices gather before the sync that they cause.
    pub(crate) debounce: Duration,
    pub(crate) lookback_days: u32,
    full_sync_interval_days: u32,
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
        let app = OuraApp::new(secrets, oauth, &config.redirect_uri);
        let tokens = TokenStore::new(sdk, &config.tokens, &clock);
        let vault = Vault::new(
            app.clone(),
            tokens.clone(),
            connections.clone(),
            clock.clone(),
            entropy,
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
            debounce: Duration::from_secs(config.debounce_seconds.into()),
            lookback_days: config.lookback_days,
            live: Queue::new(sdk, &config.live_queue_url),
            nightly: Queue::new(sdk, &config.nightly_queue_url),
            nightly_queue_name: config.nightly_queue_url.rsplit('/').next().unwrap_or_default().to_owned(),
        })
    }

    pub(crate) fn rhythm(&self) -> Rhythm {
        Rhythm { full_sync_interval_days: self.full_sync_interval_days, now: self.clock.now() }
    }

    pub(crate) fn debounce(&self) -> SignedDuration {
        SignedDuration::try_from(self.debounce).unwrap_or_default()
    }

    /// The queue that a message came from, by the last part of its ARN.
    fn queue_of(&self, message: &SqsMessage) -> &Queue {
        let name = message.event_source_arn.as_deref().and_then(|arn| arn.rsplit(':').next());
        if name == Some(self.nightly_queue_name.as_str()) { &self.nightly } else { &self.live }
    }
}

/// One piece of work of a batch, with the messages that it is done for.
enum Work {
    Sync(SyncMessage),
    /// Notices of one ring account.
    Notices(OuraUserId, Vec<WebhookEvent>),
    Command(Command),
    /// A message that will never parse. It goes to the dead-letter queue, where a person can see it.
    Unreadable,
}

/// Works off a batch. `deadline`: when this invocation ends.
///
/// # Errors
/// When a message has no id: without one nothing can be said about it, so the whole batch has to come again.
pub async fn handle(deps: &Deps, event: SqsEvent, deadline: Timestamp) -> anyhow::Result<SqsBatchResponse> {
    if event.records.iter().any(|message| message.message_id.is_none()) {
        anyhow::bail!("a message of the batch has no id");
    }
    let failures: Vec<Vec<_>> = stream::iter(sorted(event.records))
        .map(|(work, count, messages)| one(deps, work, Delivery { count, deadline }, messages).boxed())
        .buffer_unordered(PATIENTS_AT_ONCE)
        .collect()
        .await;
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failures.into_iter().flatten().collect();
    Ok(response)
}

/// The pieces of work of a batch, with how often their messages were delivered. Notices of the same ring account are one.
fn sorted(messages: Vec<SqsMessage>) -> Vec<(Work, u32, Vec<SqsMessage>)> {
    let mut works: Vec<(Work, u32, Vec<SqsMessage>)> = Vec::new();
    let mut accounts: BTreeMap<(OuraUserId, u32), (Vec<WebhookEvent>, Vec<SqsMessage>)> = BTreeMap::new();
    for message in messages {
        let count = message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1);
        match QueueMessage::parse(message.body.as_deref().unwrap_or_default()) {
            // The same sync twice in a batch is done once: two at the same time would ask Oura twice.
            Ok(QueueMessage::Sync(sync)) => {
                let same = |work: &&mut (Work, u32, Vec<SqsMessage>)| {
                    let is_same =
                        |other: &SyncMessage| (&other.patient_id, &other.sync_id) == (&sync.patient_id, &sync.sync_id);
                    work.1 == count && matches!(&work.0, Work::Sync(other) if is_same(other))
                };
                match works.iter_mut().find(same) {
                    Some((_, _, messages)) => messages.push(message),
                    None => works.push((Work::Sync(sync), count, vec![message])),
                }
            }
            Ok(QueueMessage::Command(command)) => works.push((Work::Command(command), count, vec![message])),
            Ok(QueueMessage::WebhookEvent(notice)) => {
                let account = accounts.entry((notice.user.clone(), count)).or_default();
                account.0.push(notice);
                account.1.push(message);
            }
            Err(error) => {
                tracing::error!(%error, "a message is none that is known here");
                works.push((Work::Unreadable, count, vec![message]));
            }
        }
    }
    // Notices first: gathering them is quick, and a sync of the same batch may be the one that takes them.
    let notices = accounts
        .into_iter()
        .map(|((user, count), (notices, messages))| (Work::Notices(user, notices), count, messages));
    notices.chain(works).collect()
}

/// Does one piece of work; gives its messages back when they have to come again.
async fn one(deps: &Deps, work: Work, delivery: Delivery, messages: Vec<SqsMessage>) -> Vec<BatchItemFailure> {
    let outcome = match &work {
        Work::Sync(sync) => sync::run(deps, sync, delivery).await,
        Work::Notices(user, notices) => notices::gather(deps, user, notices, delivery).await,
        Work::Command(command) => commands::run(deps, command, delivery).await,
        Work::Unreadable => {
            telemetry::count(deps.clock.now(), Metric::MessagesUnreadable, 1, &[]);
            Outcome::Retry { after: Duration::ZERO, why: "unreadable" }
        }
    };
    let (after, why, anew) = match outcome {
        Outcome::Done | Outcome::Abandoned => return Vec::new(),
        Outcome::Retry { after, why } => (after, why, false),
        Outcome::Later { after, why } => (after, why, true),
    };
    tracing::info!(
        why,
        wait_s = after.as_secs(),
        delivery = delivery.count,
        messages = messages.len(),
        "messages go back to their queue"
    );
    let given_back = messages.into_iter().map(|message| async move {
        if anew && send_anew(deps, &message, after).await {
            return None;
        }
        Some(give_back(deps, message, after).await)
    });
    future::join_all(given_back).await.into_iter().flatten().collect()
}

/// Sends a copy that is as good as new, so that the one at hand can be deleted. A worker that dies in between leaves both:
/// the same work twice does no harm. `false` when it could not be sent.
async fn send_anew(deps: &Deps, message: &SqsMessage, after: Duration) -> bool {
    let sent = deps.queue_of(message).send_body(message.body.as_deref().unwrap_or_default(), after).await;
    if let Err(error) = &sent {
        tracing::warn!(%error, "a message that only waits goes back as one that failed");
    }
    sent.is_ok()
}

async fn give_back(deps: &Deps, message: SqsMessage, after: Duration) -> BatchItemFailure {
    if let Some(receipt) = &message.receipt_handle
        && let Err(error) = deps.queue_of(&message).delay(receipt, after).await
    {
        tracing::warn!(%error, "the message waits for the queue's own time-out");
    }
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message.message_id.unwrap_or_default();
    failure
}
