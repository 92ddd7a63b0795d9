//! Limits of a patient's own requests: one small item per patient and kind of request, which expires.

use std::time::Duration;

use aws_config::SdkConfig;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::error::StoreError;
use super::table::{Key, Outcome, Table, at_most, expires_at, greater, missing};
use crate::domain::PatientId;

/// Retries of an update that met a concurrent one.
const MAX_CONFLICT_RETRIES: usize = 5;

/// A rate: one request per `interval`, and at most `burst` of them at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Time per request.
    pub interval: Duration,
    /// Requests at once after a pause; at least 1.
    pub burst: u32,
}

impl Rate {
    /// This number of requests an hour, half of them at once.
    #[must_use]
    pub fn per_hour(requests: u32) -> Self {
        let requests = requests.max(1);
        Self { interval: Duration::from_secs(3600) / requests, burst: requests.div_ceil(2) }
    }

    /// Tolerance of the generic cell rate algorithm: the lead that the theoretical arrival time may have.
    fn tolerance(self) -> Duration {
        self.interval * self.burst.saturating_sub(1)
    }
}

/// The limits in the table `Connections`.
#[derive(Debug, Clone)]
pub struct Limits {
    table: Table,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LimitItem {
    /// Theoretical arrival time: when the requests so far are worked off at this rate. In milliseconds.
    due_at: Option<i64>,
}

impl Limits {
    /// The limits in the table of this name.
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: impl Into<String>) -> Self {
        Self { table: Table::new(sdk, table) }
    }

    /// Counts a request. `Some` if the limit is reached: the time to wait; the request is then not counted.
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
        let mut due: Option<i64> = None;
        for _ in 0..MAX_CONFLICT_RETRIES {
            let update = self
                .table
                .update(&Key::Limit(patient, name))
                .set("expiresAt", expires_at(now, rate.interval + rate.tolerance()));
            let update = match due {
                None => update
                    .set("dueAt", now_ms.saturating_add(interval))
                    .when(missing("dueAt").or(at_most("dueAt", now_ms))),
                Some(_) => {
                    update.increase("dueAt", interval).when(greater("dueAt", now_ms).and(at_most("dueAt", latest)))
                }
            };
            match update.send_or_current::<LimitItem>(ACTION).await? {
                Outcome::Written(()) => return Ok(None),
                Outcome::ConditionFailed(current) => {
                    due = current.and_then(|item| item.due_at).filter(|due| *due > now_ms);
                    if let Some(due) = due.filter(|due| *due > latest) {
                        let wait = SignedDuration::from_millis(due - latest);
                        return Ok(Some(Duration::try_from(wait).unwrap_or_default()));
                    }
                }
            }
        }
        // This number of requests at the same moment is too many.
        Ok(Some(rate.interval))
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
