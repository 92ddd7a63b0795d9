//! Notices as the control API shows them.

use jiff::Timestamp;
use serde::Serialize;

/// A notice to be sent now, by whoever took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRequest {
    /// The notice; to be settled by [`super::super::Control::settle_delivery`].
    pub id: u64,
    /// Where to.
    pub url: String,
    /// Its headers, the signature among them.
    pub headers: Vec<(String, String)>,
    /// Its body, exactly as signed.
    pub body: Vec<u8>,
}

/// How far a notice has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum DeliveryState {
    /// It waits for its first or its next attempt, or is under way.
    Pending,
    /// The receiver answered 2xx.
    Delivered,
    /// All retries failed.
    Abandoned,
    /// Its subscription ended.
    Cancelled,
    /// It was lost on purpose, and never sent.
    Lost,
}

/// One attempt to deliver a notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryAttempt {
    /// When it was sent.
    pub at: Timestamp,
    /// The answer; `None` if there was none in time.
    pub status: Option<u16>,
}

/// A notice, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookDeliveryRecord {
    /// Its number.
    pub id: u64,
    /// The subscription that it belongs to.
    pub subscription_id: String,
    /// Where it goes, as of the last attempt.
    pub url: String,
    /// What happened.
    pub event_type: String,
    /// The name of the collection, as webhooks spell it.
    pub data_type: String,
    /// The document.
    pub object_id: String,
    /// The user.
    pub user_id: String,
    /// When the change happened.
    pub queued_at: Timestamp,
    /// When the next attempt is due; `None` when there will be none.
    pub due_at: Option<Timestamp>,
    /// The attempts so far, oldest first.
    pub attempts: Vec<DeliveryAttempt>,
    /// How far it has come.
    pub state: DeliveryState,
}
