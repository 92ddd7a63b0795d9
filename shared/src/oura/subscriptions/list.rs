//! Oura's list of subscriptions.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::domain::{DataType, InvalidId, Moment, RawEventType, WebhookEventType};

/// Topic of a subscription: one event type of one data type, for every user of the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic {
    /// Data type.
    pub data_type: DataType,
    /// Event type.
    pub event: WebhookEventType,
}

/// Oura's id of a subscription: 1 to 128 printable ASCII characters that form one segment of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(String);

/// A subscription as Oura lists it.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Id at Oura.
    pub id: SubscriptionId,
    /// Address of its webhook events in Oura's spelling. Another service's address may contain a key: it is never logged.
    pub callback_url: String,
    /// `create`, `update` or `delete`; Oura may add others.
    pub event_type: RawEventType,
    /// Data type; Oura may add others.
    pub data_type: RawEventType,
    /// End of its lifetime; `None` if unreadable.
    pub expires_at: Option<Timestamp>,
}

/// All subscriptions of the app, of any address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubscriptionList {
    /// Readable subscriptions in Oura's order.
    pub subscriptions: Vec<Subscription>,
    /// Unreadable ones, by their index in the list.
    pub malformed: Vec<MalformedSubscription>,
}

/// An unreadable subscription. It names the place, never the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MalformedSubscription {
    /// Index in the list, counted from 0.
    pub index: usize,
    /// The first malformed member; `.` for the subscription itself.
    pub path: &'static str,
}

impl SubscriptionList {
    /// Reads Oura's bare array; `None` if it is not an array.
    pub(super) fn read(body: &str) -> Option<Self> {
        let elements: Vec<&RawValue> = serde_json::from_str(body).ok()?;
        let mut list = Self::default();
        for (index, element) in elements.into_iter().enumerate() {
            match Subscription::read(element.get()) {
                Ok(subscription) => list.subscriptions.push(subscription),
                Err(path) => list.malformed.push(MalformedSubscription { index, path }),
            }
        }
        Some(list)
    }
}

impl Subscription {
    /// Topic; `None` if its words are unknown.
    #[must_use]
    pub fn topic(&self) -> Option<Topic> {
        Some(Topic {
            data_type: self.data_type.as_str().parse().ok()?,
            event: WebhookEventType::of_word(self.event_type.as_str())?,
        })
    }

    /// Reads one element. An error names the first malformed member.
    fn read(element: &str) -> Result<Self, &'static str> {
        let members: Map<String, Value> = serde_json::from_str(element).ok().ok_or(".")?;
        let text = |name: &'static str| members.get(name).and_then(Value::as_str).ok_or(name);
        let word = |name: &'static str| RawEventType::parse(text(name)?).ok().ok_or(name);
        Ok(Self {
            id: text("id")?.parse().ok().ok_or("id")?,
            callback_url: text("callback_url")?.to_owned(),
            event_type: word("event_type")?,
            data_type: word("data_type")?,
            // A time without an offset is UTC. A subscription without a readable end counts: otherwise it would be created
            // again every day.
            expires_at: text("expiration_time")
                .ok()
                .and_then(|text| text.parse().ok())
                .map(|moment: Moment| moment.instant_in_utc()),
        })
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("id", &self.id)
            .field("event_type", &self.event_type)
            .field("data_type", &self.data_type)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl SubscriptionId {
    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SubscriptionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        // A URL drops dot segments: the request would address all subscriptions.
        let is_segment = !matches!(text, "." | "..") && text.bytes().all(|byte| byte.is_ascii_graphic());
        if (1..=128).contains(&text.len()) && is_segment {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidId { kind: "subscription id", rule: "1 to 128 printable ASCII characters, no dot segment" })
    }
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.data_type, self.event.as_str())
    }
}
