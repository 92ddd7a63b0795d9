//! Subscriptions and their deliveries together.

use jiff::Timestamp;
use uuid::Uuid;

use crate::clock::Entropy;
use crate::options::settings::Options;

use super::deliveries::{Deliveries, Settled};
use super::event::{Recipients, WebhookEvent};
use super::record::WebhookRequest;
use super::subscriptions::Subscriptions;

pub(crate) struct Webhooks {
    pub(crate) subscriptions: Subscriptions,
    pub(crate) deliveries: Deliveries,
    pub(crate) entropy: Entropy,
}

impl Webhooks {
    pub(crate) fn new(entropy: Entropy) -> Self {
        Self { subscriptions: Subscriptions::default(), deliveries: Deliveries::default(), entropy }
    }

    /// Ends a subscription and its waiting deliveries; `false` if the id is unknown.
    pub(crate) fn end_subscription(&mut self, id: Uuid) -> bool {
        self.deliveries.cancel(id);
        self.subscriptions.remove(id)
    }

    /// Queues an event for its recipients and returns the ids of the deliveries.
    pub(crate) fn queue(
        &mut self,
        event: &WebhookEvent,
        recipients: Recipients,
        options: &Options,
        now: Timestamp,
    ) -> Vec<u64> {
        let targets = match recipients {
            Recipients::Subscribers => self.subscriptions.of(&event.event_type, &event.data_type, now),
            Recipients::EveryUrl => self.subscriptions.one_of_each_url(now),
        };
        targets.into_iter().flat_map(|target| self.deliveries.queue(event, &target, options, now)).collect()
    }

    /// The deliveries that are due, signed; each is in progress until it is settled.
    pub(crate) fn take_due(&mut self, client_secret: &str, options: &Options, now: Timestamp) -> Vec<WebhookRequest> {
        let Self { subscriptions, deliveries, .. } = self;
        deliveries.take_due(now, options, client_secret, |id| Some(subscriptions.get(id, now)?.callback_url.clone()))
    }

    /// Records the answer to an attempt; `false` if no attempt of this delivery is in progress.
    pub(crate) fn settle(&mut self, id: u64, status: Option<u16>, now: Timestamp) -> bool {
        match self.deliveries.settle(id, status, now) {
            Settled::NotInProgress => return false,
            Settled::Done => {}
            // "410 cancels the subscription" (documented).
            Settled::SubscriptionCancelled(subscription) => {
                self.end_subscription(subscription);
            }
        }
        true
    }
}
