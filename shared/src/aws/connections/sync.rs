//! Writes of a sync on its connection: status, progress of the backfill, and results.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::shard::catch_up_shard;
use super::store::{Connections, is_live_on, is_on};
use crate::aws::error::StoreError;
use crate::aws::table::{Condition, Key, Update, differs, equals};
use crate::domain::{
    BackfillState, Connection, ConnectionStatus, DataType, DataTypeProgress, Day, FetchFailure, ReasonCode,
};

/// Results of a sync for its connection.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncEnd {
    /// Time of its end.
    pub at: Timestamp,
    /// Time at which data last arrived.
    pub last_sync_at: Option<Timestamp>,
    /// Newest day with data of the ring.
    pub last_data_day: Option<Day>,
    /// Data types that did not arrive, with a stable reason, and those that arrived again (`None`). Others are unchanged.
    pub failing: BTreeMap<DataType, Option<FetchFailure>>,
    /// Data types whose newest days were fetched completely, with the start of that fetch.
    pub watermarks: BTreeMap<DataType, Timestamp>,
    /// Data types whose whole look-back was due and was fetched completely, with the start of that fetch.
    pub looked_back: BTreeMap<DataType, Timestamp>,
    /// Data types of which newer days have arrived, with the newest.
    pub arrived_through: BTreeMap<DataType, Day>,
    /// Start of the outage of Oura during which nothing arrives, if there is one.
    pub silent_since: Option<Timestamp>,
    /// Time of the last webhook event, if it caused this sync.
    pub last_webhook_at: Option<Timestamp>,
    /// Time of the last webhook event about data that only a ring can have brought.
    pub last_ring_webhook_at: Option<Timestamp>,
    /// Time of the last webhook event of each data type that had one.
    pub last_webhooks: BTreeMap<DataType, Timestamp>,
    /// Documents that nightly and catch-up syncs found and no webhook event had named, by data type.
    pub missed_webhooks: BTreeMap<DataType, u64>,
    /// The connection's new status.
    pub status: (ConnectionStatus, Option<ReasonCode>),
    /// True if the patient needs a sync before the next nightly run.
    pub needs_catch_up: bool,
    /// Progress of the connection's history, if the sync brought a part of it, or reports it as incomplete.
    pub backfill: Option<BackfillEnd>,
}

/// Progress of a history at the end of a sync.
#[derive(Debug, Clone, PartialEq)]
pub struct BackfillEnd {
    /// Done or failed.
    pub state: BackfillState,
    /// Progress by data type.
    pub progress: BTreeMap<DataType, DataTypeProgress>,
    /// For a patient who had been connected before: number of days whose stats it added or changed.
    pub days_repaired: Option<u64>,
    /// True if an event reports that the history is incomplete.
    pub is_reported: bool,
}

impl Connections {
    /// Marks the connection's backfill as running (again), unless it is done. `false` if not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_backfill(
        &self,
        connection: &Connection,
        progress: &BTreeMap<DataType, DataTypeProgress>,
    ) -> Result<bool, StoreError> {
        let update = self.update_backfill(connection);
        let update = update.set("backfillState", BackfillState::Running).set("backfillPerType", progress);
        Ok(update.send("begin the backfill").await?.is_written())
    }

    /// Marks the connection's backfill as failed, unless it is done. `false` if not.
    ///
    /// # Errors
    /// [`StoreError`]; the backfill is then still shown as running.
    pub async fn fail_backfill(&self, connection: &Connection) -> Result<bool, StoreError> {
        let update = self.update_backfill(connection).set("backfillState", BackfillState::Failed);
        Ok(update.send("abandon the backfill").await?.is_written())
    }

    /// Records the progress of one data type of the backfill.
    ///
    /// # Errors
    /// [`StoreError`]; only the displayed progress is then out of date.
    pub async fn backfill_progress(
        &self,
        connection: &Connection,
        data_type: DataType,
        progress: &DataTypeProgress,
    ) -> Result<bool, StoreError> {
        let update = self.update_backfill(connection).set(&format!("backfillPerType.{data_type}"), progress);
        Ok(update.send("record the backfill's progress").await?.is_written())
    }

    fn update_backfill(&self, connection: &Connection) -> Update {
        let is_open = is_on(&connection.grant_id).and(differs("backfillState", BackfillState::Done));
        self.table.update(&Key::Connection(&connection.patient_id)).when(is_open)
    }

    /// The update at the end of a sync, for one transaction with its events. Its condition fails too if another sync of the
    /// patient has ended since the connection was read, and has recorded other days to begin from.
    pub(in crate::aws) fn sync_end(&self, connection: &Connection, end: &SyncEnd) -> Update {
        let mut condition = is_live_on(&connection.grant_id);
        if !end.arrived_through.is_empty() {
            condition = condition.and(equals("arrivedThrough", &connection.arrived_through));
        }
        self.sync_record(connection, end, condition)
    }

    /// The update of a sync that stays open.
    pub(in crate::aws) fn unfinished_sync(&self, connection: &Connection, end: &SyncEnd) -> Update {
        self.sync_record(connection, end, is_live_on(&connection.grant_id))
    }

    fn sync_record(&self, connection: &Connection, end: &SyncEnd, condition: Condition) -> Update {
        let mut update = self
            .table
            .update(&Key::Connection(&connection.patient_id))
            .set_some("lastSyncAt", end.last_sync_at)
            .set_some("lastDataDay", end.last_data_day)
            .set_or_remove("silentSince", end.silent_since)
            .set_some("lastWebhookAt", end.last_webhook_at)
            .set_some("lastRingWebhookAt", end.last_ring_webhook_at)
            .set_or_remove("catchUpShard", end.needs_catch_up.then(|| catch_up_shard(&connection.patient_id)))
            .when(condition);
        // By data type: another sync of the patient may end at the same time.
        for (data_type, error) in &end.failing {
            update = update.set_or_remove(&format!("failing.{data_type}"), error.as_ref());
        }
        for (data_type, fetched_at) in &end.watermarks {
            update = update.set(&format!("watermarks.{data_type}"), fetched_at);
        }
        for (data_type, fetched_at) in &end.looked_back {
            update = update.set(&format!("lookedBack.{data_type}"), fetched_at);
        }
        for (data_type, arrived_at) in &end.last_webhooks {
            update = update.set(&format!("lastWebhooks.{data_type}"), arrived_at);
        }
        for (data_type, day) in &end.arrived_through {
            update = update.set(&format!("arrivedThrough.{data_type}"), day);
        }
        for data_type in DataType::ALL {
            let (before, now) = (connection.missed_webhooks.get(&data_type), end.missed_webhooks.get(&data_type));
            if before != now {
                update = update.set_or_remove(&format!("missedWebhooks.{data_type}"), now);
            }
        }
        if let Some(BackfillEnd { state, progress, days_repaired, is_reported }) = &end.backfill {
            update = update
                .set("backfillState", state)
                .set_some("backfillRepaired", days_repaired.as_ref())
                .set_some("backfillReported", is_reported.then_some(true));
            if !progress.is_empty() {
                update = update.set("backfillPerType", progress);
            }
        }
        if end.status != (connection.status, connection.reason) {
            let (status, reason) = end.status;
            update = update.set("status", status).set("since", end.at).set_or_remove("reasonCode", reason);
        }
        update
    }
}
