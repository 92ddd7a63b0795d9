//! The observable state of a running stack: published events, queues, webhook subscriptions, calls and their price. With an
//! external AWS, nothing but its name and the subscriptions: its events go to its own bus.

use std::sync::Weak;

use serde::Serialize;
use shared::domain::PatientEvent;
use tokio::sync::watch;

use crate::aws::{EmbeddedAws, MeterReport, PublishedEvent, QueueDepth};
use crate::stack::subscriptions::Subscriptions;

/// A queue by its role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueueView {
    /// `live` or `nightly`.
    pub name: &'static str,
    /// Number of its messages.
    #[serde(flatten)]
    pub depth: QueueDepth,
}

/// Looks at a running stack, without keeping it alive.
pub struct Watch {
    /// `simulated` or `live`.
    pub oura: &'static str,
    /// `embedded` or `external`.
    pub aws: &'static str,
    embedded: Weak<EmbeddedAws>,
    queues: [(&'static str, String); 2],
    subscriptions: watch::Receiver<Subscriptions>,
}

impl Watch {
    /// Looks at this AWS (none when it is external), at the live and the nightly queue of these names, and at the state of
    /// Oura's subscriptions.
    #[must_use]
    pub fn new(
        oura: &'static str,
        embedded: Option<Weak<EmbeddedAws>>,
        [live, nightly]: [String; 2],
        subscriptions: watch::Receiver<Subscriptions>,
    ) -> Self {
        Self {
            oura,
            aws: if embedded.is_some() { "embedded" } else { "external" },
            embedded: embedded.unwrap_or_default(),
            queues: [("live", live), ("nightly", nightly)],
            subscriptions,
        }
    }

    /// The patient events that were published, oldest first; `None` when they cannot be seen.
    #[must_use]
    pub fn events(&self) -> Option<Vec<PublishedEvent>> {
        let mut events = self.embedded.upgrade()?.events().history();
        events.retain(|event| event.source == PatientEvent::BUS_SOURCE);
        Some(events)
    }

    /// The patient events after the one of this id; all when it is not (or no longer) known.
    #[must_use]
    pub fn events_after(&self, id: &str) -> Option<Vec<PublishedEvent>> {
        let mut events = self.events()?;
        let seen = events.iter().position(|event| event.id == id).map_or(0, |n| n + 1);
        Some(events.split_off(seen))
    }

    /// State of Oura's webhook subscriptions.
    #[must_use]
    pub fn subscriptions(&self) -> Subscriptions {
        self.subscriptions.borrow().clone()
    }

    /// The queues, where they can be seen without a billed call.
    pub async fn queues(&self) -> Option<Vec<QueueView>> {
        let aws = self.embedded.upgrade()?;
        let mut views = Vec::new();
        for (name, queue) in &self.queues {
            if let Some(depth) = aws.queue_depth(queue).await {
                views.push(QueueView { name, depth });
            }
        }
        Some(views)
    }

    /// Number and estimated price of the AWS calls.
    #[must_use]
    pub fn meter(&self) -> Option<MeterReport> {
        Some(self.embedded.upgrade()?.meter().report())
    }
}
