//! Repeatable randomness: each generator is seeded by its purpose, so that no document depends on another's order.

use std::hash::Hasher as _;

use fnv::FnvHasher;
use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng as _};

/// Offset basis of 64-bit FNV-1a.
const FNV_OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// A generator for one purpose on one day of a person.
pub(crate) struct Random(SplitMix64);

impl Random {
    /// The generator of these arguments: the same ones always give the same numbers.
    pub(crate) fn new(seed: u64, person: &str, purpose: &str, day: i64) -> Self {
        let mut hasher = FnvHasher::with_key(FNV_OFFSET_BASIS ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // 0xff cannot occur in UTF-8, so ("ab", "c") and ("a", "bc") differ.
        for part in [person.as_bytes(), &[0xff], purpose.as_bytes(), &[0xff], &day.to_le_bytes()] {
            hasher.write(part);
        }
        Self(SplitMix64::from_seed(hasher.finish().to_le_bytes()))
    }

    /// A number in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
        let mantissa = (self.0.next_u64() >> 11) as f64;
        mantissa / 9_007_199_254_740_992.0
    }

    /// A number in [low, high).
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number in [low, high].
    pub(crate) fn whole(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high - low + 1).unwrap_or(1).max(1);
        low + i64::try_from(self.0.next_u64() % span).unwrap_or(0)
    }

    /// A bell curve around `mean`: the sum of twelve uniforms, so never further off than six deviations.
    pub(crate) fn near(&mut self, mean: f64, deviation: f64) -> f64 {
        let sum: f64 = (0..12).map(|_| self.unit()).sum();
        mean + (sum - 6.0) * deviation
    }

    /// True with this probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of the items; `None` if there are none.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let last = i64::try_from(items.len()).ok()? - 1;
        items.get(usize::try_from(self.whole(0, last.max(0))).ok()?)
    }
}

/// A number without visible order that is always the same for the same id.
pub(crate) fn shuffled(id: u64) -> u64 {
    SplitMix64::from_seed(id.to_le_bytes()).next_u64()
}
