//! Conclusions from Oura's responses that hold for all workers: a failing collection, an outage, their ends, a reached limit.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::item::{Lowered, State};
use super::shared::{Failures, SharedRateLimit, UNKNOWN_RETRY, after};
use crate::aws::error::StoreError;
use crate::domain::DataType;
use crate::oura::breaker::{Breaker, FailureStreak, pause};
use crate::oura::{OuraError, RateTier, ThrottleReason};
use crate::telemetry::{self, Metric};

/// Consecutive requests without a response that are an outage, in one process, for more than one patient and for several
/// collections: Oura may fail on the data of one patient alone, or on one collection alone.
const OUTAGE_AFTER: u32 = 8;

/// Number of collections among them: one more than a nightly sync requests first, so that those alone are no outage.
const OUTAGE_COLLECTIONS: usize = 4;

/// Consecutive requests to one collection without a response that open its breaker, for more than one patient.
const COLLECTION_OUTAGE_AFTER: u32 = 6;

/// Probing requests without a response that begin the next pause.
const MAX_FAILED_PROBES: u32 = 2;

/// Life of a lowered allowance.
const LOWERED_TTL: SignedDuration = SignedDuration::from_hours(6);

/// Consecutive 429 responses of a doubted limit, of more than one patient, after which all requests pause all the same.
const BELIEVED_AFTER: u32 = 3;

/// A 429 of the app, or of an unknown tier.
#[derive(Debug, Clone, Copy)]
struct ReachedLimit {
    is_of_app: bool,
    retry_after: Option<Duration>,
    stated: Option<u32>,
}

impl ReachedLimit {
    /// True if the stated limit is far below what was just served. Without a tier it may be one patient's, so there half of
    /// the allowance is far below too.
    fn is_doubted(self, state: &State, allowance: u32, now: Timestamp) -> bool {
        self.stated
            .is_some_and(|stated| stated < state.taken.most(now) / 2 || (!self.is_of_app && stated < allowance / 2))
    }
}

impl SharedRateLimit {
    /// Records the end of a request to this collection: a response, or this error.
    pub(super) async fn on_response(&self, requester: u64, data_type: Option<DataType>, error: Option<&OuraError>) {
        let recorded = match error {
            Some(OuraError::Unavailable { .. }) => self.on_failure(requester, data_type).await,
            Some(OuraError::RateLimited { tier: Some(RateTier::Token), .. }) => {
                telemetry::count(self.0.clock.now(), Metric::OuraLimitsReached, 1, &[("tier", "token")]);
                self.on_success(None).await
            }
            Some(OuraError::RateLimited { tier, retry_after, limit }) => {
                let is_of_app = *tier == Some(RateTier::Application);
                let limit = ReachedLimit { is_of_app, retry_after: *retry_after, stated: *limit };
                let limits = self.update_failures(|failures| failures.limits = failures.limits.then(requester)).limits;
                if is_of_app || limits.of_several {
                    self.on_limit(limit, limits).await
                } else {
                    // Without a tier it is this patient's limit until another patient meets it too.
                    telemetry::count(self.0.clock.now(), Metric::OuraLimitsReached, 1, &[("tier", "unknown")]);
                    self.on_answer(None).await
                }
            }
            // These come before the collection is reached, so they do not show that it works.
            Some(OuraError::Unauthorized { .. } | OuraError::Forbidden | OuraError::AppOutdated) => {
                self.on_success(None).await
            }
            _ => self.on_success(data_type).await,
        };
        if let Err(error) = recorded {
            tracing::warn!(
                event = "rate_limit.status_unpublished",
                reason = %error,
                "could not publish Oura's status to the other workers"
            );
        }
    }

    /// A response that is no 429 of the app, or of an unknown tier.
    async fn on_success(&self, data_type: Option<DataType>) -> Result<(), StoreError> {
        self.update_failures(|failures| failures.limits = FailureStreak::default());
        self.on_answer(data_type).await
    }

    /// A response of any kind ends an outage, and one of a collection closes its breaker.
    async fn on_answer(&self, data_type: Option<DataType>) -> Result<(), StoreError> {
        self.update_failures(|failures| {
            failures.all = FailureStreak::default();
            failures.collections.clear();
            if let Some(data_type) = data_type {
                failures.by_collection.remove(&data_type);
            }
        });
        let cached = self.0.store.cached();
        if cached.outages > 0 {
            // Breakers of collections that were opened by failed probes close with it.
            let ended = |state: State, _| {
                let breakers = BTreeMap::new();
                (state.outages > 0).then_some(State {
                    outages: 0,
                    probing_until: None,
                    failed_probes: 0,
                    breakers,
                    ..state
                })
            };
            self.0.store.update_if("end an outage", ended).await?;
            tracing::info!(event = "oura.recovered", "Oura responded again after an outage");
            return Ok(());
        }
        if let Some(data_type) = data_type.filter(|data_type| cached.breakers.contains_key(data_type)) {
            let close = |mut state: State, _| state.breakers.remove(&data_type).is_some().then_some(state);
            if self.0.store.update_if("close a collection's breaker", close).await? {
                tracing::info!(
                    event = "oura.collection_recovered",
                    data_type = data_type.as_str(),
                    "a collection of Oura responded again"
                );
            }
        }
        Ok(())
    }

    /// Several requests without a response, of several patients, pause their collection, or all requests if several
    /// collections without an open breaker fail.
    async fn on_failure(&self, requester: u64, data_type: Option<DataType>) -> Result<(), StoreError> {
        let cached = self.0.store.cached();
        let is_known = data_type.is_some_and(|data_type| cached.breakers.contains_key(&data_type));
        let failures = self.update_failures(|failures| {
            if !is_known {
                failures.all = failures.all.then(requester);
                failures.collections.insert(data_type);
            }
            if let Some(data_type) = data_type {
                let streak = failures.by_collection.entry(data_type).or_default();
                *streak = streak.then(requester);
            }
        });
        let Failures { all, collections, by_collection, .. } = failures;
        let is_outage = all.of_several && all.count >= OUTAGE_AFTER && collections.len() >= OUTAGE_COLLECTIONS;
        if is_outage || cached.outages > 0 {
            self.update_failures(|failures| *failures = Failures::default());
            self.pause_all(data_type).await?;
        } else if let Some(data_type) = data_type {
            let streak = by_collection.get(&data_type).copied().unwrap_or_default();
            let is_failing = streak.of_several && streak.count >= COLLECTION_OUTAGE_AFTER;
            if is_failing || is_known {
                if !is_known {
                    // It is known to fail from now on, so an outage has to show in others.
                    self.update_failures(|failures| {
                        failures.all = FailureStreak::default();
                        failures.collections.clear();
                    });
                }
                self.pause_collection(data_type).await?;
            }
        }
        Ok(())
    }

    /// Opens the breaker of a collection, or begins its next pause.
    async fn pause_collection(&self, data_type: DataType) -> Result<(), StoreError> {
        let open = |mut state: State, now: Timestamp| {
            let before = state.breakers.get(&data_type).copied();
            // Another worker has just concluded the same.
            if before.is_some_and(|before| now < before.until) {
                return None;
            }
            state.breakers.insert(data_type, Breaker::opened(before, now));
            Some(state)
        };
        if self.0.store.update_if("pause a collection", open).await?
            && let Some(breaker) = self.0.store.cached().breakers.get(&data_type)
        {
            let (now, name) = (self.0.clock.now(), data_type.as_str());
            telemetry::count(now, Metric::OuraCollectionOutages, 1, &[("dataType", name)]);
            tracing::warn!(
                event = "oura.collection_outage",
                data_type = name,
                pause_s = breaker.closed_for(now).unwrap_or_default().as_secs(),
                "a collection of Oura did not respond to several patients' requests; its requests were paused"
            );
        }
        Ok(())
    }

    /// Pauses all requests, or counts a failed probe. The next probe is of another collection.
    async fn pause_all(&self, data_type: Option<DataType>) -> Result<(), StoreError> {
        let pause = |mut state: State, now| {
            // Another worker has just concluded the same.
            if state.throttled(now).is_some() {
                return None;
            }
            let failed_probes = state.failed_probes + 1;
            if state.outages > 0 && failed_probes < MAX_FAILED_PROBES {
                state.breakers.extend(data_type.map(|data_type| (data_type, Breaker::opened(None, now))));
                return Some(State { failed_probes, probing_until: None, ..state });
            }
            state.breakers.clear();
            let pause = Some((after(now, pause(state.outages)), ThrottleReason::Outage));
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

    /// A 429 of the app, or of an unknown tier: all requests pause, and the allowance is lowered. If the stated limit is in
    /// doubt, only the request itself waits, and the allowance is lowered by one step. `limits`: such responses in a row.
    async fn on_limit(&self, limit: ReachedLimit, limits: FailureStreak) -> Result<(), StoreError> {
        let configured = self.0.configured;
        let is_doubted =
            |state: &State, now| limit.is_doubted(state, state.allowance(configured, now).per_window(), now);
        let is_believed = limits.count >= BELIEVED_AFTER && limits.of_several;
        if !is_believed && is_doubted(&self.0.store.cached(), self.0.clock.now()) {
            return self.slow_down(limit).await;
        }
        telemetry::count(self.0.clock.now(), Metric::OuraLimitsReached, 1, &[("tier", "application")]);
        let pause = limit.retry_after.unwrap_or(UNKNOWN_RETRY);
        let paused = |state: State, now| {
            let until = after(now, pause);
            let pause = Some((until, ThrottleReason::Limit));
            if let Some((end, ThrottleReason::Limit)) = state.pause.filter(|(end, _)| *end > now) {
                // Requests that were in flight at the same moment show nothing new.
                return (end < until).then_some(State { pause, ..state });
            }
            let state = state.raised(configured, now);
            let (allowance, is_doubted) = (state.allowance(configured, now), is_doubted(&state, now));
            // Without a tier and a limit, too, only served requests show what Oura allows.
            let is_unnamed = !limit.is_of_app && limit.stated.is_none();
            if is_unnamed && state.is_just_changed(now) {
                return Some(State { pause, ..state });
            }
            let lowered = Some(Lowered {
                allowance: if is_doubted { allowance.halved() } else { allowance.lowered(limit.stated) },
                until: now.saturating_add(LOWERED_TTL).unwrap_or(now),
                doubted_at: (is_doubted || is_unnamed).then_some(now),
            });
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

    /// Halves the allowance of all workers, at most once in a window. If the requests of the last one were served, that comes
    /// first: no number of such answers lowers the allowance further than by half while Oura serves the requests.
    async fn slow_down(&self, limit: ReachedLimit) -> Result<(), StoreError> {
        telemetry::count(self.0.clock.now(), Metric::OuraLimitsReached, 1, &[("tier", "unknown")]);
        let configured = self.0.configured;
        let step = |state: State, now: Timestamp| {
            if state.is_just_changed(now) {
                return None;
            }
            let state = state.raised(configured, now);
            let allowance = state.allowance(configured, now).halved();
            let until = now.saturating_add(LOWERED_TTL).unwrap_or(now);
            Some(State { lowered: Some(Lowered { allowance, until, doubted_at: Some(now) }), ..state })
        };
        if self.0.store.update_if("slow down for a doubted limit", step).await? {
            tracing::warn!(
                event = "oura.limit_doubted",
                stated = limit.stated,
                allowance = self.0.store.cached().lowered.map(|lowered| lowered.allowance.per_window()),
                "Oura stated a limit far below what it had just served; the allowance was halved"
            );
        }
        Ok(())
    }

    fn update_failures(&self, change: impl FnOnce(&mut Failures)) -> Failures {
        let mut failures = self.0.failures.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut failures);
        failures.clone()
    }
}
