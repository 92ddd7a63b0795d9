//! SQS: the engine `winterbaume-sqs` on a store of ours, with the checks that it lacks.
//!
//! What is corrected: batches are checked and each entry answered (the engine drops an entry without a body unanswered and
//! lets one bad entry fail the rest), attributes come only where they are asked for, a missing queue is answered as every SDK
//! expects, queue URLs lead to this server. The store corrects the message counts. Not followed: FIFO order, message
//! retention, `StartMessageMoveTask`.

mod store;

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use winterbaume_core::{MockRequest, MockService as _};
use winterbaume_sqs::SqsService;

use super::REGION;
use super::call::Service;
use super::engine;
use super::plan::Plan;
use super::reply::Reply;
use shared::domain::Clock;
pub use store::QueueDepth;
use store::Store;

/// The longest message, in bytes (1 MiB since August 2025).
const LONGEST_MESSAGE: usize = 1024 * 1024;
/// The longest delay, in seconds.
const LONGEST_DELAY: i64 = 900;
/// The longest visibility time-out, in seconds.
const LONGEST_VISIBILITY: i64 = 43_200;
/// Entries of a batch, messages of a receive.
const MOST_ENTRIES: usize = 10;

/// The running engine.
pub(crate) struct Queues {
    engine: SqsService,
    store: Arc<Store>,
    /// The address under which queues are reached, with a slash at the end.
    base: String,
}

/// A batch entry that is not carried out.
struct Rejected {
    code: String,
    message: String,
    senders_fault: bool,
}

impl Queues {
    /// An SQS without queues, reached under this address.
    pub fn start(base: String, clock: Clock) -> Self {
        let store = Arc::new(Store::new(clock));
        Self { engine: SqsService::with_backend(store.clone()), store, base }
    }

    /// Number of messages in a queue; `None` when there is no such queue.
    pub async fn depth(&self, queue: &str) -> Option<QueueDepth> {
        self.store.depth(queue).await
    }

    /// Answers a call.
    pub async fn answer(&self, operation: &str, request: MockRequest, plan: &Plan) -> Reply {
        let Ok(Value::Object(input)) = serde_json::from_slice(&request.body) else {
            return refused("InvalidParameterValue", "The body is not a JSON object");
        };
        let reply = match operation {
            "SendMessage" => match check_message(&input) {
                Ok(()) => self.engine.handle(request).await.into(),
                Err(rejected) => refused(&rejected.code, &rejected.message),
            },
            "ReceiveMessage" => self.receive(&input, request).await,
            "SendMessageBatch" | "DeleteMessageBatch" | "ChangeMessageVisibilityBatch" => {
                self.batch(operation, &input, plan).await
            }
            "CreateQueue" | "GetQueueUrl" | "ListQueues" => self.with_urls(self.engine.handle(request).await.into()),
            "GetQueueAttributes" => only_asked(&input, self.engine.handle(request).await.into()),
            _ => self.engine.handle(request).await.into(),
        };
        for_every_sdk(reply)
    }

    /// The queues' addresses as those of this server: SDKs that call the queue's own URL find it, too.
    fn with_urls(&self, reply: Reply) -> Reply {
        let mut body = reply.value();
        let real = format!("https://sqs.{REGION}.amazonaws.com/");
        let here = |url: &mut Value| {
            if let Some(path) = url.as_str().and_then(|url| url.strip_prefix(&real)) {
                *url = format!("{}{path}", self.base).into();
            }
        };
        body.get_mut("QueueUrl").into_iter().for_each(here);
        body.get_mut("QueueUrls").and_then(Value::as_array_mut).into_iter().flatten().for_each(here);
        reply.with_value(&body)
    }

    async fn receive(&self, input: &Map<String, Value>, request: MockRequest) -> Reply {
        let count = input.get("MaxNumberOfMessages").map_or(Some(1), Value::as_i64);
        if !count.is_some_and(|count| (1..=10).contains(&count)) {
            return refused("InvalidParameterValue", "MaxNumberOfMessages must be between 1 and 10.");
        }
        let wait = input.get("WaitTimeSeconds").map_or(Some(0), Value::as_i64);
        if !wait.is_some_and(|wait| (0..=20).contains(&wait)) {
            return refused("InvalidParameterValue", "WaitTimeSeconds must be between 0 and 20.");
        }
        let visibility = input.get("VisibilityTimeout").map_or(Some(0), Value::as_i64);
        if !visibility.is_some_and(|seconds| (0..=LONGEST_VISIBILITY).contains(&seconds)) {
            return refused("InvalidParameterValue", "VisibilityTimeout must be between 0 and 43200.");
        }
        let reply: Reply = self.engine.handle(request).await.into();
        let mut body = reply.value();
        let mut asked: Vec<&str> = names(input, "MessageSystemAttributeNames").collect();
        asked.extend(names(input, "AttributeNames"));
        let asked_own: Vec<&str> = names(input, "MessageAttributeNames").collect();
        for message in body.get_mut("Messages").and_then(Value::as_array_mut).into_iter().flatten() {
            keep(message, "Attributes", |name| asked.iter().any(|asked| *asked == "All" || *asked == name));
            keep(message, "MessageAttributes", |name| {
                asked_own.iter().any(|asked| *asked == "All" || *asked == ".*" || *asked == name)
            });
        }
        reply.with_value(&body)
    }

    /// Carries out each entry alone, so that one cannot fail the others.
    async fn batch(&self, operation: &str, input: &Map<String, Value>, plan: &Plan) -> Reply {
        let entries = input.get("Entries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if let Some(refusal) = check_batch(entries) {
            return refusal;
        }
        let single = operation.trim_end_matches("Batch");
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for (index, entry) in entries.iter().enumerate() {
            let id = &entry["Id"];
            match self.entry(single, input, entry, plan.entry_failure(index)).await {
                Ok(Reply { status, .. }) if status.is_server_error() => {
                    failed.push(json!({"Id": id, "SenderFault": false, "Code": "InternalError", "Message": "Internal error"}));
                }
                Ok(reply) if reply.status.is_success() => {
                    let mut done = reply.value();
                    done["Id"] = id.clone();
                    successful.push(done);
                }
                // The queue itself is missing: no matter of one entry.
                Ok(reply) if reply.code() == "AWS.SimpleQueueService.NonExistentQueue" => return reply,
                Ok(reply) => {
                    let message = reply.value()["message"].clone();
                    failed.push(json!({"Id": id, "SenderFault": true, "Code": reply.code(), "Message": message}));
                }
                Err(rejected) => failed.push(
                    json!({"Id": id, "SenderFault": rejected.senders_fault, "Code": rejected.code, "Message": rejected.message}),
                ),
            }
        }
        Reply::ok(Service::Sqs, &json!({"Successful": successful, "Failed": failed}))
    }

    async fn entry(
        &self,
        single: &str,
        batch: &Map<String, Value>,
        entry: &Value,
        failure: Option<&str>,
    ) -> Result<Reply, Rejected> {
        if let Some(code) = failure {
            return Err(Rejected { code: code.to_owned(), message: "Injected".into(), senders_fault: false });
        }
        let mut input = entry.as_object().cloned().unwrap_or_default();
        input.remove("Id");
        input.insert("QueueUrl".into(), batch.get("QueueUrl").cloned().unwrap_or_default());
        if single == "SendMessage" {
            check_message(&input)?;
        }
        Ok(self.engine.handle(engine::request(Service::Sqs, single, &Value::Object(input))).await.into())
    }
}

fn names<'a>(input: &'a Map<String, Value>, field: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    input.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Keeps of an object's field only what passes, and drops the field when nothing does.
fn keep(object: &mut Value, field: &str, passes: impl Fn(&str) -> bool) {
    let Some(object) = object.as_object_mut() else { return };
    let Some(Value::Object(inner)) = object.get_mut(field) else { return };
    inner.retain(|name, _| passes(name));
    if inner.is_empty() {
        object.remove(field);
    }
}

fn only_asked(input: &Map<String, Value>, reply: Reply) -> Reply {
    let asked: Vec<&str> = names(input, "AttributeNames").collect();
    let mut body = reply.value();
    keep(&mut body, "Attributes", |name| asked.iter().any(|asked| *asked == "All" || *asked == name));
    reply.with_value(&body)
}

fn check_message(input: &Map<String, Value>) -> Result<(), Rejected> {
    let rejected =
        |code: &str, message: &str| Rejected { code: code.into(), message: message.into(), senders_fault: true };
    let body = input.get("MessageBody").and_then(Value::as_str).unwrap_or_default();
    if body.is_empty() {
        return Err(rejected("MissingParameter", "The request must contain the parameter MessageBody."));
    }
    if body.len() > LONGEST_MESSAGE {
        return Err(rejected(
            "InvalidParameterValue",
            "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
        ));
    }
    let delay = input.get("DelaySeconds").filter(|delay| !delay.is_null()).map_or(Some(0), Value::as_i64);
    if !delay.is_some_and(|delay| (0..=LONGEST_DELAY).contains(&delay)) {
        return Err(rejected("InvalidParameterValue", "DelaySeconds must be between 0 and 900."));
    }
    Ok(())
}

/// The refusal of a whole batch, if it is malformed.
fn check_batch(entries: &[Value]) -> Option<Reply> {
    let refusal = |shape: &str, message: &str| {
        Some(Reply::query_error(shape, &format!("AWS.SimpleQueueService.{shape}"), message))
    };
    if entries.is_empty() {
        return refusal("EmptyBatchRequest", "There should be at least one entry in the request.");
    }
    if entries.len() > MOST_ENTRIES {
        return refusal("TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10.");
    }
    let ids: HashSet<&str> = entries.iter().filter_map(|entry| entry["Id"].as_str()).collect();
    if ids.len() < entries.len() {
        return refusal("BatchEntryIdsNotDistinct", "Every entry needs an Id of its own.");
    }
    let length = |entry: &Value| entry["MessageBody"].as_str().map_or(0, str::len);
    if entries.iter().map(length).sum::<usize>() > LONGEST_MESSAGE {
        return refusal("BatchRequestTooLong", "Batch requests cannot be longer than 1048576 bytes.");
    }
    None
}

/// SDKs read the shape's name in `__type` or the old code in a header, and the engine gives neither of its own accord.
fn for_every_sdk(reply: Reply) -> Reply {
    let shape = match reply.code().as_str() {
        "AWS.SimpleQueueService.NonExistentQueue" => "QueueDoesNotExist",
        "QueueAlreadyExists" => "QueueNameExists",
        _ => return reply,
    };
    let message = reply.value()["message"].as_str().unwrap_or_default().to_owned();
    Reply::query_error(shape, &reply.code(), &message)
}

fn refused(code: &str, message: &str) -> Reply {
    Reply::refused(Service::Sqs, code, message)
}
