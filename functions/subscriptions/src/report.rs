//! Report of a run: the function's answer, log lines, and metrics.

use jiff::Timestamp;
use serde::Serialize;
use shared::oura::{Subscription, Topic};
use shared::telemetry::{self, Metric};
use strum::IntoStaticStr;

/// State of Oura's webhook subscriptions after a run, and the run's changes. It holds no address and no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Number of desired pairs of data type and event type.
    pub desired: usize,
    /// Number of them that needed no change.
    pub kept: usize,
    /// Created subscriptions.
    pub created: Vec<Pair>,
    /// Renewed subscriptions.
    pub renewed: Vec<Pair>,
    /// Subscriptions that pointed elsewhere and now point here.
    pub corrected: Vec<Pair>,
    /// Removed duplicates, expired and undesired subscriptions.
    pub removed: Vec<Pair>,
    /// Number of the app's subscriptions of other environments and services, left unchanged.
    pub unmanaged: usize,
    /// Number of the app's subscriptions that could not be read.
    pub unreadable: usize,
    /// Steps that failed.
    pub failed: Vec<Failed>,
    /// Desired pairs without a subscription that points here, by Oura's list after the run.
    pub missing: Vec<Pair>,
    /// First end of a desired pair's subscription.
    pub expires_first: Option<Timestamp>,
    /// True if nothing failed and nothing is missing.
    pub ok: bool,
}

/// Topic of a subscription in Oura's words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "Oura's own names")]
pub struct Pair {
    pub data_type: String,
    pub event_type: String,
}

/// A step that failed for one pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say it")]
pub struct Failed {
    pub data_type: String,
    pub event_type: String,
    pub action: Action,
    pub error: String,
}

/// Change of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, IntoStaticStr)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Action {
    Create,
    Renew,
    /// Point it here.
    Correct,
    Remove,
}

impl Pair {
    /// Topic of a subscription, also of one that this project does not know.
    pub(crate) fn of(subscription: &Subscription) -> Self {
        Self { data_type: subscription.data_type.to_string(), event_type: subscription.event_type.to_string() }
    }
}

impl From<Topic> for Pair {
    fn from(topic: Topic) -> Self {
        Self { data_type: topic.data_type.to_string(), event_type: topic.event.as_str().to_owned() }
    }
}

impl Report {
    /// Logs the run and emits its metrics.
    pub(crate) fn publish(&self, now: Timestamp) {
        tracing::info!(
            event = "subscriptions.reconciled",
            ok = self.ok,
            desired = self.desired,
            kept = self.kept,
            created = self.created.len(),
            renewed = self.renewed.len(),
            corrected = self.corrected.len(),
            removed = self.removed.len(),
            unmanaged = self.unmanaged,
            unreadable = self.unreadable,
            expires_first = self.expires_first.map(|end| end.to_string()),
            "webhook subscriptions were reconciled"
        );
        if !self.ok {
            let pairs = self.missing.iter().map(|pair| [&*pair.data_type, &pair.event_type].join("/"));
            tracing::warn!(
                event = "subscriptions.unsettled",
                failed = self.failed.len(),
                missing = self.missing.len(),
                missing_pairs = pairs.collect::<Vec<_>>().join(" "),
                "webhook subscriptions were not all as desired"
            );
        }
        telemetry::count(now, Metric::SubscriptionsDesired, self.desired as u64, &[]);
        telemetry::count(now, Metric::SubscriptionsMissing, self.missing.len() as u64, &[]);
        telemetry::count(now, Metric::SubscriptionsFailed, self.failed.len() as u64, &[]);
        if let Some(days) = self.days_left(now) {
            telemetry::count(now, Metric::SubscriptionDaysLeft, days, &[]);
        }
    }

    /// Whole days until the first desired subscription ends; `None` if no end is known.
    pub(crate) fn days_left(&self, now: Timestamp) -> Option<u64> {
        let hours = self.expires_first?.duration_since(now).as_hours();
        Some(u64::try_from(hours / 24).unwrap_or_default())
    }
}
