//! Transactions, and what a cancelled one says.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use backon::{ExponentialBuilder, Retryable};

use super::StoreError;

/// How often a transaction is tried again that met another one on the same item. The SDK does not do it by itself.
const CONFLICTS: usize = 5;

/// Why one item of a cancelled transaction did or did not stop it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// Not this one.
    None,
    /// Its condition did not hold.
    ConditionFailed,
    /// Something that passes: another transaction, throttling.
    Passing,
    /// Something that does not pass.
    Other,
}

/// Why a transaction did nothing.
#[derive(Debug)]
pub(super) enum Cancelled {
    /// At least one condition did not hold; reasons are in the order of the items.
    Conditions(Vec<Reason>),
    /// Anything else.
    Store(StoreError),
}

/// Runs a transaction. The SDK gives every call an idempotency token of its own, so its retries cannot write twice. One that
/// met another transaction is known to have done nothing and is tried again.
pub(super) async fn run(client: &Client, action: &'static str, items: Vec<TransactWriteItem>) -> Result<(), Cancelled> {
    let pauses = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(20))
        .with_max_delay(Duration::from_millis(500))
        .with_max_times(CONFLICTS)
        .with_jitter();
    let once = || async {
        let sent = client.transact_write_items().set_transact_items(Some(items.clone())).send().await;
        sent.map(|_| ()).map_err(|error| cancelled(action, &error))
    };
    once.retry(pauses).when(Cancelled::met_another).await
}

impl Cancelled {
    fn met_another(&self) -> bool {
        matches!(self, Self::Store(StoreError::Unavailable { code, .. }) if code == CONFLICT)
    }
}

const CONFLICT: &str = "TransactionConflict";

fn cancelled<R: super::error::HttpStatus>(
    action: &'static str,
    error: &SdkError<TransactWriteItemsError, R>,
) -> Cancelled {
    let Some(TransactWriteItemsError::TransactionCanceledException(exception)) = error.as_service_error() else {
        return Cancelled::Store(StoreError::of(action, error));
    };
    let reasons: Vec<_> = exception.cancellation_reasons().iter().map(|reason| kind(reason.code())).collect();
    if reasons.contains(&Reason::ConditionFailed) {
        return Cancelled::Conditions(reasons);
    }
    let code = exception
        .cancellation_reasons()
        .iter()
        .filter_map(|reason| reason.code())
        .find(|code| *code != "None")
        .unwrap_or("TransactionCanceledException")
        .to_owned();
    Cancelled::Store(if reasons.contains(&Reason::Other) {
        StoreError::Refused { action, code }
    } else {
        StoreError::Unavailable { action, code }
    })
}

fn kind(code: Option<&str>) -> Reason {
    match code {
        None | Some("None") => Reason::None,
        Some("ConditionalCheckFailed") => Reason::ConditionFailed,
        Some(CONFLICT | "ThrottlingError" | "ProvisionedThroughputExceeded") => Reason::Passing,
        Some(_) => Reason::Other,
    }
}
