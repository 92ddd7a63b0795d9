//! The status of Oura's token endpoint, shared by all refreshes: its circuit breaker, and the time of its last success.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::connections::Connections;
use super::error::StoreError;
use super::table::{Key, Outcome, Table, equals, missing};
use crate::domain::{Clock, PatientId};
use crate::oura::breaker::{Breaker, FailureStreak};
use crate::telemetry::{self, Metric};

/// Consecutive failures that open the breaker, of more than one patient.
const FAILURES: u32 = 3;

/// Interval at which a success is recorded: short, as in a small fleet all refreshes of a night come within seconds.
const SERVED_INTERVAL: SignedDuration = SignedDuration::from_secs(1);

/// Retries of a change that met a concurrent one. A change that is lost all the same costs a request more.
const MAX_CONFLICT_RETRIES: usize = 5;

/// The status in the table `Connections`. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TokenEndpoint {
    table: Table,
    clock: Clock,
}

/// The status as read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenEndpointStatus {
    version: u64,
    /// Time at which it last issued tokens to a patient, at most a second late.
    pub served_at: Option<Timestamp>,
    failures: FailureStreak,
    breaker: Option<Breaker>,
}

impl TokenEndpointStatus {
    /// True if requests of several patients have failed since the last answer.
    #[must_use]
    pub fn fails_for_several(&self) -> bool {
        self.failures.of_several
    }

    /// The status after a failure of this requester.
    fn after_failure(self, requester: u64, now: Timestamp) -> Self {
        let failures = self.failures.then(requester);
        let breaker = match self.breaker {
            // A request that was in flight when the pause began shows nothing new.
            Some(breaker) if now < breaker.until => Some(breaker),
            None if failures.count < FAILURES || !failures.of_several => None,
            before => Some(Breaker::opened(before, now)),
        };
        Self { failures, breaker, ..self }
    }

    /// The pause that began with this change.
    fn begun_pause(&self, before: &Self) -> Option<Breaker> {
        let until = before.breaker.map(|breaker| breaker.until);
        self.breaker.filter(|breaker| Some(breaker.until) != until)
    }
}

/// Decision on a request to the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenGate {
    /// It may be sent.
    Open(TokenEndpointStatus),
    /// The endpoint fails; nothing is sent for this time.
    Closed(Duration),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatusItem {
    version: u64,
    served_at: Option<i64>,
    #[serde(default)]
    failures: u32,
    #[serde(default)]
    failed_by: u64,
    #[serde(default)]
    of_several: bool,
    #[serde(default)]
    pauses: u32,
    paused_until: Option<i64>,
    probing_until: Option<i64>,
}

impl From<&TokenEndpointStatus> for StatusItem {
    fn from(status: &TokenEndpointStatus) -> Self {
        let breaker = status.breaker;
        Self {
            version: status.version,
            served_at: status.served_at.map(Timestamp::as_millisecond),
            failures: status.failures.count,
            failed_by: status.failures.requester,
            of_several: status.failures.of_several,
            pauses: breaker.map_or(0, |breaker| breaker.pauses),
            paused_until: breaker.map(|breaker| breaker.until.as_millisecond()),
            probing_until: breaker.and_then(|breaker| breaker.probing_until).map(Timestamp::as_millisecond),
        }
    }
}

impl StatusItem {
    fn status(self) -> TokenEndpointStatus {
        let time = |millis: Option<i64>| millis.and_then(|millis| Timestamp::from_millisecond(millis).ok());
        let probing_until = time(self.probing_until);
        TokenEndpointStatus {
            version: self.version,
            served_at: time(self.served_at),
            failures: FailureStreak { count: self.failures, requester: self.failed_by, of_several: self.of_several },
            breaker: time(self.paused_until).map(|until| Breaker { pauses: self.pauses, until, probing_until }),
        }
    }
}

impl TokenEndpoint {
    /// The status beside these connections.
    #[must_use]
    pub fn new(connections: &Connections, clock: Clock) -> Self {
        Self { table: connections.table.clone(), clock }
    }

    /// Decides on a request. While the endpoint fails, one request probes after each pause.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pass(&self) -> Result<TokenGate, StoreError> {
        let status = self.read().await?;
        let Some(breaker) = status.breaker else { return Ok(TokenGate::Open(status)) };
        let now = self.clock.now();
        if let Some(wait) = breaker.closed_for(now) {
            return Ok(TokenGate::Closed(wait));
        }
        let probed = breaker.probed(now);
        match self.write(&status, TokenEndpointStatus { breaker: Some(probed), ..status }).await? {
            Outcome::Written(()) => Ok(TokenGate::Open(status)),
            Outcome::ConditionFailed(_) => Ok(TokenGate::Closed(probed.closed_for(now).unwrap_or_default())),
        }
    }

    /// Records that the endpoint answered. `issued`: it issued tokens. `seen` is the status as it was before the request.
    ///
    /// # Errors
    /// [`StoreError`]; the next answer is recorded.
    pub async fn on_answer(&self, seen: &TokenEndpointStatus, issued: bool) -> Result<(), StoreError> {
        let now = self.clock.now();
        let is_old = seen.served_at.is_none_or(|at| now.duration_since(at) >= SERVED_INTERVAL);
        if !(issued && is_old) && seen.failures.count == 0 && seen.breaker.is_none() {
            return Ok(());
        }
        self.update(*seen, |status| {
            let served_at = if issued { Some(now).max(status.served_at) } else { status.served_at };
            TokenEndpointStatus { served_at, failures: FailureStreak::default(), breaker: None, ..status }
        })
        .await?;
        if seen.breaker.is_some() {
            tracing::info!(event = "oura.token_endpoint_recovered", "Oura's token endpoint answered again");
        }
        Ok(())
    }

    /// Records a failure of this patient's request. Several in a row, of several patients, pause all refreshes.
    ///
    /// # Errors
    /// [`StoreError`]; the next failure is recorded.
    pub async fn on_failure(&self, seen: &TokenEndpointStatus, patient: &PatientId) -> Result<(), StoreError> {
        let mut hasher = DefaultHasher::new();
        patient.hash(&mut hasher);
        let (now, requester) = (self.clock.now(), hasher.finish());
        let changed = self.update(*seen, |status| status.after_failure(requester, now)).await?;
        if let Some(breaker) = changed.and_then(|(before, after)| after.begun_pause(&before)) {
            telemetry::count(now, Metric::OuraCollectionOutages, 1, &[("dataType", "token_endpoint")]);
            tracing::warn!(
                event = "oura.token_endpoint_outage",
                pause_s = breaker.closed_for(now).unwrap_or_default().as_secs(),
                "Oura's token endpoint failed for several patients; all refreshes were paused"
            );
        }
        Ok(())
    }

    /// Changes the status. Returns it as it was before and after; `None` if other changes came in between each time.
    async fn update(
        &self,
        seen: TokenEndpointStatus,
        change: impl Fn(TokenEndpointStatus) -> TokenEndpointStatus,
    ) -> Result<Option<(TokenEndpointStatus, TokenEndpointStatus)>, StoreError> {
        let mut status = seen;
        for _ in 0..MAX_CONFLICT_RETRIES {
            let next = change(status);
            match self.write(&status, next).await? {
                Outcome::Written(()) => return Ok(Some((status, next))),
                Outcome::ConditionFailed(current) => status = current,
            }
        }
        Ok(None)
    }

    async fn read(&self) -> Result<TokenEndpointStatus, StoreError> {
        let item: Option<StatusItem> = self.table.get("read the token endpoint's status", &Key::TokenEndpoint).await?;
        Ok(item.map(StatusItem::status).unwrap_or_default())
    }

    async fn write(
        &self,
        seen: &TokenEndpointStatus,
        next: TokenEndpointStatus,
    ) -> Result<Outcome<(), TokenEndpointStatus>, StoreError> {
        let is_unchanged = if seen.version == 0 { missing("pk") } else { equals("version", seen.version) };
        let next = TokenEndpointStatus { version: seen.version + 1, ..next };
        let update = self.table.update(&Key::TokenEndpoint).set_all(StatusItem::from(&next)).when(is_unchanged);
        Ok(match update.send_or_current::<StatusItem>("record the token endpoint's status").await? {
            Outcome::Written(()) => Outcome::Written(()),
            Outcome::ConditionFailed(current) => {
                Outcome::ConditionFailed(current.map(StatusItem::status).unwrap_or_default())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pause_begins_once_however_many_requests_were_in_flight() {
        let (mut status, mut now, mut begun) = (TokenEndpointStatus::default(), Timestamp::UNIX_EPOCH, Vec::new());
        for (requester, seconds) in [(1, 0), (2, 0), (3, 0), (4, 1), (5, 1), (1, 30), (2, 0)] {
            now += SignedDuration::from_secs(seconds);
            let after = status.after_failure(requester, now);
            begun.push(after.begun_pause(&status).map(|breaker| breaker.closed_for(now).unwrap_or_default().as_secs()));
            status = after;
        }
        assert_eq!(begun, [None, None, Some(30), None, None, Some(60), None]);
    }
}
