//! Time and randomness, passed as arguments so that every behaviour can be reproduced in a test.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, Unit};
use secrecy::SecretString;

/// A source of the current time, and a way to wait. Cheap to clone.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Speed relative to the machine's clock.
    pace: u32,
    /// Called after each wait, with the moment at which it ended.
    on_waited: Option<Arc<dyn Fn(Timestamp) + Send + Sync>>,
}

impl Clock {
    /// The machine's clock, in whole milliseconds: stored and published times have no finer resolution.
    #[must_use]
    pub fn system() -> Self {
        Self::from_fn(|| whole_milliseconds(Timestamp::now()))
    }

    /// A clock controlled by a test or a simulation.
    #[must_use]
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { now: Arc::new(now), pace: 1, on_waited: None }
    }

    /// A clock that only moves when it is set: `on_waited` receives the end of each wait and advances it.
    #[must_use]
    pub fn manual(
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        on_waited: impl Fn(Timestamp) + Send + Sync + 'static,
    ) -> Self {
        Self { on_waited: Some(Arc::new(on_waited)), ..Self::from_fn(now) }
    }

    /// The same clock with every wait shortened by this factor. 0 counts as 1.
    #[must_use]
    pub fn accelerated(self, pace: u32) -> Self {
        Self { pace: pace.max(1), ..self }
    }

    /// A clock that always shows the same moment.
    #[must_use]
    pub fn fixed(at: Timestamp) -> Self {
        Self::from_fn(move || at)
    }

    /// Returns the current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Waits for this duration of the clock's own time. A clock made by [`from_fn`](Self::from_fn) or
    /// [`manual`](Self::manual) does not advance during the wait; only the machine's time does.
    pub async fn sleep(&self, time: Duration) {
        let until = SignedDuration::try_from(time).ok().and_then(|time| self.now().saturating_add(time).ok());
        tokio::time::sleep(self.to_real_time(time)).await;
        if let (Some(on_waited), Some(until)) = (&self.on_waited, until) {
            on_waited(until);
        }
    }

    /// Converts a duration of this clock's time to the machine's.
    #[must_use]
    pub fn to_real_time(&self, time: Duration) -> Duration {
        time / self.pace
    }
}

/// The resolution of stored and published times.
fn whole_milliseconds(at: Timestamp) -> Timestamp {
    at.round(Unit::Millisecond).unwrap_or(at)
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// A source of unpredictable bytes for OAuth states, cookies, grant and sync ids. Cheap to clone.
#[derive(Clone)]
pub struct Entropy(Arc<Fill>);

type Fill = dyn Fn(&mut [u8]) + Send + Sync;

impl Entropy {
    /// The operating system's generator.
    ///
    /// # Panics
    /// Filling panics if the operating system's generator fails: without randomness no secret is safe.
    #[must_use]
    pub fn system() -> Self {
        #[expect(clippy::expect_used, reason = "without randomness no secret is safe, so the process must stop")]
        Self(Arc::new(|bytes| getrandom::fill(bytes).expect("the operating system's random generator answers")))
    }

    /// A generator controlled by a test or a simulation. Never for production: states and cookies must be unpredictable.
    #[must_use]
    pub fn from_fn(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// 256 unpredictable bits.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        (self.0)(&mut bytes);
        bytes
    }

    /// 256 unpredictable bits as text.
    #[must_use]
    pub fn secret(&self) -> SecretString {
        SecretString::from(hex::encode(self.bytes()))
    }

    /// A random (version 4) UUID.
    #[must_use]
    pub fn uuid(&self) -> uuid::Uuid {
        let mut bytes = [0; 16];
        (self.0)(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn manual_clock_receives_the_end_of_each_wait() {
        let now = Arc::new(Mutex::new(Timestamp::UNIX_EPOCH));
        let (read, written) = (Arc::clone(&now), Arc::clone(&now));
        let clock = Clock::manual(move || *read.lock().unwrap(), move |until| *written.lock().unwrap() = until);
        let clock = clock.accelerated(1000);
        assert_eq!(clock.to_real_time(Duration::from_secs(60)), Duration::from_millis(60));
        clock.sleep(Duration::from_secs(20)).await;
        assert_eq!(clock.now().as_second(), 20);
    }
}
