//! The parts of the template that the local stack imitates.

use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Schedule;

/// A function, by the name of its binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the functions' own names")]
pub enum Function {
    Connect,
    Callback,
    Api,
    Worker,
    Sync,
    Webhook,
    Subscriptions,
}

/// A function of the template.
#[derive(Debug)]
pub struct FunctionDefinition {
    /// Longest time that an invocation may take.
    pub timeout: Duration,
    /// Routes of the HTTP API that invoke it.
    pub routes: Vec<HttpRoute>,
    /// Queues that invoke it.
    pub event_sources: Vec<EventSource>,
}

/// A whole number of seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seconds(pub Duration);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(|seconds| Self(Duration::from_secs(seconds)))
    }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    Seconds::deserialize(deserializer).map(|seconds| seconds.0)
}

/// An event of a function. Any other type is an error.
#[derive(Debug, Deserialize)]
#[serde(tag = "Type", content = "Properties")]
pub(super) enum Event {
    HttpApi(HttpRoute),
    #[serde(rename = "SQS")]
    Sqs(EventSource),
}

/// A route of the HTTP API. Without method and path it is `$default`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[expect(missing_docs, reason = "as in the template")]
pub struct HttpRoute {
    #[serde(default)]
    api_id: Option<String>,
    #[serde(default)]
    pub method: Option<String>,
    #[serde(default)]
    pub path: Option<String>,
    #[serde(default)]
    auth: Option<RouteAuth>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RouteAuth {
    authorizer: String,
}

impl HttpRoute {
    /// True if the JWT authorizer verifies the request first. That is the API's default; `NONE` turns it off.
    #[must_use]
    pub fn is_authorized(&self) -> bool {
        self.auth.as_ref().is_none_or(|auth| auth.authorizer != "NONE")
    }
}

/// CORS settings of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[expect(missing_docs, reason = "as in the template")]
pub struct CorsDefinition {
    pub allow_origins: Vec<String>,
    pub allow_methods: Vec<String>,
    pub allow_headers: Vec<String>,
    pub expose_headers: Vec<String>,
    pub allow_credentials: bool,
    /// Seconds for which a browser keeps a preflight answer.
    pub max_age: u32,
}

/// The event source mapping of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct EventSource {
    /// Logical id of the queue.
    #[serde(deserialize_with = "id_of_arn")]
    pub queue: String,
    /// Maximum number of messages in a batch.
    #[serde(default = "default_batch_size")]
    pub batch_size: usize,
    /// Time for which a batch waits for more messages.
    #[serde(rename = "MaximumBatchingWindowInSeconds", default, deserialize_with = "seconds")]
    pub batching_window: Duration,
    #[serde(default)]
    function_response_types: Vec<ResponseType>,
    #[serde(default)]
    scaling_config: Option<ScalingConfig>,
}

/// Lambda's default.
fn default_batch_size() -> usize {
    10
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum ResponseType {
    ReportBatchItemFailures,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ScalingConfig {
    maximum_concurrency: usize,
}

impl EventSource {
    /// True if the function names the messages of a batch that failed; otherwise an answer means that all succeeded.
    #[must_use]
    pub fn reports_item_failures(&self) -> bool {
        self.function_response_types.contains(&ResponseType::ReportBatchItemFailures)
    }

    /// Maximum number of batches at once. Without one, Lambda scales to 1,250.
    #[must_use]
    pub fn max_concurrency(&self) -> usize {
        self.scaling_config.map_or(1250, |scaling| scaling.maximum_concurrency)
    }
}

/// Returns the logical id of `!GetAtt Id.Arn`.
fn id_of_arn<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|arn| arn.trim_end_matches(".Arn").to_owned())
}

/// A queue of the template.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct QueueDefinition {
    #[serde(default)]
    sqs_managed_sse_enabled: Option<bool>,
    /// Seconds for which a received message is invisible.
    #[serde(default)]
    pub visibility_timeout: Option<u32>,
    /// Seconds after which a message is dropped.
    #[serde(default)]
    pub message_retention_period: Option<u32>,
    /// The dead-letter queue.
    #[serde(default)]
    pub redrive_policy: Option<RedrivePolicy>,
}

/// The dead-letter queue of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RedrivePolicy {
    /// Logical id of the dead-letter queue.
    #[serde(rename = "deadLetterTargetArn", deserialize_with = "id_of_arn")]
    pub dead_letter_queue: String,
    /// Number of deliveries after which a message is moved there.
    pub max_receive_count: u32,
}

/// A table of the template. Encryption, backups and deletion protection have no equivalent here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "as in the template")]
pub struct TableDefinition {
    pub attribute_definitions: Vec<AttributeDefinition>,
    pub key_schema: Vec<KeyElement>,
    #[serde(default)]
    pub global_secondary_indexes: Vec<IndexDefinition>,
    #[serde(default)]
    pub time_to_live_specification: Option<TimeToLive>,
}

/// A key attribute and its type: `S`, `N` or `B`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[expect(missing_docs, reason = "as in the template")]
pub struct AttributeDefinition {
    pub attribute_name: String,
    pub attribute_type: String,
}

/// A part of a key: `HASH` or `RANGE`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[expect(missing_docs, reason = "as in the template")]
pub struct KeyElement {
    pub attribute_name: String,
    pub key_type: String,
}

/// A global secondary index.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[expect(missing_docs, reason = "as in the template")]
pub struct IndexDefinition {
    pub index_name: String,
    pub key_schema: Vec<KeyElement>,
    pub projection: ProjectionDefinition,
}

/// The attributes that an index holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[expect(missing_docs, reason = "as in the template")]
pub struct ProjectionDefinition {
    pub projection_type: String,
    #[serde(default)]
    pub non_key_attributes: Option<Vec<String>>,
}

/// The attribute after whose time DynamoDB removes an item.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[expect(missing_docs, reason = "as in the template")]
pub struct TimeToLive {
    pub attribute_name: String,
    pub enabled: bool,
}

/// A scheduled invocation of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledCall {
    /// Logical id of the schedule.
    pub id: String,
    /// Times of the invocations.
    pub schedule: Schedule,
    /// The function.
    pub function: Function,
    /// The event as JSON text, with the scheduler's own placeholders.
    pub input: String,
}

impl ScheduledCall {
    /// Returns the event of the invocation that was due at `time`.
    ///
    /// # Errors
    /// When the input is not JSON.
    pub fn event(&self, time: Timestamp) -> anyhow::Result<Value> {
        let input = self.input.replace("<aws.scheduler.scheduled-time>", &time.to_string());
        serde_json::from_str(&input).with_context(|| format!("template.yaml: the input of {} is not JSON", self.id))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ScheduleProperties {
    #[serde(default, rename = "Description")]
    _description: IgnoredAny,
    #[serde(default, rename = "FlexibleTimeWindow")]
    _flexible_time_window: IgnoredAny,
    pub schedule_expression: Schedule,
    #[serde(default)]
    pub schedule_expression_timezone: Option<String>,
    pub target: ScheduleTarget,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ScheduleTarget {
    pub arn: String,
    #[serde(default)]
    pub input: Option<String>,
}
