//! The outbox: events are stored in the transaction that causes them and published from there, so none is lost and none
//! describes data that is not there. The patient's next sync publishes what a crash left.

use aws_config::SdkConfig;
use serde::{Deserialize, Serialize};

use super::bus::{Bus, Entry};
use super::error::StoreError;
use super::table::{Key, Partition, Put, Table, begins_with, prefix, read};
use crate::domain::{PatientEvent, PatientId};

/// The outbox in the table `Connections`.
#[derive(Debug, Clone)]
pub struct Outbox {
    table: Table,
    bus: Bus,
}

/// Number of events by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Events that the bus accepted.
    pub published: usize,
    /// Events that the bus refused; they stay in the outbox.
    pub left: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventItem<'a> {
    detail_type: &'a str,
    detail: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredEvent {
    sk: String,
    detail_type: String,
    detail: String,
}

/// The write that stores an event, for the transaction that causes it.
pub(super) fn put_event(connections: &Table, event: &PatientEvent) -> Put {
    let item = EventItem { detail_type: event.detail_type(), detail: event.detail().to_string() };
    connections.put(&Key::Outbox(event), item)
}

impl Outbox {
    /// The outbox in the table of this name, published to this bus.
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: impl Into<String>, bus: Bus) -> Self {
        Self { table: Table::new(sdk, table), bus }
    }

    /// Publishes the patient's events and deletes those that the bus accepted. An event may be published twice, with the
    /// same id, but is never lost.
    ///
    /// # Errors
    /// [`StoreError`]; events that were not deleted will be published again.
    pub async fn drain(&self, patient: &PatientId) -> Result<Drained, StoreError> {
        const ACTION: &str = "read the outbox";
        let events = Partition::Patient(patient).whole().and(begins_with("sk", prefix::OUTBOX));
        let mut query = self.table.query(events).consistent();
        let mut drained = Drained { published: 0, left: 0 };
        loop {
            let page = query.page(ACTION).await?;
            let mut entries = Vec::with_capacity(page.items.len());
            for item in page.items {
                let event: StoredEvent = read(ACTION, item)?;
                entries.push(Entry { key: event.sk, detail_type: event.detail_type, detail: event.detail });
            }
            let published = self.bus.publish(&entries).await?;
            drained.published += published.len();
            drained.left += entries.len() - published.len();
            let keys = published.iter().map(|key| Key::OutboxEntry(patient, key).attributes());
            self.table.delete_all("empty the outbox", keys).await?;
            if page.last.is_none() {
                return Ok(drained);
            }
            query = query.after(page.last);
        }
    }
}
