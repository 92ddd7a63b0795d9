//! Writes of changed days, with their events and the sync's progress.

use jiff::Timestamp;

use super::item::{RecordItem, StatsItem};
use super::store::Days;
use crate::aws::error::StoreError;
use crate::aws::outbox::put_event;
use crate::aws::runs::RunProgress;
use crate::aws::table::{Committed, Delete, Key, Put, Transaction, equals, missing};
use crate::domain::{DailyStats, Day, PatientEvent, PatientId, RecordKey, StoredRecord, SyncId};

/// Writes of days in one transaction, which may have 100 parts; the rest is for the sync's own update.
const MAX_WRITES: usize = 90;

/// Size of the writes of one transaction in bytes. DynamoDB takes 4 MB; a transaction in memory is many times as large, and
/// several syncs run at once. A single item of 400 KB fits.
const MAX_BYTES: usize = 512 * 1024;

/// A record to write, and its places as read before.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordWrite {
    /// The new record.
    pub record: StoredRecord,
    /// Day and revision of each stored copy, as read. Those on other days than the record's are deleted: it moves. Two syncs
    /// that store a new document at once, while it moves, leave two.
    pub copies: Vec<(Day, u64)>,
    /// True if a webhook event should have named it and did not.
    pub missed_webhooks: bool,
}

/// All changes of one day; written together or not at all, unless they are more than one transaction holds.
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

impl DayWrite {
    fn bytes(&self) -> usize {
        match self {
            Self::Put(put) => put.bytes(),
            Self::Delete(_) => 0,
        }
    }
}

#[derive(Default)]
struct Batch {
    writes: Vec<DayWrite>,
    /// Number of the last writes that take effect together: the stats of a day and its event.
    inseparable: usize,
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
            // A day that is larger than a transaction: its records are written first, its stats and event last.
            while !Batch::default().has_room_for(&day) {
                let Some(part) = day.split_off_records() else { break };
                let written = self.write(patient, sync, part, now).await?;
                if written != Commit::Written {
                    return Ok(written);
                }
            }
            if !batch.has_room_for(&day) {
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
        let Batch { writes, mut progress, .. } = batch;
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
                *batch.progress.missed_webhooks.entry(write.record.record.data_type).or_default() += 1;
            }
            batch.writes.extend(self.record_writes(patient, write));
        }
        if let Some((stats, previous)) = &change.stats {
            let is_unchanged = previous.map_or(missing("patientId"), |revision| equals("revision", revision));
            let put = self.daily_stats.put(&Key::DailyStats(patient, stats.day), StatsItem::from(stats));
            batch.writes.push(DayWrite::Put(put.when(is_unchanged)));
            batch.inseparable += 1;
        }
        if let Some(event) = &change.event {
            batch.progress.days.push(change.day);
            batch.writes.push(DayWrite::Put(put_event(&self.connections, event)));
            batch.inseparable += 1;
        }
        batch
    }

    /// The put of a record, and the deletion of its copies on other days.
    fn record_writes(&self, patient: &PatientId, write: &RecordWrite) -> Vec<DayWrite> {
        let key = RecordKey::of(&write.record.record);
        let put = self.wearable_data.put(&Key::Record(patient, &key), RecordItem::from(&write.record));
        let (here, elsewhere): (Vec<_>, Vec<_>) = write.copies.iter().partition(|(day, _)| *day == key.day);
        let is_unchanged = here.first().map_or(missing("sk"), |(_, revision)| equals("revision", *revision));
        let delete = |(day, revision): (Day, u64)| {
            let old = RecordKey { day, ..key.clone() };
            self.wearable_data.delete(&Key::Record(patient, &old)).when(equals("revision", revision))
        };
        let deletes = elsewhere.into_iter().map(|copy| DayWrite::Delete(delete(copy)));
        std::iter::once(DayWrite::Put(put.when(is_unchanged))).chain(deletes).collect()
    }
}

impl Batch {
    fn bytes(&self) -> usize {
        self.writes.iter().map(DayWrite::bytes).sum()
    }

    fn has_room_for(&self, other: &Self) -> bool {
        self.writes.len() + other.writes.len() <= MAX_WRITES && self.bytes() + other.bytes() <= MAX_BYTES
    }

    /// Takes as many of the records as fit into a transaction, at least one; none if only inseparable writes are left.
    fn split_off_records(&mut self) -> Option<Self> {
        let records = self.writes.len().saturating_sub(self.inseparable).min(MAX_WRITES);
        let mut bytes = 0;
        let fitting = self.writes.iter().take(records).take_while(|write| {
            bytes += write.bytes();
            bytes <= MAX_BYTES
        });
        let count = fitting.count().max(1).min(records);
        let writes = self.writes.drain(..count).collect();
        (count > 0).then_some(Self { writes, ..Self::default() })
    }

    fn append(&mut self, mut other: Self) {
        self.writes.append(&mut other.writes);
        self.progress.days.extend(other.progress.days);
        self.progress.metric_types.extend(other.progress.metric_types);
        self.progress.records_written += other.progress.records_written;
        for (data_type, count) in other.progress.missed_webhooks {
            *self.progress.missed_webhooks.entry(data_type).or_default() += count;
        }
    }
}
