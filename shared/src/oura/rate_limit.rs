//! Oura's rate limit, divided among all who ask: the arithmetic of it, without any I/O.
//!
//! Two rules count every request, and one of them has to allow it (the generic cell rate algorithm, twice):
//!
//! | rule | at once | sustained, of 5000 in five minutes |
//! |---|---|---|
//! | steady | 1 % | 98.7 % |
//! | bursting | 20 % | 79.7 % |
//!
//! Nightly work goes by the steady rule and takes its requests one after the other, evenly; it may reserve half of what the
//! steady rule allows at once. Live work takes whichever rule allows more: at any time at least half a per cent at once
//! even while the night runs, and a fifth of the whole when little is going on.
//!
//! **Why the limit is never passed.** Take the requests of any five minutes, and among them the one that was allowed last. The
//! rule that allowed it had counted all the others, whichever rule had allowed those. So there are no more of them than
//! this rule allows in five minutes and the time by which a request may come late, and that is the limit.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Oura counts in windows of five minutes (FAQ of its OpenAPI document; `X-RateLimit-Window`).
const WINDOW_MICROS: i64 = 300_000_000;

/// How late a request may reach Oura after the moment for which it was allowed.
const LATE_MICROS: i64 = 1_000_000;

/// How late a request may be sent; the rest of what counts as late is for the way to Oura.
pub const SEND_WITHIN: Duration = Duration::from_millis(500);

/// Below this many requests in five minutes nothing useful can be done.
pub const LEAST_ALLOWANCE: u32 = 60;

/// How many requests may be sent in any five minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Allowance(u32);

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Somebody waits: a connect, a notice of Oura's, a request of the patient.
    Live,
    /// The nightly pull.
    Nightly,
}

/// Up to when each rule has given everything away, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GcraState {
    /// By the steady rule.
    pub steady: i64,
    /// By the bursting rule.
    pub bursting: i64,
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// So many requests may be sent, each from its moment on and for [`SEND_WITHIN`].
    ReservedSlots {
        /// The ledger with them in it.
        ledger: GcraState,
        /// When each may be sent, earliest first; at least one, at most as many as wanted.
        slots: Vec<Timestamp>,
    },
    /// None yet: ask again after this time.
    Wait(Duration),
}

/// A rule: so many at once, and one more each time the cost has passed.
struct Rule {
    at_once: i64,
    cost: i64,
}

impl Rule {
    /// What the rule allows in a window, late ones included, is `(window + late) / cost + at_once`: the limit.
    fn of(limit: u32, at_once: u32) -> Self {
        let (limit, at_once) = (i64::from(limit), i64::from(at_once));
        let sustained = (limit - at_once).max(1);
        Self { at_once, cost: (WINDOW_MICROS + LATE_MICROS + sustained - 1) / sustained }
    }

    /// How many may be sent at this moment when everything is given away up to `given`.
    fn allowed_at(&self, given: i64, now: i64) -> i64 {
        let ahead = given.max(now) - now;
        (((self.at_once - 1) * self.cost - ahead).div_euclid(self.cost) + 1).max(0)
    }

    fn wait(&self, given: i64, now: i64) -> i64 {
        given.max(now) - (self.at_once - 1) * self.cost - now
    }
}

impl Allowance {
    /// An allowance; one below [`LEAST_ALLOWANCE`] counts as that.
    #[must_use]
    pub fn new(per_window: u32) -> Self {
        Self(per_window.max(LEAST_ALLOWANCE))
    }

    /// Requests in any five minutes.
    #[must_use]
    pub fn per_window(self) -> u32 {
        self.0
    }

    /// The smaller one that is left when Oura says (or shows) that this one is too much. `told`: what it says of its own
    /// limit, which others may share.
    #[must_use]
    pub fn lowered(self, told: Option<u32>) -> Self {
        let known = told.map_or(self.0, |told| told.min(self.0));
        Self::new(known - known / 10)
    }

    /// Requests a second that nightly work takes when it has everything to itself.
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
    /// Takes at most `want` requests for somebody of this lane.
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
                    // Until there is room for several: one write for each request would be dear.
                    let several = want.min(steady.at_once / 4).max(1);
                    return Taken::Wait(micros(start + several * steady.cost - horizon));
                }
                (want.min(room), steady.cost)
            }
            Lane::Live => {
                let room = steady.allowed_at(self.steady, now).max(bursting.allowed_at(self.bursting, now));
                if room < 1 {
                    let wait = steady.wait(self.steady, now).min(bursting.wait(self.bursting, now));
                    return Taken::Wait(micros(wait));
                }
                (want.min(room), 0)
            }
        };
        let first = if lane == Lane::Nightly { start } else { now };
        let slots = (0..count).filter_map(|n| Timestamp::from_microsecond(first + n * spacing).ok()).collect();
        // What lies further back than a window need not be paid for: a long night would owe for hours.
        let most_owed = now + bursting.at_once * bursting.cost + WINDOW_MICROS + LATE_MICROS;
        let ledger = Self {
            steady: start + count * steady.cost,
            bursting: (self.bursting.max(now) + count * bursting.cost).min(most_owed),
        };
        Taken::ReservedSlots { ledger, slots }
    }
}

fn micros(wait: i64) -> Duration {
    Duration::from_micros(u64::try_from(wait).unwrap_or(0).max(1000))
}

/// Until when a slot may be used.
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

    /// Numbers that look random and are the same every time (xorshift).
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % limit
        }
    }

    /// The most that reached Oura in any rolling five minutes.
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

    /// Everybody asks for as much as there is, for an hour, sends it as late as is allowed or at once, and is idle for a
    /// while in between.
    fn greedy(limit: u32, seed: u64, lanes: &[Lane]) -> Vec<i64> {
        let (allowance, mut numbers) = (Allowance::new(limit), Numbers(seed));
        let (mut ledger, mut sent) = (GcraState::default(), Vec::new());
        let (begin, hour) = (1_700_000_000_000_000_i64, 3_600_000_000);
        let mut now = begin;
        while now < begin + hour {
            let lane = lanes[numbers.below(lanes.len() as u64) as usize];
            match ledger.take(allowance, lane, numbers.below(80) as u32, at(now)) {
                Taken::ReservedSlots { ledger: after, slots } => {
                    ledger = after;
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
    fn no_five_minutes_ever_see_more_than_the_limit_whoever_asks() {
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
    fn what_is_late_at_first_and_in_time_afterwards_stays_within_the_limit() {
        for limit in [777, 5000] {
            let (allowance, begin) = (Allowance::new(limit), 1_700_000_000_000_000);
            let (mut ledger, mut now, mut sent) = (GcraState::default(), begin, Vec::new());
            while now < begin + WINDOW_MICROS + LATE_MICROS {
                match ledger.take(allowance, Lane::Live, 80, at(now)) {
                    Taken::ReservedSlots { ledger: after, slots } => {
                        ledger = after;
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
    fn a_night_alone_takes_nearly_everything() {
        let allowance = Allowance::new(5000);
        let share = allowance.sustained() * 300.0 / 5000.0;
        assert!((0.986..0.99).contains(&share), "{share}");
        let mut sent = greedy(5000, 9, &[Lane::Nightly]);
        assert!(busiest(&mut sent) > 4900);
    }

    #[test]
    fn live_work_starts_at_once_even_while_the_night_has_reserved_all_it_may() {
        let (allowance, now) = (Allowance::new(5000), at(1_700_000_000_000_000));
        let mut ledger = GcraState::default();
        while let Taken::ReservedSlots { ledger: after, .. } = ledger.take(allowance, Lane::Nightly, 80, now) {
            ledger = after;
        }
        let Taken::ReservedSlots { slots, .. } = ledger.take(allowance, Lane::Live, 20, now) else {
            panic!("it has to wait")
        };
        assert_eq!(slots, vec![now; 20]);
        // And by day a thousand at once.
        let Taken::ReservedSlots { slots, .. } = GcraState::default().take(allowance, Lane::Live, 1000, now) else {
            panic!("it has to wait")
        };
        assert_eq!(slots.len(), 1000);
    }

    #[test]
    fn after_a_long_night_live_work_may_burst_again_when_its_window_is_over() {
        let (allowance, mut now) = (Allowance::new(5000), 1_700_000_000_000_000);
        let (mut ledger, end) = (GcraState::default(), now + 4 * 3_600_000_000);
        while now < end {
            match ledger.take(allowance, Lane::Nightly, 50, at(now)) {
                Taken::ReservedSlots { ledger: after, .. } => ledger = after,
                Taken::Wait(wait) => now += i64::try_from(wait.as_micros()).unwrap(),
            }
        }
        let at_once = |ledger: GcraState, now: i64| match ledger.take(allowance, Lane::Live, 5000, at(now)) {
            Taken::ReservedSlots { slots, .. } => slots.len(),
            Taken::Wait(_) => 0,
        };
        assert!(at_once(ledger, now) >= 25, "half a per cent even then");
        assert!(at_once(ledger, now + 1_000_000) < 100);
        assert_eq!(at_once(ledger, now + WINDOW_MICROS + 2 * LATE_MICROS), 50);
        assert_eq!(at_once(ledger, now + 2 * WINDOW_MICROS), 1000);
    }

    #[test]
    fn nightly_work_goes_evenly_and_waits_until_there_is_room_for_several() {
        let (allowance, mut now) = (Allowance::new(5000), 1_700_000_000_000_000);
        let (mut ledger, mut taken) = (GcraState::default(), Vec::new());
        for _ in 0..20 {
            match ledger.take(allowance, Lane::Nightly, 50, at(now)) {
                Taken::ReservedSlots { ledger: after, slots } => {
                    ledger = after;
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
    fn what_is_sent_as_late_as_it_may_has_time_for_its_way() {
        let late = usable_until(at(0)).as_microsecond();
        assert!((1..LATE_MICROS).contains(&late), "{late}");
    }

    #[test]
    fn a_limit_that_was_reached_is_lowered_and_never_below_what_is_useful() {
        let allowance = Allowance::new(5000);
        assert_eq!(allowance.lowered(None).per_window(), 4500);
        assert_eq!(allowance.lowered(Some(1000)).per_window(), 900);
        assert_eq!(allowance.lowered(Some(9000)).per_window(), 4500);
        assert_eq!(Allowance::new(1).lowered(Some(0)).per_window(), LEAST_ALLOWANCE);
    }
}
