//! Webhook deliveries as the control API shows them.

use jiff::Timestamp;
use serde::Serialize;

/// A delivery to be sent now by the caller that took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRequest {
    /// Id of the delivery, for [`crate::Control::settle_delivery`].
    pub id: u64,
    pub url: String,
    /// Headers, with the signature.
    pub headers: Vec<(String, String)>,
    /// The body, exactly as signed.
    pub body: Vec<u8>,
}

/// State of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum DeliveryState {
    /// Waiting for an attempt, or in progress.
    Pending,
    /// Answered with 2xx.
    Delivered,
    /// All retries failed.
    Abandoned,
    /// Its subscription ended.
    Cancelled,
    /// Lost on purpose, and never sent.
    Lost,
}

/// An attempt of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryAttempt {
    pub at: Timestamp,
    /// Status of the answer; `None` without an answer in time.
    pub status: Option<u16>,
}

/// A delivery of an event to a subscription, with its attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookDeliveryRecord {
    pub id: u64,
    pub subscription_id: String,
    /// The receiver, as of the last attempt.
    pub url: String,
    pub event_type: String,
    /// The name of the collection in webhooks.
    pub data_type: String,
    pub object_id: String,
    pub user_id: String,
    /// Time of the change.
    pub queued_at: Timestamp,
    /// Time of the next attempt; `None` if there will be none.
    pub due_at: Option<Timestamp>,
    /// The attempts so far, oldest first.
    pub attempts: Vec<DeliveryAttempt>,
    pub state: DeliveryState,
}
