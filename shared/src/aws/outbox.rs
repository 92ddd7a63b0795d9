//! The outbox: events are stored in the transaction that causes them and published from there, so that none is lost and
//! none tells of data that is not there. What a crash leaves is published by the patient's next sync.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};

use super::batch;
use super::bus::{Bus, Entry};
use super::connections::{built, patient_key};
use super::item::{Fields, Item, s};
use super::{SdkConfig, StoreError};
use crate::domain::{PatientEvent, PatientId};

/// The outbox items in the table `Connections`.
#[derive(Debug, Clone)]
pub struct Outbox {
    client: Client,
    table: String,
    bus: Bus,
}

/// How draining ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Events that the bus took.
    pub published: usize,
    /// Events that the bus refused; they stay in the outbox.
    pub left: usize,
}

/// The put that stores an event, to stand in the transaction that causes it. The sort key begins with the time and, within
/// the same millisecond, the event's place, so that a patient's events are published in the order in which they happened.
pub(super) fn put_event(table: &str, event: &PatientEvent) -> Result<TransactWriteItem, StoreError> {
    let put = Put::builder()
        .table_name(table)
        .item("pk", s(patient_key(&event.patient_id)))
        .item(
            "sk",
            s(format!("OUTBOX#{:013}#{}#{}", event.occurred_at.as_millisecond(), event.place(), event.event_id)),
        )
        .item("detailType", s(event.detail_type()))
        .item("detail", s(event.detail().to_string()));
    Ok(TransactWriteItem::builder().put(built("store the event", put.build())?).build())
}

impl Outbox {
    /// The outbox in the table of this name, published to this bus.
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: impl Into<String>, bus: Bus) -> Self {
        Self { client: Client::new(sdk), table: table.into(), bus }
    }

    /// Publishes what waits for this patient and deletes what the bus took. An event may be published twice (its id
    /// stays the same) but never not at all.
    ///
    /// # Errors
    /// [`StoreError`]; what was not deleted will be published again.
    pub async fn drain(&self, patient: &PatientId) -> Result<Drained, StoreError> {
        const ACTION: &str = "read the outbox";
        let mut drained = Drained { published: 0, left: 0 };
        let mut start = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
                .expression_attribute_values(":pk", s(patient_key(patient)))
                .expression_attribute_values(":sk", s("OUTBOX#"))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| StoreError::of(ACTION, &error))?;
            let entries = page
                .items()
                .iter()
                .map(|item| {
                    let fields = Fields::new(ACTION, item);
                    Ok(Entry {
                        key: fields.get("sk")?,
                        detail_type: fields.get("detailType")?,
                        detail: fields.get("detail")?,
                    })
                })
                .collect::<Result<Vec<_>, StoreError>>()?;
            let taken = self.bus.publish(&entries).await?;
            drained.published += taken.len();
            drained.left += entries.len() - taken.len();
            self.delete(patient, &taken).await?;
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(drained);
            }
        }
    }

    async fn delete(&self, patient: &PatientId, keys: &[&str]) -> Result<(), StoreError> {
        let of_patient =
            |key: &&str| Item::from([("pk".to_owned(), s(patient_key(patient))), ("sk".to_owned(), s(*key))]);
        batch::delete(&self.client, "empty the outbox", &self.table, keys.iter().map(of_patient)).await
    }
}
