//! The progress of one sync: what a redelivered message goes on from. Counts are kept in the transactions that cause
//! them, so a crash between any two writes neither loses nor doubles them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use jiff::Timestamp;

use super::connections::{Connections, SyncEnd, built, expires, patient_key};
use super::inbox::{Gathered, taken};
use super::item::{Fields, from_json, n, s, texts};
use super::outbox::put_event;
use super::transact::{Cancelled, Reason, run};
use super::{SdkConfig, StoreError};
use crate::domain::{
    Announcement, Connection, Day, DocumentId, KindProgress, MetricType, PatientEvent, PatientId, SyncId,
};
use crate::oura::DataType;

/// How long the progress of a sync is kept: far longer than a message lives in a queue.
const LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

/// The progress of one sync.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SyncRun {
    /// Kinds whose fetch is over, with how it went.
    pub kinds: BTreeMap<DataType, KindProgress>,
    /// Days whose stats changed, oldest first.
    pub days: Vec<Day>,
    /// Kinds of the records that changed.
    pub metric_types: Vec<MetricType>,
    /// Records written or tombstoned.
    pub records_written: u64,
    /// Documents found although no notice had announced them, where one should have.
    pub unannounced: BTreeSet<Found>,
    /// What the notices announced that it was caused by, once it has taken them.
    pub announced: Option<Announced>,
    /// Whether it is over.
    pub ended: bool,
}

/// What a sync has taken from the inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// What was announced.
    pub announcements: BTreeSet<Announcement>,
    /// When the last notice had come in.
    pub latest_at: Timestamp,
}

impl From<Gathered> for Announced {
    fn from(gathered: Gathered) -> Self {
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
    pub unannounced: BTreeSet<Found>,
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
    /// The connection is over or lives on a newer grant: nothing was changed.
    ConnectionGone,
}

/// The sync items in the table `Connections`.
#[derive(Debug, Clone)]
pub struct Runs {
    client: Client,
    table: String,
    connections: Connections,
}

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

    /// The progress so far; empty when there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, patient: &PatientId, sync: &SyncId) -> Result<SyncRun, StoreError> {
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
        let Some(item) = &answer.item else { return Ok(SyncRun::default()) };
        let fields = Fields::new(ACTION, item);
        let mut days = fields.texts::<Day>("daysChanged")?;
        let mut metric_types = fields.texts::<MetricType>("metricTypes")?;
        days.sort_unstable();
        metric_types.sort_unstable();
        let announcements = fields.texts::<Announcement>("announcements")?;
        Ok(SyncRun {
            announced: fields
                .opt("latestAt")?
                .map(|latest_at| Announced { announcements: announcements.into_iter().collect(), latest_at }),
            unannounced: fields.texts::<Found>("unannounced")?.into_iter().collect(),
            kinds: fields.opt_json("kinds")?.unwrap_or_default(),
            days,
            metric_types,
            records_written: fields.opt("recordsWritten")?.unwrap_or(0),
            ended: fields.flag("ended"),
        })
    }

    /// Remembers how the fetch of each kind went, for the next delivery of the message.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_kinds(
        &self,
        patient: &PatientId,
        sync: &SyncId,
        kinds: &BTreeMap<DataType, KindProgress>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("pk", s(patient_key(patient)))
            .key("sk", s(sort_key(sync)))
            .update_expression("SET kinds = :kinds, expiresAt = :expires")
            .expression_attribute_values(":kinds", json(kinds))
            .expression_attribute_values(":expires", n(expires(now, LIFE)))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| StoreError::of("record the sync's progress", &error))
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
        if !progress.unannounced.is_empty() {
            add.push_str(", unannounced :unannounced");
            update = update.expression_attribute_values(":unannounced", texts(&progress.unannounced));
        }
        let update = built("record the sync's progress", update.update_expression(add).build())?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// The update that gives a sync what it has taken from the inbox, to stand in one transaction with the taking.
    pub(super) fn begin(
        &self,
        patient: &PatientId,
        gathered: &Gathered,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut update = Update::builder()
            .table_name(&self.table)
            .key("pk", s(patient_key(patient)))
            .key("sk", s(sort_key(&gathered.sync_id)))
            .update_expression("SET announcements = :announcements, latestAt = :latestAt, expiresAt = :expires")
            .condition_expression("attribute_not_exists(latestAt)")
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
        kinds: &BTreeMap<DataType, KindProgress>,
        end: &SyncEnd,
        events: &[PatientEvent],
    ) -> Result<Ended, StoreError> {
        const ACTION: &str = "end the sync";
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", s(patient_key(&connection.patient_id)))
            .key("sk", s(sort_key(sync)))
            .update_expression("SET ended = :true, kinds = :kinds, expiresAt = :expires")
            .condition_expression("attribute_not_exists(ended)")
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
            Err(Cancelled::Conditions(reasons)) => Ok(if reasons.first() == Some(&Reason::ConditionFailed) {
                Ended::Already
            } else {
                Ended::ConnectionGone
            }),
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

fn json(value: &impl serde::Serialize) -> AttributeValue {
    from_json(&serde_json::to_value(value).unwrap_or_default())
}
