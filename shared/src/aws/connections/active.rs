//! The sparse indexes of active connections and of connections that need a catch-up, read shard by shard, page by page.

use aws_sdk_dynamodb::types::AttributeValue;
use sha2::{Digest, Sha256};

use super::store::Connections;
use crate::aws::error::StoreError;
use crate::aws::table::{Item, Key, Partition, equals, greater};
use crate::domain::PatientId;

/// One of the indexes.
struct Index {
    name: &'static str,
    attribute: &'static str,
    prefix: &'static str,
}

const ACTIVE: Index = Index { name: "byActive", attribute: "activeShard", prefix: "ACTIVE" };
const CATCH_UP: Index = Index { name: "byCatchUp", attribute: "catchUpShard", prefix: "CATCH_UP" };

/// Shards of each index, so that no partition holds all active connections. They are counted from 0.
const SHARDS: u8 = 16;

/// One page of a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivePage {
    /// Patients in the index's order. The index follows the table within moments.
    pub patients: Vec<PatientId>,
    /// The last patient; `None` at the end of the shard.
    pub next: Option<PatientId>,
}

impl Index {
    fn shard(&self, shard: u8) -> String {
        format!("{}#{shard:02}", self.prefix)
    }

    fn shard_of(&self, patient: &PatientId) -> String {
        let digest = Sha256::digest(patient.as_str().as_bytes());
        self.shard(digest[0] % SHARDS)
    }
}

/// The patient's shard in the index of active connections.
pub(super) fn active_shard(patient: &PatientId) -> String {
    ACTIVE.shard_of(patient)
}

/// The patient's shard in the index of connections that need a catch-up.
pub(super) fn catch_up_shard(patient: &PatientId) -> String {
    CATCH_UP.shard_of(patient)
}

impl Connections {
    /// Shards of each index.
    pub const ACTIVE_SHARDS: u8 = SHARDS;

    /// Up to `limit` patients of a shard, those after `after`. A listed patient may have left, and a new one may be missing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn active_page(
        &self,
        shard: u8,
        after: Option<&PatientId>,
        limit: i32,
    ) -> Result<ActivePage, StoreError> {
        self.index_page("list the active connections", &ACTIVE, shard, after, limit).await
    }

    /// As [`active_page`](Self::active_page), of the patients who need a sync before the next nightly run
    /// ([`Connection::needs_catch_up`]).
    ///
    /// # Errors
    /// [`StoreError`].
    ///
    /// [`Connection::needs_catch_up`]: crate::domain::Connection::needs_catch_up
    pub async fn catch_up_page(
        &self,
        shard: u8,
        after: Option<&PatientId>,
        limit: i32,
    ) -> Result<ActivePage, StoreError> {
        self.index_page("list the connections that need a catch-up", &CATCH_UP, shard, after, limit).await
    }

    async fn index_page(
        &self,
        action: &'static str,
        index: &Index,
        shard: u8,
        after: Option<&PatientId>,
        limit: i32,
    ) -> Result<ActivePage, StoreError> {
        let of_shard = equals(index.attribute, index.shard(shard));
        // A patient has one item in the index, so its key is a position, even if the item is no longer there.
        let keys = match after {
            None => of_shard,
            Some(after) => of_shard.and(greater("pk", Key::Connection(after).partition())),
        };
        let page = self.table.query(keys).index(index.name).limit(limit).page(action).await?;
        let patients = page.items.iter().map(|item| patient(action, item)).collect::<Result<Vec<_>, _>>()?;
        // Nothing is filtered, so a page that is not the last has patients.
        let next = page.last.and_then(|_more| patients.last().cloned());
        Ok(ActivePage { patients, next })
    }
}

fn patient(action: &'static str, item: &Item) -> Result<PatientId, StoreError> {
    match item.get("pk") {
        Some(AttributeValue::S(key)) => Partition::patient(key),
        _ => None,
    }
    .ok_or_else(|| StoreError::corrupt(action, "pk"))
}
