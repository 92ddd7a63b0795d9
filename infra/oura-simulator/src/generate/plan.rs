//! What somebody does on a day, before any of it is written down as documents. All documents of a day follow from its
//! plan, so that they agree with one another.

use jiff::civil::Date;

use crate::people::{Character, Sport};

use super::rng::Rng;
use super::time::{Zone, after_noon, number, plus};

/// Time in bed, in seconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bed {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

impl Bed {
    pub(crate) fn contains(&self, moment: i64) -> bool {
        (self.start..self.end).contains(&moment)
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// A short sleep beside the night.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nap {
    /// Oura's `type`.
    pub(crate) kind: &'static str,
    pub(crate) bed: Bed,
}

/// A workout.
#[derive(Clone, Copy)]
pub(crate) struct Bout {
    pub(crate) sport: Sport,
    pub(crate) time: Bed,
}

/// A day of somebody.
pub(crate) struct Plan {
    pub(crate) date: Date,
    /// Days since 1970-01-01.
    pub(crate) number: i64,
    /// Where they wake up; the documents of the day carry its offset.
    pub(crate) zone: Zone,
    /// The ring is off from midnight until nine in the evening.
    pub(crate) unworn: bool,
    pub(crate) resting: bool,
    /// 0 (fresh) to 1 (exhausted): late nights, short nights, illness.
    pub(crate) strain: f64,
    /// Why the night was short, when it was.
    pub(crate) late: bool,
    /// The main sleep that ends on this day.
    pub(crate) night: Option<Bed>,
    /// Naps and fragments that Oura counts to this day, oldest first.
    pub(crate) naps: Vec<Nap>,
    pub(crate) bouts: Vec<Bout>,
}

impl Plan {
    /// The plan of a day. `edits` counts the late edits of its night: each one moves the bedtime 20 minutes later.
    pub(crate) fn of(who: &Character, seed: u64, date: Date, edits: u32) -> Self {
        let number = number(date);
        let zone = who.zone(number);
        let mut rng = Rng::new(seed, &who.key, "plan", number);
        // 1970-01-01 was a Thursday. The evening before decides how late the night begins.
        let evening_weekday = (number - 1 + 3).rem_euclid(7);
        let weekend = evening_weekday == 4 || evening_weekday == 5;
        let late = number.rem_euclid(19) == 6;
        let unworn = unworn(who, number);
        let resting = rest_day(who, number).is_some();

        let shift = if weekend { who.weekend } else { 0 } + if late { 135 } else { 0 };
        let offset = rng.near(0.0, 18.0 + 12.0 * (1.0 - who.sound));
        let mut hours = rng.near(who.hours, 0.45) + if weekend { 0.4 } else { 0.0 };
        hours -= if late { 1.9 } else { 0.0 };
        hours += if resting { 0.8 } else { 0.0 };
        let begins = zone.moment(after_noon(plus(date, -1), who.bedtime + shift + whole(offset))) + rng.whole(0, 59);
        let lasts = whole(hours.clamp(3.6, 10.5) * 3600.0);
        let edited = Bed { start: begins + i64::from(edits) * 1200, end: begins + lasts };
        let night = (!unworn && edited.end - edited.start > 3600).then_some(edited);
        let strain = (rng.near(0.25, 0.1)
            + if late { 0.35 } else { 0.0 }
            + if resting { 0.3 } else { 0.0 }
            + f64::from(edits) * 0.04
            + (1.0 - who.sound) * 0.2)
            .clamp(0.0, 1.0);

        let bouts = bouts(who, seed, date);
        let mut plan = Self { date, number, zone, unworn, resting, strain, late, night, naps: vec![], bouts };
        plan.add_naps(who, seed);
        plan
    }

    fn add_naps(&mut self, who: &Character, seed: u64) {
        let mut rng = Rng::new(seed, &who.key, "naps", self.number);
        // A sleep that ends after 18:00 counts to the next day: this one was taken the evening before.
        let evening = plus(self.date, -1);
        let free = bouts(who, seed, evening).is_empty() && !unworn(who, self.number - 1);
        if free && !self.unworn && who.zone(self.number - 1) == self.zone && rng.chance(who.naps * 0.4) {
            let start = self.zone.moment(after_noon(evening, 342 + rng.whole(0, 25)));
            self.add_nap("late_nap", start, rng.whole(1500, 3000));
        }
        if self.unworn {
            return;
        }
        if rng.chance(who.naps) {
            let start = self.zone.moment(after_noon(self.date, 80 + rng.whole(0, 60)));
            let kind = if rng.chance(0.15) { "rest" } else { "sleep" };
            self.add_nap(kind, start, rng.whole(1500, 4500));
        }
        for _ in 0..3 {
            if rng.chance(who.fragments * 0.5) {
                let start = self.zone.moment(after_noon(self.date, rng.whole(-60, 300))) + rng.whole(0, 59);
                let kind = if rng.chance(0.12) { "deleted" } else { "sleep" };
                self.add_nap(kind, start, rng.whole(2, 60) * 15);
            }
        }
        self.naps.sort_by_key(|nap| nap.bed.start);
    }

    fn add_nap(&mut self, kind: &'static str, start: i64, lasts: i64) {
        let bed = Bed { start, end: start + lasts };
        let taken = self.night.iter().copied().chain(self.naps.iter().map(|nap| nap.bed));
        let mut taken = taken.chain(self.bouts.iter().map(|bout| bout.time));
        if !taken.any(|other| other.overlaps(&bed)) {
            self.naps.push(Nap { kind, bed });
        }
    }

    /// When the ring's data of the night reaches the cloud: the app is opened some minutes after waking.
    pub(crate) fn synced(&self) -> i64 {
        self.night.map_or_else(|| self.zone.moment(self.date.at(9, 0, 0, 0)), |bed| bed.end + 12 * 60)
    }

    /// The first second of the day's activity: 04:00 local.
    pub(crate) fn activity_start(&self) -> i64 {
        activity_start(&self.zone, self.date)
    }

    /// From which moment of the day on the ring is on the finger.
    pub(crate) fn worn_from(&self) -> i64 {
        if self.unworn { self.zone.moment(self.date.at(21, 0, 0, 0)) } else { i64::MIN }
    }
}

/// The first second of a day's activity at a place: 04:00 there.
pub(crate) fn activity_start(zone: &Zone, date: Date) -> i64 {
    zone.moment(date.at(4, 0, 0, 0))
}

fn unworn(who: &Character, number: i64) -> bool {
    !who.wears || who.unworn_every.is_some_and(|every| number.rem_euclid(every) == 4)
}

/// The workouts of a day, oldest first.
fn bouts(who: &Character, seed: u64, date: Date) -> Vec<Bout> {
    let number = number(date);
    let zone = who.zone(number);
    let mut rng = Rng::new(seed, &who.key, "bouts", number);
    // 1970-01-01 was a Thursday: 5 and 6 are Saturday and Sunday.
    let free = (number + 3).rem_euclid(7) >= 5;
    let likely = who.sporty + if free { 0.15 } else { 0.0 };
    if unworn(who, number) || rest_day(who, number).is_some() || !rng.chance(likely) {
        return vec![];
    }
    let hours: &[i64] = if rng.chance(0.15) { &[-1, 6] } else { &[6] };
    let mut bouts = Vec::new();
    for hour in hours {
        let Some(sport) = rng.pick(who.sports).copied() else { break };
        let start = zone.moment(after_noon(date, (hour + rng.whole(-2, 1)) * 60 + rng.whole(0, 55)));
        let minutes = whole(rng.near(1.0, 0.15).clamp(0.6, 1.5) * int(sport.minutes));
        bouts.push(Bout { sport, time: Bed { start, end: start + minutes * 60 } });
    }
    bouts
}

/// Which day of a rest mode period this is (0 to 3), if one is on.
pub(crate) fn rest_day(who: &Character, number: i64) -> Option<i64> {
    let day = number.rem_euclid(who.rest_mode_every?);
    (10..14).contains(&day).then_some(day - 10)
}

/// A float as a whole number, rounded.
#[expect(clippy::cast_possible_truncation, reason = "values of this simulation are far inside the range")]
pub(crate) fn whole(value: f64) -> i64 {
    value.round() as i64
}

/// A whole number as a float.
#[expect(clippy::cast_precision_loss, reason = "values of this simulation are far below 2^53")]
pub(crate) fn int(value: i64) -> f64 {
    value as f64
}

/// A length as a float.
pub(crate) fn len(count: usize) -> f64 {
    int(i64::try_from(count).unwrap_or(i64::MAX))
}

/// The mean, or nothing of nothing.
pub(crate) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}
