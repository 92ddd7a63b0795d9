//! Plan of a person's day, before it is written as documents. All documents of a day follow from its plan and so agree.

use jiff::civil::Date;

use crate::arithmetic::whole;
use crate::people::Character;
use crate::time::{Zone, after_noon, plus};

use super::habits::Habits;
use super::interval::TimeInBed;
use super::rhythm::{is_unworn, rest_mode_day};
use super::workouts::{self, Workout};

/// A short sleep beside the night.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nap {
    /// Oura's `type`.
    pub(crate) kind: &'static str,
    pub(crate) in_bed: TimeInBed,
}

/// A day of a person.
pub(crate) struct Plan {
    pub(crate) date: Date,
    /// Number of the day of life ([`Habits::day`]).
    pub(crate) day: i64,
    /// Zone of the waking; the documents of the day carry its offset.
    pub(crate) zone: Zone,
    /// The ring is off from midnight until nine in the evening.
    pub(crate) unworn: bool,
    pub(crate) rest_mode: bool,
    /// 0 (fresh) to 1 (exhausted): late nights, short nights, illness.
    pub(crate) strain: f64,
    /// True if the night was short because it began late.
    pub(crate) late: bool,
    /// The main sleep that ends on this day.
    pub(crate) night: Option<TimeInBed>,
    /// Naps and fragments that Oura counts to this day, oldest first.
    pub(crate) naps: Vec<Nap>,
    pub(crate) workouts: Vec<Workout>,
}

impl Plan {
    /// The plan of a day. `edits` counts the late edits of its night: each one moves the bedtime 20 minutes later.
    pub(crate) fn of(person: &Character, habits: Habits, date: Date, edits: u32) -> Self {
        let day = habits.day(date);
        let zone = person.zone(day);
        let mut random = habits.random(person, "plan", day);
        // 1970-01-01 was a Thursday. The evening before decides how late the night begins.
        let evening_weekday = (day - 1 + 3).rem_euclid(7);
        let weekend = evening_weekday == 4 || evening_weekday == 5;
        let late = day.rem_euclid(19) == 6;
        let unworn = is_unworn(person, day);
        let rest_mode = rest_mode_day(person, day).is_some();

        let shift = if weekend { person.weekend } else { 0 } + if late { 135 } else { 0 };
        let offset = random.near(0.0, 18.0 + 12.0 * (1.0 - person.sleep_quality));
        let mut hours = random.near(person.hours, 0.45) + if weekend { 0.4 } else { 0.0 };
        hours -= if late { 1.9 } else { 0.0 };
        hours += if rest_mode { 0.8 } else { 0.0 };
        let bedtime = after_noon(plus(date, -1), person.bedtime + shift + whole(offset));
        let start = zone.moment(bedtime) + random.whole(0, 59);
        let end = start + whole(hours.clamp(3.6, 10.5) * 3600.0);
        let edited = TimeInBed { start: start + i64::from(edits) * 1200, end };
        let night = (!unworn && edited.end - edited.start > 3600).then_some(edited);
        let strain = (random.near(0.25, 0.1)
            + if late { 0.35 } else { 0.0 }
            + if rest_mode { 0.3 } else { 0.0 }
            + f64::from(edits) * 0.04
            + (1.0 - person.sleep_quality) * 0.2)
            .clamp(0.0, 1.0);

        let workouts = workouts::of_day(person, habits, date);
        let mut plan = Self { date, day, zone, unworn, rest_mode, strain, late, night, naps: vec![], workouts };
        plan.add_naps(person, habits);
        plan
    }

    fn add_naps(&mut self, person: &Character, habits: Habits) {
        let mut random = habits.random(person, "naps", self.day);
        // A sleep that ends after 18:00 counts to the next day: this one was taken the evening before.
        let evening = plus(self.date, -1);
        let free = workouts::of_day(person, habits, evening).is_empty() && !is_unworn(person, self.day - 1);
        let at_same_place = person.zone(self.day - 1) == self.zone;
        if free && !self.unworn && at_same_place && random.chance(person.nap_probability * 0.4) {
            let start = self.zone.moment(after_noon(evening, 342 + random.whole(0, 25)));
            self.add_nap("late_nap", start, random.whole(1500, 3000));
        }
        if self.unworn {
            return;
        }
        if random.chance(person.nap_probability) {
            let start = self.zone.moment(after_noon(self.date, 80 + random.whole(0, 60)));
            let kind = if random.chance(0.15) { "rest" } else { "sleep" };
            self.add_nap(kind, start, random.whole(1500, 4500));
        }
        for _ in 0..3 {
            if random.chance(person.fragment_probability * 0.5) {
                let start = self.zone.moment(after_noon(self.date, random.whole(-60, 300))) + random.whole(0, 59);
                let kind = if random.chance(0.12) { "deleted" } else { "sleep" };
                self.add_nap(kind, start, random.whole(2, 60) * 15);
            }
        }
        self.naps.sort_by_key(|nap| nap.in_bed.start);
    }

    fn add_nap(&mut self, kind: &'static str, start: i64, seconds: i64) {
        let in_bed = TimeInBed { start, end: start + seconds };
        let taken = self.night.iter().copied().chain(self.naps.iter().map(|nap| nap.in_bed));
        let mut taken = taken.chain(self.workouts.iter().map(|workout| workout.time));
        if !taken.any(|other| other.overlaps(&in_bed)) {
            self.naps.push(Nap { kind, in_bed });
        }
    }

    /// Moment at which the night reaches Oura: the app is opened some minutes after waking.
    pub(crate) fn night_synced_at(&self) -> i64 {
        self.night.map_or_else(|| self.zone.moment(self.date.at(9, 0, 0, 0)), |night| night.end + 12 * 60)
    }

    /// The first second of the day's activity: 04:00 local.
    pub(crate) fn activity_start(&self) -> i64 {
        activity_start(&self.zone, self.date)
    }

    /// Moment of the day from which the ring is on the finger.
    pub(crate) fn worn_from(&self) -> i64 {
        if self.unworn { self.zone.moment(self.date.at(21, 0, 0, 0)) } else { i64::MIN }
    }
}

/// The first second of a day's activity at a place: 04:00 there.
pub(crate) fn activity_start(zone: &Zone, date: Date) -> i64 {
    zone.moment(date.at(4, 0, 0, 0))
}
