//! The progress of one sync: what a redelivered message goes on from. Counts are kept in the transactions that cause
//! them, so a crash between any two writes neither loses nor doubles them.
//!
//! The item is made before the sync looks whether its patient is connected, and every later write of the sync holds only
//! while it is there. So whoever ends a connection and then takes the items away can be sure that no sync writes any more.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, TransactWriteItem, Update};
use jiff::Timestamp;

use super::batch;
use super::connections::{Connections, SyncEnd, built, expires, patient_key};
use super::inbox::{InboxContents, taken};
use super::item::{Fields, Item, from_json, n, s, texts};
use super::outbox::put_event;
use super::transact::{Cancelled, Reason, run};
use super::{SdkConfig, StoreError};
use crate::domain::{
    Connection, DataType, DataTypeProgress, Day, DocumentEvent, DocumentId, MetricType, PatientEvent, PatientId, SyncId,
};

/// How long the progress of a sync is kept: far longer than a message lives in a queue.
const LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

/// The progress of one sync.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SyncRun {
    /// Kinds whose fetch is over, with how it went.
    pub kinds: BTreeMap<DataType, DataTypeProgress>,
    /// Days whose stats changed, oldest first.
    pub days: Vec<Day>,
    /// Kinds of the records that changed.
    pub metric_types: Vec<MetricType>,
    /// Records written or tombstoned.
    pub records_written: u64,
    /// Documents found although no notice had announced them, where one should have.
    pub missed_webhooks: BTreeSet<Found>,
    /// What the notices announced that it was caused by, once it has taken them.
    pub announced: Option<PendingEvents>,
    /// Requests to Oura of earlier deliveries.
    pub requests: u64,
    /// Whether it is over.
    pub ended: bool,
}

/// What a sync has taken from the inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingEvents {
    /// What was announced.
    pub announcements: BTreeSet<DocumentEvent>,
    /// When the last notice had come in.
    pub latest_at: Timestamp,
}

impl From<InboxContents> for PendingEvents {
    fn from(gathered: InboxContents) -> Self {
        Self { announcements: gathered.announcements, latest_at: gathered.latest_at }
    }
}

/// What one transaction adds to the progress.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunProgress {
    /// Days whose stats changed.
    pub days: Vec<Day>,
    /// Kinds of the records that changed.
    pub metric_types: Vec<MetricType>,
    /// Records written or tombstoned.
    pub records_written: usize,
    /// The documents among them that a notice should have announced and none did.
    pub missed_webhooks: BTreeSet<Found>,
}

/// A document that a pull found. As text: `<data type> <document id>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Its collection.
    pub data_type: DataType,
    /// Its id.
    pub document_id: DocumentId,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.data_type, self.document_id)
    }
}

impl FromStr for Found {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (data_type, document_id) = text.split_once(' ').ok_or(())?;
        let (data_type, document_id) = (data_type.parse().ok().ok_or(())?, document_id.parse().ok().ok_or(())?);
        Ok(Self { data_type, document_id })
    }
}

/// How ending a sync ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Recorded; the events wait in the outbox.
    Recorded,
    /// An earlier delivery of the same message had recorded it.
    Already,
    /// The connection is over or lives on a newer grant, or the patient's syncs were stopped: nothing was changed.
    ConnectionGone,
}

/// The sync items in the table `Connections`.
#[derive(Debug, Clone)]
pub struct Runs {
    client: Client,
    table: String,
    connections: Connections,
}

/// Holds while nobody has stopped the sync.
const IS_OPEN: &str = "attribute_exists(pk)";

fn sort_key(sync: &SyncId) -> String {
    format!("SYNC#{sync}")
}

impl Runs {
    /// The sync items in the table of this name.
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: impl Into<String>) -> Self {
        let table = table.into();
        Self { client: Client::new(sdk), connections: Connections::new(sdk, &table), table }
    }

    /// Opens the sync: makes its item, or reads the progress so far. To be done before the connection is looked at.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(&self, patient: &PatientId, sync: &SyncId, now: Timestamp) -> Result<SyncRun, StoreError> {
        const ACTION: &str = "open the sync";
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", s(patient_key(patient)))
            .key("sk", s(sort_key(sync)))
            .update_expression("SET expiresAt = :expires")
            .expression_attribute_values(":expires", n(expires(now, LIFE)))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(|error| StoreError::of(ACTION, &error))?;
        sync_run(ACTION, &answer.attributes.ok_or(StoreError::corrupt(ACTION, "expiresAt"))?)
    }

    /// Takes back a sync of which nothing came; one that has come further stays.
    ///
    /// # Errors
    /// [`StoreError`]; the item then expires.
    pub async fn discard(&self, patient: &PatientId, sync: &SyncId) -> Result<(), StoreError> {
        let answer = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", s(patient_key(patient)))
            .key("sk", s(sort_key(sync)))
            .condition_expression(
                "attribute_not_exists(ended) AND attribute_not_exists(kinds) AND attribute_not_exists(latestAt) \
                 AND attribute_not_exists(recordsWritten)",
            )
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(StoreError::of("discard the sync", &error)),
            },
        }
    }

    /// Stops every sync of the patient that has not ended: none of them writes any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn stop(&self, patient: &PatientId) -> Result<(), StoreError> {
        const ACTION: &str = "stop the patient's syncs";
        let mut start = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
                .filter_expression("attribute_not_exists(ended)")
                .projection_expression("pk, sk")
                .expression_attribute_values(":pk", s(patient_key(patient)))
                .expression_attribute_values(":sk", s("SYNC#"))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| StoreError::of(ACTION, &error))?;
            batch::delete(&self.client, ACTION, &self.table, page.items.unwrap_or_default()).await?;
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(());
            }
        }
    }

    /// The progress so far; `None` when the sync was never opened, or was stopped.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, patient: &PatientId, sync: &SyncId) -> Result<Option<SyncRun>, StoreError> {
        const ACTION: &str = "read the sync's progress";
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", s(patient_key(patient)))
            .key("sk", s(sort_key(sync)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(ACTION, &error))?;
        answer.item.as_ref().map(|item| sync_run(ACTION, item)).transpose()
    }

    /// Remembers how the fetch of each kind went, and how many requests this delivery took, for the next one. `false` when the sync was stopped.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_kinds(
        &self,
        patient: &PatientId,
        sync: &SyncId,
        kinds: &BTreeMap<DataType, DataTypeProgress>,
        requests: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", s(patient_key(patient)))
            .key("sk", s(sort_key(sync)))
            .update_expression("SET kinds = :kinds, expiresAt = :expires ADD requests :requests")
            .condition_expression(IS_OPEN)
            .expression_attribute_values(":kinds", json(kinds))
            .expression_attribute_values(":requests", n(requests))
            .expression_attribute_values(":expires", n(expires(now, LIFE)))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(StoreError::of("record the sync's progress", &error)),
            },
        }
    }

    /// The update that adds to the progress, to stand in the transaction that it tells of.
    pub(super) fn add(
        &self,
        patient: &PatientId,
        sync: &SyncId,
        progress: &RunProgress,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut add = "SET expiresAt = :expires ADD recordsWritten :count".to_owned();
        let mut update = Update::builder()
            .table_name(&self.table)
            .key("pk", s(patient_key(patient)))
            .key("sk", s(sort_key(sync)))
            .condition_expression(IS_OPEN)
            .expression_attribute_values(":expires", n(expires(now, LIFE)))
            .expression_attribute_values(":count", n(progress.records_written));
        if !progress.days.is_empty() {
            add.push_str(", daysChanged :days");
            update = update.expression_attribute_values(":days", texts(&progress.days));
        }
        if !progress.metric_types.is_empty() {
            add.push_str(", metricTypes :types");
            update = update.expression_attribute_values(":types", texts(&progress.metric_types));
        }
        if !progress.missed_webhooks.is_empty() {
            add.push_str(", missed_webhooks :missed_webhooks");
            update = update.expression_attribute_values(":missed_webhooks", texts(&progress.missed_webhooks));
        }
        let update = built("record the sync's progress", update.update_expression(add).build())?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// The update that gives a sync what it has taken from the inbox, to stand in one transaction with the taking.
    pub(super) fn begin(
        &self,
        patient: &PatientId,
        gathered: &InboxContents,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut update = Update::builder()
            .table_name(&self.table)
            .key("pk", s(patient_key(patient)))
            .key("sk", s(sort_key(&gathered.sync_id)))
            .update_expression("SET announcements = :announcements, latestAt = :latestAt, expiresAt = :expires")
            .condition_expression(format!("{IS_OPEN} AND attribute_not_exists(latestAt)"))
            .expression_attribute_values(":expires", n(expires(now, LIFE)));
        for (name, value) in taken(gathered) {
            update = update.expression_attribute_values(format!(":{name}"), value);
        }
        Ok(TransactWriteItem::builder().update(built("begin the sync", update.build())?).build())
    }

    /// Ends a sync, once: its own record, what it leaves on the connection, and its events, in one transaction.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end(
        &self,
        connection: &Connection,
        sync: &SyncId,
        kinds: &BTreeMap<DataType, DataTypeProgress>,
        end: &SyncEnd,
        events: &[PatientEvent],
    ) -> Result<Ended, StoreError> {
        const ACTION: &str = "end the sync";
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", s(patient_key(&connection.patient_id)))
            .key("sk", s(sort_key(sync)))
            .update_expression("SET ended = :true, kinds = :kinds, expiresAt = :expires")
            .condition_expression(format!("{IS_OPEN} AND attribute_not_exists(ended)"))
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":kinds", json(kinds))
            .expression_attribute_values(":expires", n(expires(end.at, LIFE)));
        let mut items = vec![
            TransactWriteItem::builder().update(built(ACTION, update.build())?).build(),
            self.connections.sync_end(connection, end)?,
        ];
        for event in events {
            items.push(put_event(&self.table, event)?);
        }
        match run(&self.client, ACTION, items).await {
            Ok(()) => Ok(Ended::Recorded),
            Err(Cancelled::Store(error)) => Err(error),
            Err(Cancelled::Conditions(reasons)) => {
                let over = reasons.first() == Some(&Reason::ConditionFailed)
                    && self.get(&connection.patient_id, sync).await?.is_some_and(|run| run.ended);
                Ok(if over { Ended::Already } else { Ended::ConnectionGone })
            }
        }
    }
}

impl Runs {
    /// Leaves a sync open that could not be done: only the connection tells of it, and a redrive goes on with it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn give_up(&self, connection: &Connection, end: &SyncEnd) -> Result<(), StoreError> {
        match run(&self.client, "give a sync up", vec![self.connections.sync_end(connection, end)?]).await {
            // The connection has ended meanwhile: nothing to tell.
            Ok(()) | Err(Cancelled::Conditions(_)) => Ok(()),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }
}

fn sync_run(action: &'static str, item: &Item) -> Result<SyncRun, StoreError> {
    let fields = Fields::new(action, item);
    let mut days = fields.texts::<Day>("daysChanged")?;
    let mut metric_types = fields.texts::<MetricType>("metricTypes")?;
    days.sort_unstable();
    metric_types.sort_unstable();
    let announcements = fields.texts::<DocumentEvent>("announcements")?;
    Ok(SyncRun {
        announced: fields
            .opt("latestAt")?
            .map(|latest_at| PendingEvents { announcements: announcements.into_iter().collect(), latest_at }),
        missed_webhooks: fields.texts::<Found>("missed_webhooks")?.into_iter().collect(),
        kinds: fields.opt_json("kinds")?.unwrap_or_default(),
        days,
        metric_types,
        records_written: fields.opt("recordsWritten")?.unwrap_or(0),
        requests: fields.opt("requests")?.unwrap_or(0),
        ended: fields.flag("ended"),
    })
}

fn json(value: &impl serde::Serialize) -> AttributeValue {
    from_json(&serde_json::to_value(value).unwrap_or_default())
}
