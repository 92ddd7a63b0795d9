//! The circuit breaker of one endpoint of Oura, without I/O.
//!
//! Consecutive failures of several patients open it ([`FailureStreak`]). While it is open, nothing is sent. After each pause
//! one request probes: a failure begins the next, longer pause, a response closes the breaker.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The first and the longest pause. It doubles with every failed probe.
const PAUSES: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(15 * 60));

/// Time for which the others wait for a probing request, whose worker may have died: longer than any request takes.
const PROBE_TIMEOUT: Duration = Duration::from_secs(60);

/// An open circuit breaker; a closed one is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// Number of pauses since the last response.
    pub pauses: u32,
    /// End of the current pause.
    pub until: Timestamp,
    /// Time until which the others wait for the probing request.
    pub probing_until: Option<Timestamp>,
}

/// Consecutive failed requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FailureStreak {
    /// Number of requests.
    pub count: u32,
    /// The last request's requester.
    pub requester: u64,
    /// True if there were several requesters: Oura may fail on the data of one patient alone.
    pub of_several: bool,
}

impl FailureStreak {
    /// Returns the streak after another failure.
    #[must_use]
    pub fn then(self, requester: u64) -> Self {
        let of_several = self.of_several || (self.count > 0 && self.requester != requester);
        Self { count: self.count.saturating_add(1), requester, of_several }
    }
}

impl Breaker {
    /// Returns the breaker at the begin of a pause: the first one, or the next after `before`.
    #[must_use]
    pub fn opened(before: Option<Self>, now: Timestamp) -> Self {
        let pauses = before.map_or(0, |before| before.pauses);
        Self { pauses: pauses.saturating_add(1), until: after(now, pause(pauses)), probing_until: None }
    }

    /// Returns the time for which nothing may be sent; `None` if a request may probe.
    #[must_use]
    pub fn closed_for(self, now: Timestamp) -> Option<Duration> {
        let end = self.probing_until.map_or(self.until, |probing| probing.max(self.until));
        Duration::try_from(end.duration_since(now)).ok().filter(|wait| !wait.is_zero())
    }

    /// Returns the breaker while a request probes.
    #[must_use]
    pub fn probed(self, now: Timestamp) -> Self {
        Self { probing_until: Some(after(now, PROBE_TIMEOUT)), ..self }
    }
}

/// Length of the pause after this number of pauses.
#[must_use]
pub fn pause(pauses: u32) -> Duration {
    (PAUSES.0 * 2_u32.saturating_pow(pauses.min(16))).min(PAUSES.1)
}

fn after(now: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait).ok().and_then(|wait| now.saturating_add(wait).ok()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_quarter_of_an_hour_and_one_request_probes_after_each() {
        let (mut now, mut breaker) = (Timestamp::UNIX_EPOCH, None);
        for seconds in [30, 60, 120, 240, 480, 900, 900] {
            let opened = Breaker::opened(breaker, now);
            assert_eq!(opened.closed_for(now), Some(Duration::from_secs(seconds)));
            now = opened.until;
            assert_eq!(opened.closed_for(now), None);
            let probed = opened.probed(now);
            assert_eq!(probed.closed_for(now), Some(PROBE_TIMEOUT));
            assert_eq!(probed.closed_for(after(now, PROBE_TIMEOUT)), None, "a probe that died is not waited for");
            breaker = Some(probed);
        }
    }

    #[test]
    fn streak_of_one_requester_is_not_of_several() {
        let streak = FailureStreak::default().then(1).then(1).then(1);
        assert_eq!((streak.count, streak.of_several), (3, false));
        assert!(streak.then(2).then(2).of_several);
    }
}
