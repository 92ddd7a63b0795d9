//! The item of the shared rate limit.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::aws::error::StoreError;
use crate::oura::rate_limit::{Allowance, GcraState};
use crate::oura::{ThrottleReason, Throttled};

/// State of the shared rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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
    pub(super) lowered: Option<(Allowance, Timestamp)>,
}

impl State {
    pub(super) fn allowance(&self, configured: Allowance, now: Timestamp) -> Allowance {
        match self.lowered {
            Some((lowered, until)) if now < until => lowered.min(configured),
            _ => configured,
        }
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
            allowance: state.lowered.map(|(allowance, _)| allowance.per_window()),
            allowance_until: state.lowered.map(|(_, until)| until.as_millisecond()),
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
        Ok(State {
            version: self.version,
            gcra: GcraState { steady: self.sustained_tat, bursting: self.burst_tat },
            pause: time("pausedUntil", self.paused_until)?
                .map(|until| (until, reason.unwrap_or(ThrottleReason::Unknown))),
            outages: self.outages,
            probing_until: time("probingUntil", self.probing_until)?,
            failed_probes: self.failed_probes,
            lowered: self.allowance.map(Allowance::new).zip(time("allowanceUntil", self.allowance_until)?),
        })
    }
}
