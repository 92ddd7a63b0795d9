//! Subscriptions of the application.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::clock::Entropy;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::collection::Collection;

use super::event::EventType;

/// Time from creation or renewal of a subscription to its end (seen: 90 days).
const SUBSCRIPTION_TTL: Duration = Duration::from_hours(90 * 24);

/// A subscription. Its verification token is not kept: it serves the handshake only.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) id: Uuid,
    pub(crate) callback_url: String,
    pub(crate) event_type: EventType,
    pub(crate) data_type: Collection,
    expires: Timestamp,
}

/// A subscription as Oura answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubscriptionView {
    pub id: String,
    pub callback_url: String,
    pub event_type: EventType,
    /// The name of the collection in webhooks.
    pub data_type: &'static str,
    /// End of the subscription in UTC, with or without an offset.
    pub expiration_time: String,
}

impl Subscription {
    pub(crate) fn view(&self, with_offset: bool) -> SubscriptionView {
        let form = if with_offset { "%Y-%m-%dT%H:%M:%S%.f+00:00" } else { "%Y-%m-%dT%H:%M:%S%.f" };
        SubscriptionView {
            id: self.id.to_string(),
            callback_url: self.callback_url.clone(),
            event_type: self.event_type,
            // There are no subscriptions to a collection without a name.
            data_type: self.data_type.webhook_name().unwrap_or_default(),
            expiration_time: self.expires.strftime(form).to_string(),
        }
    }
}

/// Requested content of a subscription.
#[derive(Debug, Clone)]
pub(crate) struct SubscriptionRequest {
    pub(crate) callback_url: String,
    pub(crate) event_type: EventType,
    pub(crate) data_type: Collection,
}

/// The subscriptions. Expired ones are removed as if they had been deleted.
#[derive(Default)]
pub(crate) struct Subscriptions(Vec<Subscription>);

impl Subscriptions {
    fn alive(&mut self, now: Timestamp) -> &mut Vec<Subscription> {
        self.0.retain(|subscription| subscription.expires > now);
        &mut self.0
    }

    pub(crate) fn list(&mut self, now: Timestamp) -> Vec<Subscription> {
        self.alive(now).clone()
    }

    pub(crate) fn get(&mut self, id: Uuid, now: Timestamp) -> Option<&mut Subscription> {
        self.alive(now).iter_mut().find(|subscription| subscription.id == id)
    }

    /// True if a subscription other than `except` has this event type and data type.
    pub(crate) fn taken(&mut self, wanted: &SubscriptionRequest, except: Option<Uuid>, now: Timestamp) -> bool {
        self.alive(now).iter().any(|other| {
            other.event_type == wanted.event_type && other.data_type == wanted.data_type && Some(other.id) != except
        })
    }

    pub(crate) fn add(&mut self, wanted: SubscriptionRequest, entropy: &Entropy, now: Timestamp) -> Subscription {
        let mut random = [0; 16];
        random.iter_mut().zip(entropy.bytes()).for_each(|(byte, from)| *byte = from);
        let id = uuid::Builder::from_random_bytes(random).into_uuid();
        let SubscriptionRequest { callback_url, event_type, data_type } = wanted;
        let made = Subscription { id, callback_url, event_type, data_type, expires: later(now, SUBSCRIPTION_TTL) };
        self.alive(now).push(made.clone());
        made
    }

    /// Changes a subscription and returns it.
    pub(crate) fn change(&mut self, id: Uuid, wanted: SubscriptionRequest, now: Timestamp) -> Option<Subscription> {
        let subscription = self.get(id, now)?;
        subscription.callback_url = wanted.callback_url;
        subscription.event_type = wanted.event_type;
        subscription.data_type = wanted.data_type;
        Some(subscription.clone())
    }

    /// Extends a subscription to 90 days from now and returns it.
    pub(crate) fn renew(&mut self, id: Uuid, now: Timestamp) -> Option<Subscription> {
        let subscription = self.get(id, now)?;
        subscription.expires = later(now, SUBSCRIPTION_TTL);
        Some(subscription.clone())
    }

    pub(crate) fn remove(&mut self, id: Uuid) -> bool {
        let before = self.0.len();
        self.0.retain(|subscription| subscription.id != id);
        self.0.len() != before
    }

    /// The subscriptions to an event type and data type, by their names in webhooks.
    pub(crate) fn of(&mut self, event_type: &str, data_type: &str, now: Timestamp) -> Vec<Subscription> {
        let meets = |other: &&Subscription| {
            <&str>::from(other.event_type) == event_type && other.data_type.webhook_name() == Some(data_type)
        };
        self.alive(now).iter().filter(meets).cloned().collect()
    }

    /// The oldest subscription of each callback URL.
    pub(crate) fn one_of_each_url(&mut self, now: Timestamp) -> Vec<Subscription> {
        let mut seen = BTreeSet::new();
        self.alive(now).iter().filter(|other| seen.insert(other.callback_url.clone())).cloned().collect()
    }
}

/// A moment some time later, or the last one that can be represented.
pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
