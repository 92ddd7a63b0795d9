//! The queues of sync messages and webhook events.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};

use super::error::StoreError;
use crate::domain::QueueMessage;

/// Attempts to send the entries that a batch refused.
const MAX_BATCH_ATTEMPTS: usize = 4;

/// A queue of sync messages and webhook events.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
    url: String,
}

impl Queue {
    /// The queue at this URL.
    #[must_use]
    pub fn new(sdk: &SdkConfig, url: impl Into<String>) -> Self {
        Self { client: Client::new(sdk), url: url.into() }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// [`StoreError`]; when unavailable, the message may have been sent. A second one is harmless: it has the same sync id or
    /// webhook event.
    pub async fn send(&self, message: impl Into<QueueMessage>) -> Result<(), StoreError> {
        self.send_later(message, Duration::ZERO).await
    }

    /// Sends a message that can be received after this delay (at most 15 minutes).
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn send_later(&self, message: impl Into<QueueMessage>, wait: Duration) -> Result<(), StoreError> {
        self.send_body(&message.into().to_body(), wait).await
    }

    /// Sends the body of a received message again.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn send_body(&self, body: &str, wait: Duration) -> Result<(), StoreError> {
        const MAX_DELAY_SECONDS: u64 = 15 * 60;
        let seconds = whole_seconds(wait, MAX_DELAY_SECONDS);
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .set_delay_seconds((seconds > 0).then_some(seconds))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| StoreError::of("queue a message", &error))
    }

    /// Sends at most ten messages in one request. Refused entries are retried.
    ///
    /// # Errors
    /// [`StoreError`]; some may have been sent then.
    pub async fn send_batch(&self, messages: impl IntoIterator<Item = QueueMessage>) -> Result<(), StoreError> {
        const ACTION: &str = "queue messages";
        let mut entries = messages
            .into_iter()
            .enumerate()
            .map(|(place, message)| {
                let entry =
                    SendMessageBatchRequestEntry::builder().id(place.to_string()).message_body(message.to_body());
                entry.build().map_err(|_incomplete| StoreError::corrupt(ACTION, "entry"))
            })
            .collect::<Result<Vec<_>, _>>()?;
        for _ in 0..MAX_BATCH_ATTEMPTS {
            if entries.is_empty() {
                return Ok(());
            }
            let sent = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries.clone())).send();
            let answer = sent.await.map_err(|error| StoreError::of(ACTION, &error))?;
            let failed: BTreeSet<&str> = answer.failed().iter().map(BatchResultErrorEntry::id).collect();
            entries.retain(|entry| failed.contains(entry.id()));
        }
        if entries.is_empty() {
            return Ok(());
        }
        Err(StoreError::Unavailable { action: ACTION, code: "entries refused".to_owned() })
    }

    /// Makes a received message invisible for this time (at most twelve hours).
    ///
    /// # Errors
    /// [`StoreError`]; the queue's own visibility time-out then applies.
    pub async fn delay(&self, receipt_handle: &str, wait: Duration) -> Result<(), StoreError> {
        const MAX_VISIBILITY_SECONDS: u64 = 12 * 3600;
        let seconds = whole_seconds(wait, MAX_VISIBILITY_SECONDS);
        self.client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt_handle)
            .visibility_timeout(seconds)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| StoreError::of("delay a message", &error))
    }
}

/// Whole seconds, rounded up: after them the wait is over.
fn whole_seconds(wait: Duration, max: u64) -> i32 {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    i32::try_from(seconds.min(max)).unwrap_or(i32::MAX)
}
