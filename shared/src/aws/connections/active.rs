//! The sparse indexes of active connections and of connections that need a catch-up, read shard by shard, page by page.

use aws_sdk_dynamodb::types::AttributeValue;

use super::shard::{ACTIVE, CATCH_UP, Index, SHARDS};
use super::store::Connections;
use crate::aws::error::StoreError;
use crate::aws::table::{Item, Key, Partition, equals, greater};
use crate::domain::PatientId;

/// One page of a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivePage {
    /// Patients in the index's order. The index follows the table within moments.
    pub patients: Vec<PatientId>,
    /// The last patient; `None` at the end of the shard.
    pub next: Option<PatientId>,
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
