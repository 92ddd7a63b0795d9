//! Who asked to be told of what.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::clock::Entropy;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::collection::Collection;

use super::EventType;

/// How long a subscription lives when it is created or renewed (seen: 90 days).
const LIFE: Duration = Duration::from_hours(90 * 24);

/// A subscription. Its verification token is not kept: it serves the handshake only.
#[derive(Debug, Clone)]
pub(super) struct Subscription {
    pub(super) id: Uuid,
    pub(super) callback_url: String,
    pub(super) event_type: EventType,
    pub(super) data_type: Collection,
    expires: Timestamp,
}

/// A subscription as Oura answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubscriptionView {
    /// Its id.
    pub id: String,
    /// Where notices go.
    pub callback_url: String,
    /// Which events.
    pub event_type: EventType,
    /// Of which collection, as webhooks spell it.
    pub data_type: &'static str,
    /// When it ends: UTC, with or without an offset.
    pub expiration_time: String,
}

impl Subscription {
    pub(super) fn view(&self, with_offset: bool) -> SubscriptionView {
        let form = if with_offset { "%Y-%m-%dT%H:%M:%S%.f+00:00" } else { "%Y-%m-%dT%H:%M:%S%.f" };
        SubscriptionView {
            id: self.id.to_string(),
            callback_url: self.callback_url.clone(),
            event_type: self.event_type,
            // Nobody can subscribe to a collection without a name.
            data_type: self.data_type.webhook_name().unwrap_or_default(),
            expiration_time: self.expires.strftime(form).to_string(),
        }
    }
}

/// What a subscription is to be.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) callback_url: String,
    pub(super) event_type: EventType,
    pub(super) data_type: Collection,
}

/// Those that live. Expired ones are gone as if they had been deleted.
#[derive(Default)]
pub(super) struct Subscriptions(Vec<Subscription>);

impl Subscriptions {
    fn alive(&mut self, now: Timestamp) -> &mut Vec<Subscription> {
        self.0.retain(|subscription| subscription.expires > now);
        &mut self.0
    }

    pub(super) fn list(&mut self, now: Timestamp) -> Vec<Subscription> {
        self.alive(now).clone()
    }

    pub(super) fn get(&mut self, id: Uuid, now: Timestamp) -> Option<&mut Subscription> {
        self.alive(now).iter_mut().find(|subscription| subscription.id == id)
    }

    /// Whether another one than `except` has this event type and data type.
    pub(super) fn taken(&mut self, wanted: &Wanted, except: Option<Uuid>, now: Timestamp) -> bool {
        self.alive(now).iter().any(|other| {
            other.event_type == wanted.event_type && other.data_type == wanted.data_type && Some(other.id) != except
        })
    }

    pub(super) fn add(&mut self, wanted: Wanted, entropy: &Entropy, now: Timestamp) -> Subscription {
        let mut random = [0; 16];
        random.iter_mut().zip(entropy.bytes()).for_each(|(byte, from)| *byte = from);
        let id = uuid::Builder::from_random_bytes(random).into_uuid();
        let Wanted { callback_url, event_type, data_type } = wanted;
        let made = Subscription { id, callback_url, event_type, data_type, expires: later(now, LIFE) };
        self.alive(now).push(made.clone());
        made
    }

    /// Changes one and gives it, if it is there.
    pub(super) fn change(&mut self, id: Uuid, wanted: Wanted, now: Timestamp) -> Option<Subscription> {
        let subscription = self.get(id, now)?;
        subscription.callback_url = wanted.callback_url;
        subscription.event_type = wanted.event_type;
        subscription.data_type = wanted.data_type;
        Some(subscription.clone())
    }

    /// Lets one live for another 90 days from now, and gives it, if it is there.
    pub(super) fn renew(&mut self, id: Uuid, now: Timestamp) -> Option<Subscription> {
        let subscription = self.get(id, now)?;
        subscription.expires = later(now, LIFE);
        Some(subscription.clone())
    }

    pub(super) fn remove(&mut self, id: Uuid) -> bool {
        let before = self.0.len();
        self.0.retain(|subscription| subscription.id != id);
        self.0.len() != before
    }

    /// Those for this event type and data type, as webhooks spell them.
    pub(super) fn of(&mut self, event_type: &str, data_type: &str, now: Timestamp) -> Vec<Subscription> {
        let meets = |other: &&Subscription| {
            other.event_type.as_str() == event_type && other.data_type.webhook_name() == Some(data_type)
        };
        self.alive(now).iter().filter(meets).cloned().collect()
    }

    /// The oldest one of each callback URL.
    pub(super) fn one_of_each_url(&mut self, now: Timestamp) -> Vec<Subscription> {
        let mut seen = BTreeSet::new();
        self.alive(now).iter().filter(|other| seen.insert(other.callback_url.clone())).cloned().collect()
    }
}

/// A moment some time later; at the end of time it stays there.
pub(super) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
