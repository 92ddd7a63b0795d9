//! One DynamoDB table.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::batch;
use super::condition::Condition;
use super::item::{Item, read};
use super::key::Key;
use super::query::Query;
use super::write::{Check, Delete, Put, Update};
use crate::aws::error::StoreError;

/// A table. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::aws) struct Table {
    pub(super) client: Client,
    pub(super) name: String,
}

impl Table {
    /// The table of this name.
    pub(in crate::aws) fn new(sdk: &SdkConfig, name: impl Into<String>) -> Self {
        Self { client: Client::new(sdk), name: name.into() }
    }

    /// The item as last written; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(in crate::aws) async fn get<T: DeserializeOwned>(
        &self,
        action: &'static str,
        key: &Key<'_>,
    ) -> Result<Option<T>, StoreError> {
        let request = self.client.get_item().table_name(&self.name).set_key(Some(key.attributes()));
        // The SDK's futures are large: boxed, those of the callers stay small.
        let sent = Box::pin(request.consistent_read(true).send()).await;
        let answer = sent.map_err(|error| StoreError::of(action, &error))?;
        answer.item.map(|item| read(action, item)).transpose()
    }

    /// A write of a whole item. Attributes that are `None` are left out.
    pub(in crate::aws) fn put(&self, key: &Key<'_>, item: impl Serialize) -> Put {
        Put::of(self, key.attributes(), item)
    }

    /// A change of some attributes. Makes the item if there is none and the condition allows it.
    pub(in crate::aws) fn update(&self, key: &Key<'_>) -> Update {
        Update::of(self, key.attributes())
    }

    /// A deletion. Deleting a missing item succeeds if the condition allows it.
    pub(in crate::aws) fn delete(&self, key: &Key<'_>) -> Delete {
        Delete::of(self, key.attributes())
    }

    /// A condition on an item that a transaction does not change.
    pub(in crate::aws) fn check(&self, key: &Key<'_>) -> Check {
        Check::of(self, key.attributes())
    }

    /// A query of the items with these keys.
    pub(in crate::aws) fn query(&self, keys: Condition) -> Query {
        Query::new(self, keys)
    }

    /// Deletes the items of these keys; missing ones are skipped.
    ///
    /// # Errors
    /// [`StoreError`]; some may have been deleted then.
    pub(in crate::aws) async fn delete_all(
        &self,
        action: &'static str,
        keys: impl IntoIterator<Item = Item>,
    ) -> Result<(), StoreError> {
        batch::delete_all(self, action, keys).await
    }
}
