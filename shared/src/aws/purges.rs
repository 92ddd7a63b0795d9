//! Deletion of everything that is stored of a patient. `PURGE#oura` in the patient's partition of `Connections` holds the
//! request and its progress; it is deleted last, and no connect is possible until then.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Deserialize;

use super::connections::Connections;
use super::error::StoreError;
use super::outbox::put_event;
use super::table::{
    Committed, Condition, Item, Key, Outcome, Page, Partition, Query, Returned, Table, Transaction, Update, equals,
    exists, less, missing, prefix,
};
use crate::domain::{GrantId, PatientEvent, PatientId, PurgeCounts, RequestId};

/// Number of items between two checks of the remaining time.
const PAGE_SIZE: i32 = 500;

/// A patient's request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct PurgeRequest {
    pub id: RequestId,
    pub requested_at: Timestamp,
}

/// A purge that this worker holds for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Purge {
    pub patient_id: PatientId,
    /// `None` for a sweep: a later look for items that were written meanwhile.
    pub request: Option<PurgeRequest>,
    /// Number of items before the first deletion.
    pub counts: Option<PurgeCounts>,
    /// Time of the last deletion; the receipt is in the outbox since.
    pub purged_at: Option<Timestamp>,
    /// Of a sweep: time of the request of the purge before it.
    pub swept_request_at: Option<Timestamp>,
    /// End of the lease in milliseconds, as stored.
    lease_until: i64,
}

/// The items that a purge deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PurgeScope {
    /// All of the patient, except a consent that began after the request: it can be completed when the purge has ended.
    All {
        /// Time of the request.
        requested_at: Timestamp,
    },
    /// Those that were there before the request. Of the items in `Connections`, what began since is no leftover, nor is the count
    /// of the patient's requests.
    Leftovers {
        /// Time of the request.
        requested_at: Timestamp,
    },
}

/// The end of taking a purge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakenPurge {
    /// Taken.
    Ours(Purge),
    /// Another worker holds it, at most until this time.
    Busy(Timestamp),
    /// There is none (any more).
    Nothing,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PurgeItem {
    request_id: Option<RequestId>,
    requested_at: Option<Timestamp>,
    lease_until: Option<i64>,
    records: Option<u64>,
    days: Option<u64>,
    connection_items: Option<u64>,
    consents: Option<u64>,
    purged_at: Option<Timestamp>,
    /// Of a sweep: time of the request of the purge before it.
    swept_request_at: Option<Timestamp>,
}

/// The three tables that hold items of a patient.
#[derive(Debug, Clone)]
pub struct Purges {
    connections: Table,
    wearable_data: Table,
    daily_stats: Table,
}

impl Connections {
    /// Records the request to delete everything of the patient. An earlier request that has not ended stays and is returned.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn request_purge(
        &self,
        patient: &PatientId,
        candidate: &RequestId,
        now: Timestamp,
    ) -> Result<PurgeRequest, StoreError> {
        const ACTION: &str = "request a purge";
        let update =
            self.table.update(&Key::Purge(patient)).set_once("requestId", candidate).set_once("requestedAt", now);
        match update.send_returning::<PurgeItem>(ACTION, Returned::After).await? {
            Outcome::Written(item) => item.request(ACTION)?.ok_or_else(|| StoreError::corrupt(ACTION, "requestId")),
            Outcome::ConditionFailed(_) => Err(StoreError::incomplete(ACTION)),
        }
    }
}

impl Purges {
    /// The tables of these names.
    #[must_use]
    pub fn new(sdk: &SdkConfig, connections: &str, wearable_data: &str, daily_stats: &str) -> Self {
        let table = |name| Table::new(sdk, name);
        Self { connections: table(connections), wearable_data: table(wearable_data), daily_stats: table(daily_stats) }
    }

    /// Requests a sweep after the purge that was requested at this time, unless there is a purge anyway.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn request_sweep(&self, patient: &PatientId, requested_at: Timestamp) -> Result<(), StoreError> {
        let update = self.update(patient).set("sweptRequestAt", requested_at).when(missing("pk"));
        update.send("request a sweep").await?.ignore();
        Ok(())
    }

    /// Takes the purge, so that one worker has it: what a second one has read may be new data of a new connection when it
    /// deletes it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take(&self, patient: &PatientId, now: Timestamp, until: Timestamp) -> Result<TakenPurge, StoreError> {
        const ACTION: &str = "take the purge";
        let until = until.as_millisecond();
        let is_free = missing("leaseUntil").or(less("leaseUntil", now.as_millisecond()));
        let update = self.update(patient).set("leaseUntil", until).when(exists("pk").and(is_free));
        match update.send_returning::<PurgeItem>(ACTION, Returned::After).await? {
            Outcome::Written(item) => item.purge(ACTION, patient, until).map(TakenPurge::Ours),
            Outcome::ConditionFailed(Some(item)) => item
                .lease_until
                .and_then(|until| Timestamp::from_millisecond(until).ok())
                .map(TakenPurge::Busy)
                .ok_or_else(|| StoreError::corrupt(ACTION, "leaseUntil")),
            Outcome::ConditionFailed(None) => Ok(TakenPurge::Nothing),
        }
    }

    /// Gives the purge back.
    ///
    /// # Errors
    /// [`StoreError`]; the lease then expires.
    pub async fn release(&self, purge: &Purge) -> Result<(), StoreError> {
        let update = self.update(&purge.patient_id).remove(["leaseUntil"]).when(is_held(purge));
        update.send("release the purge").await?.ignore();
        Ok(())
    }

    /// Counts the items to delete.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count(&self, patient: &PatientId, scope: PurgeScope) -> Result<PurgeCounts, StoreError> {
        const ACTION: &str = "count the items to purge";
        let count =
            async |table: &Table| table.query(Partition::Days(patient).whole()).consistent().count(ACTION).await;
        let mut counts = PurgeCounts {
            records: count(&self.wearable_data).await?,
            days: count(&self.daily_stats).await?,
            ..PurgeCounts::default()
        };
        let mut query = self.connection_items(patient);
        loop {
            let page = query.page(ACTION).await?;
            for item in purged_items(patient, scope, page.items) {
                counts.connection_items += 1;
                counts.consents += u64::from(sort_key(&item).starts_with(prefix::CONSENT));
            }
            if page.last.is_none() {
                return Ok(counts);
            }
            query = query.after(page.last);
        }
    }

    /// Records the counts, before the first deletion.
    ///
    /// # Errors
    /// [`StoreError`]; also if the purge is not held any more.
    pub async fn keep_counts(&self, purge: &Purge, counts: PurgeCounts) -> Result<(), StoreError> {
        const ACTION: &str = "record the counts of the purge";
        let update = self
            .update(&purge.patient_id)
            .set("records", counts.records)
            .set("days", counts.days)
            .set("connectionItems", counts.connection_items)
            .set("consents", counts.consents)
            .when(is_held(purge));
        match update.send(ACTION).await? {
            Outcome::Written(()) => Ok(()),
            Outcome::ConditionFailed(()) => Err(not_held(ACTION)),
        }
    }

    /// Deletes everything except the purge itself, waiting events and pending revocations, while there is time. `true` if
    /// everything is deleted.
    ///
    /// # Errors
    /// [`StoreError`]; a retry deletes the rest.
    pub async fn clear(
        &self,
        patient: &PatientId,
        scope: PurgeScope,
        has_time: impl Fn() -> bool,
    ) -> Result<bool, StoreError> {
        // First the items that let a sync write, then those that it writes.
        let connection_keys =
            |page: Page| -> Vec<Item> { purged_items(patient, scope, page.items).flat_map(keys).collect() };
        let of_connections = self.connection_items(patient);
        if !clear_table(&self.connections, of_connections, &has_time, connection_keys).await? {
            return Ok(false);
        }
        for (table, sort) in [(&self.wearable_data, "sk"), (&self.daily_stats, "day")] {
            let query = table.query(Partition::Days(patient).whole()).only(&["patientId", sort]);
            let query = query.consistent().limit(PAGE_SIZE);
            if !clear_table(table, query, &has_time, |page| page.items).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Records that everything is deleted, with the receipt, in one transaction.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record(&self, purge: &Purge, receipt: &PatientEvent) -> Result<(), StoreError> {
        const ACTION: &str = "record the purge";
        let update = self.update(&purge.patient_id).set("purgedAt", receipt.occurred_at).when(is_held(purge));
        let mut transaction = Transaction::new(&self.connections, ACTION);
        transaction.add((), update)?;
        transaction.add((), put_event(&self.connections, receipt))?;
        match transaction.commit().await? {
            Committed::Done => Ok(()),
            Committed::ConditionsFailed(_) => Err(not_held(ACTION)),
        }
    }

    /// Deletes the purge itself. A sweep stays if a purge was requested meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end(&self, purge: &Purge) -> Result<(), StoreError> {
        let is_same = match &purge.request {
            Some(request) => equals("requestId", &request.id),
            None => missing("requestId"),
        };
        let delete = self.connections.delete(&Key::Purge(&purge.patient_id)).when(is_held(purge).and(is_same));
        delete.send("end the purge").await?.ignore();
        Ok(())
    }

    fn update(&self, patient: &PatientId) -> Update {
        self.connections.update(&Key::Purge(patient))
    }

    fn connection_items(&self, patient: &PatientId) -> Query {
        let items = self.connections.query(Partition::Patient(patient).whole());
        items.only(&["pk", "sk", "stateKey", "since", "requestedAt"]).consistent().limit(PAGE_SIZE)
    }
}

/// Deletes the items of a query page by page while there is time. `true` if everything is deleted.
async fn clear_table(
    table: &Table,
    mut query: Query,
    has_time: &impl Fn() -> bool,
    keys: impl Fn(Page) -> Vec<Item>,
) -> Result<bool, StoreError> {
    const ACTION: &str = "delete the patient's items";
    loop {
        if !has_time() {
            return Ok(false);
        }
        let page = query.page(ACTION).await?;
        let last = page.last.clone();
        table.delete_all(ACTION, keys(page)).await?;
        if last.is_none() {
            return Ok(true);
        }
        query = query.after(last);
    }
}

/// True while this worker's lease is the one that is stored.
fn is_held(purge: &Purge) -> Condition {
    equals("leaseUntil", purge.lease_until)
}

fn not_held(action: &'static str) -> StoreError {
    StoreError::Unavailable { action, code: "NotHeld".to_owned() }
}

/// The items of a page of `Connections` that a purge deletes.
fn purged_items(patient: &PatientId, scope: PurgeScope, items: Vec<Item>) -> impl Iterator<Item = Item> {
    let purge = Key::Purge(patient).sort();
    items.into_iter().filter(move |item| {
        let key = sort_key(item);
        let is_kept = key == purge || key.starts_with(prefix::OUTBOX) || GrantId::ends_with_revocation(key);
        !is_kept && scope.includes(item)
    })
}

fn sort_key(item: &Item) -> &str {
    item.get("sk").and_then(|key| key.as_s().ok()).map_or("", String::as_str)
}

impl PurgeScope {
    fn includes(self, item: &Item) -> bool {
        let begun = ["since", "requestedAt"].into_iter().find_map(|name| item.get(name)?.as_s().ok());
        let begun = begun.and_then(|text| text.parse::<Timestamp>().ok());
        let key = sort_key(item);
        match self {
            Self::All { requested_at } => {
                !(key.starts_with(prefix::PENDING_CONSENT) && begun.is_some_and(|begun| begun > requested_at))
            }
            Self::Leftovers { requested_at } => {
                begun.is_none_or(|begun| begun <= requested_at) && !key.starts_with(prefix::LIMIT)
            }
        }
    }
}

/// The keys to delete with an item: its own, and that of the OAuth state that it names.
fn keys(mut item: Item) -> Vec<Item> {
    item.remove("since");
    item.remove("requestedAt");
    let state = match item.remove("stateKey") {
        Some(AttributeValue::S(partition)) => Key::of_state(&partition).map(|key| key.attributes()),
        _ => None,
    };
    std::iter::once(item).chain(state).collect()
}

impl PurgeItem {
    fn request(&self, action: &'static str) -> Result<Option<PurgeRequest>, StoreError> {
        let Some(id) = self.request_id.clone() else { return Ok(None) };
        let requested_at = self.requested_at.ok_or_else(|| StoreError::corrupt(action, "requestedAt"))?;
        Ok(Some(PurgeRequest { id, requested_at }))
    }

    fn purge(self, action: &'static str, patient: &PatientId, lease_until: i64) -> Result<Purge, StoreError> {
        let counts = match (self.records, self.days, self.connection_items) {
            (None, _, _) => None,
            (Some(records), Some(days), Some(connection_items)) => {
                Some(PurgeCounts { records, days, connection_items, consents: self.consents.unwrap_or_default() })
            }
            (Some(_), _, _) => return Err(StoreError::corrupt(action, "days")),
        };
        Ok(Purge {
            patient_id: patient.clone(),
            request: self.request(action)?,
            counts,
            purged_at: self.purged_at,
            swept_request_at: self.swept_request_at,
            lease_until,
        })
    }
}
