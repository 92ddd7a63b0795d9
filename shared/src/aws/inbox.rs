//! The inbox: webhook events of a patient that no sync has taken yet. The events of a burst collect in one item until the one
//! sync that they cause takes them all.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_config::SdkConfig;
use jiff::Timestamp;
use serde::Deserialize;

use super::error::StoreError;
use super::runs::{PendingEvents, Runs};
use super::table::{Key, Outcome, Returned, Table, TextSet, Transaction, equals, expires_at};
use crate::domain::{DocumentEvent, PatientId, SyncId};

/// Life of an inbox that no sync takes: the patient has disconnected meanwhile.
const TTL: Duration = Duration::from_secs(3 * 24 * 3600);

/// Retries of taking an inbox that receives events at the same moment.
const MAX_CONFLICT_RETRIES: usize = 10;

/// The inboxes in the table `Connections`.
#[derive(Debug, Clone)]
pub struct Inbox {
    table: Table,
    runs: Runs,
}

/// An inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxContents {
    /// The sync that will take it.
    pub sync_id: SyncId,
    /// Time of the first event.
    pub since: Timestamp,
    /// Time of the last event.
    pub latest_at: Timestamp,
    /// The events.
    pub events: BTreeSet<DocumentEvent>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InboxItem {
    sync_id: SyncId,
    since: Timestamp,
    latest_at: Timestamp,
    #[serde(default)]
    events: TextSet<DocumentEvent>,
}

impl From<InboxContents> for PendingEvents {
    fn from(inbox: InboxContents) -> Self {
        Self { events: inbox.events, latest_at: inbox.latest_at }
    }
}

impl From<InboxItem> for InboxContents {
    fn from(item: InboxItem) -> Self {
        let events = item.events.0.into_iter().collect();
        Self { sync_id: item.sync_id, since: item.since, latest_at: item.latest_at, events }
    }
}

impl Inbox {
    /// The inboxes in the table of this name.
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: impl Into<String>) -> Self {
        let table = table.into();
        Self { runs: Runs::new(sdk, &table), table: Table::new(sdk, table) }
    }

    /// Adds events. An empty inbox is assigned to the sync `candidate`.
    ///
    /// # Errors
    /// [`StoreError`]; adding the same events again is harmless.
    pub async fn put(
        &self,
        patient: &PatientId,
        events: &BTreeSet<DocumentEvent>,
        candidate: &SyncId,
        now: Timestamp,
    ) -> Result<InboxContents, StoreError> {
        const ACTION: &str = "add webhook events to the inbox";
        let update = self
            .table
            .update(&Key::Inbox(patient))
            .set_once("syncId", candidate)
            .set_once("since", now)
            .set("latestAt", now)
            .set("expiresAt", expires_at(now, TTL))
            .add("events", TextSet::of(events));
        match update.send_returning::<InboxItem>(ACTION, Returned::After).await? {
            Outcome::Written(item) => Ok(item.into()),
            Outcome::ConditionFailed(_) => Err(StoreError::incomplete(ACTION)),
        }
    }

    /// Deletes the inbox of a patient whose ring is not connected any more.
    ///
    /// # Errors
    /// [`StoreError`]; the inbox then expires.
    pub async fn discard(&self, patient: &PatientId) -> Result<(), StoreError> {
        self.table.delete(&Key::Inbox(patient)).send("discard the inbox").await?.ignore();
        Ok(())
    }

    /// The patient's inbox; `None` if it is empty.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, patient: &PatientId) -> Result<Option<InboxContents>, StoreError> {
        let item: Option<InboxItem> = self.table.get("read the inbox", &Key::Inbox(patient)).await?;
        Ok(item.map(InboxContents::from))
    }

    /// Moves the events that wait for this sync from the inbox to the sync's own item, both or neither. `None` if the inbox
    /// is not assigned to it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take(
        &self,
        patient: &PatientId,
        sync: &SyncId,
        now: Timestamp,
    ) -> Result<Option<InboxContents>, StoreError> {
        const ACTION: &str = "take the webhook events of the inbox";
        for _ in 0..MAX_CONFLICT_RETRIES {
            let Some(inbox) = self.get(patient).await?.filter(|inbox| inbox.sync_id == *sync) else {
                return Ok(None);
            };
            let is_unchanged = equals("syncId", sync).and(equals("events", TextSet::of(&inbox.events)));
            let mut transaction = Transaction::new(&self.table, ACTION);
            transaction.add((), self.table.delete(&Key::Inbox(patient)).when(is_unchanged))?;
            transaction.add((), self.runs.begin(patient, sync, &PendingEvents::from(inbox.clone()), now))?;
            if transaction.commit().await?.is_done() {
                return Ok(Some(inbox));
            }
            // Another event came in between, or another worker was first.
        }
        Err(StoreError::Unavailable { action: ACTION, code: "Raced".to_owned() })
    }

    /// Assigns the inbox of the sync `old` to `new`, if it (still) has one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pass_on(&self, patient: &PatientId, old: &SyncId, new: &SyncId) -> Result<(), StoreError> {
        let update = self.table.update(&Key::Inbox(patient)).set("syncId", new).when(equals("syncId", old));
        update.send("assign the inbox to another sync").await?.ignore();
        Ok(())
    }
}
