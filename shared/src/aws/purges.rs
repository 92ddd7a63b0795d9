//! Taking away everything that is stored of a patient. `PURGE#oura` in the patient's partition of `Connections` says that
//! it is asked for and how far it has come; it is the last item to go, and while it is there nobody connects.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, Select, TransactWriteItem, Update,
};
use jiff::Timestamp;

use super::batch;
use super::connections::{Connections, PURGE, STATE, built, patient_key};
use super::item::{Fields, Item, n, s};
use super::outbox::put_event;
use super::transact::{Cancelled, run};
use super::{SdkConfig, StoreError};
use crate::domain::{GrantId, PatientEvent, PatientId, PurgeCounts, RequestId};

/// Items that are looked at before it is asked again whether there is time.
const PAGE: i32 = 500;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurgeRequest {
    /// Which request.
    pub id: RequestId,
    /// When.
    pub requested_at: Timestamp,
}

/// A purge that is ours to work on, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purge {
    /// Whose.
    pub patient_id: PatientId,
    /// What was asked for; `None` when it is only looked once more whether anything is there.
    pub request: Option<PurgeRequest>,
    /// How much there was before the first item went.
    pub counts: Option<PurgeCounts>,
    /// When the last of it was gone; the receipt is in the outbox since.
    pub purged_at: Option<Timestamp>,
    /// Until when it is ours, as the table has it.
    until: i64,
}

/// How asking for a purge to work on ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakenPurge {
    /// It is ours.
    Ours(Purge),
    /// Another worker is at it, at most until then.
    Busy(Timestamp),
    /// None is asked for (any more).
    Nothing,
}

/// The three tables that hold something of a patient.
#[derive(Debug, Clone)]
pub struct Purges {
    client: Client,
    connections: String,
    wearable_data: String,
    daily_stats: String,
}

impl Connections {
    /// Writes down that everything of the patient has to go. While an earlier request stands, it is that one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn request_purge(
        &self,
        patient: &PatientId,
        candidate: &RequestId,
        now: Timestamp,
    ) -> Result<PurgeRequest, StoreError> {
        const ACTION: &str = "ask for a purge";
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", s(patient_key(patient)))
            .key("sk", s(PURGE))
            .update_expression(
                "SET requestId = if_not_exists(requestId, :id), requestedAt = if_not_exists(requestedAt, :now)",
            )
            .expression_attribute_values(":id", s(candidate.as_str()))
            .expression_attribute_values(":now", s(now.to_string()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(|error| StoreError::of(ACTION, &error))?;
        let item = answer.attributes.ok_or(StoreError::corrupt(ACTION, "requestId"))?;
        request(Fields::new(ACTION, &item))?.ok_or(StoreError::corrupt(ACTION, "requestId"))
    }
}

impl Purges {
    /// The tables of these names.
    #[must_use]
    pub fn new(sdk: &SdkConfig, connections: &str, wearable_data: &str, daily_stats: &str) -> Self {
        Self {
            client: Client::new(sdk),
            connections: connections.to_owned(),
            wearable_data: wearable_data.to_owned(),
            daily_stats: daily_stats.to_owned(),
        }
    }

    /// Has it looked once more, unless a purge is asked for anyway.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn request_sweep(&self, patient: &PatientId, now: Timestamp) -> Result<(), StoreError> {
        let update = self
            .update(patient)
            .update_expression("SET sweepAt = :now")
            .condition_expression("attribute_not_exists(pk)")
            .expression_attribute_values(":now", s(now.to_string()));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(StoreError::of("ask for a sweep", &error)),
            },
        }
    }

    /// Takes the purge, so that one worker is at it: what a second one read before may be somebody's new data by the time
    /// it deletes it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take(&self, patient: &PatientId, now: Timestamp, until: Timestamp) -> Result<TakenPurge, StoreError> {
        const ACTION: &str = "take the purge";
        let until = until.as_millisecond();
        let update = self
            .update(patient)
            .update_expression("SET leaseUntil = :until")
            .condition_expression("attribute_exists(pk) AND (attribute_not_exists(leaseUntil) OR leaseUntil < :now)")
            .expression_attribute_values(":until", n(until))
            .expression_attribute_values(":now", n(now.as_millisecond()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match update.send().await {
            Ok(answer) => {
                let item = answer.attributes.ok_or(StoreError::corrupt(ACTION, "leaseUntil"))?;
                purge(patient, Fields::new(ACTION, &item), until).map(TakenPurge::Ours)
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => match failed.item() {
                    Some(item) => {
                        let until = Timestamp::from_millisecond(Fields::new(ACTION, item).get("leaseUntil")?);
                        until.map(TakenPurge::Busy).map_err(|_range| StoreError::corrupt(ACTION, "leaseUntil"))
                    }
                    None => Ok(TakenPurge::Nothing),
                },
                _ => Err(StoreError::of(ACTION, &error)),
            },
        }
    }

    /// Leaves the purge to whoever comes next.
    ///
    /// # Errors
    /// [`StoreError`]; it is free anyway when its time is over.
    pub async fn release(&self, purge: &Purge) -> Result<(), StoreError> {
        let update = self
            .update(&purge.patient_id)
            .update_expression("REMOVE leaseUntil")
            .condition_expression(IS_OURS)
            .expression_attribute_values(":until", n(purge.until));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(StoreError::of("release the purge", &error)),
            },
        }
    }

    /// How much there is to take away.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count(&self, patient: &PatientId) -> Result<PurgeCounts, StoreError> {
        let mut counts = PurgeCounts {
            records: self.count_of(&self.wearable_data, patient).await?,
            days: self.count_of(&self.daily_stats, patient).await?,
            connection_items: 0,
        };
        let mut start = None;
        loop {
            let (keys, next) = self.connection_items(patient, start).await?;
            counts.connection_items += keys.len() as u64;
            start = next;
            if start.is_none() {
                return Ok(counts);
            }
        }
    }

    /// Writes down how much there was, before the first of it goes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_counts(&self, purge: &Purge, counts: PurgeCounts) -> Result<(), StoreError> {
        self.update(&purge.patient_id)
            .update_expression("SET records = :records, #days = :days, connectionItems = :items")
            .condition_expression(IS_OURS)
            .expression_attribute_names("#days", "days")
            .expression_attribute_values(":until", n(purge.until))
            .expression_attribute_values(":records", n(counts.records))
            .expression_attribute_values(":days", n(counts.days))
            .expression_attribute_values(":items", n(counts.connection_items))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| StoreError::of("write down how much is purged", &error))
    }

    /// Takes away everything but the purge itself, events that wait, and what is still to be revoked, as long as there is
    /// time. Whether it is all gone.
    ///
    /// # Errors
    /// [`StoreError`]; what is gone is gone, and the rest goes with the next try.
    pub async fn clear(&self, patient: &PatientId, has_time: impl Fn() -> bool) -> Result<bool, StoreError> {
        const ACTION: &str = "take the patient's items away";
        // First what lets a sync write, then what it writes.
        let mut start = None;
        loop {
            if !has_time() {
                return Ok(false);
            }
            let (items, next) = self.connection_items(patient, start).await?;
            let keys = items.into_iter().flat_map(|item| keys(&item));
            batch::delete(&self.client, ACTION, &self.connections, keys).await?;
            start = next;
            if start.is_none() {
                break;
            }
        }
        for (table, sort) in [(&self.wearable_data, "sk"), (&self.daily_stats, "day")] {
            let mut start = None;
            loop {
                if !has_time() {
                    return Ok(false);
                }
                let page = self
                    .client
                    .query()
                    .table_name(table)
                    .key_condition_expression("patientId = :patient")
                    .projection_expression("patientId, #sort")
                    .expression_attribute_names("#sort", sort)
                    .expression_attribute_values(":patient", s(patient.as_str()))
                    .consistent_read(true)
                    .limit(PAGE)
                    .set_exclusive_start_key(start)
                    .send()
                    .await
                    .map_err(|error| StoreError::of(ACTION, &error))?;
                batch::delete(&self.client, ACTION, table, page.items.unwrap_or_default()).await?;
                start = page.last_evaluated_key;
                if start.is_none() {
                    break;
                }
            }
        }
        Ok(true)
    }

    /// Everything is gone: writes that down, with the receipt, in one transaction.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record(&self, purge: &Purge, receipt: &PatientEvent) -> Result<(), StoreError> {
        const ACTION: &str = "record the purge";
        let update = Update::builder()
            .table_name(&self.connections)
            .key("pk", s(patient_key(&purge.patient_id)))
            .key("sk", s(PURGE))
            .update_expression("SET purgedAt = :now")
            .condition_expression(IS_OURS)
            .expression_attribute_values(":until", n(purge.until))
            .expression_attribute_values(":now", s(receipt.occurred_at.to_string()));
        let items = vec![
            TransactWriteItem::builder().update(built(ACTION, update.build())?).build(),
            put_event(&self.connections, receipt)?,
        ];
        match run(&self.client, ACTION, items).await {
            Ok(()) => Ok(()),
            Err(Cancelled::Store(error)) => Err(error),
            Err(Cancelled::Conditions(_)) => {
                Err(StoreError::Unavailable { action: ACTION, code: "NotOurs".to_owned() })
            }
        }
    }

    /// The last item goes. Not when a purge was asked for while it was only looked once more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end(&self, purge: &Purge) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.connections)
            .key("pk", s(patient_key(&purge.patient_id)))
            .key("sk", s(PURGE))
            .expression_attribute_values(":until", n(purge.until));
        let delete = match &purge.request {
            Some(request) => delete
                .condition_expression(format!("{IS_OURS} AND requestId = :request"))
                .expression_attribute_values(":request", s(request.id.as_str())),
            None => delete.condition_expression(format!("{IS_OURS} AND attribute_not_exists(requestId)")),
        };
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(StoreError::of("end the purge", &error)),
            },
        }
    }

    fn update(
        &self,
        patient: &PatientId,
    ) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.connections).key("pk", s(patient_key(patient))).key("sk", s(PURGE))
    }

    async fn count_of(&self, table: &str, patient: &PatientId) -> Result<u64, StoreError> {
        let (mut count, mut start) = (0, None);
        loop {
            let page = self
                .client
                .query()
                .table_name(table)
                .key_condition_expression("patientId = :patient")
                .expression_attribute_values(":patient", s(patient.as_str()))
                .select(Select::Count)
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| StoreError::of("count what is to be purged", &error))?;
            count += u64::try_from(page.count).unwrap_or_default();
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(count);
            }
        }
    }

    /// A page of the patient's items in `Connections` that have to go.
    async fn connection_items(
        &self,
        patient: &PatientId,
        start: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.connections)
            .key_condition_expression("pk = :pk")
            .projection_expression("pk, sk, stateKey")
            .expression_attribute_values(":pk", s(patient_key(patient)))
            .consistent_read(true)
            .limit(PAGE)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| StoreError::of("read what is to be purged", &error))?;
        let has_to_go = |item: &Item| {
            let Some(AttributeValue::S(key)) = item.get("sk") else { return false };
            key != PURGE && !key.starts_with("OUTBOX#") && !GrantId::ends_with_revocation(key)
        };
        Ok((page.items.unwrap_or_default().into_iter().filter(has_to_go).collect(), page.last_evaluated_key))
    }
}

/// Holds while the purge is still the one that was taken.
const IS_OURS: &str = "leaseUntil = :until";

/// The keys that go with an item: its own, and that of the OAuth state that it names.
fn keys(item: &Item) -> Vec<Item> {
    let key = |pk: &AttributeValue, sk: &AttributeValue| {
        Item::from([("pk".to_owned(), pk.clone()), ("sk".to_owned(), sk.clone())])
    };
    let own = item.get("pk").zip(item.get("sk")).map(|(pk, sk)| key(pk, sk));
    let state = item.get("stateKey").map(|pk| key(pk, &s(STATE)));
    own.into_iter().chain(state).collect()
}

fn purge(patient: &PatientId, fields: Fields<'_>, until: i64) -> Result<Purge, StoreError> {
    let counts = match fields.opt("records")? {
        Some(records) => {
            Some(PurgeCounts { records, days: fields.get("days")?, connection_items: fields.get("connectionItems")? })
        }
        None => None,
    };
    Ok(Purge {
        patient_id: patient.clone(),
        request: request(fields)?,
        counts,
        purged_at: fields.opt("purgedAt")?,
        until,
    })
}

fn request(fields: Fields<'_>) -> Result<Option<PurgeRequest>, StoreError> {
    match fields.opt("requestId")? {
        Some(id) => Ok(Some(PurgeRequest { id, requested_at: fields.get("requestedAt")? })),
        None => Ok(None),
    }
}
