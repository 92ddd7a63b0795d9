//! The queues of sync messages and notices.

use std::time::Duration;

use aws_sdk_sqs::Client;

use super::{SdkConfig, StoreError};
use crate::domain::QueueMessage;

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
