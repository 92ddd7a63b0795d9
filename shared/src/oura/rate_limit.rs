//! The arithmetic of sharing Oura's rate limit among all workers, without I/O.
//!
//! Two rules count every request, and one of them has to allow it (the generic cell rate algorithm, GCRA, twice):
//!
//! | rule | at once | sustained, of 5000 in five minutes |
//! |---|---|---|
//! | steady | 1 % | 98.7 % |
//! | bursting | 20 % | 79.7 % |
//!
//! The nightly lane follows the steady rule and reserves evenly spaced slots, at most half of what the rule allows at once.
//! The live lane takes the rule that allows more: at least half a per cent at once even during a nightly run, and a fifth
//! of the limit when little else runs.
//!
//! **The limit is never exceeded.** Take the requests of any five minutes, and among them the one that was allowed last. The
//! rule that allowed it had counted all the others too. So their number is at most what this rule allows in five minutes
//! plus the time by which a request may be late, and that is the limit.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Oura counts in windows of five minutes (FAQ of its OpenAPI document; `X-RateLimit-Window`).
const WINDOW_MICROS: i64 = 300_000_000;

/// Time by which a request may reach Oura after its slot.
const LATE_MICROS: i64 = 1_000_000;

/// Time after its slot in which a request may be sent; the rest of the lateness is for the way to Oura.
pub const SEND_WITHIN: Duration = Duration::from_millis(500);

/// Minimum allowance in requests per five minutes: below it, no sync makes progress.
pub const MIN_ALLOWANCE: u32 = 60;

/// Number of requests that may be sent in any five minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Allowance(u32);

/// Priority of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Backfills, webhook syncs and requests of patients.
    Live,
    /// Nightly and catch-up syncs.
    Nightly,
}

/// Time up to which each rule has reserved every slot, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GcraState {
    /// Of the steady rule.
    pub steady: i64,
    /// Of the bursting rule.
    pub bursting: i64,
}

/// Result of reserving slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// Slots for requests, each usable from its time on, for [`SEND_WITHIN`].
    ReservedSlots {
        /// The state with the slots in it.
        ledger: GcraState,
        /// Times of the slots, earliest first; at least one, at most as many as requested.
        slots: Vec<Timestamp>,
    },
    /// No slot is free before this delay.
    Wait(Duration),
}

/// A rule: a number of requests at once, and one more each time the cost has passed.
struct Rule {
    at_once: i64,
    cost: i64,
}

impl Rule {
    /// Creates a rule that allows `(window + late) / cost + at_once` requests in a window, late ones included: the limit.
    fn of(limit: u32, at_once: u32) -> Self {
        let (limit, at_once) = (i64::from(limit), i64::from(at_once));
        let sustained = (limit - at_once).max(1);
        Self { at_once, cost: (WINDOW_MICROS + LATE_MICROS + sustained - 1) / sustained }
    }

    /// Number of requests that may be sent now if every slot is reserved up to `reserved`.
    fn allowed_at(&self, reserved: i64, now: i64) -> i64 {
        let ahead = reserved.max(now) - now;
        (((self.at_once - 1) * self.cost - ahead).div_euclid(self.cost) + 1).max(0)
    }

    fn delay(&self, reserved: i64, now: i64) -> i64 {
        reserved.max(now) - (self.at_once - 1) * self.cost - now
    }
}

impl Allowance {
    /// Creates an allowance; one below [`MIN_ALLOWANCE`] counts as that.
    #[must_use]
    pub fn new(per_window: u32) -> Self {
        Self(per_window.max(MIN_ALLOWANCE))
    }

    /// Number of requests in any five minutes.
    #[must_use]
    pub fn per_window(self) -> u32 {
        self.0
    }

    /// Returns the smaller allowance after a 429 of Oura. `limit` is the limit that Oura named, which other programs may
    /// share.
    #[must_use]
    pub fn lowered(self, limit: Option<u32>) -> Self {
        let known = limit.map_or(self.0, |limit| limit.min(self.0));
        Self::new(known - known / 10)
    }

    /// Returns half of the allowance: the most by which a doubted 429 lowers it.
    #[must_use]
    pub fn halved(self) -> Self {
        Self::new(self.0 / 2)
    }

    /// Returns twice the allowance, after requests were served: as many served windows undo as many halvings.
    #[must_use]
    pub fn doubled(self) -> Self {
        Self(self.0.saturating_mul(2))
    }

    /// Requests per second of the nightly lane while the live lane is idle.
    #[must_use]
    pub fn sustained(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "microseconds of a fraction of a second")]
        let cost = self.steady().cost as f64;
        1e6 / cost
    }

    fn steady(self) -> Rule {
        Rule::of(self.0, (self.0 / 100).max(2))
    }

    fn bursting(self) -> Rule {
        Rule::of(self.0, self.0 / 5)
    }
}

impl GcraState {
    /// Reserves at most `want` slots in this lane.
    #[must_use]
    pub fn take(self, allowance: Allowance, lane: Lane, want: u32, now: Timestamp) -> Taken {
        let (steady, bursting) = (allowance.steady(), allowance.bursting());
        let (want, now) = (i64::from(want.max(1)), now.as_microsecond());
        let start = self.steady.max(now);
        let (count, spacing) = match lane {
            Lane::Nightly => {
                let horizon = now + steady.at_once / 2 * steady.cost;
                let room = (horizon - start).div_euclid(steady.cost);
                if room < 1 {
                    // Until there is room for several: one write per request would be expensive.
                    let several = want.min(steady.at_once / 4).max(1);
                    return Taken::Wait(micros(start + several * steady.cost - horizon));
                }
                (want.min(room), steady.cost)
            }
            Lane::Live => {
                let room = steady.allowed_at(self.steady, now).max(bursting.allowed_at(self.bursting, now));
                if room < 1 {
                    let delay = steady.delay(self.steady, now).min(bursting.delay(self.bursting, now));
                    return Taken::Wait(micros(delay));
                }
                (want.min(room), 0)
            }
        };
        let first = if lane == Lane::Nightly { start } else { now };
        let slots = (0..count).filter_map(|n| Timestamp::from_microsecond(first + n * spacing).ok()).collect();
        // Requests older than a window do not count: after a long nightly run, the rule would stay exceeded for hours.
        let max_ahead = now + bursting.at_once * bursting.cost + WINDOW_MICROS + LATE_MICROS;
        let state = Self {
            steady: start + count * steady.cost,
            bursting: (self.bursting.max(now) + count * bursting.cost).min(max_ahead),
        };
        Taken::ReservedSlots { ledger: state, slots }
    }
}

fn micros(delay: i64) -> Duration {
    Duration::from_micros(u64::try_from(delay).unwrap_or(0).max(1000))
}

/// Returns the time until which a slot may be used.
#[must_use]
pub fn usable_until(slot: Timestamp) -> Timestamp {
    slot.saturating_add(SignedDuration::try_from(SEND_WITHIN).unwrap_or_default()).unwrap_or(slot)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_microsecond(micros).unwrap()
    }

    /// Pseudo-random numbers, the same in every run (xorshift).
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % limit
        }
    }

    /// Maximum number of requests that reached Oura in any rolling five minutes.
    fn busiest(sent: &mut [i64]) -> usize {
        sent.sort_unstable();
        let (mut window, mut most) = (VecDeque::new(), 0);
        for at in sent.iter().copied() {
            window.push_back(at);
            while window.front().is_some_and(|first| *first <= at - WINDOW_MICROS) {
                window.pop_front();
            }
            most = most.max(window.len());
        }
        most
    }

    /// Times at which requests reach Oura in an hour of reserving as much as possible, sent at once or as late as allowed,
    /// with idle times in between.
    fn greedy(limit: u32, seed: u64, lanes: &[Lane]) -> Vec<i64> {
        let (allowance, mut numbers) = (Allowance::new(limit), Numbers(seed));
        let (mut state, mut sent) = (GcraState::default(), Vec::new());
        let (begin, hour) = (1_700_000_000_000_000_i64, 3_600_000_000);
        let mut now = begin;
        while now < begin + hour {
            let lane = lanes[numbers.below(lanes.len() as u64) as usize];
            match state.take(allowance, lane, numbers.below(80) as u32, at(now)) {
                Taken::ReservedSlots { ledger: after, slots } => {
                    state = after;
                    let late = |numbers: &mut Numbers| if numbers.below(2) == 0 { 0 } else { LATE_MICROS };
                    sent.extend(slots.iter().map(|slot| slot.as_microsecond() + late(&mut numbers)));
                }
                Taken::Wait(wait) => now += i64::try_from(wait.as_micros()).unwrap(),
            }
            if numbers.below(5000) == 0 {
                now += i64::try_from(numbers.below(600_000_000)).unwrap();
            }
        }
        sent
    }

    #[test]
    fn no_five_minutes_exceed_the_limit_in_any_lane() {
        for limit in [60, 101, 777, 5000] {
            for (seed, lanes) in
                [(1, &[Lane::Nightly][..]), (2, &[Lane::Live]), (3, &[Lane::Live, Lane::Nightly]), (4, &[Lane::Live])]
            {
                let mut sent = greedy(limit, seed, lanes);
                let most = busiest(&mut sent);
                assert!(most <= limit as usize, "{most} of {limit} by {lanes:?}");
                assert!(most * 10 >= limit as usize * 7, "{most} of {limit}: and it is used");
            }
        }
    }

    #[test]
    fn late_requests_followed_by_punctual_ones_stay_within_the_limit() {
        for limit in [777, 5000] {
            let (allowance, begin) = (Allowance::new(limit), 1_700_000_000_000_000);
            let (mut state, mut now, mut sent) = (GcraState::default(), begin, Vec::new());
            while now < begin + WINDOW_MICROS + LATE_MICROS {
                match state.take(allowance, Lane::Live, 80, at(now)) {
                    Taken::ReservedSlots { ledger: after, slots } => {
                        state = after;
                        let late = if now == begin { LATE_MICROS } else { 0 };
                        sent.extend(slots.iter().map(|slot| slot.as_microsecond() + late));
                    }
                    Taken::Wait(wait) => now += i64::try_from(wait.as_micros()).unwrap(),
                }
            }
            let most = busiest(&mut sent);
            assert!(most <= limit as usize, "{most} of {limit}");
        }
    }

    #[test]
    fn nightly_lane_alone_uses_nearly_the_whole_limit() {
        let allowance = Allowance::new(5000);
        let share = allowance.sustained() * 300.0 / 5000.0;
        assert!((0.986..0.99).contains(&share), "{share}");
        let mut sent = greedy(5000, 9, &[Lane::Nightly]);
        assert!(busiest(&mut sent) > 4900);
    }

    #[test]
    fn live_lane_starts_at_once_during_a_nightly_run() {
        let (allowance, now) = (Allowance::new(5000), at(1_700_000_000_000_000));
        let mut state = GcraState::default();
        while let Taken::ReservedSlots { ledger: after, .. } = state.take(allowance, Lane::Nightly, 80, now) {
            state = after;
        }
        let Taken::ReservedSlots { slots, .. } = state.take(allowance, Lane::Live, 20, now) else { panic!("no slot") };
        assert_eq!(slots, vec![now; 20]);
        // Without a nightly run, a thousand at once.
        let Taken::ReservedSlots { slots, .. } = GcraState::default().take(allowance, Lane::Live, 1000, now) else {
            panic!("no slot")
        };
        assert_eq!(slots.len(), 1000);
    }

    #[test]
    fn live_lane_bursts_again_one_window_after_a_long_nightly_run() {
        let (allowance, mut now) = (Allowance::new(5000), 1_700_000_000_000_000);
        let (mut state, end) = (GcraState::default(), now + 4 * 3_600_000_000);
        while now < end {
            match state.take(allowance, Lane::Nightly, 50, at(now)) {
                Taken::ReservedSlots { ledger: after, .. } => state = after,
                Taken::Wait(wait) => now += i64::try_from(wait.as_micros()).unwrap(),
            }
        }
        let at_once = |state: GcraState, now: i64| match state.take(allowance, Lane::Live, 5000, at(now)) {
            Taken::ReservedSlots { slots, .. } => slots.len(),
            Taken::Wait(_) => 0,
        };
        assert!(at_once(state, now) >= 25, "half a per cent even then");
        assert!(at_once(state, now + 1_000_000) < 100);
        assert_eq!(at_once(state, now + WINDOW_MICROS + 2 * LATE_MICROS), 50);
        assert_eq!(at_once(state, now + 2 * WINDOW_MICROS), 1000);
    }

    #[test]
    fn nightly_lane_reserves_several_evenly_spaced_slots() {
        let (allowance, mut now) = (Allowance::new(5000), 1_700_000_000_000_000);
        let (mut state, mut taken) = (GcraState::default(), Vec::new());
        for _ in 0..20 {
            match state.take(allowance, Lane::Nightly, 50, at(now)) {
                Taken::ReservedSlots { ledger: after, slots } => {
                    state = after;
                    taken.push(slots);
                }
                Taken::Wait(wait) => now += i64::try_from(wait.as_micros()).unwrap(),
            }
        }
        assert!(taken.iter().all(|slots| slots.len() >= 12), "{taken:?}");
        let slots: Vec<_> = taken.into_iter().flatten().collect();
        assert!(slots.windows(2).all(|two| two[1].duration_since(two[0]) >= SignedDuration::from_millis(60)));
    }

    #[test]
    fn a_slot_leaves_time_for_the_way_to_oura() {
        let late = usable_until(at(0)).as_microsecond();
        assert!((1..LATE_MICROS).contains(&late), "{late}");
    }

    #[test]
    fn lowered_allowance_stays_above_the_minimum() {
        let allowance = Allowance::new(5000);
        assert_eq!(allowance.lowered(None).per_window(), 4500);
        assert_eq!(allowance.lowered(Some(1000)).per_window(), 900);
        assert_eq!(allowance.lowered(Some(9000)).per_window(), 4500);
        assert_eq!(Allowance::new(1).lowered(Some(0)).per_window(), MIN_ALLOWANCE);
    }
}
