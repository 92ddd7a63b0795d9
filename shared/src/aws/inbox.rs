//! The inbox: what Oura has announced of a patient and no sync has taken yet. Notices of a burst gather in one item until
//! the one sync that they cause takes them all.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, ReturnValue, TransactWriteItem};
use jiff::Timestamp;

use super::connections::{built, expires, patient_key};
use super::item::{Fields, Item, n, s, texts};
use super::runs::Runs;
use super::transact::{Cancelled, run};
use super::{SdkConfig, StoreError};
use crate::domain::{DocumentEvent, PatientId, SyncId};

const INBOX: &str = "INBOX#oura";

/// How long an inbox lives that nobody takes: the patient has disconnected meanwhile.
const LIFE: Duration = Duration::from_secs(3 * 24 * 3600);

/// How often an inbox that notices are just being put into is read again.
const RACES: usize = 10;

/// The inbox items in the table `Connections`.
#[derive(Debug, Clone)]
pub struct Inbox {
    client: Client,
    table: String,
    runs: Runs,
}

/// What gathers for one sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxContents {
    /// The sync that will take it.
    pub sync_id: SyncId,
    /// Since when it gathers.
    pub since: Timestamp,
    /// When the last notice was put in.
    pub latest_at: Timestamp,
    /// What was announced.
    pub announcements: BTreeSet<DocumentEvent>,
}

impl Inbox {
    /// The inbox items in the table of this name.
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: impl Into<String>) -> Self {
        let table = table.into();
        Self { client: Client::new(sdk), runs: Runs::new(sdk, &table), table }
    }

    /// Puts announcements in. When nothing gathers for the patient yet, it gathers for the sync `candidate` from now on.
    ///
    /// # Errors
    /// [`StoreError`]; putting the same in again is harmless.
    pub async fn put(
        &self,
        patient: &PatientId,
        announcements: &BTreeSet<DocumentEvent>,
        candidate: &SyncId,
        now: Timestamp,
    ) -> Result<InboxContents, StoreError> {
        const ACTION: &str = "put notices into the inbox";
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", s(patient_key(patient)))
            .key("sk", s(INBOX))
            .update_expression(
                "SET syncId = if_not_exists(syncId, :candidate), since = if_not_exists(since, :now), \
                 latestAt = :now, expiresAt = :expires ADD announcements :announcements",
            )
            .expression_attribute_values(":candidate", s(candidate.as_str()))
            .expression_attribute_values(":now", s(now.to_string()))
            .expression_attribute_values(":expires", n(expires(now, LIFE)))
            .expression_attribute_values(":announcements", texts(announcements))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(|error| StoreError::of(ACTION, &error))?;
        gathered(ACTION, &answer.attributes.ok_or(StoreError::corrupt(ACTION, "announcements"))?)
    }

    /// Takes away what gathers for a patient whose ring is not connected any more.
    ///
    /// # Errors
    /// [`StoreError`]; the inbox then expires.
    pub async fn discard(&self, patient: &PatientId) -> Result<(), StoreError> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .key("pk", s(patient_key(patient)))
            .key("sk", s(INBOX))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| StoreError::of("discard the inbox", &error))
    }

    /// What gathers for the patient at the moment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, patient: &PatientId) -> Result<Option<InboxContents>, StoreError> {
        const ACTION: &str = "read the inbox";
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", s(patient_key(patient)))
            .key("sk", s(INBOX))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(ACTION, &error))?;
        answer.item.as_ref().map(|item| gathered(ACTION, item)).transpose()
    }

    /// Takes what gathered for this sync out of the inbox and into the sync's own record, both or neither. `None` when
    /// nothing gathers for it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take(
        &self,
        patient: &PatientId,
        sync: &SyncId,
        now: Timestamp,
    ) -> Result<Option<InboxContents>, StoreError> {
        const ACTION: &str = "take the notices of the inbox";
        for _ in 0..RACES {
            let Some(gathered) = self.get(patient).await?.filter(|gathered| gathered.sync_id == *sync) else {
                return Ok(None);
            };
            let delete = Delete::builder()
                .table_name(&self.table)
                .key("pk", s(patient_key(patient)))
                .key("sk", s(INBOX))
                .condition_expression("syncId = :sync AND announcements = :announcements")
                .expression_attribute_values(":sync", s(sync.as_str()))
                .expression_attribute_values(":announcements", texts(&gathered.announcements));
            let items = vec![
                TransactWriteItem::builder().delete(built(ACTION, delete.build())?).build(),
                self.runs.begin(patient, &gathered, now)?,
            ];
            match run(&self.client, ACTION, items).await {
                Ok(()) => return Ok(Some(gathered)),
                // Another notice came in between, or another worker was first.
                Err(Cancelled::Conditions(_)) => {}
                Err(Cancelled::Store(error)) => return Err(error),
            }
        }
        Err(StoreError::Unavailable { action: ACTION, code: "Raced".to_owned() })
    }

    /// Lets what gathers for the sync `old` gather for `new`, if anything gathers for `old` (still).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pass_on(&self, patient: &PatientId, old: &SyncId, new: &SyncId) -> Result<(), StoreError> {
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", s(patient_key(patient)))
            .key("sk", s(INBOX))
            .update_expression("SET syncId = :new")
            .condition_expression("syncId = :old")
            .expression_attribute_values(":old", s(old.as_str()))
            .expression_attribute_values(":new", s(new.as_str()))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(StoreError::of("pass the inbox on", &error)),
            },
        }
    }
}

/// The attributes of what a sync has taken.
pub(super) fn taken(gathered: &InboxContents) -> [(&'static str, AttributeValue); 2] {
    [("announcements", texts(&gathered.announcements)), ("latestAt", s(gathered.latest_at.to_string()))]
}

fn gathered(action: &'static str, item: &Item) -> Result<InboxContents, StoreError> {
    let fields = Fields::new(action, item);
    Ok(InboxContents {
        sync_id: fields.get("syncId")?,
        since: fields.get("since")?,
        latest_at: fields.get("latestAt")?,
        announcements: fields.texts::<DocumentEvent>("announcements")?.into_iter().collect(),
    })
}
