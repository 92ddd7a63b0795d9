//! The event bus of the platform.

use aws_config::SdkConfig;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use super::error::StoreError;
use crate::domain::PatientEvent;

/// `PutEvents` takes at most ten entries.
const BATCH_SIZE: usize = 10;

/// An event of the outbox.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its sort key in the outbox.
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

    /// Publishes the entries, ten at a time, and returns the keys of those that the bus accepted. `PutEvents` succeeds with
    /// refused entries inside; those are left out and stay in the outbox.
    pub(super) async fn publish<'e>(&self, entries: &'e [Entry]) -> Result<Vec<&'e str>, StoreError> {
        const ACTION: &str = "publish events";
        let mut accepted = Vec::with_capacity(entries.len());
        for chunk in entries.chunks(BATCH_SIZE) {
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
                // The accepted entries are unknown, so all have to be published again.
                return Err(StoreError::Unavailable { action: ACTION, code: "entries missing".to_owned() });
            }
            for (entry, result) in chunk.iter().zip(results) {
                match result.error_code() {
                    None => accepted.push(entry.key.as_str()),
                    Some(code) => tracing::warn!(
                        event = "events.refused",
                        reason = code,
                        detail_type = entry.detail_type,
                        "the event bus refused an event"
                    ),
                }
            }
        }
        Ok(accepted)
    }
}
