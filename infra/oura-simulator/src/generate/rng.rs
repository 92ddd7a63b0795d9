//! Randomness that is the same on every run: seeded by what it is for, so that no document depends on another's order.

/// A SplitMix64 generator (Steele, Lea, Flood 2014): tiny, and good enough for believable data.
pub(crate) struct Rng(u64);

impl Rng {
    /// A generator for one purpose on one day: the same arguments always give the same numbers.
    pub(crate) fn new(seed: u64, person: &str, purpose: &str, day: i64) -> Self {
        // FNV-1a over the parts; 0xff cannot occur in UTF-8, so ("ab", "c") and ("a", "bc") differ.
        let parts = [person.as_bytes(), &[0xff], purpose.as_bytes(), &[0xff], &day.to_le_bytes()];
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for byte in parts.into_iter().flatten() {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Self(hash)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
        let mantissa = (self.next() >> 11) as f64;
        mantissa / 9_007_199_254_740_992.0
    }

    /// A number in [low, high).
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number in [low, high].
    pub(crate) fn whole(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high - low + 1).unwrap_or(1).max(1);
        low + i64::try_from(self.next() % span).unwrap_or(0)
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

    /// One of the things, or nothing of nothing.
    pub(crate) fn pick<'a, T>(&mut self, things: &'a [T]) -> Option<&'a T> {
        let last = i64::try_from(things.len()).ok()? - 1;
        things.get(usize::try_from(self.whole(0, last.max(0))).ok()?)
    }
}
