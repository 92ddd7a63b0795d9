//! The sparse indexes of active connections, and of those that should not wait for the night: whoever works through one walks
//! it shard by shard, page by page.

use sha2::{Digest, Sha256};

use super::super::StoreError;
use super::super::item::{Fields, s};
use super::{Connections, PATIENT};
use crate::domain::PatientId;

/// One of the indexes.
struct Index {
    name: &'static str,
    attribute: &'static str,
    prefix: &'static str,
}

const ACTIVE: Index = Index { name: "byActive", attribute: "activeShard", prefix: "ACTIVE" };
const CARE: Index = Index { name: "byCatchUp", attribute: "catchUpShard", prefix: "CARE" };

/// One page of a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivePage {
    /// Patients whose connection was active a moment ago, in the index's order.
    pub patients: Vec<PatientId>,
    /// The patient to go on after; `None` when the shard ends here.
    pub next: Option<PatientId>,
}

impl Index {
    fn key(&self, shard: u8) -> String {
        format!("{}#{shard:02}", self.prefix)
    }

    fn key_of(&self, patient: &PatientId) -> String {
        let digest = Sha256::digest(patient.as_str().as_bytes());
        self.key(digest[0] % Connections::ACTIVE_SHARDS)
    }
}

/// The shard of a patient among the active connections.
pub(super) fn shard_of(patient: &PatientId) -> String {
    ACTIVE.key_of(patient)
}

/// The shard of a patient among those that should not wait for the night.
pub(super) fn care_shard(patient: &PatientId) -> String {
    CARE.key_of(patient)
}

impl Connections {
    /// Shards of each index, so that no partition holds all active connections. They are counted from 0.
    pub const ACTIVE_SHARDS: u8 = 16;

    /// Up to `limit` patients of a shard, those after `after`. The index follows the table within moments: a patient who is
    /// listed may have left, and one who has just come may be missing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn active_page(
        &self,
        shard: u8,
        after: Option<&PatientId>,
        limit: i32,
    ) -> Result<ActivePage, StoreError> {
        self.page("list the active connections", &ACTIVE, shard, after, limit).await
    }

    /// The same of those that should be pulled before the next night ([`Connection::needs_catch_up`]).
    ///
    /// # Errors
    /// [`StoreError`].
    ///
    /// [`Connection::needs_catch_up`]: crate::domain::Connection::needs_catch_up
    pub async fn care_page(&self, shard: u8, after: Option<&PatientId>, limit: i32) -> Result<ActivePage, StoreError> {
        self.page("list the connections that need care", &CARE, shard, after, limit).await
    }

    async fn page(
        &self,
        action: &'static str,
        index: &Index,
        shard: u8,
        after: Option<&PatientId>,
        limit: i32,
    ) -> Result<ActivePage, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(index.name)
            .expression_attribute_values(":shard", s(index.key(shard)))
            .limit(limit);
        let of_shard = format!("{} = :shard", index.attribute);
        let query = match after {
            None => query.key_condition_expression(of_shard),
            // A patient has one item in the index, so its key is a place to go on from, whether it is still there or not.
            Some(after) => query
                .key_condition_expression(format!("{of_shard} AND pk > :after"))
                .expression_attribute_values(":after", s(super::patient_key(after))),
        };
        let answer = query.send().await.map_err(|error| StoreError::of(action, &error))?;
        let mut patients = Vec::with_capacity(answer.items().len());
        for item in answer.items() {
            let key: String = Fields::new(action, item).get("pk")?;
            let id = key.strip_prefix(PATIENT).ok_or(StoreError::corrupt(action, "pk"))?;
            patients.push(id.parse().map_err(|_not_an_id| StoreError::corrupt(action, "pk"))?);
        }
        // Nothing is filtered, so a page that is not the last holds somebody.
        let next = answer.last_evaluated_key.and_then(|_more| patients.last().cloned());
        Ok(ActivePage { patients, next })
    }
}
