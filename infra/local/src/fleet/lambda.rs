//! Lambda's event source mapping of a queue, in the fleet's own time: batches of messages to several workers at once, until
//! the queue is empty. The [poller](crate::poller) of the stack goes by the machine's time.

use std::io::Write;
use std::time::Duration;

use anyhow::Context as _;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use futures::stream::{FuturesUnordered, StreamExt as _};

use super::Fleet;
use super::report::Progress;
use crate::aws::REGION;
use crate::poller::sqs_event;
use crate::template::{Deployment, EventSource, Function};

/// The worker's event source mapping of a queue.
pub(super) struct Mapping<'a> {
    url: &'a str,
    name: &'a str,
    source: &'static EventSource,
    timeout: Duration,
}

impl<'a> Mapping<'a> {
    /// Returns the template's mapping of the queue with this logical id, URL and name.
    pub(super) fn of(id: &str, url: &'a str, name: &'a str) -> anyhow::Result<Self> {
        let deployment = Deployment::of_project()?;
        let timeout = deployment.function(Function::Worker)?.timeout;
        Ok(Self { url, name, source: deployment.worker_source(id)?, timeout })
    }
}

/// Interval between two looks at an empty queue, by the machine's clock.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Hands batches to the workers until the queue is empty.
pub(super) async fn drain<W: Write>(
    fleet: &Fleet,
    mapping: &Mapping<'_>,
    worker: impl Fn() -> anyhow::Result<worker::Deps>,
    progress: &mut Progress<'_, W>,
) -> anyhow::Result<()> {
    let all = depth(fleet, mapping.name).await?;
    let workers: Vec<_> = (0..mapping.source.max_concurrency()).map(|_| worker()).collect::<Result<_, _>>()?;
    // Each a process of its own: they share nothing but the tables.
    let mut free: Vec<_> = workers.iter().collect();
    let mut busy = FuturesUnordered::new();
    loop {
        while let Some(worker) = free.pop() {
            let batch = receive(fleet, mapping).await?;
            if batch.is_empty() {
                free.push(worker);
                break;
            }
            busy.push(async move {
                let settled = invoke(fleet, mapping, worker, &batch).await;
                (worker, settled)
            });
        }
        let left = depth(fleet, mapping.name).await?;
        progress.count(all.saturating_sub(left), all)?;
        if busy.is_empty() && left == 0 {
            return Ok(());
        }
        tokio::select! {
            Some((worker, settled)) = busy.next(), if !busy.is_empty() => {
                settled?;
                free.push(worker);
            }
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }
}

async fn depth(fleet: &Fleet, name: &str) -> anyhow::Result<usize> {
    Ok(fleet.aws.queue_depth(name).await.context("the queue is gone")?.total())
}

/// Collects a batch: SQS gives ten messages at once at most.
async fn receive(fleet: &Fleet, mapping: &Mapping<'_>) -> anyhow::Result<Vec<Message>> {
    let sqs = aws_sdk_sqs::Client::new(&fleet.sdk);
    let size = mapping.source.batch_size;
    let mut batch = Vec::new();
    while batch.len() < size {
        let most = i32::try_from((size - batch.len()).min(10)).unwrap_or(10);
        let received = sqs
            .receive_message()
            .queue_url(mapping.url)
            .max_number_of_messages(most)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .context("receive messages")?;
        if received.messages().is_empty() {
            break;
        }
        batch.extend(received.messages.unwrap_or_default());
    }
    Ok(batch)
}

/// One invocation: the messages that the worker reports as failed are redelivered, the others are deleted.
async fn invoke(fleet: &Fleet, mapping: &Mapping<'_>, worker: &worker::Deps, batch: &[Message]) -> anyhow::Result<()> {
    let event = sqs_event(batch, &format!("arn:aws:sqs:{REGION}:000000000000:{}", mapping.name), Some(REGION));
    let deadline = fleet.clock.now() + mapping.timeout;
    let response = worker::handle(worker, event, deadline).await?;
    let again: Vec<_> = response.batch_item_failures.iter().map(|one| one.item_identifier.as_str()).collect();
    let sqs = aws_sdk_sqs::Client::new(&fleet.sdk);
    let done: Vec<_> = batch
        .iter()
        .filter(|message| !again.contains(&message.message_id().unwrap_or_default()))
        .enumerate()
        .map(|(n, message)| {
            aws_sdk_sqs::types::DeleteMessageBatchRequestEntry::builder()
                .id(n.to_string())
                .receipt_handle(message.receipt_handle().unwrap_or_default())
                .build()
        })
        .collect::<Result<_, _>>()?;
    for some in done.chunks(10) {
        sqs.delete_message_batch()
            .queue_url(mapping.url)
            .set_entries(Some(some.to_vec()))
            .send()
            .await
            .context("settle")?;
    }
    Ok(())
}
