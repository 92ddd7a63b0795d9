//! Transactions whose parts have names.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use backon::{ExponentialBuilder, Retryable};

use super::client::Table;
use super::write::Part;
use crate::aws::error::{HttpStatus, StoreError};

/// Retries of a transaction that met another one on the same item. The SDK does not retry that itself.
const MAX_CONFLICT_RETRIES: usize = 5;

/// Reason of a part that met another transaction.
const CONFLICT: &str = "TransactionConflict";

/// Writes that take effect together or not at all. `P` names the parts.
#[derive(Debug)]
pub(in crate::aws) struct Transaction<P> {
    client: Client,
    action: &'static str,
    names: Vec<P>,
    items: Vec<TransactWriteItem>,
}

/// The end of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub(in crate::aws) enum Committed<P> {
    /// All parts took effect.
    Done,
    /// Nothing was changed: the conditions of these parts did not hold.
    ConditionsFailed(Vec<P>),
}

impl<P> Committed<P> {
    /// True if all parts took effect.
    #[must_use]
    pub(in crate::aws) fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }
}

impl<P: Copy> Transaction<P> {
    /// A transaction without parts.
    pub(in crate::aws) fn new(table: &Table, action: &'static str) -> Self {
        Self { client: table.client.clone(), action, names: Vec::new(), items: Vec::new() }
    }

    /// Adds a part.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a write that DynamoDB cannot hold.
    pub(in crate::aws) fn add(&mut self, name: P, write: impl Part) -> Result<&mut Self, StoreError> {
        self.items.push(write.part(self.action)?);
        self.names.push(name);
        Ok(self)
    }

    /// Commits. The SDK gives every call an idempotency token of its own, so its retries cannot write twice. A transaction
    /// that met another one has done nothing and is retried.
    ///
    /// # Errors
    /// [`StoreError`]; when the table is unavailable, the transaction may have taken effect.
    pub(in crate::aws) async fn commit(self) -> Result<Committed<P>, StoreError> {
        let delays = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(20))
            .with_max_delay(Duration::from_millis(500))
            .with_max_times(MAX_CONFLICT_RETRIES)
            .with_jitter();
        let once = || async {
            let request = self.client.transact_write_items().set_transact_items(Some(self.items.clone()));
            match Box::pin(request.send()).await {
                Ok(_) => Ok(Committed::Done),
                Err(error) => self.cancelled(&error),
            }
        };
        once.retry(delays).when(is_conflict).await
    }

    fn cancelled<R: HttpStatus>(
        &self,
        error: &SdkError<TransactWriteItemsError, R>,
    ) -> Result<Committed<P>, StoreError> {
        let action = self.action;
        let Some(TransactWriteItemsError::TransactionCanceledException(exception)) = error.as_service_error() else {
            return Err(StoreError::of(action, error));
        };
        // One reason for each part, in the order of the parts.
        let reasons: Vec<Reason> =
            exception.cancellation_reasons().iter().map(|reason| Reason::of(reason.code())).collect();
        if reasons.contains(&Reason::ConditionFailed) {
            let failed = self.names.iter().zip(&reasons).filter(|(_, reason)| **reason == Reason::ConditionFailed);
            return Ok(Committed::ConditionsFailed(failed.map(|(name, _)| *name).collect()));
        }
        let codes = exception.cancellation_reasons().iter().filter_map(|reason| reason.code());
        let code = codes.into_iter().find(|code| *code != "None").unwrap_or("TransactionCanceledException").to_owned();
        Err(if reasons.contains(&Reason::Permanent) {
            StoreError::Refused { action, code }
        } else {
            StoreError::Unavailable { action, code }
        })
    }
}

fn is_conflict(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { code, .. } if code == CONFLICT)
}

/// Reason for which a part did or did not cancel its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    None,
    ConditionFailed,
    /// Another transaction, or throttling.
    Transient,
    Permanent,
}

impl Reason {
    fn of(code: Option<&str>) -> Self {
        match code {
            None | Some("None") => Self::None,
            Some("ConditionalCheckFailed") => Self::ConditionFailed,
            Some(CONFLICT | "ThrottlingError" | "ProvisionedThroughputExceeded") => Self::Transient,
            Some(_) => Self::Permanent,
        }
    }
}
