//! Takes messages from a queue and hands them to a function, as Lambda's SQS event source mapping does.
//!
//! A batch is collected up to its size or until its window has passed, and handed over with a deadline. The messages that the
//! function reports as failed stay in the queue until their visibility time-out; the others are deleted. The whole batch has
//! failed when the function answers with an error, panics, is late, or names a message that is not in the batch (AWS Lambda
//! Developer Guide, "Handling errors for an SQS event source in Lambda"). Several batches run at once; while that many run, no
//! message is taken. It goes by the AWS SDK only, so any SQS will do.

mod batch;

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use batch::Batch;
pub use batch::sqs_event;

use crate::template::EventSource;

/// Maximum number of messages of one receive.
const RECEIVE_LIMIT: usize = 10;
/// Longest wait of a receive in SQS.
const MAX_WAIT: Duration = Duration::from_secs(20);
/// A wait within a batching window's last second.
const SHORT_WAIT: Duration = Duration::from_millis(50);
/// The first and the longest pause after a receive that failed.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Settings of a poller.
#[derive(Debug, Clone)]
pub struct PollerOptions {
    /// The queue.
    pub queue_url: String,
    /// Maximum number of messages in a batch, 1 to 10,000.
    pub batch_size: usize,
    /// Time for which a batch waits for more messages once it has one.
    pub batching_window: Duration,
    /// Maximum number of batches at once, at least 1.
    pub max_concurrency: usize,
    /// True if the function names the messages that failed; otherwise any answer completes the whole batch.
    pub reports_item_failures: bool,
    /// The function's time-out.
    pub function_timeout: Duration,
    /// Time after which a failed message is redelivered: at least the function's time-out, or it is redelivered during the work.
    /// Whole seconds; the queue's own time-out when unset.
    pub visibility_timeout: Option<Duration>,
}

impl PollerOptions {
    /// Returns the event source mapping of the template for the queue at this URL. Messages that failed are redelivered after
    /// the queue's own visibility time-out.
    #[must_use]
    pub fn new(queue_url: impl Into<String>, source: &EventSource, function_timeout: Duration) -> Self {
        Self {
            queue_url: queue_url.into(),
            batch_size: source.batch_size,
            batching_window: source.batching_window,
            max_concurrency: source.max_concurrency(),
            reports_item_failures: source.reports_item_failures(),
            function_timeout,
            visibility_timeout: None,
        }
    }
}

/// Counts of a poller since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PollerStats {
    /// Batches handed to the function.
    pub batches: u64,
    /// Messages received, repeated deliveries included.
    pub received: u64,
    /// Messages done and deleted.
    pub done: u64,
    /// Messages left for another delivery.
    pub failed: u64,
}

/// A running poller. Dropping it ends it at once, with the functions that run; [`stop`](Self::stop) lets these finish.
#[derive(Debug)]
pub struct Poller {
    stop: watch::Sender<bool>,
    stats: Arc<Stats>,
    task: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Stats {
    batches: AtomicU64,
    received: AtomicU64,
    done: AtomicU64,
    failed: AtomicU64,
}

impl Poller {
    /// Starts polling. The handler is given the batch and the moment at which its time is up.
    pub fn start<H, F, E>(client: aws_sdk_sqs::Client, options: PollerOptions, handler: H) -> Self
    where
        H: Fn(SqsEvent, Instant) -> F + Send + Sync + 'static,
        F: Future<Output = Result<SqsBatchResponse, E>> + Send + 'static,
        E: Display + Send + 'static,
    {
        let (stop, stopped) = watch::channel(false);
        let stats = Arc::new(Stats::default());
        let source = Arc::new(Source { client, options, stats: stats.clone() });
        let task = tokio::spawn(poll(source, Arc::new(handler), stopped));
        Self { stop, stats, task: Some(task) }
    }

    /// Returns its counts.
    #[must_use]
    pub fn stats(&self) -> PollerStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PollerStats {
            batches: read(&self.stats.batches),
            received: read(&self.stats.received),
            done: read(&self.stats.done),
            failed: read(&self.stats.failed),
        }
    }

    /// Takes no more messages and returns when the batches that run are done.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(task) = self.task.take()
            && task.await.is_err()
        {
            tracing::error!(event = "local.poller_panicked", "queue poller panicked");
        }
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// The queue and what is known of it.
struct Source {
    client: aws_sdk_sqs::Client,
    options: PollerOptions,
    stats: Arc<Stats>,
}

async fn poll<H, F, E>(source: Arc<Source>, handler: Arc<H>, mut stopped: watch::Receiver<bool>)
where
    H: Fn(SqsEvent, Instant) -> F + Send + Sync + 'static,
    F: Future<Output = Result<SqsBatchResponse, E>> + Send + 'static,
    E: Display + Send + 'static,
{
    let free = Arc::new(Semaphore::new(source.options.max_concurrency.max(1)));
    let mut running = JoinSet::new();
    let mut pause = PAUSES.0;
    let arn = batch::queue_arn(&source.options.queue_url, source.client.config().region().map(AsRef::as_ref));
    loop {
        // A batch is received only when it can be processed: waiting in the queue costs a message no visibility time.
        let turn = tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => break,
            turn = free.clone().acquire_owned() => turn,
        };
        let Ok(turn) = turn else { break };
        while running.try_join_next().is_some() {}
        let received = tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => break,
            received = collect(&source) => received,
        };
        match received {
            Ok(batch) => {
                pause = PAUSES.0;
                if !batch.is_empty() {
                    let (source, handler, arn) = (source.clone(), handler.clone(), arn.clone());
                    running.spawn(async move {
                        work(&source, &*handler, batch, &arn).await;
                        drop(turn);
                    });
                }
            }
            Err(error) => {
                let error = aws_sdk_sqs::error::DisplayErrorContext(&error);
                tracing::warn!(event = "local.receive_failed", queue = arn, %error, "messages could not be received");
                let _ = tokio::time::timeout(pause, stopped.wait_for(|stopped| *stopped)).await;
                pause = (pause * 2).min(PAUSES.1);
            }
        }
    }
    while running.join_next().await.is_some() {}
}

type ReceiveError = aws_sdk_sqs::error::SdkError<aws_sdk_sqs::operation::receive_message::ReceiveMessageError>;

/// Receives until the batch is full or its window has passed. Empty when nothing came.
async fn collect(source: &Source) -> Result<Batch, ReceiveError> {
    let size = source.options.batch_size.clamp(1, 10_000);
    let mut batch = Batch::default();
    let mut closes = None;
    loop {
        let left = closes.map_or(MAX_WAIT, |closes: Instant| closes.saturating_duration_since(Instant::now()));
        // SQS waits whole seconds: what is left below one is waited here.
        let wait = Duration::from_secs(left.as_secs());
        if wait.is_zero() {
            tokio::time::sleep(left.min(SHORT_WAIT)).await;
        }
        match receive(source, wait, (size - batch.len()).min(RECEIVE_LIMIT)).await {
            Ok(messages) => batch.extend(messages),
            // What has been received is worked on in any case.
            Err(error) if batch.is_empty() => return Err(error),
            Err(_) => return Ok(batch),
        }
        let closes = *closes.get_or_insert_with(|| Instant::now() + source.options.batching_window);
        if batch.is_empty() || batch.len() >= size || Instant::now() >= closes {
            return Ok(batch);
        }
    }
}

async fn receive(
    source: &Source,
    wait: Duration,
    most: usize,
) -> Result<Vec<aws_sdk_sqs::types::Message>, ReceiveError> {
    use aws_sdk_sqs::types::MessageSystemAttributeName;

    let seconds = |duration: Duration| i32::try_from(duration.as_secs()).unwrap_or(i32::MAX);
    // The call is meant to take long: the client's own time-outs are too short for it.
    let timeouts = aws_sdk_sqs::config::timeout::TimeoutConfig::builder()
        .operation_attempt_timeout(wait + Duration::from_secs(5))
        .operation_timeout(wait + Duration::from_secs(15))
        .build();
    let received = source
        .client
        .receive_message()
        .queue_url(&source.options.queue_url)
        .max_number_of_messages(i32::try_from(most).unwrap_or(10))
        .wait_time_seconds(seconds(wait))
        .set_visibility_timeout(source.options.visibility_timeout.map(seconds))
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .message_attribute_names("All")
        .customize()
        .config_override(aws_sdk_sqs::config::Builder::default().timeout_config(timeouts))
        .send()
        .await?;
    Ok(received.messages.unwrap_or_default())
}

/// Hands a batch to the function and deletes the completed messages.
async fn work<H, F, E>(source: &Source, handler: &H, batch: Batch, arn: &str)
where
    H: Fn(SqsEvent, Instant) -> F,
    F: Future<Output = Result<SqsBatchResponse, E>> + Send + 'static,
    E: Display + Send + 'static,
{
    let count = |counter: &AtomicU64, by: usize| counter.fetch_add(by as u64, Ordering::Relaxed);
    count(&source.stats.batches, 1);
    count(&source.stats.received, batch.len());
    let deadline = Instant::now() + source.options.function_timeout;
    let region = source.client.config().region().map(AsRef::as_ref);
    let outcome = invoke(handler(batch.event(arn, region), deadline), deadline).await;
    let done = match outcome {
        Ok(response) if source.options.reports_item_failures => batch.done(&response),
        Ok(_) => batch.done(&SqsBatchResponse::default()),
        Err(failure) => {
            let messages = batch.len();
            tracing::warn!(event = "local.batch_failed", queue = arn, messages, reason = failure, "batch failed");
            Vec::new()
        }
    };
    count(&source.stats.failed, batch.len() - done.len());
    let deleted = batch::delete(&source.client, &source.options.queue_url, &done).await;
    count(&source.stats.done, deleted);
}

/// Runs the function to its end or its deadline. An error says why the whole batch failed.
async fn invoke<F, E>(function: F, deadline: Instant) -> Result<SqsBatchResponse, String>
where
    F: Future<Output = Result<SqsBatchResponse, E>> + Send + 'static,
    E: Display + Send + 'static,
{
    // A task of its own, so that a panic ends only this batch; ended with this future.
    let mut task = JoinSet::new();
    task.spawn(function);
    match tokio::time::timeout_at(deadline, task.join_next()).await {
        Err(_) => Err("timed out".to_owned()),
        Ok(Some(Ok(Ok(response)))) => Ok(response),
        Ok(Some(Ok(Err(error)))) => Err(error.to_string()),
        Ok(Some(Err(_)) | None) => Err("panicked".to_owned()),
    }
}

#[cfg(test)]
mod tests;
