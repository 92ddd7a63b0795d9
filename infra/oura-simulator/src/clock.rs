//! Time and randomness of the simulation, both replaceable, so that every run can be repeated.

use std::fmt;
use std::sync::Arc;

use jiff::{Timestamp, Unit};

/// Source of the present moment. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's clock, in whole milliseconds.
    #[must_use]
    pub fn system() -> Self {
        Self::from_fn(|| {
            let now = Timestamp::now();
            now.round(Unit::Millisecond).unwrap_or(now)
        })
    }

    /// A clock that shows what the function returns.
    #[must_use]
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Source of codes, tokens and ids. Cheap to clone.
#[derive(Clone)]
pub struct Entropy(Arc<dyn Fn() -> [u8; 32] + Send + Sync>);

impl Entropy {
    /// The operating system's generator.
    ///
    /// # Panics
    /// [`Self::bytes`] panics if the operating system has no randomness.
    #[must_use]
    pub fn system() -> Self {
        Self::from_fn(|| {
            let mut bytes = [0; 32];
            #[expect(clippy::expect_used, reason = "every supported system has a random generator")]
            getrandom::fill(&mut bytes).expect("the operating system has a random generator");
            bytes
        })
    }

    /// A generator that returns what the function returns.
    #[must_use]
    pub fn from_fn(bytes: impl Fn() -> [u8; 32] + Send + Sync + 'static) -> Self {
        Self(Arc::new(bytes))
    }

    /// 256 random bits.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        (self.0)()
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}
