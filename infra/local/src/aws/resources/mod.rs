//! The tables, queues, bus and secrets of `template.yaml`, created where they are missing.
//!
//! In an AWS account CloudFormation creates them. This is for the embedded AWS, for other emulators and for an empty account
//! that the local stack is tried with: existing resources are left as they are.

mod tables;

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Context as _;
use aws_config::SdkConfig;
use aws_sdk_sqs::types::QueueAttributeName;
use serde::Serialize;
use serde_json::json;
use shared::domain::Entropy;
use shared::env::Env;

use crate::template::{Deployment, QueueDefinition};

/// Logical ids of the queues in the template.
pub const LIVE_QUEUE: &str = "LiveQueue";
/// See [`LIVE_QUEUE`].
pub const NIGHTLY_QUEUE: &str = "NightlyQueue";

/// Names of the resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// `CONNECTIONS_TABLE`.
    pub connections_table: String,
    /// `WEARABLE_DATA_TABLE`.
    pub wearable_data_table: String,
    /// `DAILY_STATS_TABLE`.
    pub daily_stats_table: String,
    /// The queue of `LIVE_QUEUE_URL`.
    pub live_queue: String,
    /// The queue of `NIGHTLY_QUEUE_URL`.
    pub nightly_queue: String,
    /// `EVENT_BUS_NAME`.
    pub event_bus: String,
    /// `OURA_APP_SECRET_ID`.
    pub app_secret: String,
    /// `TOKEN_SECRET_PREFIX`.
    pub token_prefix: String,
    /// `TOKEN_KEY_RING_SECRET_ID`.
    pub token_key_ring: String,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            connections_table: "oura-connections".into(),
            wearable_data_table: "oura-wearable-data".into(),
            daily_stats_table: "oura-daily-stats".into(),
            live_queue: "oura-live".into(),
            nightly_queue: "oura-nightly".into(),
            event_bus: "wearables".into(),
            app_secret: "oura/app".into(),
            token_prefix: "oura/tokens".into(),
            token_key_ring: "oura/token-keys".into(),
        }
    }
}

impl Names {
    /// The names that the functions' own variables give, and the default for each that is not set.
    #[must_use]
    pub fn from_env(env: &Env) -> Self {
        let default = Self::default();
        let name = |variable: &str, default: String| env.get(variable).map_or(default, str::to_owned);
        // A queue's URL ends with its name.
        let queue = |variable: &str, default: String| {
            let named = env.get(variable).and_then(|url| url.trim_end_matches('/').rsplit('/').next());
            named.map_or(default, str::to_owned)
        };
        Self {
            connections_table: name("CONNECTIONS_TABLE", default.connections_table),
            wearable_data_table: name("WEARABLE_DATA_TABLE", default.wearable_data_table),
            daily_stats_table: name("DAILY_STATS_TABLE", default.daily_stats_table),
            live_queue: queue("LIVE_QUEUE_URL", default.live_queue),
            nightly_queue: queue("NIGHTLY_QUEUE_URL", default.nightly_queue),
            event_bus: name("EVENT_BUS_NAME", default.event_bus),
            app_secret: name("OURA_APP_SECRET_ID", default.app_secret),
            token_prefix: name("TOKEN_SECRET_PREFIX", default.token_prefix),
            token_key_ring: name("TOKEN_KEY_RING_SECRET_ID", default.token_key_ring),
        }
    }

    /// The tables by their logical ids in the template.
    fn tables(&self) -> [(&'static str, &str); 3] {
        [
            ("ConnectionsTable", &self.connections_table),
            ("WearableDataTable", &self.wearable_data_table),
            ("DailyStatsTable", &self.daily_stats_table),
        ]
    }

    /// The live and the nightly queue by their logical ids in the template.
    fn queues(&self) -> [(&'static str, &str); 2] {
        [(LIVE_QUEUE, &self.live_queue), (NIGHTLY_QUEUE, &self.nightly_queue)]
    }

    /// The dead-letter queue of a queue.
    #[must_use]
    pub fn dead_letters(queue: &str) -> String {
        format!("{queue}-dlq")
    }
}

/// Content of the application secret.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct AppCredentials {
    /// The Oura application's client id.
    pub client_id: String,
    /// Its client secret.
    pub client_secret: String,
    /// Token that Oura presents when it verifies the webhook's address.
    pub webhook_verification_token: String,
}

impl fmt::Debug for AppCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppCredentials")
    }
}

/// Names and addresses of the resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resources {
    /// Names.
    pub names: Names,
    /// `LIVE_QUEUE_URL`.
    pub live_queue_url: String,
    /// Its dead letters.
    pub live_dead_letter_url: String,
    /// `NIGHTLY_QUEUE_URL`.
    pub nightly_queue_url: String,
    /// Its dead letters.
    pub nightly_dead_letter_url: String,
}

impl Resources {
    /// Values of the template's references to the resources: `!Ref` of each, by logical id.
    #[must_use]
    pub fn references(&self) -> BTreeMap<String, String> {
        let others = [
            (LIVE_QUEUE, &self.live_queue_url),
            (NIGHTLY_QUEUE, &self.nightly_queue_url),
            ("PatientEventBus", &self.names.event_bus),
            ("OuraAppSecret", &self.names.app_secret),
            ("TokenKeyRing", &self.names.token_key_ring),
        ];
        let tables = self.names.tables().map(|(id, name)| (id.to_owned(), name.to_owned()));
        tables.into_iter().chain(others.map(|(id, value)| (id.to_owned(), value.clone()))).collect()
    }

    /// The environment with the variables that name the resources.
    #[must_use]
    pub fn describe_in(&self, env: Env) -> Env {
        env.with("CONNECTIONS_TABLE", &self.names.connections_table)
            .with("WEARABLE_DATA_TABLE", &self.names.wearable_data_table)
            .with("DAILY_STATS_TABLE", &self.names.daily_stats_table)
            .with("LIVE_QUEUE_URL", &self.live_queue_url)
            .with("NIGHTLY_QUEUE_URL", &self.nightly_queue_url)
            .with("EVENT_BUS_NAME", &self.names.event_bus)
            .with("OURA_APP_SECRET_ID", &self.names.app_secret)
            .with("TOKEN_SECRET_PREFIX", &self.names.token_prefix)
            .with("TOKEN_KEY_RING_SECRET_ID", &self.names.token_key_ring)
    }
}

/// Creates the missing resources. Calling it again changes nothing.
///
/// # Errors
/// When AWS refuses, or a table of that name has other keys.
pub async fn ensure(sdk: &SdkConfig, names: &Names, app: &AppCredentials) -> anyhow::Result<Resources> {
    let deployment = Deployment::of_project()?;
    let dynamodb = aws_sdk_dynamodb::Client::new(sdk);
    for (id, name) in names.tables() {
        let table = tables::Table { name, definition: deployment.table(id)? };
        table.ensure(&dynamodb).await.with_context(|| format!("create the table {name}"))?;
    }
    let sqs = aws_sdk_sqs::Client::new(sdk);
    let [live, nightly] = names.queues().map(|(id, name)| ensure_queue(&sqs, deployment, id, name));
    let (live, nightly) = (live.await?, nightly.await?);
    ensure_bus(sdk, &names.event_bus).await.with_context(|| format!("create the event bus {}", names.event_bus))?;
    let app = serde_json::to_string(app).context("encode the app secret")?;
    let key_ring = new_key_ring();
    for (name, value) in [(&names.app_secret, app), (&names.token_key_ring, key_ring)] {
        ensure_secret(sdk, name, value).await.with_context(|| format!("create the secret {name}"))?;
    }
    Ok(Resources {
        names: names.clone(),
        live_queue_url: live.url,
        live_dead_letter_url: live.dead_letter_url,
        nightly_queue_url: nightly.url,
        nightly_dead_letter_url: nightly.dead_letter_url,
    })
}

/// Gives the application secret these credentials, unless it has them.
///
/// # Errors
/// When AWS refuses, or the secret does not exist.
pub async fn set_app_secret(sdk: &SdkConfig, names: &Names, app: &AppCredentials) -> anyhow::Result<()> {
    let client = aws_sdk_secretsmanager::Client::new(sdk);
    let wanted = serde_json::to_string(app).context("encode the app secret")?;
    let current = client.get_secret_value().secret_id(&names.app_secret).send().await.context("read the app secret")?;
    if current.secret_string() != Some(&wanted) {
        let put = client.put_secret_value().secret_id(&names.app_secret).secret_string(wanted);
        put.send().await.context("replace the app secret")?;
    }
    Ok(())
}

struct QueueUrls {
    url: String,
    dead_letter_url: String,
}

async fn ensure_queue(
    client: &aws_sdk_sqs::Client,
    deployment: &Deployment,
    id: &str,
    name: &str,
) -> anyhow::Result<QueueUrls> {
    let definition = deployment.queue(id)?;
    let redrive = definition.redrive_policy.as_ref().with_context(|| format!("{id} has no dead-letter queue"))?;
    let dead_letters = deployment.queue(&redrive.dead_letter_queue)?;
    let dead_letters = queue(client, &Names::dead_letters(name), attributes(dead_letters)).await;
    let dead_letter_url = dead_letters.with_context(|| format!("create the dead-letter queue of {name}"))?;
    let found = client.get_queue_attributes().queue_url(&dead_letter_url);
    let found = found.attribute_names(QueueAttributeName::QueueArn).send().await;
    let found = found.context("read its dead-letter queue")?.attributes.unwrap_or_default();
    let arn = found.get(&QueueAttributeName::QueueArn).context("its dead-letter queue has no ARN")?;
    let policy = json!({"deadLetterTargetArn": arn, "maxReceiveCount": redrive.max_receive_count}).to_string();
    let wanted = attributes(definition).chain([(QueueAttributeName::RedrivePolicy, policy)]);
    let url = queue(client, name, wanted).await.with_context(|| format!("create the queue {name}"))?;
    Ok(QueueUrls { url, dead_letter_url })
}

/// Attributes of a queue without its dead-letter queue.
fn attributes(queue: &QueueDefinition) -> impl Iterator<Item = (QueueAttributeName, String)> {
    let seconds = [
        (QueueAttributeName::VisibilityTimeout, queue.visibility_timeout),
        (QueueAttributeName::MessageRetentionPeriod, queue.message_retention_period),
    ];
    seconds.into_iter().filter_map(|(name, value)| Some((name, value?.to_string())))
}

/// The queue's URL; with these attributes if it has to be made.
async fn queue(
    client: &aws_sdk_sqs::Client,
    name: &str,
    attributes: impl IntoIterator<Item = (QueueAttributeName, String)>,
) -> anyhow::Result<String> {
    match client.get_queue_url().queue_name(name).send().await {
        Ok(found) => return found.queue_url.context("it has no URL"),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_queue_does_not_exist()) => {}
        Err(error) => return Err(error).context("look it up"),
    }
    let create = client.create_queue().queue_name(name).set_attributes(Some(attributes.into_iter().collect()));
    create.send().await.context("create it")?.queue_url.context("it has no URL")
}

async fn ensure_bus(sdk: &SdkConfig, name: &str) -> anyhow::Result<()> {
    let client = aws_sdk_eventbridge::Client::new(sdk);
    match client.describe_event_bus().name(name).send().await {
        Ok(_) => return Ok(()),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {}
        Err(error) => return Err(error).context("look it up"),
    }
    match client.create_event_bus().name(name).send().await {
        Ok(_) => Ok(()),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_already_exists_exception()) => {
            Ok(())
        }
        Err(error) => Err(error).context("create it"),
    }
}

/// A ring with a first key, as the template has one generated.
fn new_key_ring() -> String {
    json!({"current": "1", "1": hex::encode(Entropy::system().bytes())}).to_string()
}

async fn ensure_secret(sdk: &SdkConfig, name: &str, value: String) -> anyhow::Result<()> {
    let client = aws_sdk_secretsmanager::Client::new(sdk);
    match client.describe_secret().secret_id(name).send().await {
        Ok(_) => return Ok(()),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {}
        Err(error) => return Err(error).context("look it up"),
    }
    match client.create_secret().name(name).secret_string(value).send().await {
        Ok(_) => Ok(()),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_exists_exception()) => Ok(()),
        Err(error) => Err(error).context("create it"),
    }
}
