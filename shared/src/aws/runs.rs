//! The progress of one sync, from which a redelivered message resumes. Counts are kept in the transactions that cause them,
//! so a crash between any two neither loses nor doubles them.
//!
//! The item is created before the sync checks the patient's connection, and every later write of the sync requires it. So
//! after a connection has ended and the items have been deleted, no sync writes any more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_config::SdkConfig;
use jiff::Timestamp;
use serde::Deserialize;

use super::connections::{Connections, SyncEnd};
use super::error::StoreError;
use super::outbox::put_event;
use super::table::{
    Committed, Condition, Key, Outcome, Partition, Returned, Table, TextSet, Transaction, Update, begins_with, exists,
    expires_at, missing, prefix,
};
use crate::domain::{
    Connection, ConnectionStatus, DataType, DataTypeProgress, Day, DocumentEvent, MetricType, PatientEvent, PatientId,
    SyncId,
};

/// Life of a sync's progress: far longer than that of a message in a queue.
const TTL: Duration = Duration::from_secs(30 * 24 * 3600);

/// The progress of one sync.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SyncRun {
    /// Data types whose fetch is over, with its outcome.
    pub progress: BTreeMap<DataType, DataTypeProgress>,
    /// Days whose stats changed, oldest first.
    pub days: Vec<Day>,
    /// Metric types of the records that changed.
    pub metric_types: Vec<MetricType>,
    /// Number of records written or tombstoned.
    pub records_written: u64,
    /// By data type, number of documents that a webhook event should have named and did not.
    pub missed_webhooks: BTreeMap<DataType, u64>,
    /// The webhook events that caused it, once it has taken them.
    pub pending_events: Option<PendingEvents>,
    /// Number of requests to Oura of earlier deliveries.
    pub requests: u64,
    /// True if it is over.
    pub ended: bool,
}

/// Webhook events that a sync has taken from the inbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PendingEvents {
    /// The events; none if there were too many.
    pub events: BTreeSet<DocumentEvent>,
    /// Time of the last event.
    pub latest_at: Timestamp,
    /// True if there were too many events to keep: the days of the look-back are fetched instead.
    pub is_full: bool,
}

/// Progress that one transaction adds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunProgress {
    /// Days whose stats changed.
    pub days: Vec<Day>,
    /// Metric types of the records that changed.
    pub metric_types: Vec<MetricType>,
    /// Number of records written or tombstoned.
    pub records_written: usize,
    /// By data type, number of documents among them that a webhook event should have named and did not.
    pub missed_webhooks: BTreeMap<DataType, u64>,
}

/// Sort key of a sync's item.
#[derive(Deserialize)]
struct SyncKey {
    sk: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SyncItem {
    #[serde(default)]
    data_types: BTreeMap<DataType, DataTypeProgress>,
    #[serde(default)]
    days_changed: TextSet<Day>,
    #[serde(default)]
    metric_types: TextSet<MetricType>,
    #[serde(default)]
    records_written: u64,
    #[serde(default)]
    missed: BTreeMap<DataType, u64>,
    #[serde(default)]
    events: TextSet<DocumentEvent>,
    latest_at: Option<Timestamp>,
    #[serde(default)]
    is_full: bool,
    #[serde(default)]
    requests: u64,
    #[serde(default)]
    ended: bool,
}

/// The end of ending a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Recorded; the events are in the outbox.
    Recorded,
    /// An earlier delivery of the same message had recorded it.
    Already,
    /// Another sync of the patient has ended since the connection was read: read and decide again. Nothing was changed.
    Raced,
    /// The connection is over or has a newer grant, or the patient's syncs were stopped. Nothing was changed.
    ConnectionGone,
}

/// The parts of a sync's last transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EndPart {
    Sync,
    Connection,
    Event,
}

/// The sync items in the table `Connections`.
#[derive(Debug, Clone)]
pub struct Runs {
    table: Table,
    connections: Connections,
}

/// True until the sync is stopped.
fn is_open() -> Condition {
    exists("pk")
}

impl Runs {
    /// The sync items in the table of this name.
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: impl Into<String>) -> Self {
        let table = table.into();
        Self { connections: Connections::new(sdk, &table), table: Table::new(sdk, table) }
    }

    /// Opens the sync: creates its item, or reads its progress. To be done before the connection is read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(&self, patient: &PatientId, sync: &SyncId, now: Timestamp) -> Result<SyncRun, StoreError> {
        const ACTION: &str = "open the sync";
        // Counters are added to this map: documents by the thousand do not fit into an item.
        let update = self.update(patient, sync, now).set_once("missed", BTreeMap::<DataType, u64>::new());
        match update.send_returning::<SyncItem>(ACTION, Returned::After).await? {
            Outcome::Written(item) => Ok(item.into()),
            Outcome::ConditionFailed(_) => Err(StoreError::incomplete(ACTION)),
        }
    }

    /// Deletes a sync without any progress; one with progress stays.
    ///
    /// # Errors
    /// [`StoreError`]; the item then expires.
    pub async fn discard(&self, patient: &PatientId, sync: &SyncId) -> Result<(), StoreError> {
        let has_no_progress =
            missing("ended").and(missing("dataTypes")).and(missing("latestAt")).and(missing("recordsWritten"));
        let delete = self.table.delete(&Key::Sync(patient, sync)).when(has_no_progress);
        delete.send("discard the sync").await?.ignore();
        Ok(())
    }

    /// Stops every sync of the patient that has not ended: none of them writes any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn stop(&self, patient: &PatientId) -> Result<(), StoreError> {
        const ACTION: &str = "stop the patient's syncs";
        let syncs = Partition::Patient(patient).whole().and(begins_with("sk", prefix::SYNC));
        let mut query = self.table.query(syncs).filter(missing("ended")).only(&["pk", "sk"]).consistent();
        loop {
            let page = query.page(ACTION).await?;
            self.table.delete_all(ACTION, page.items).await?;
            if page.last.is_none() {
                return Ok(());
            }
            query = query.after(page.last);
        }
    }

    /// The patient's syncs that have taken webhook events and have not ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unfinished_webhook_syncs(&self, patient: &PatientId) -> Result<Vec<SyncId>, StoreError> {
        const ACTION: &str = "read the patient's unfinished syncs";
        let syncs = Partition::Patient(patient).whole().and(begins_with("sk", prefix::SYNC));
        let unfinished = missing("ended").and(exists("latestAt"));
        let items: Vec<SyncKey> = self.table.query(syncs).filter(unfinished).only(&["pk", "sk"]).all(ACTION).await?;
        let id = |item: SyncKey| item.sk.strip_prefix(prefix::SYNC)?.parse().ok();
        Ok(items.into_iter().filter_map(id).collect())
    }

    /// The progress so far; `None` if the sync was never opened, or was stopped.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, patient: &PatientId, sync: &SyncId) -> Result<Option<SyncRun>, StoreError> {
        let item: Option<SyncItem> = self.table.get("read the sync's progress", &Key::Sync(patient, sync)).await?;
        Ok(item.map(SyncRun::from))
    }

    /// Records each data type's outcome and the number of requests of this delivery, for the next delivery. `false` if the
    /// sync was stopped.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_progress(
        &self,
        patient: &PatientId,
        sync: &SyncId,
        progress: &BTreeMap<DataType, DataTypeProgress>,
        requests: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let update =
            self.update(patient, sync, now).set("dataTypes", progress).add("requests", requests).when(is_open());
        Ok(update.send("record the sync's progress").await?.is_written())
    }

    /// The update that adds to the progress, for the transaction that makes it.
    pub(super) fn add(&self, patient: &PatientId, sync: &SyncId, progress: &RunProgress, now: Timestamp) -> Update {
        let mut update = self.update(patient, sync, now).add("recordsWritten", progress.records_written);
        if !progress.days.is_empty() {
            update = update.add("daysChanged", TextSet::of(&progress.days));
        }
        if !progress.metric_types.is_empty() {
            update = update.add("metricTypes", TextSet::of(&progress.metric_types));
        }
        for (data_type, count) in &progress.missed_webhooks {
            update = update.add(&format!("missed.{data_type}"), count);
        }
        update.when(is_open())
    }

    /// The update that assigns pending events to a sync, for the transaction that takes them from the inbox.
    pub(super) fn begin(&self, patient: &PatientId, sync: &SyncId, events: &PendingEvents, now: Timestamp) -> Update {
        let update = self.update(patient, sync, now);
        let update =
            if events.is_full { update.set("isFull", true) } else { update.set("events", TextSet::of(&events.events)) };
        update.set("latestAt", events.latest_at).when(is_open().and(missing("latestAt")))
    }

    /// Ends a sync, once: its own item, its result on the connection, and its events, in one transaction.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end(
        &self,
        connection: &Connection,
        sync: &SyncId,
        progress: &BTreeMap<DataType, DataTypeProgress>,
        end: &SyncEnd,
        events: &[PatientEvent],
    ) -> Result<Ended, StoreError> {
        let patient = &connection.patient_id;
        let update = self.update(patient, sync, end.at).set("ended", true).set("dataTypes", progress);
        let mut transaction = Transaction::new(&self.table, "end the sync");
        transaction.add(EndPart::Sync, update.when(is_open().and(missing("ended"))))?;
        transaction.add(EndPart::Connection, self.connections.sync_end(connection, end))?;
        for event in events {
            transaction.add(EndPart::Event, put_event(&self.table, event))?;
        }
        match transaction.commit().await? {
            Committed::Done => Ok(Ended::Recorded),
            Committed::ConditionsFailed(parts) => {
                if parts.contains(&EndPart::Sync) {
                    let is_over = self.get(patient, sync).await?.is_some_and(|run| run.ended);
                    return Ok(if is_over { Ended::Already } else { Ended::ConnectionGone });
                }
                let now = self.connections.get(patient).await?;
                let is_live = |now: &Connection| {
                    now.grant_id == connection.grant_id && now.status != ConnectionStatus::Disconnected
                };
                Ok(if now.as_ref().is_some_and(is_live) { Ended::Raced } else { Ended::ConnectionGone })
            }
        }
    }

    /// Leaves a sync open that could not be completed: only the connection records it, with an event if there is one, and a
    /// redrive resumes it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn give_up(
        &self,
        connection: &Connection,
        end: &SyncEnd,
        event: Option<&PatientEvent>,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(&self.table, "abandon a sync");
        transaction.add((), self.connections.unfinished_sync(connection, end))?;
        if let Some(event) = event {
            transaction.add((), put_event(&self.table, event))?;
        }
        match transaction.commit().await? {
            // Otherwise the connection has ended meanwhile, and there is nothing to record.
            Committed::Done | Committed::ConditionsFailed(_) => Ok(()),
        }
    }

    fn update(&self, patient: &PatientId, sync: &SyncId, now: Timestamp) -> Update {
        self.table.update(&Key::Sync(patient, sync)).set("expiresAt", expires_at(now, TTL))
    }
}

impl From<SyncItem> for SyncRun {
    fn from(item: SyncItem) -> Self {
        let (mut days, mut metric_types) = (item.days_changed.0, item.metric_types.0);
        days.sort_unstable();
        metric_types.sort_unstable();
        let events = item.events.0.into_iter().collect();
        Self {
            progress: item.data_types,
            days,
            metric_types,
            records_written: item.records_written,
            missed_webhooks: item.missed,
            pending_events: item.latest_at.map(|latest_at| PendingEvents { events, latest_at, is_full: item.is_full }),
            requests: item.requests,
            ended: item.ended,
        }
    }
}
