//! The inbox: webhook events of a patient that no sync has taken yet. The events of a burst collect in one item until the one
//! sync that they cause takes them all. A full inbox holds no events: its sync fetches the days of the look-back.
//!
//! Beside it, the events that were processed lately, so that a replayed one costs nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_config::SdkConfig;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::StoreError;
use super::runs::{PendingEvents, Runs};
use super::table::{Key, Outcome, Returned, Table, TextSet, Transaction, equals, expires_at, missing};
use crate::domain::{DocumentEvent, PatientId, SyncId};

/// Life of an inbox that no sync takes: the patient has disconnected meanwhile.
const TTL: Duration = Duration::from_secs(3 * 24 * 3600);

/// Size of the events in bytes above which an inbox is full: about a thousand events, a quarter of DynamoDB's largest item.
const MAX_BYTES: usize = 100_000;

/// Life of the processed events: longer than the time for which a signature is accepted.
const PROCESSED_TTL: Duration = Duration::from_secs(24 * 3600);

/// Number of processed events that are kept, of about 13 bytes each.
const MAX_PROCESSED: usize = 300;

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
    /// The events; none if there were too many.
    pub events: BTreeSet<DocumentEvent>,
    /// True if there were too many events to keep.
    pub is_full: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InboxItem {
    sync_id: SyncId,
    since: Timestamp,
    latest_at: Timestamp,
    #[serde(default)]
    events: TextSet<DocumentEvent>,
    #[serde(default)]
    is_full: bool,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProcessedItem {
    #[serde(default)]
    events: TextSet<String>,
    expires_at: i64,
}

impl From<InboxContents> for PendingEvents {
    fn from(inbox: InboxContents) -> Self {
        Self { events: inbox.events, latest_at: inbox.latest_at, is_full: inbox.is_full }
    }
}

impl From<InboxItem> for InboxContents {
    fn from(item: InboxItem) -> Self {
        let events = item.events.0.iter().cloned().collect();
        let InboxItem { sync_id, since, latest_at, is_full, .. } = item;
        Self { sync_id, since, latest_at, events, is_full }
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
        let update = || {
            self.table
                .update(&Key::Inbox(patient))
                .set_once("syncId", candidate)
                .set_once("since", now)
                .set("latestAt", now)
                .set("expiresAt", expires_at(now, TTL))
        };
        let add = update().add("events", TextSet::of(events)).when(missing("isFull"));
        if let Outcome::Written(item) = add.send_returning::<InboxItem>(ACTION, Returned::After).await? {
            if item.events.0.iter().map(|event| event.to_string().len()).sum::<usize>() > MAX_BYTES {
                self.fill(patient, &item.sync_id).await?;
            }
            return Ok(item.into());
        }
        // It is full. If a sync has taken it in between, the next one fetches the days of the look-back too.
        match update().set("isFull", true).send_returning::<InboxItem>(ACTION, Returned::After).await? {
            Outcome::Written(item) => Ok(item.into()),
            Outcome::ConditionFailed(_) => Err(StoreError::incomplete(ACTION)),
        }
    }

    /// Replaces the events of this sync's inbox by the mark that it is full.
    async fn fill(&self, patient: &PatientId, sync: &SyncId) -> Result<(), StoreError> {
        let update = self.table.update(&Key::Inbox(patient)).set("isFull", true).remove(["events"]);
        update.when(equals("syncId", sync)).send("fill the inbox").await?.ignore();
        tracing::warn!(
            event = "webhook_events.inbox_full",
            sync.id = %sync,
            "a patient had too many webhook events to keep; one sync fetches the days of the look-back instead"
        );
        Ok(())
    }

    /// Returns these events without those that were processed lately.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn without_processed(
        &self,
        patient: &PatientId,
        events: BTreeSet<DocumentEvent>,
    ) -> Result<BTreeSet<DocumentEvent>, StoreError> {
        let processed = self.processed(patient).await?;
        Ok(events.into_iter().filter(|event| !processed.contains(&mark(event))).collect())
    }

    /// Records that these events were processed.
    ///
    /// # Errors
    /// [`StoreError`]; a replayed one then costs a request.
    pub async fn record_processed(
        &self,
        patient: &PatientId,
        events: &BTreeSet<DocumentEvent>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut marks: BTreeSet<String> = events.iter().map(mark).take(MAX_PROCESSED).collect();
        if marks.is_empty() {
            return Ok(());
        }
        let before = self.processed(patient).await?;
        if before.len() + marks.len() <= MAX_PROCESSED {
            marks.extend(before);
        }
        let marks: Vec<String> = marks.into_iter().collect();
        let item = ProcessedItem { events: TextSet(marks), expires_at: expires_at(now, PROCESSED_TTL) };
        self.table.put(&Key::ProcessedEvents(patient), item).send("record processed webhook events").await?.ignore();
        Ok(())
    }

    async fn processed(&self, patient: &PatientId) -> Result<BTreeSet<String>, StoreError> {
        let item: Option<ProcessedItem> =
            self.table.get("read the processed webhook events", &Key::ProcessedEvents(patient)).await?;
        Ok(item.map(|item| item.events.0.into_iter().collect()).unwrap_or_default())
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
            let is_unchanged = equals("syncId", sync).and(if inbox.is_full {
                equals("isFull", true)
            } else {
                equals("events", TextSet::of(&inbox.events)).and(missing("isFull"))
            });
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

/// Short fingerprint of an event.
fn mark(event: &DocumentEvent) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(event.to_string())[..9])
}
