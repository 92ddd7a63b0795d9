//! One DynamoDB table.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use serde::de::DeserializeOwned;

use super::item::read;
use super::key::Key;
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
}
