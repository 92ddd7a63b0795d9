//! Webhooks as Oura's: subscriptions with their handshake, signed notices with retries, and what can go wrong with them.

mod body;
mod changes;
mod control;
mod control_http;
mod deliveries;
mod handshake;
mod record;
mod routes;
mod sender;
pub(crate) mod signature;
mod subscriptions;

use crate::clock::Entropy;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::state::{Cloud, lock};

pub(super) use changes::{DocumentChange, compare};
pub(super) use control_http::routes as control_routes;
pub use record::{DeliveryAttempt, DeliveryState, WebhookDeliveryRecord, WebhookRequest};
pub(super) use routes::routes;
pub(super) use sender::{client, send_due_deliveries};
pub use subscriptions::SubscriptionView;

use deliveries::{Announcement, Deliveries, Settled};
use subscriptions::Subscriptions;

/// What happened to a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventType {
    /// It is new.
    Create,
    /// It was changed.
    Update,
    /// It is gone.
    Delete,
}

impl EventType {
    const ALL: [Self; 3] = [Self::Create, Self::Update, Self::Delete];

    fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == word)
    }
}

/// In which order notices are sent that are due together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryOrder {
    /// The oldest first, but several at once: they arrive about in order.
    #[default]
    Loose,
    /// The newest first, one after the other.
    Reversed,
    /// Mixed, always in the same way, one after the other.
    Shuffled,
}

/// Who subscribed, and what is on its way to them.
pub(super) struct Webhooks {
    subscriptions: Subscriptions,
    deliveries: Deliveries,
    entropy: Entropy,
}

impl Webhooks {
    pub(super) fn new(entropy: Entropy) -> Self {
        Self { subscriptions: Subscriptions::default(), deliveries: Deliveries::default(), entropy }
    }

    /// Ends a subscription and everything that waits for it; `false` if there is none of this id.
    fn end_subscription(&mut self, id: uuid::Uuid) -> bool {
        self.deliveries.cancel(id);
        self.subscriptions.remove(id)
    }
}

impl Cloud {
    /// Queues a notice for every subscription that asked for it, and gives the ids of the notices.
    fn queue_notice(&self, notice: &Announcement, to: Recipients) -> Vec<u64> {
        let (now, options) = (self.clock.now(), self.options());
        let mut webhooks = lock(&self.webhooks);
        let Webhooks { subscriptions, deliveries, .. } = &mut *webhooks;
        let targets = match to {
            Recipients::Subscribers => subscriptions.of(&notice.event_type, &notice.data_type, now),
            Recipients::EveryUrl => subscriptions.one_of_each_url(now),
        };
        targets.into_iter().flat_map(|target| deliveries.queue(notice, &target, &options, now)).collect()
    }

    /// The notices that are due, signed; each is under way until it is settled.
    pub(super) fn take_due_deliveries(&self) -> Vec<WebhookRequest> {
        let (now, options) = (self.clock.now(), self.options());
        let secret = self.client_secret.expose_secret();
        let mut webhooks = lock(&self.webhooks);
        let Webhooks { subscriptions, deliveries, .. } = &mut *webhooks;
        deliveries.take_due(now, &options, secret, |id| Some(subscriptions.get(id, now)?.callback_url.clone()))
    }

    /// Tells how an attempt ended; `false` if no attempt of this notice is under way.
    pub(super) fn settle_delivery(&self, id: u64, status: Option<u16>) -> bool {
        let now = self.clock.now();
        let mut webhooks = lock(&self.webhooks);
        match webhooks.deliveries.settle(id, status, now) {
            Settled::NotUnderWay => return false,
            Settled::Done => {}
            // "410 cancels the subscription" (documented).
            Settled::Gone(subscription) => {
                webhooks.end_subscription(subscription);
            }
        }
        true
    }
}

/// To whom a notice goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Recipients {
    /// Those who subscribed to its event type and data type.
    Subscribers,
    /// Every URL that is subscribed to anything: for notices of kinds that nobody can subscribe to.
    EveryUrl,
}
