//! How often a patient may ask for something: one small item per patient and kind of request, which expires.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use jiff::{SignedDuration, Timestamp};

use super::connections::{expires, patient_key};
use super::item::{Fields, n, s};
use super::{SdkConfig, StoreError};
use crate::domain::PatientId;

/// How often an item that changes under our hands is looked at again.
const RACES: usize = 5;

/// A rate: one request per `interval`, and at most `burst` of them at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Time per request.
    pub interval: Duration,
    /// Requests at once, for a patient who has not asked for a while; at least 1.
    pub burst: u32,
}

impl Rate {
    /// So many requests an hour, half of them at once.
    #[must_use]
    pub fn per_hour(requests: u32) -> Self {
        let requests = requests.max(1);
        Self { interval: Duration::from_secs(3600) / requests, burst: requests.div_ceil(2) }
    }

    /// By how much the time at which all asked requests would be due may lie ahead (GCRA: the tolerance).
    fn tolerance(self) -> Duration {
        self.interval * self.burst.saturating_sub(1)
    }
}

/// The limits in the table `Connections`.
#[derive(Debug, Clone)]
pub struct Limits {
    client: Client,
    table: String,
}

impl Limits {
    /// The limits in the table of this name.
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: impl Into<String>) -> Self {
        Self { client: Client::new(sdk), table: table.into() }
    }

    /// Counts a request. `Some` when it comes too soon: how long to wait; it is then not counted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take(
        &self,
        patient: &PatientId,
        name: &str,
        rate: Rate,
        now: Timestamp,
    ) -> Result<Option<Duration>, StoreError> {
        const ACTION: &str = "count a request";
        let (interval, now_ms) = (milliseconds(rate.interval), now.as_millisecond());
        let latest = now_ms.saturating_add(milliseconds(rate.tolerance()));
        let mut due = None;
        for _ in 0..RACES {
            // `dueAt` is when the requests counted so far are worked off at this rate.
            let update = match due {
                None => "SET dueAt = :now + :interval, expiresAt = :expires",
                Some(_) => "SET dueAt = dueAt + :interval, expiresAt = :expires",
            };
            let condition = match due {
                None => "attribute_not_exists(dueAt) OR dueAt <= :now",
                Some(_) => "dueAt > :now AND dueAt <= :latest",
            };
            let mut request = self
                .client
                .update_item()
                .table_name(&self.table)
                .key("pk", s(patient_key(patient)))
                .key("sk", s(format!("LIMIT#{name}")))
                .update_expression(update)
                .condition_expression(condition)
                .expression_attribute_values(":now", n(now_ms))
                .expression_attribute_values(":interval", n(interval))
                .expression_attribute_values(":expires", n(expires(now, rate.interval + rate.tolerance())))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            if due.is_some() {
                request = request.expression_attribute_values(":latest", n(latest));
            }
            match request.send().await {
                Ok(_) => return Ok(None),
                Err(error) => match error.as_service_error() {
                    Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                        let known: Option<i64> = match failed.item() {
                            Some(item) => Fields::new(ACTION, item).opt("dueAt")?,
                            None => None,
                        };
                        due = known.filter(|due| *due > now_ms);
                        if let Some(due) = due.filter(|due| *due > latest) {
                            let wait = SignedDuration::from_millis(due - latest);
                            return Ok(Some(Duration::try_from(wait).unwrap_or_default()));
                        }
                    }
                    _ => return Err(StoreError::of(ACTION, &error)),
                },
            }
        }
        // So many at the same moment are too many.
        Ok(Some(rate.interval))
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
