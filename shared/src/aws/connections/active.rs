//! The sparse index of active connections: whoever works through the whole fleet walks it shard by shard, page by page.

use sha2::{Digest, Sha256};

use super::super::StoreError;
use super::super::item::{Fields, s};
use super::{Connections, PATIENT};
use crate::domain::PatientId;

const INDEX: &str = "byActive";

/// One page of a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivePage {
    /// Patients whose connection was active a moment ago, in the index's order.
    pub patients: Vec<PatientId>,
    /// The patient to go on after; `None` when the shard ends here.
    pub next: Option<PatientId>,
}

/// The shard of a patient.
pub(super) fn shard_of(patient: &PatientId) -> String {
    let digest = Sha256::digest(patient.as_str().as_bytes());
    key(digest[0] % Connections::ACTIVE_SHARDS)
}

fn key(shard: u8) -> String {
    format!("ACTIVE#{shard:02}")
}

impl Connections {
    /// Shards of the index, so that no partition holds all active connections. They are counted from 0.
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
        const ACTION: &str = "list the active connections";
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(INDEX)
            .expression_attribute_values(":shard", s(key(shard)))
            .limit(limit);
        let query = match after {
            None => query.key_condition_expression("activeShard = :shard"),
            // A patient has one item in the index, so its key is a place to go on from, whether it is still there or not.
            Some(after) => query
                .key_condition_expression("activeShard = :shard AND pk > :after")
                .expression_attribute_values(":after", s(super::patient_key(after))),
        };
        let answer = query.send().await.map_err(|error| StoreError::of(ACTION, &error))?;
        let mut patients = Vec::with_capacity(answer.items().len());
        for item in answer.items() {
            let key: String = Fields::new(ACTION, item).get("pk")?;
            let id = key.strip_prefix(PATIENT).ok_or(StoreError::corrupt(ACTION, "pk"))?;
            patients.push(id.parse().map_err(|_not_an_id| StoreError::corrupt(ACTION, "pk"))?);
        }
        // Nothing is filtered, so a page that is not the last holds somebody.
        let next = answer.last_evaluated_key.and_then(|_more| patients.last().cloned());
        Ok(ActivePage { patients, next })
    }
}
