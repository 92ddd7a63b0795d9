//! A batch of queue messages: grouped into jobs, processed concurrently, answered with a partial batch response.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::FutureExt;
use futures::future;
use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use shared::domain::{Command, OuraUserId, QueueMessage, SyncMessage, WebhookEvent};
use shared::telemetry::{self, Metric};

use crate::delivery::{Delivery, Outcome, requeue_fresh, return_to_queue};
use crate::deps::Deps;
use crate::{commands, sync, webhook_events};

/// Jobs processed at once: a batch of the nightly queue. A batch of the live queue is smaller, since a backfill holds a
/// month of documents in memory and a nightly sync only some days.
const CONCURRENCY: usize = 16;

/// Work of one batch for one patient, done for one or several messages.
enum Job {
    Sync(SyncMessage),
    /// Webhook events of one ring account.
    WebhookEvents(OuraUserId, Vec<WebhookEvent>),
    Command(Command),
    /// A message that never parses. It ends in the dead-letter queue.
    Unrecognized,
}

/// A job with its messages, all of the same delivery count.
struct Task {
    job: Job,
    delivery_count: u32,
    messages: Vec<SqsMessage>,
}

/// Processes a batch. `deadline` is the end of this invocation.
///
/// # Errors
/// When a message has no id: without it, no partial response is possible, and the whole batch is retried.
pub async fn handle(deps: &Deps, event: SqsEvent, deadline: Timestamp) -> anyhow::Result<SqsBatchResponse> {
    if event.records.iter().any(|message| message.message_id.is_none()) {
        anyhow::bail!("a message of the batch has no id");
    }
    let failures: Vec<Vec<_>> = stream::iter(tasks(event.records))
        .map(|task| process(deps, task, deadline).boxed())
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    // A sync that failed may have left a refresh in flight.
    deps.vault.settled().await;
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failures.into_iter().flatten().collect();
    Ok(response)
}

/// Groups messages into tasks: webhook events by ring account, repeated sync messages by sync.
fn tasks(messages: Vec<SqsMessage>) -> Vec<Task> {
    let mut tasks: Vec<Task> = Vec::new();
    let mut accounts: BTreeMap<(OuraUserId, u32), (Vec<WebhookEvent>, Vec<SqsMessage>)> = BTreeMap::new();
    for message in messages {
        let delivery_count =
            message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1);
        let job = match QueueMessage::parse(message.body.as_deref().unwrap_or_default()) {
            Ok(QueueMessage::WebhookEvent(event)) => {
                let (events, messages) = accounts.entry((event.user.clone(), delivery_count)).or_default();
                events.push(event);
                messages.push(message);
                continue;
            }
            Ok(QueueMessage::Sync(sync)) => {
                // A repeated message of the batch joins the first: two concurrent syncs would fetch everything twice.
                let same_sync = tasks.iter_mut().find(|task| {
                    task.delivery_count == delivery_count
                        && matches!(&task.job, Job::Sync(other)
                            if other.patient_id == sync.patient_id && other.sync_id == sync.sync_id)
                });
                if let Some(task) = same_sync {
                    task.messages.push(message);
                    continue;
                }
                Job::Sync(sync)
            }
            Ok(QueueMessage::Command(command)) => Job::Command(command),
            Err(error) => {
                tracing::error!(event = "queue.message_unrecognized", %error, "unrecognized queue message");
                Job::Unrecognized
            }
        };
        tasks.push(Task { job, delivery_count, messages: vec![message] });
    }
    // Webhook events first: storing them is quick, and a sync of the same batch may be the one that processes them.
    let webhook_events = accounts.into_iter().map(|((user, delivery_count), (events, messages))| Task {
        job: Job::WebhookEvents(user, events),
        delivery_count,
        messages,
    });
    webhook_events.chain(tasks).collect()
}

/// Does one job, then deletes, returns or re-enqueues its messages. Returns the messages to retry.
async fn process(deps: &Deps, task: Task, deadline: Timestamp) -> Vec<BatchItemFailure> {
    let Task { job, delivery_count, messages } = task;
    let delivery = Delivery { count: delivery_count, deadline };
    let outcome = match &job {
        Job::Sync(message) => sync::run(deps, message, delivery).await,
        Job::WebhookEvents(user, events) => webhook_events::collect(deps, user, events, delivery).await,
        Job::Command(command) => commands::run(deps, command, delivery).await,
        Job::Unrecognized => {
            telemetry::count(deps.clock.now(), Metric::MessagesUnreadable, 1, &[]);
            Outcome::Retry { after: Duration::ZERO, reason: "unreadable" }
        }
    };
    let (after, reason, is_fresh) = match outcome {
        Outcome::Done | Outcome::Abandoned => return Vec::new(),
        Outcome::Retry { after, reason } => (after, reason, false),
        Outcome::Requeue { after, reason } => (after, reason, true),
    };
    tracing::info!(
        event = "queue.messages_returned",
        reason,
        wait_s = after.as_secs(),
        delivery = delivery.count,
        messages = messages.len(),
        "messages were returned to their queue"
    );
    let returned = messages.into_iter().map(|message| async move {
        if is_fresh && requeue_fresh(deps, &message, after).await {
            return None;
        }
        Some(return_to_queue(deps, message, after).await)
    });
    future::join_all(returned).await.into_iter().flatten().collect()
}
