//! The three tables of a sync's data, read by day and written with events and progress.

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use futures::future::try_join;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::Deserialize;

use super::item::RecordItem;
use super::stats::all_stats;
use crate::aws::error::StoreError;
use crate::aws::runs::Runs;
use crate::aws::table::{Partition, Table, Text, between, equals};
use crate::domain::{DailyStats, DataType, Day, DayRange, DocumentId, PatientId, RecordKey, StoredRecord};

/// Concurrent reads of days, and look-ups of documents.
const READ_CONCURRENCY: usize = 8;

/// The tables that a day's change touches.
#[derive(Debug, Clone)]
pub struct Days {
    pub(super) connections: Table,
    pub(super) wearable_data: Table,
    pub(super) daily_stats: Table,
    pub(super) runs: Runs,
}

/// A stored day.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StoredDay {
    /// Its records, tombstones included.
    pub records: Vec<StoredRecord>,
    /// Its stats, if it has any.
    pub stats: Option<DailyStats>,
}

/// The attributes of the index `byDocumentId` that are read.
#[derive(Deserialize)]
struct RecordKeyItem {
    sk: Text<RecordKey>,
}

impl Days {
    /// The tables of these names.
    #[must_use]
    pub fn new(sdk: &SdkConfig, connections: &str, wearable_data: &str, daily_stats: &str) -> Self {
        Self {
            connections: Table::new(sdk, connections),
            wearable_data: Table::new(sdk, wearable_data),
            daily_stats: Table::new(sdk, daily_stats),
            runs: Runs::new(sdk, connections),
        }
    }

    /// The stored days of the range; days without records and stats are absent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read(&self, patient: &PatientId, range: DayRange) -> Result<BTreeMap<Day, StoredDay>, StoreError> {
        let (records, stats) = try_join(self.records(patient, range), self.stats(patient, range)).await?;
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

    /// These stored days; days without records and stats are absent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_days(
        &self,
        patient: &PatientId,
        days: &BTreeSet<Day>,
    ) -> Result<BTreeMap<Day, StoredDay>, StoreError> {
        let reads = stream::iter(days.clone()).map(|day| self.read(patient, DayRange::ending(day, 1)));
        let read: Vec<BTreeMap<_, _>> = reads.buffer_unordered(READ_CONCURRENCY).try_collect().await?;
        Ok(read.into_iter().flatten().collect())
    }

    /// True if any record of the patient is stored, tombstones included.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_records(&self, patient: &PatientId) -> Result<bool, StoreError> {
        let query = self.wearable_data.query(Partition::Days(patient).whole()).only(&["patientId"]).consistent();
        let page = query.limit(1).page("look for records of the patient").await?;
        Ok(!page.items.is_empty())
    }

    /// The days of these documents of the patient, tombstones included; documents that are not stored are absent. Read from
    /// an index, so a document stored a moment ago may be missing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn locate(
        &self,
        patient: &PatientId,
        documents: &BTreeSet<DocumentId>,
    ) -> Result<BTreeMap<(DataType, DocumentId), Day>, StoreError> {
        let lookups = stream::iter(documents.clone()).map(|id| self.locate_one(patient, id));
        let found: Vec<Vec<_>> = lookups.buffer_unordered(READ_CONCURRENCY).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn locate_one(
        &self,
        patient: &PatientId,
        document: DocumentId,
    ) -> Result<Vec<((DataType, DocumentId), Day)>, StoreError> {
        let keys = equals("documentId", document).and(Partition::Days(patient).whole());
        let query = self.wearable_data.query(keys).index("byDocumentId");
        let found: Vec<RecordKeyItem> = query.all("find the day of a document").await?;
        Ok(found.into_iter().map(|item| ((item.sk.0.data_type, item.sk.0.document_id), item.sk.0.day)).collect())
    }

    async fn records(&self, patient: &PatientId, range: DayRange) -> Result<Vec<StoredRecord>, StoreError> {
        const ACTION: &str = "read the patient's records";
        // `$` is the character after `#`, so the range contains every key of its last day.
        let of_days = between("sk", format!("{}#", range.first()), format!("{}$", range.last()));
        let query = self.wearable_data.query(Partition::Days(patient).whole().and(of_days)).consistent();
        let records: Vec<RecordItem> = query.all(ACTION).await?;
        records.into_iter().map(|item| item.record(ACTION)).collect()
    }

    /// The stats of each day of the range that has any, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn stats(&self, patient: &PatientId, range: DayRange) -> Result<Vec<DailyStats>, StoreError> {
        all_stats(&self.daily_stats, patient, range).await
    }
}
