//! Published events: a bounded history, and a stream for subscribers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::broadcast;

/// Maximum number of events in the history. Older ones are dropped.
pub const HISTORY: usize = 10_000;

/// Maximum number of events by which a slow subscriber may lag.
const BACKLOG: usize = 1_024;

/// An event as a bus accepted it, in the envelope in which EventBridge delivers it to targets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PublishedEvent {
    /// The envelope's version.
    pub version: String,
    /// EventBridge's id of the event, not the publisher's.
    pub id: String,
    /// The detail type.
    #[serde(rename = "detail-type")]
    pub detail_type: String,
    /// The publisher.
    pub source: String,
    /// The account.
    pub account: String,
    /// Time of the event: as published, else of its acceptance.
    pub time: Timestamp,
    /// The region.
    pub region: String,
    /// ARNs of the resources.
    pub resources: Vec<String>,
    /// The publisher's own part.
    pub detail: Value,
    /// The bus that accepted it. Not a field of EventBridge's envelope.
    #[serde(rename = "event-bus")]
    pub bus: String,
}

/// Shows the events that were accepted. Cheap to clone: all clones show the same.
#[derive(Debug, Clone)]
pub struct EventWatch(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    history: Mutex<VecDeque<PublishedEvent>>,
    stream: broadcast::Sender<PublishedEvent>,
}

impl Default for EventWatch {
    fn default() -> Self {
        let (stream, _) = broadcast::channel(BACKLOG);
        Self(Arc::new(Shared { history: Mutex::default(), stream }))
    }
}

impl EventWatch {
    /// The last [`HISTORY`] events, in the order in which they were accepted.
    #[must_use]
    pub fn history(&self) -> Vec<PublishedEvent> {
        self.kept().iter().cloned().collect()
    }

    /// Subscribes to the events from now on. A slow subscriber gets the number of events that it missed.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<PublishedEvent> {
        self.0.stream.subscribe()
    }

    /// Forgets the history.
    pub fn clear(&self) {
        self.kept().clear();
    }

    pub(crate) fn publish(&self, event: PublishedEvent) {
        let mut kept = self.kept();
        if kept.len() == HISTORY {
            kept.pop_front();
        }
        kept.push_back(event.clone());
        // Sent under the lock, so that stream and history have one order. No subscriber is not an error.
        let _ = self.0.stream.send(event);
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<PublishedEvent>> {
        self.0.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
