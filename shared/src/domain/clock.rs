//! Time and randomness as arguments, so that every behaviour can be replayed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, Unit};
use secrecy::SecretString;

/// Where "now" comes from, and how waiting is done. Cheap to clone.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// How many times faster than the machine's its time passes.
    pace: u32,
    /// Hears until when somebody has waited.
    waited: Option<Arc<dyn Fn(Timestamp) + Send + Sync>>,
}

impl Clock {
    /// The machine's clock, in whole milliseconds: what is stored and published shows no more.
    #[must_use]
    pub fn system() -> Self {
        Self::from_fn(|| whole_milliseconds(Timestamp::now()))
    }

    /// A clock that a test or a simulation drives.
    #[must_use]
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { now: Arc::new(now), pace: 1, waited: None }
    }

    /// The same for one that has to move on when somebody has waited: it then hears until when.
    #[must_use]
    pub fn driven(
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        waited: impl Fn(Timestamp) + Send + Sync + 'static,
    ) -> Self {
        Self { waited: Some(Arc::new(waited)), ..Self::from_fn(now) }
    }

    /// The same, with waiting so many times shorter than its time says. 0 counts as 1.
    #[must_use]
    pub fn hurried(self, pace: u32) -> Self {
        Self { pace: pace.max(1), ..self }
    }

    /// A clock that always shows the same moment.
    #[must_use]
    pub fn fixed(at: Timestamp) -> Self {
        Self::from_fn(move || at)
    }

    /// The moment it is.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Waits until this much of its time has passed. A clock that shows what somebody else says does not move by waiting:
    /// there the machine's time passes.
    pub async fn sleep(&self, time: Duration) {
        let until = SignedDuration::try_from(time).ok().and_then(|time| self.now().saturating_add(time).ok());
        tokio::time::sleep(self.really(time)).await;
        if let (Some(waited), Some(until)) = (&self.waited, until) {
            waited(until);
        }
    }

    /// How long, by the machine's clock, this much of its time takes.
    #[must_use]
    pub fn really(&self, time: Duration) -> Duration {
        time / self.pace
    }
}

/// What is stored and published shows no more.
fn whole_milliseconds(at: Timestamp) -> Timestamp {
    at.round(Unit::Millisecond).unwrap_or(at)
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Where unpredictable bytes come from: OAuth states, cookies, grant and sync ids. Cheap to clone.
#[derive(Clone)]
pub struct Entropy(Arc<Fill>);

type Fill = dyn Fn(&mut [u8]) + Send + Sync;

impl Entropy {
    /// The operating system's generator.
    ///
    /// # Panics
    /// Filling panics when the operating system has no randomness to give: nothing that needs a secret may go on then.
    #[must_use]
    pub fn system() -> Self {
        #[expect(clippy::expect_used, reason = "without randomness no secret can be made; stopping is the safe answer")]
        Self(Arc::new(|bytes| getrandom::fill(bytes).expect("the operating system's random generator answers")))
    }

    /// A generator that a test or a simulation drives. Never for production: states and cookies must be unpredictable.
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
    async fn a_clock_that_is_driven_hears_until_when_somebody_has_waited() {
        let now = Arc::new(Mutex::new(Timestamp::UNIX_EPOCH));
        let (read, written) = (Arc::clone(&now), Arc::clone(&now));
        let clock = Clock::driven(move || *read.lock().unwrap(), move |until| *written.lock().unwrap() = until);
        let clock = clock.hurried(1000);
        assert_eq!(clock.really(Duration::from_secs(60)), Duration::from_millis(60));
        clock.sleep(Duration::from_secs(20)).await;
        assert_eq!(clock.now().as_second(), 20);
    }
}
