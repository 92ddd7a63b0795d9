//! Taking many items away.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};
use backon::{BackoffBuilder, ExponentialBuilder};

use super::StoreError;
use super::connections::built;
use super::item::Item;

/// `BatchWriteItem` takes at most 25 items.
const AT_ONCE: usize = 25;

/// How often what DynamoDB left undone is sent again.
const TRIES: usize = 6;

/// Deletes the items of these keys; that one is not there is success.
pub(super) async fn delete(
    client: &Client,
    action: &'static str,
    table: &str,
    keys: impl IntoIterator<Item = Item>,
) -> Result<(), StoreError> {
    let requests = keys
        .into_iter()
        .map(|key| {
            let delete = DeleteRequest::builder().set_key(Some(key)).build();
            Ok(WriteRequest::builder().delete_request(built(action, delete)?).build())
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    for requests in requests.chunks(AT_ONCE) {
        delete_batch(client, action, table, requests.to_vec()).await?;
    }
    Ok(())
}

/// DynamoDB may leave a part undone when it is busy, and says which.
async fn delete_batch(
    client: &Client,
    action: &'static str,
    table: &str,
    mut requests: Vec<WriteRequest>,
) -> Result<(), StoreError> {
    let mut pauses = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(1))
        .with_max_times(TRIES)
        .with_jitter()
        .build();
    loop {
        let answer = client
            .batch_write_item()
            .request_items(table, requests)
            .send()
            .await
            .map_err(|error| StoreError::of(action, &error))?;
        requests = answer.unprocessed_items.unwrap_or_default().remove(table).unwrap_or_default();
        if requests.is_empty() {
            return Ok(());
        }
        let Some(pause) = pauses.next() else {
            return Err(StoreError::Unavailable { action, code: "UnprocessedItems".to_owned() });
        };
        tokio::time::sleep(pause).await;
    }
}
