//! The item of the shared rate limit.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::aws::error::StoreError;
use crate::domain::DataType;
use crate::oura::breaker::Breaker;
use crate::oura::rate_limit::{Allowance, GcraState};
use crate::oura::{ThrottleReason, Throttled};

/// Window in which Oura counts requests.
const WINDOW: SignedDuration = SignedDuration::from_mins(5);

/// State of the shared rate limit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct State {
    /// Number of writes; every write requires the one that was read.
    pub(super) version: u64,
    pub(super) gcra: GcraState,
    /// End and reason of a pause of all requests.
    pub(super) pause: Option<(Timestamp, ThrottleReason)>,
    /// Pauses of an outage since Oura's last response.
    pub(super) outages: u32,
    /// After a pause of an outage: the time until which the others wait for the result of one probing request.
    pub(super) probing_until: Option<Timestamp>,
    /// Probing requests without a response since the pause.
    pub(super) failed_probes: u32,
    /// An allowance below the configured one, and its end.
    pub(super) lowered: Option<Lowered>,
    /// Requests taken lately.
    pub(super) taken: TakenLately,
    /// Open circuit breakers of collections that fail for several patients.
    pub(super) breakers: BTreeMap<DataType, Breaker>,
}

/// An allowance below the configured one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lowered {
    pub(super) allowance: Allowance,
    pub(super) until: Timestamp,
    /// Time of the last change, if the limit that Oura named is in doubt: then served requests raise the allowance again.
    pub(super) doubted_at: Option<Timestamp>,
}

/// Number of requests taken in a window by the clock, and in the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct TakenLately {
    /// Number of the window since 1970.
    window: i64,
    current: u32,
    before: u32,
}

impl TakenLately {
    /// The counts after taking this many requests.
    pub(super) fn plus(self, count: usize, now: Timestamp) -> Self {
        let here = self.at(now);
        Self { current: here.current.saturating_add(u32::try_from(count).unwrap_or(u32::MAX)), ..here }
    }

    /// Number of requests of the fuller of the two windows.
    pub(super) fn most(self, now: Timestamp) -> u32 {
        let here = self.at(now);
        here.current.max(here.before)
    }

    fn at(self, now: Timestamp) -> Self {
        let window = now.as_second().div_euclid(WINDOW.as_secs());
        match window - self.window {
            ..=0 => self,
            1 => Self { window, current: 0, before: self.current },
            _ => Self { window, current: 0, before: 0 },
        }
    }
}

impl State {
    pub(super) fn allowance(&self, configured: Allowance, now: Timestamp) -> Allowance {
        match self.lowered {
            Some(Lowered { allowance, until, .. }) if now < until => allowance.min(configured),
            _ => configured,
        }
    }

    /// True if a doubted allowance was changed within this window.
    pub(super) fn is_just_changed(&self, now: Timestamp) -> bool {
        let changed_at = self.lowered.and_then(|lowered| lowered.doubted_at);
        changed_at.is_some_and(|at| now.duration_since(at) < WINDOW)
    }

    /// The state with a doubted allowance doubled, if requests were served for a window since its last change.
    pub(super) fn raised(self, configured: Allowance, now: Timestamp) -> Self {
        let Some(lowered) = self.lowered else { return self };
        let is_proven = |at: Timestamp| now.duration_since(at) >= WINDOW && self.taken.most(now) > 0;
        if now >= lowered.until || !lowered.doubted_at.is_some_and(is_proven) {
            return self;
        }
        let allowance = lowered.allowance.doubled();
        let lowered = (allowance < configured).then_some(Lowered { allowance, doubted_at: Some(now), ..lowered });
        Self { lowered, ..self }
    }

    /// The pause of all requests at this moment.
    pub(super) fn throttled(&self, now: Timestamp) -> Option<Throttled> {
        let (until, reason) = self.pause.filter(|(until, _)| now < *until)?;
        Some(Throttled { reason, retry_after: Duration::try_from(until.duration_since(now)).unwrap_or_default() })
    }
}

/// The state as stored. Times are in milliseconds, those of the two cell rates in microseconds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::aws) struct RateLimitItem {
    version: u64,
    /// Theoretical arrival time of the sustained rate.
    sustained_tat: i64,
    /// Theoretical arrival time of the burst rate.
    burst_tat: i64,
    paused_until: Option<i64>,
    pause_reason: Option<String>,
    #[serde(default)]
    outages: u32,
    probing_until: Option<i64>,
    #[serde(default)]
    failed_probes: u32,
    allowance: Option<u32>,
    allowance_until: Option<i64>,
    allowance_doubted_at: Option<i64>,
    #[serde(default)]
    window: i64,
    #[serde(default)]
    taken: u32,
    #[serde(default)]
    taken_before: u32,
    /// By data type.
    #[serde(default)]
    breakers: BTreeMap<String, BreakerItem>,
}

/// A breaker as stored.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BreakerItem {
    pauses: u32,
    until: i64,
    probing_until: Option<i64>,
}

impl From<&Breaker> for BreakerItem {
    fn from(breaker: &Breaker) -> Self {
        Self {
            pauses: breaker.pauses,
            until: breaker.until.as_millisecond(),
            probing_until: breaker.probing_until.map(Timestamp::as_millisecond),
        }
    }
}

impl From<&State> for RateLimitItem {
    fn from(state: &State) -> Self {
        Self {
            version: state.version,
            sustained_tat: state.gcra.steady,
            burst_tat: state.gcra.bursting,
            paused_until: state.pause.map(|(until, _)| until.as_millisecond()),
            pause_reason: state.pause.map(|(_, reason)| reason.as_str().to_owned()),
            outages: state.outages,
            probing_until: state.probing_until.map(Timestamp::as_millisecond),
            failed_probes: state.failed_probes,
            allowance: state.lowered.map(|lowered| lowered.allowance.per_window()),
            allowance_until: state.lowered.map(|lowered| lowered.until.as_millisecond()),
            allowance_doubted_at: state.lowered.and_then(|lowered| lowered.doubted_at).map(Timestamp::as_millisecond),
            window: state.taken.window,
            taken: state.taken.current,
            taken_before: state.taken.before,
            breakers: state.breakers.iter().map(|(of, breaker)| (of.as_str().to_owned(), breaker.into())).collect(),
        }
    }
}

impl RateLimitItem {
    /// True if Oura did not respond to the last request of any patient.
    pub(in crate::aws) fn is_outage(&self) -> bool {
        self.outages > 0
    }

    /// # Errors
    /// [`StoreError::Corrupt`] for a time out of range.
    pub(super) fn state(self, action: &'static str) -> Result<State, StoreError> {
        let time = |field: &'static str, millis: Option<i64>| {
            let time = millis.map(Timestamp::from_millisecond).transpose();
            time.map_err(|_range| StoreError::corrupt(action, field))
        };
        let reason = self.pause_reason.and_then(|word| word.parse().ok());
        let mut breakers = BTreeMap::new();
        for (data_type, item) in &self.breakers {
            // A data type of a newer version of this code is not fetched by this one.
            let (Ok(data_type), Some(until)) = (data_type.parse(), time("breakers", Some(item.until))?) else {
                continue;
            };
            let probing_until = time("breakers", item.probing_until)?;
            breakers.insert(data_type, Breaker { pauses: item.pauses, until, probing_until });
        }
        let doubted_at = time("allowanceDoubtedAt", self.allowance_doubted_at)?;
        Ok(State {
            version: self.version,
            gcra: GcraState { steady: self.sustained_tat, bursting: self.burst_tat },
            pause: time("pausedUntil", self.paused_until)?
                .map(|until| (until, reason.unwrap_or(ThrottleReason::Unknown))),
            outages: self.outages,
            probing_until: time("probingUntil", self.probing_until)?,
            failed_probes: self.failed_probes,
            lowered: self
                .allowance
                .zip(time("allowanceUntil", self.allowance_until)?)
                .map(|(allowance, until)| Lowered { allowance: Allowance::new(allowance), until, doubted_at }),
            taken: TakenLately { window: self.window, current: self.taken, before: self.taken_before },
            breakers,
        })
    }
}
