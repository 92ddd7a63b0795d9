//! One delivery of a queue message: its deadline, its outcome, and what the outcome does with the message.

use std::time::Duration;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsMessage};
use jiff::{SignedDuration, Timestamp};
use shared::domain::PatientId;

use crate::deps::Deps;

/// Deliveries before a queue moves a message to its dead-letter queue (`maxReceiveCount` of the template).
const MAX_DELIVERIES: u32 = 5;

/// Delay of the first retry; four times as long with every delivery, so that five deliveries outlast a rate-limit window
/// and a short outage.
pub(crate) const FIRST_RETRY: Duration = Duration::from_secs(15);

/// Longest delay before a message is received again: three of Oura's rate-limit windows, and the longest of SQS.
pub(crate) const MAX_DELAY: Duration = Duration::from_secs(15 * 60);

/// Shortest delay of a command that waits for Oura.
const MIN_DELAY: Duration = Duration::from_secs(30);

/// Result of a job, which decides what happens to its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done, or nothing to do: the message is deleted.
    Done,
    /// Failed: the message returns to its queue. The queue counts deliveries and moves a message that failed too often to
    /// its dead-letter queue.
    Retry {
        after: Duration,
        /// Stable word for the log.
        reason: &'static str,
    },
    /// Not started or not finished, through no fault of the message: a fresh copy is sent, and the delivery does not count
    /// as a failure.
    Requeue {
        after: Duration,
        /// Stable word for the log.
        reason: &'static str,
    },
    /// Abandoned without loss, since another sync covers the same days: the message is deleted.
    Abandoned,
}

impl Outcome {
    /// Turns `Abandoned` into `Done` once the outcome has been recorded.
    pub(crate) fn once_recorded(self) -> Self {
        if self == Self::Abandoned { Self::Done } else { self }
    }
}

/// One delivery of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delivery {
    /// Number of this delivery; 1 for the first.
    pub(crate) count: u32,
    /// End of this invocation.
    pub(crate) deadline: Timestamp,
}

impl Delivery {
    /// True if the queue moves the message to its dead-letter queue after another failure.
    pub(crate) fn is_last(self) -> bool {
        self.count >= MAX_DELIVERIES
    }

    /// Delay before the next delivery, for a failure that does not suggest one.
    pub(crate) fn retry_delay(self) -> Duration {
        (FIRST_RETRY * 4_u32.saturating_pow(self.count.saturating_sub(1).min(5))).min(MAX_DELAY)
    }

    /// Returns a retry after the usual delay.
    pub(crate) fn retry(self, reason: &'static str) -> Outcome {
        Outcome::Retry { after: self.retry_delay(), reason }
    }
}

/// Publishes the patient's outbox. If events remain in it, `Done` becomes a retry.
pub(crate) async fn publish_outbox(deps: &Deps, patient: &PatientId, delivery: Delivery, outcome: Outcome) -> Outcome {
    let is_empty = match deps.outbox.drain(patient).await {
        Ok(drained) => drained.left == 0,
        Err(error) => {
            tracing::warn!(event = "outbox.drain_failed", %error, "the outbox could not be published");
            false
        }
    };
    match outcome {
        Outcome::Done if !is_empty => delivery.retry("outbox"),
        outcome => outcome,
    }
}

/// Sends a fresh copy of the message, so that the received one can be deleted. Returns false if it could not be sent.
///
/// A worker that dies between sending and deleting leaves both copies: the same job twice is harmless.
pub(crate) async fn requeue_fresh(deps: &Deps, message: &SqsMessage, delay: Duration) -> bool {
    let queue = deps.queue(message.event_source_arn.as_deref());
    let sent = queue.send_body(message.body.as_deref().unwrap_or_default(), delay).await;
    if let Err(error) = &sent {
        tracing::warn!(
            event = "queue.requeue_failed",
            %error,
            "a throttled message could not be re-enqueued and was returned as failed"
        );
    }
    sent.is_ok()
}

/// Returns the message to its queue, to be received again after the delay.
pub(crate) async fn return_to_queue(deps: &Deps, message: SqsMessage, delay: Duration) -> BatchItemFailure {
    if let Some(receipt) = &message.receipt_handle
        && let Err(error) = deps.queue(message.event_source_arn.as_deref()).delay(receipt, delay).await
    {
        tracing::warn!(
            event = "queue.delay_failed",
            %error,
            "a message was returned with the queue's own visibility timeout"
        );
    }
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message.message_id.unwrap_or_default();
    failure
}

/// Delay before a command of this age is received again: half its age, or longer if Oura asked for it.
pub(crate) fn requeue_delay(retry_after: Duration, age: SignedDuration) -> Duration {
    let half_age = Duration::try_from(age).unwrap_or_default() / 2;
    retry_after.max(half_age.clamp(MIN_DELAY, MAX_DELAY)).min(MAX_DELAY)
}
