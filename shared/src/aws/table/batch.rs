//! Many items in one call.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{DeleteRequest, KeysAndAttributes, WriteRequest};
use backon::{BackoffBuilder, ExponentialBuilder};

use super::client::Table;
use super::item::Item;
use super::key::Key;
use crate::aws::error::StoreError;

/// `BatchWriteItem` takes at most 25 items.
const WRITE_BATCH_SIZE: usize = 25;

/// Retries of the deletions that DynamoDB left unprocessed.
const MAX_DELETE_RETRIES: usize = 6;

/// Retries of the keys that DynamoDB left unprocessed.
const MAX_READ_RETRIES: usize = 4;

impl Table {
    /// Deletes the items of these keys; missing ones are skipped.
    ///
    /// # Errors
    /// [`StoreError`]; some may have been deleted then.
    pub(in crate::aws) async fn delete_all(
        &self,
        action: &'static str,
        keys: impl IntoIterator<Item = Item>,
    ) -> Result<(), StoreError> {
        let requests = keys
            .into_iter()
            .map(|key| {
                let delete = DeleteRequest::builder().set_key(Some(key)).build();
                let delete = delete.map_err(|_incomplete| StoreError::incomplete(action))?;
                Ok(WriteRequest::builder().delete_request(delete).build())
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        for requests in requests.chunks(WRITE_BATCH_SIZE) {
            delete_batch(self, action, requests.to_vec()).await?;
        }
        Ok(())
    }
}

async fn delete_batch(table: &Table, action: &'static str, mut requests: Vec<WriteRequest>) -> Result<(), StoreError> {
    let mut delays = delays(Duration::from_secs(1), MAX_DELETE_RETRIES).build();
    loop {
        let sent = table.client.batch_write_item().request_items(&table.name, requests).send().await;
        let answer = sent.map_err(|error| StoreError::of(action, &error))?;
        // A busy DynamoDB leaves a part unprocessed and returns it.
        requests = answer.unprocessed_items.unwrap_or_default().remove(&table.name).unwrap_or_default();
        if requests.is_empty() {
            return Ok(());
        }
        let Some(delay) = delays.next() else {
            return Err(StoreError::Unavailable { action, code: "UnprocessedItems".to_owned() });
        };
        tokio::time::sleep(delay).await;
    }
}

/// Reads the items of at most 100 keys, of several tables, and returns them in the order of the tables. Eventually
/// consistent; missing items are left out.
///
/// # Errors
/// [`StoreError`].
pub(in crate::aws) async fn get_all<const N: usize>(
    action: &'static str,
    wanted: [(&Table, Vec<Key<'_>>); N],
) -> Result<[Vec<Item>; N], StoreError> {
    let mut found = [const { Vec::new() }; N];
    let Some((Table { client, .. }, _)) = wanted.first() else { return Ok(found) };
    let mut keys = HashMap::new();
    for (table, of_table) in &wanted {
        let of_table = of_table.iter().map(Key::attributes).collect();
        let of_table = KeysAndAttributes::builder().set_keys(Some(of_table)).build();
        keys.insert(table.name.clone(), of_table.map_err(|_incomplete| StoreError::incomplete(action))?);
    }
    let mut delays = delays(Duration::from_millis(500), MAX_READ_RETRIES).build();
    loop {
        let sent = client.batch_get_item().set_request_items(Some(keys)).send().await;
        let answer = sent.map_err(|error| StoreError::of(action, &error))?;
        let mut tables = answer.responses.unwrap_or_default();
        for ((table, _), found) in wanted.iter().zip(&mut found) {
            found.append(&mut tables.remove(&table.name).unwrap_or_default());
        }
        // DynamoDB leaves out everything above 16 MB, and what it has no capacity for.
        keys = answer.unprocessed_keys.unwrap_or_default();
        if keys.is_empty() {
            return Ok(found);
        }
        let Some(delay) = delays.next() else {
            return Err(StoreError::Unavailable { action, code: "UnprocessedKeys".to_owned() });
        };
        tokio::time::sleep(delay).await;
    }
}

fn delays(longest: Duration, max_retries: usize) -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(longest)
        .with_max_times(max_retries)
        .with_jitter()
}
