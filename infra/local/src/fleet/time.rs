//! The fleet's time: it runs faster than the machine's, and can leap ahead.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use shared::domain::Clock;

/// Cheap to clone: all clones show the same.
#[derive(Debug, Clone)]
pub(crate) struct Time {
    begun: Instant,
    /// Start, in milliseconds since 1970.
    start: Arc<AtomicI64>,
    pace: Arc<AtomicI64>,
}

impl Time {
    pub(crate) fn starting_at(at: Timestamp) -> Self {
        let start = Arc::new(AtomicI64::new(at.as_millisecond()));
        Self { begun: Instant::now(), start, pace: Arc::new(AtomicI64::new(1)) }
    }

    /// The clock of everything in this time.
    pub(crate) fn clock(&self, pace: u32) -> Clock {
        self.pace.store(i64::from(pace.max(1)), Ordering::SeqCst);
        let time = self.clone();
        Clock::from_fn(move || time.now()).accelerated(pace)
    }

    /// Lets all the time until this moment have passed.
    pub(crate) fn leap_to(&self, at: Timestamp) {
        let ahead = at.as_millisecond() - self.now().as_millisecond();
        self.start.fetch_add(ahead.max(0), Ordering::SeqCst);
    }

    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.begun.elapsed().as_micros()).unwrap_or(i64::MAX);
        let passed = passed.saturating_mul(self.pace.load(Ordering::SeqCst)) / 1000;
        let at = Timestamp::from_millisecond(self.start.load(Ordering::SeqCst)).unwrap_or(Timestamp::UNIX_EPOCH);
        at.saturating_add(SignedDuration::from_millis(passed)).unwrap_or(at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn clock_runs_faster_leaps_and_never_goes_back() {
        let start: Timestamp = "2026-03-18T02:00:00Z".parse().unwrap();
        let time = Time::starting_at(start);
        let clock = time.clock(1000);
        clock.sleep(Duration::from_secs(20)).await;
        assert!(clock.now().duration_since(start) >= SignedDuration::from_secs(20));
        let night = "2026-03-19T03:00:00Z".parse().unwrap();
        time.leap_to(night);
        assert!(clock.now() >= night);
        let now = clock.now();
        time.leap_to(start);
        assert!(clock.now() >= now);
    }
}
