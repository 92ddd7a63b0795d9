//! Order of webhook deliveries.

use serde::{Deserialize, Serialize};

/// Order of the webhook deliveries that are due at the same time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryOrder {
    /// The oldest first, but several at once: they arrive about in order.
    #[default]
    Loose,
    /// The newest first, one after the other.
    Reversed,
    /// In a mixed order that is the same on every run, one after the other.
    Shuffled,
}
