//! Writes of changed days, with their events and the sync's progress.

use jiff::Timestamp;

use super::item::{RecordItem, StatsItem};
use super::store::Days;
use crate::aws::error::StoreError;
use crate::aws::outbox::put_event;
use crate::aws::runs::{Found, RunProgress};
use crate::aws::table::{Committed, Delete, Key, Put, Transaction, equals, missing};
use crate::domain::{DailyStats, Day, PatientEvent, PatientId, RecordKey, StoredRecord, SyncId};

/// Writes of days in one transaction, which may have 100 parts; the rest is for the sync's own update.
const TRANSACTION_SIZE: usize = 90;

/// A record to write, and its place as read before.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordWrite {
    /// The new record.
    pub record: StoredRecord,
    /// Day and revision as read, if it was stored. If the day differs, the record moves.
    pub previous: Option<(Day, u64)>,
    /// True if a webhook should have announced it and did not.
    pub missed_webhooks: bool,
}

/// All changes of one day; written together or not at all (unless it has more than ninety documents).
#[derive(Debug, Clone, PartialEq)]
pub struct DayChange {
    /// The day.
    pub day: Day,
    /// Records to write.
    pub records: Vec<RecordWrite>,
    /// The day's new stats, with the revision as read; `None` if they are unchanged.
    pub stats: Option<(DailyStats, Option<u64>)>,
    /// The event of the change.
    pub event: Option<PatientEvent>,
}

/// The end of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// Everything is written.
    Written,
    /// Another worker has changed a day since it was read: read and decide again. Earlier writes stay.
    Raced,
    /// The sync was stopped: the connection has ended. Earlier writes stay, or have been deleted since.
    Stopped,
}

/// The parts of a commit's transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CommitPart {
    Day,
    Sync,
}

/// One write of a day.
enum DayWrite {
    Put(Put),
    Delete(Delete),
}

#[derive(Default)]
struct Batch {
    writes: Vec<DayWrite>,
    progress: RunProgress,
}

impl Days {
    /// Writes the changes, several days in one transaction if they fit, each with its event and the sync's progress.
    ///
    /// # Errors
    /// [`StoreError`]; the last transaction may have taken effect, and a retry of all of it is harmless.
    pub async fn commit(
        &self,
        patient: &PatientId,
        changes: &[DayChange],
        sync: &SyncId,
        now: Timestamp,
    ) -> Result<Commit, StoreError> {
        let mut batch = Batch::default();
        for change in changes {
            let mut day = self.writes(patient, change);
            // A day with more documents than a transaction holds: its records are written first, its stats and event last.
            while day.writes.len() > TRANSACTION_SIZE {
                let writes = day.writes.drain(..TRANSACTION_SIZE).collect();
                let part = Batch { writes, progress: RunProgress::default() };
                let written = self.write(patient, sync, part, now).await?;
                if written != Commit::Written {
                    return Ok(written);
                }
            }
            if batch.writes.len() + day.writes.len() > TRANSACTION_SIZE {
                let written = self.write(patient, sync, std::mem::take(&mut batch), now).await?;
                if written != Commit::Written {
                    return Ok(written);
                }
            }
            batch.append(day);
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
        let Batch { writes, mut progress } = batch;
        if writes.is_empty() {
            return Ok(Commit::Written);
        }
        progress.metric_types.sort_unstable();
        progress.metric_types.dedup();
        let mut transaction = Transaction::new(&self.connections, "write the patient's days");
        for write in writes {
            match write {
                DayWrite::Put(put) => transaction.add(CommitPart::Day, put)?,
                DayWrite::Delete(delete) => transaction.add(CommitPart::Day, delete)?,
            };
        }
        transaction.add(CommitPart::Sync, self.runs.add(patient, sync, &progress, now))?;
        Ok(match transaction.commit().await? {
            Committed::Done => Commit::Written,
            Committed::ConditionsFailed(parts) if parts.contains(&CommitPart::Sync) => Commit::Stopped,
            Committed::ConditionsFailed(_) => Commit::Raced,
        })
    }

    fn writes(&self, patient: &PatientId, change: &DayChange) -> Batch {
        let mut batch = Batch::default();
        batch.progress.records_written = change.records.len();
        for write in &change.records {
            batch.progress.metric_types.push(write.record.record.data_type.metric_type());
            if write.missed_webhooks {
                let record = &write.record.record;
                let found = Found { data_type: record.data_type, document_id: record.document_id.clone() };
                batch.progress.missed_webhooks.insert(found);
            }
            batch.writes.extend(self.record_writes(patient, write));
        }
        if let Some((stats, previous)) = &change.stats {
            let is_unchanged = previous.map_or(missing("patientId"), |revision| equals("revision", revision));
            let put = self.daily_stats.put(&Key::DailyStats(patient, stats.day), StatsItem::from(stats));
            batch.writes.push(DayWrite::Put(put.when(is_unchanged)));
        }
        if let Some(event) = &change.event {
            batch.progress.days.push(change.day);
            batch.writes.push(DayWrite::Put(put_event(&self.connections, event)));
        }
        batch
    }

    /// The put of a record and, if it moves from another day, the deletion there.
    fn record_writes(&self, patient: &PatientId, write: &RecordWrite) -> Vec<DayWrite> {
        let key = RecordKey::of(&write.record.record);
        let put = self.wearable_data.put(&Key::Record(patient, &key), RecordItem::from(&write.record));
        match write.previous {
            None => vec![DayWrite::Put(put.when(missing("sk")))],
            Some((day, revision)) if day == key.day => vec![DayWrite::Put(put.when(equals("revision", revision)))],
            Some((day, revision)) => {
                let old = RecordKey { day, ..key };
                let delete = self.wearable_data.delete(&Key::Record(patient, &old)).when(equals("revision", revision));
                vec![DayWrite::Put(put.when(missing("sk"))), DayWrite::Delete(delete)]
            }
        }
    }
}

impl Batch {
    fn append(&mut self, mut other: Self) {
        self.writes.append(&mut other.writes);
        self.progress.days.extend(other.progress.days);
        self.progress.metric_types.extend(other.progress.metric_types);
        self.progress.records_written += other.progress.records_written;
        self.progress.missed_webhooks.extend(other.progress.missed_webhooks);
    }
}
