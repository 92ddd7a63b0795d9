//! The event bus of the platform.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use super::{SdkConfig, StoreError};
use crate::domain::PatientEvent;

/// `PutEvents` takes at most ten entries.
const AT_ONCE: usize = 10;

/// An event as the outbox holds it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its place in the outbox.
    pub(super) key: String,
    pub(super) detail_type: String,
    pub(super) detail: String,
}

/// The event bus.
#[derive(Debug, Clone)]
pub struct Bus {
    client: Client,
    name: String,
}

impl Bus {
    /// The bus of this name.
    #[must_use]
    pub fn new(sdk: &SdkConfig, name: impl Into<String>) -> Self {
        Self { client: Client::new(sdk), name: name.into() }
    }

    /// Publishes the entries, ten at a time, and gives the keys of those that the bus took. `PutEvents` succeeds with
    /// refused entries inside; those are left out and stay for the next time.
    pub(super) async fn publish<'e>(&self, entries: &'e [Entry]) -> Result<Vec<&'e str>, StoreError> {
        const ACTION: &str = "publish events";
        let mut taken = Vec::with_capacity(entries.len());
        for chunk in entries.chunks(AT_ONCE) {
            let requests = chunk
                .iter()
                .map(|entry| {
                    PutEventsRequestEntry::builder()
                        .event_bus_name(&self.name)
                        .source(PatientEvent::BUS_SOURCE)
                        .detail_type(&entry.detail_type)
                        .detail(&entry.detail)
                        .build()
                })
                .collect();
            let answer = self
                .client
                .put_events()
                .set_entries(Some(requests))
                .send()
                .await
                .map_err(|error| StoreError::of(ACTION, &error))?;
            let results = answer.entries();
            if results.len() != chunk.len() {
                // Which entries were taken cannot be told: publishing all again is the safe answer.
                return Err(StoreError::Unavailable { action: ACTION, code: "entries missing".to_owned() });
            }
            for (entry, result) in chunk.iter().zip(results) {
                match result.error_code() {
                    None => taken.push(entry.key.as_str()),
                    Some(code) => tracing::warn!(code, detail_type = entry.detail_type, "the bus refused an event"),
                }
            }
        }
        Ok(taken)
    }
}
