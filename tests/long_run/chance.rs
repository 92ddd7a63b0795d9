//! The run's randomness: a generator of its own for each day, so that an event more on one day leaves the other days as they are.

use fastrand::Rng;

/// A generator for this part of a seed.
pub(crate) fn generator(seed: u64, part: u64) -> Rng {
    Rng::with_seed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ part.wrapping_mul(0xD1B5_4A32_D192_ED03))
}

/// True with this probability.
pub(crate) fn happens(random: &mut Rng, probability: f64) -> bool {
    random.f64() < probability
}

/// A number of events with this mean: one more as long as chance has it.
pub(crate) fn count(random: &mut Rng, mean: f64) -> usize {
    let again = mean / (1.0 + mean);
    std::iter::repeat_with(|| happens(random, again)).take_while(|more| *more).take(20).count()
}
