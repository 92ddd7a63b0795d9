//! What a run says about itself: to who called it, to the log, and in metrics.

use jiff::Timestamp;
use serde::Serialize;
use shared::oura::{Subscription, Topic};
use shared::telemetry::{self, Metric};

/// How Oura's webhook subscriptions stand after a run, and what it did. No address and no secret is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// How many pairs of data type and event type there should be.
    pub desired: usize,
    /// How many of them were in order already.
    pub kept: usize,
    /// Subscriptions that were made.
    pub created: Vec<Pair>,
    /// Those that live for another term.
    pub renewed: Vec<Pair>,
    /// Those that pointed elsewhere and point here now.
    pub corrected: Vec<Pair>,
    /// Those that were one too many.
    pub removed: Vec<Pair>,
    /// How many of the app's subscriptions were left alone because they belong to another environment or service.
    pub foreign: usize,
    /// How many of the app's subscriptions could not be read.
    pub unreadable: usize,
    /// What could not be done.
    pub failed: Vec<Failed>,
    /// Desired pairs of which Oura tells nothing here, by its own list after the run.
    pub missing: Vec<Pair>,
    /// When the first desired pair goes silent unless it is renewed before.
    pub expires_first: Option<Timestamp>,
    /// Whether nothing failed and nothing is missing.
    pub ok: bool,
}

/// What a subscription is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pair {
    /// Oura's word for the collection.
    pub data_type: String,
    /// Oura's word for the kind of change.
    pub event_type: String,
}

/// Something that could not be done about one pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    /// Oura's word for the collection.
    pub data_type: String,
    /// Oura's word for the kind of change.
    pub event_type: String,
    /// What was tried.
    pub action: Action,
    /// Why it failed.
    pub error: String,
}

/// What can be done about a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Make a subscription.
    Create,
    /// Let one live longer.
    Renew,
    /// Point one here.
    Correct,
    /// End one.
    Remove,
}

impl Pair {
    /// What this subscription is about, whether or not its words are known here.
    pub(crate) fn of(subscription: &Subscription) -> Self {
        Self { data_type: subscription.data_type.to_string(), event_type: subscription.event_type.to_string() }
    }
}

impl From<Topic> for Pair {
    fn from(topic: Topic) -> Self {
        Self { data_type: topic.data_type.to_string(), event_type: topic.event.as_str().to_owned() }
    }
}

impl Action {
    /// The word that stands in reports and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Renew => "renew",
            Self::Correct => "correct",
            Self::Remove => "remove",
        }
    }
}

impl Report {
    /// Writes the run's line to the log, and counts.
    pub(crate) fn publish(&self, now: Timestamp) {
        let missing: Vec<_> = self.missing.iter().map(|pair| [&*pair.data_type, &pair.event_type].join("/")).collect();
        macro_rules! line {
            ($level:ident, $message:literal) => {
                tracing::$level!(
                    ok = self.ok,
                    desired = self.desired,
                    kept = self.kept,
                    created = self.created.len(),
                    renewed = self.renewed.len(),
                    corrected = self.corrected.len(),
                    removed = self.removed.len(),
                    foreign = self.foreign,
                    unreadable = self.unreadable,
                    failed = self.failed.len(),
                    missing = self.missing.len(),
                    missing_pairs = missing.join(" "),
                    expires_first = self.expires_first.map(|end| end.to_string()),
                    $message
                )
            };
        }
        if self.ok {
            line!(info, "the webhook subscriptions are as they should be");
        } else {
            line!(warn, "the webhook subscriptions are not all as they should be");
        }
        telemetry::count(now, Metric::SubscriptionsDesired, self.desired as u64, &[]);
        telemetry::count(now, Metric::SubscriptionsMissing, self.missing.len() as u64, &[]);
        telemetry::count(now, Metric::SubscriptionsFailed, self.failed.len() as u64, &[]);
        if let Some(days) = self.days_left(now) {
            telemetry::count(now, Metric::SubscriptionDaysLeft, days, &[]);
        }
    }

    /// Whole days until the first desired pair goes silent; `None` when no end is known.
    pub(crate) fn days_left(&self, now: Timestamp) -> Option<u64> {
        let hours = self.expires_first?.duration_since(now).as_hours();
        Some(u64::try_from(hours / 24).unwrap_or_default())
    }
}
