//! The queues of sync messages and notices.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};

use super::{SdkConfig, StoreError};
use crate::domain::QueueMessage;

/// How often what a batch did not take is sent.
const BATCH_TRIES: usize = 4;

/// A queue of sync messages and notices.
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
    /// [`StoreError`]; when unavailable, the message may have been sent: a second one is harmless: its sync id or its notice is the same.
    pub async fn send(&self, message: impl Into<QueueMessage>) -> Result<(), StoreError> {
        self.send_later(message, Duration::ZERO).await
    }

    /// Sends a message that can be received after this time (at most 15 minutes).
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn send_later(&self, message: impl Into<QueueMessage>, wait: Duration) -> Result<(), StoreError> {
        self.send_body(&message.into().to_body(), wait).await
    }

    /// Sends a message that was received, once more.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn send_body(&self, body: &str, wait: Duration) -> Result<(), StoreError> {
        const MOST: u64 = 15 * 60;
        let seconds = i32::try_from(wait.as_secs().min(MOST)).unwrap_or(i32::MAX);
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

    /// Sends messages, at most ten, in one request. An entry that the queue refuses is sent again some times.
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
        for _ in 0..BATCH_TRIES {
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

    /// Lets a received message wait this long before it is received again (at most twelve hours).
    ///
    /// # Errors
    /// [`StoreError`]; the message then waits for the queue's own visibility time-out.
    pub async fn delay(&self, receipt_handle: &str, wait: Duration) -> Result<(), StoreError> {
        const MOST: u64 = 12 * 3600;
        let seconds = i32::try_from(wait.as_secs().min(MOST)).unwrap_or(i32::MAX);
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
