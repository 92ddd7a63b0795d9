//! A webhook event.

use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

/// Change of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumIter, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum EventType {
    Create,
    Update,
    Delete,
}

/// A change to be delivered. Event type and data type are texts, since unknown ones can be sent on purpose.
#[derive(Debug, Clone)]
pub(crate) struct WebhookEvent {
    pub(crate) event_type: String,
    pub(crate) data_type: String,
    pub(crate) object_id: String,
    pub(crate) user_id: String,
}

/// Receivers of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recipients {
    /// The subscriptions to its event type and data type.
    Subscribers,
    /// Every subscribed URL once: for types without subscriptions.
    EveryUrl,
}
