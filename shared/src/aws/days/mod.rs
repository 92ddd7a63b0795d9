//! The tables `WearableData` and `DailyStats`, read and written a day at a time.
//!
//! `WearableData`: `patientId`, `sk` = `<day>#<data type>#<document id>`. `DailyStats`: `patientId`, `day`.

mod baselines;
mod codec;
mod page;
mod records;

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;

pub use self::page::{PatientDays, PatientDaysReader};
pub use self::records::{RecordsPage, WearableDataTable};

use self::codec::{record, record_item, stats, stats_item};
use super::connections::built;
use super::item::{Fields, n, s};
use super::outbox::put_event;
use super::runs::{Found, RunProgress, Runs};
use super::transact::{Cancelled, Reason, run};
use super::{SdkConfig, StoreError};
use crate::domain::{
    DailyStats, DataType, Day, DayRange, DocumentId, PatientEvent, PatientId, RecordKey, StoredRecord, SyncId,
};

/// A transaction holds at most 100 items; some room is left for the run's own update.
const ITEMS_AT_ONCE: usize = 90;

/// Days read, and documents looked up, at once.
const READS_AT_ONCE: usize = 8;

/// The three tables that a day's change touches.
#[derive(Debug, Clone)]
pub struct Days {
    client: Client,
    connections: String,
    wearable_data: String,
    daily_stats: String,
    runs: Runs,
}

/// What is stored of one day.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StoredDay {
    /// Its records, tombstones included.
    pub records: Vec<StoredRecord>,
    /// Its stats, if it has any.
    pub stats: Option<DailyStats>,
}

/// A record to write, and what was read of it before.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordWrite {
    /// The record as it is to be.
    pub record: StoredRecord,
    /// Day and revision as read, if it was there. When the day differs the record moves.
    pub previous: Option<(Day, u64)>,
    /// Whether a notice should have announced it and none did.
    pub missed_webhooks: bool,
}

/// All that changes on one day; written whole or not at all (unless it has more than ninety documents).
#[derive(Debug, Clone, PartialEq)]
pub struct DayChange {
    /// The day.
    pub day: Day,
    /// Records to write.
    pub records: Vec<RecordWrite>,
    /// The day's stats as they are to be, with the revision as read; `None` when they stay as they are.
    pub stats: Option<(DailyStats, Option<u64>)>,
    /// The event that tells of it.
    pub event: Option<PatientEvent>,
}

/// How a commit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// Everything is written.
    Written,
    /// Something was changed by another worker since it was read: read and decide again. What was written before
    /// that stays.
    Raced,
    /// The sync was stopped: the connection has ended. What was written before that stays, or was taken away since.
    Stopped,
}

impl Days {
    /// The tables of these names.
    #[must_use]
    pub fn new(sdk: &SdkConfig, connections: &str, wearable_data: &str, daily_stats: &str) -> Self {
        Self {
            client: Client::new(sdk),
            connections: connections.to_owned(),
            wearable_data: wearable_data.to_owned(),
            daily_stats: daily_stats.to_owned(),
            runs: Runs::new(sdk, connections),
        }
    }

    /// What is stored of each day of the range; days without anything are absent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read(&self, patient: &PatientId, range: DayRange) -> Result<BTreeMap<Day, StoredDay>, StoreError> {
        let (records, stats) =
            futures::future::try_join(self.records(patient, range), self.stats(patient, range)).await?;
        let mut days: BTreeMap<Day, StoredDay> = BTreeMap::new();
        for record in records {
            days.entry(record.record.day).or_default().records.push(record);
        }
        for stats in stats {
            let day = stats.day;
            days.entry(day).or_default().stats = Some(stats);
        }
        Ok(days)
    }

    /// What is stored of each of these days; days without anything are absent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_days(
        &self,
        patient: &PatientId,
        days: &BTreeSet<Day>,
    ) -> Result<BTreeMap<Day, StoredDay>, StoreError> {
        let reads = stream::iter(days.clone()).map(|day| self.read(patient, DayRange::ending(day, 1)));
        let read: Vec<BTreeMap<_, _>> = reads.buffer_unordered(READS_AT_ONCE).try_collect().await?;
        Ok(read.into_iter().flatten().collect())
    }

    /// On which days these documents of the patient are stored, tombstones included; those that are not are absent. An
    /// index tells it, so a document stored a moment ago may be missing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn locate(
        &self,
        patient: &PatientId,
        documents: &BTreeSet<DocumentId>,
    ) -> Result<BTreeMap<(DataType, DocumentId), Day>, StoreError> {
        let lookups = stream::iter(documents.clone()).map(|id| self.locate_one(patient, id));
        let found: Vec<Vec<_>> = lookups.buffer_unordered(READS_AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn locate_one(
        &self,
        patient: &PatientId,
        document: DocumentId,
    ) -> Result<Vec<((DataType, DocumentId), Day)>, StoreError> {
        const ACTION: &str = "find the day of a document";
        let page = self
            .client
            .query()
            .table_name(&self.wearable_data)
            .index_name("byDocumentId")
            .key_condition_expression("documentId = :document AND patientId = :patient")
            .expression_attribute_values(":document", s(document.as_str()))
            .expression_attribute_values(":patient", s(patient.as_str()))
            .send()
            .await
            .map_err(|error| StoreError::of(ACTION, &error))?;
        page.items()
            .iter()
            .map(|item| {
                let key: RecordKey = Fields::new(ACTION, item).get("sk")?;
                Ok(((key.data_type, key.document_id), key.day))
            })
            .collect()
    }

    async fn records(&self, patient: &PatientId, range: DayRange) -> Result<Vec<StoredRecord>, StoreError> {
        const ACTION: &str = "read the patient's records";
        // `$` is the character after `#`: the range holds every key of its last day.
        let (from, to) = (format!("{}#", range.first()), format!("{}$", range.last()));
        let mut found = Vec::new();
        let mut start = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.wearable_data)
                .key_condition_expression("patientId = :patient AND sk BETWEEN :from AND :to")
                .expression_attribute_values(":patient", s(patient.as_str()))
                .expression_attribute_values(":from", s(&from))
                .expression_attribute_values(":to", s(&to))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| StoreError::of(ACTION, &error))?;
            for item in page.items() {
                found.push(record(ACTION, item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(found);
            }
        }
    }

    /// The stats of each day of the range that has any, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn stats(&self, patient: &PatientId, range: DayRange) -> Result<Vec<DailyStats>, StoreError> {
        let mut found = Vec::new();
        let mut from = Some(range.first());
        while let Some(first) = from {
            let page = stats_page(&self.client, &self.daily_stats, patient, first, range.last(), None, true).await?;
            found.extend(page.0);
            from = page.1;
        }
        Ok(found)
    }

    /// Writes the changes, several days in one transaction where they fit, each with its event and the sync's progress.
    ///
    /// # Errors
    /// [`StoreError`]; whether the last transaction took effect is then unknown, and doing it all again is harmless.
    pub async fn commit(
        &self,
        patient: &PatientId,
        changes: &[DayChange],
        sync: &SyncId,
        now: Timestamp,
    ) -> Result<Commit, StoreError> {
        let mut batch = Batch::default();
        for change in changes {
            let (mut whole, progress) = self.items(patient, change)?;
            // A day with more documents than a transaction holds: its records go first, its stats and event last.
            while whole.len() > ITEMS_AT_ONCE {
                let part = Batch { items: whole.drain(..ITEMS_AT_ONCE).collect(), progress: RunProgress::default() };
                let written = self.write(patient, sync, part, now).await?;
                if written != Commit::Written {
                    return Ok(written);
                }
            }
            if batch.items.len() + whole.len() > ITEMS_AT_ONCE {
                let written = self.write(patient, sync, std::mem::take(&mut batch), now).await?;
                if written != Commit::Written {
                    return Ok(written);
                }
            }
            batch.items.append(&mut whole);
            batch.progress.days.extend(progress.days);
            batch.progress.metric_types.extend(progress.metric_types);
            batch.progress.records_written += progress.records_written;
            batch.progress.missed_webhooks.extend(progress.missed_webhooks);
        }
        self.write(patient, sync, batch, now).await
    }

    async fn write(
        &self,
        patient: &PatientId,
        sync: &SyncId,
        batch: Batch,
        now: Timestamp,
    ) -> Result<Commit, StoreError> {
        let Batch { mut items, mut progress } = batch;
        if items.is_empty() {
            return Ok(Commit::Written);
        }
        progress.metric_types.sort_unstable();
        progress.metric_types.dedup();
        items.push(self.runs.add(patient, sync, &progress, now)?);
        match run(&self.client, "write the patient's days", items).await {
            Ok(()) => Ok(Commit::Written),
            // The sync's own item stands last.
            Err(Cancelled::Conditions(reasons)) => Ok(match reasons.last() {
                Some(Reason::ConditionFailed) => Commit::Stopped,
                _ => Commit::Raced,
            }),
            Err(Cancelled::Store(error)) => Err(error),
        }
    }

    fn items(
        &self,
        patient: &PatientId,
        change: &DayChange,
    ) -> Result<(Vec<TransactWriteItem>, RunProgress), StoreError> {
        const ACTION: &str = "write the patient's days";
        let mut items = Vec::with_capacity(change.records.len() + 2);
        let mut progress = RunProgress { records_written: change.records.len(), ..RunProgress::default() };
        for write in &change.records {
            progress.metric_types.push(write.record.record.data_type.metric_type());
            if write.missed_webhooks {
                let (data_type, document_id) = (write.record.record.data_type, write.record.record.document_id.clone());
                progress.missed_webhooks.insert(Found { data_type, document_id });
            }
            let key = RecordKey::of(&write.record.record);
            let put = Put::builder().table_name(&self.wearable_data).set_item(Some(record_item(
                patient,
                &key.to_string(),
                &write.record,
            )));
            let put = match write.previous {
                Some((day, revision)) if day == write.record.record.day => put
                    .condition_expression("revision = :revision")
                    .expression_attribute_values(":revision", n(revision)),
                _ => put.condition_expression("attribute_not_exists(sk)"),
            };
            items.push(TransactWriteItem::builder().put(built(ACTION, put.build())?).build());
            if let Some((day, revision)) = write.previous.filter(|(day, _)| *day != write.record.record.day) {
                let old = Delete::builder()
                    .table_name(&self.wearable_data)
                    .key("patientId", s(patient.as_str()))
                    .key("sk", s(RecordKey { day, ..key }.to_string()))
                    .condition_expression("revision = :revision")
                    .expression_attribute_values(":revision", n(revision));
                items.push(TransactWriteItem::builder().delete(built(ACTION, old.build())?).build());
            }
        }
        if let Some((stats, previous)) = &change.stats {
            let put = Put::builder().table_name(&self.daily_stats).set_item(Some(stats_item(patient, stats)));
            let put = match previous {
                Some(revision) => put
                    .condition_expression("revision = :revision")
                    .expression_attribute_values(":revision", n(revision)),
                None => put.condition_expression("attribute_not_exists(patientId)"),
            };
            items.push(TransactWriteItem::builder().put(built(ACTION, put.build())?).build());
        }
        if let Some(event) = &change.event {
            progress.days.push(change.day);
            items.push(put_event(&self.connections, event)?);
        }
        Ok((items, progress))
    }
}

#[derive(Default)]
struct Batch {
    items: Vec<TransactWriteItem>,
    progress: RunProgress,
}

/// The table `DailyStats`, for those who only read it.
#[derive(Debug, Clone)]
pub struct DailyStatsTable {
    client: Client,
    table: String,
}

impl DailyStatsTable {
    /// The table of this name.
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: impl Into<String>) -> Self {
        Self { client: Client::new(sdk), table: table.into() }
    }

    /// At most `limit` days of the range, oldest first, and the day to go on from.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn page(
        &self,
        patient: &PatientId,
        range: DayRange,
        limit: i32,
    ) -> Result<(Vec<DailyStats>, Option<Day>), StoreError> {
        stats_page(&self.client, &self.table, patient, range.first(), range.last(), Some(limit), false).await
    }
}

async fn stats_page(
    client: &Client,
    table: &str,
    patient: &PatientId,
    first: Day,
    last: Day,
    limit: Option<i32>,
    consistent: bool,
) -> Result<(Vec<DailyStats>, Option<Day>), StoreError> {
    const ACTION: &str = "read the patient's daily stats";
    let page = client
        .query()
        .table_name(table)
        .key_condition_expression("patientId = :patient AND #day BETWEEN :first AND :last")
        .expression_attribute_names("#day", "day")
        .expression_attribute_values(":patient", s(patient.as_str()))
        .expression_attribute_values(":first", s(first.to_string()))
        .expression_attribute_values(":last", s(last.to_string()))
        .consistent_read(consistent)
        .set_limit(limit)
        .send()
        .await
        .map_err(|error| StoreError::of(ACTION, &error))?;
    let stats = page.items().iter().map(|item| stats(ACTION, item)).collect::<Result<Vec<_>, _>>()?;
    let next = match page.last_evaluated_key() {
        Some(key) => Some(Fields::new(ACTION, key).get::<Day>("day")?.plus(1)).filter(|day| *day <= last),
        None => None,
    };
    Ok((stats, next))
}
