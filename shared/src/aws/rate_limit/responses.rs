//! Conclusions from Oura's responses that hold for all workers: an outage, its end, a reached limit.

use std::sync::PoisonError;
use std::time::Duration;

use jiff::SignedDuration;

use super::item::State;
use super::shared::{FailureStreak, SharedRateLimit, UNKNOWN_RETRY, after};
use crate::aws::error::StoreError;
use crate::oura::{OuraError, RateTier, ThrottleReason};
use crate::telemetry::{self, Metric};

/// Consecutive requests without a response that are an outage, in one process and for more than one patient: Oura may fail
/// on the data of one patient alone.
const OUTAGE_AFTER: u32 = 8;

/// Probing requests without a response that begin the next pause.
const MAX_FAILED_PROBES: u32 = 2;

/// The first and the longest pause of an outage. It doubles while the outage lasts.
const OUTAGE_PAUSES: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(15 * 60));

/// Life of a lowered allowance.
const LOWERED_TTL: SignedDuration = SignedDuration::from_hours(6);

impl SharedRateLimit {
    /// Records the end of a request: a response, or this error.
    pub(super) async fn on_response(&self, requester: u64, error: Option<&OuraError>) {
        let recorded = match error {
            Some(OuraError::Unavailable { .. }) => self.on_failure(requester).await,
            Some(OuraError::RateLimited { tier: Some(RateTier::Token), .. }) => {
                telemetry::count(self.0.clock.now(), Metric::OuraLimitsReached, 1, &[("tier", "token")]);
                self.on_success().await
            }
            Some(OuraError::RateLimited { retry_after, limit, .. }) => self.on_limit(*retry_after, *limit).await,
            _ => self.on_success().await,
        };
        if let Err(error) = recorded {
            tracing::warn!(
                event = "rate_limit.status_unpublished",
                reason = %error,
                "could not publish Oura's status to the other workers"
            );
        }
    }

    /// A response of any kind ends an outage.
    async fn on_success(&self) -> Result<(), StoreError> {
        self.update_failures(|_| FailureStreak::default());
        if self.0.store.cached().outages == 0 {
            return Ok(());
        }
        let ended = |state: State, _| {
            let ended = State { outages: 0, probing_until: None, failed_probes: 0, ..state };
            (state.outages > 0).then_some(ended)
        };
        self.0.store.update_if("end an outage", ended).await?;
        tracing::info!(event = "oura.recovered", "Oura responded again after an outage");
        Ok(())
    }

    /// Several requests without a response, of several patients, are an outage: all requests pause.
    async fn on_failure(&self, requester: u64) -> Result<(), StoreError> {
        let streak = self.update_failures(|before| FailureStreak {
            count: before.count + 1,
            requester,
            of_several: before.of_several || (before.count > 0 && before.requester != requester),
        });
        let is_outage = self.0.store.cached().outages > 0;
        if !is_outage && (streak.count < OUTAGE_AFTER || !streak.of_several) {
            return Ok(());
        }
        self.update_failures(|_| FailureStreak::default());
        let pause = |state: State, now| {
            // Another worker has just concluded the same.
            if state.throttled(now).is_some() {
                return None;
            }
            let failed_probes = state.failed_probes + 1;
            if state.outages > 0 && failed_probes < MAX_FAILED_PROBES {
                return Some(State { failed_probes, probing_until: None, ..state });
            }
            let pause = (OUTAGE_PAUSES.0 * 2_u32.saturating_pow(state.outages.min(16))).min(OUTAGE_PAUSES.1);
            let pause = Some((after(now, pause), ThrottleReason::Outage));
            Some(State { pause, outages: state.outages + 1, probing_until: None, failed_probes: 0, ..state })
        };
        let is_changed = self.0.store.update_if("pause for an outage", pause).await?;
        if is_changed && let Some(throttled) = self.throttled() {
            telemetry::count(self.0.clock.now(), Metric::OuraOutages, 1, &[]);
            tracing::warn!(
                event = "oura.outage",
                pause_s = throttled.retry_after.as_secs(),
                "Oura did not respond to several patients' requests; all requests were paused"
            );
        }
        Ok(())
    }

    /// A 429 of the app, or of an unknown tier: all requests pause, and the allowance is lowered.
    async fn on_limit(&self, retry_after: Option<Duration>, stated_limit: Option<u32>) -> Result<(), StoreError> {
        telemetry::count(self.0.clock.now(), Metric::OuraLimitsReached, 1, &[("tier", "application")]);
        let configured = self.0.configured;
        let pause = retry_after.unwrap_or(UNKNOWN_RETRY);
        let paused = |state: State, now| {
            let until = after(now, pause);
            let pause = Some((until, ThrottleReason::Limit));
            if let Some((end, ThrottleReason::Limit)) = state.pause.filter(|(end, _)| *end > now) {
                // Requests that were in flight at the same moment show nothing new.
                return (end < until).then_some(State { pause, ..state });
            }
            let lowered = state.allowance(configured, now).lowered(stated_limit);
            let lowered = Some((lowered, now.saturating_add(LOWERED_TTL).unwrap_or(now)));
            Some(State { pause, lowered, ..state })
        };
        self.0.store.update_if("pause for Oura's limit", paused).await?;
        tracing::warn!(
            event = "oura.rate_limited",
            pause_s = pause.as_secs(),
            "Oura's limit for the app was reached; all requests were paused"
        );
        Ok(())
    }

    fn update_failures(&self, change: impl Fn(FailureStreak) -> FailureStreak) -> FailureStreak {
        let mut failures = self.0.failures.lock().unwrap_or_else(PoisonError::into_inner);
        *failures = change(*failures);
        *failures
    }
}
