//! The fleet: variations of the named people.

use std::borrow::Cow;

use crate::arithmetic::{int, whole};
use crate::random::Random;

use super::character::{Character, Sport, Trip};
use super::named::{ADA, BRUNO, CHIYO, CYCLE, DANA, LIFT, RUN, SWIM, WALK, YOGA, eli};

/// First part of every key of the fleet.
pub(super) const PREFIX: &str = "fleet-";

/// Homes, and the destinations of those with a journey. Never more than seven hours apart, so that the night after a flight
/// begins after the night before it has ended.
const HOMES: [(&str, &str); 20] = [
    ("Africa/Johannesburg", "Europe/London"),
    ("America/Bogota", "Europe/Madrid"),
    ("America/Chicago", "Pacific/Honolulu"),
    ("America/Los_Angeles", "America/New_York"),
    ("America/New_York", "Europe/London"),
    ("America/Sao_Paulo", "Europe/Lisbon"),
    ("America/St_Johns", "America/Vancouver"),
    ("America/Toronto", "Europe/Dublin"),
    ("Asia/Kathmandu", "Asia/Singapore"),
    ("Asia/Kolkata", "Europe/Berlin"),
    ("Asia/Singapore", "Asia/Kolkata"),
    ("Asia/Tokyo", "Australia/Sydney"),
    ("Australia/Adelaide", "Asia/Tokyo"),
    ("Europe/Berlin", "America/New_York"),
    ("Europe/Helsinki", "Europe/London"),
    ("Europe/Lisbon", "America/Sao_Paulo"),
    ("Europe/London", "America/New_York"),
    ("Europe/Madrid", "Asia/Dubai"),
    ("Europe/Warsaw", "America/Sao_Paulo"),
    ("Pacific/Auckland", "Australia/Perth"),
];

/// Combinations of sports.
const SPORTS: [&[Sport]; 6] =
    [&[RUN, YOGA], &[WALK, LIFT], &[CYCLE, SWIM, WALK], &[WALK, SWIM], &[WALK], &[LIFT, RUN, CYCLE, YOGA]];

/// The key of the n-th of the fleet, counted from 1.
pub(super) fn key(number: u32) -> String {
    format!("{PREFIX}{number:05}")
}

/// The n-th of the fleet, counted from 1: the same on every run.
pub(super) fn character(seed: u64, nth: usize, number: u32) -> Character {
    let key = key(number);
    let mut random = Random::new(seed, &key, "character", 0);
    // One in fifty has left the ring in a drawer.
    let like = match random.whole(0, 49) {
        0 => eli(),
        other => match other % 4 {
            0 => ADA,
            1 => BRUNO,
            2 => CHIYO,
            _ => DANA,
        },
    };
    let (home, away) = random.pick(&HOMES).copied().unwrap_or(("Europe/Berlin", "America/New_York"));
    let age = (like.age + random.whole(-9, 9)).max(19);
    let trip = random.chance(0.2).then(|| {
        let (every, from) = (random.whole(21, 70), random.whole(1, 10));
        Trip { every, from, until: from + random.whole(3, 9), zone: away }
    });
    let share = |value: f64| value.clamp(0.0, 0.95);
    Character {
        nth,
        name: Cow::Owned(format!("{} {number}", like.name)),
        about: Cow::Owned(format!("{age}, {home}. One of the fleet, much like {}.", like.name)),
        email: Cow::Owned(format!("{key}@patients.example")),
        key: Cow::Owned(key),
        age,
        weight: tenths(random.near(like.weight, 6.0).clamp(44.0, 140.0)),
        height: hundredths(random.near(like.height, 0.05).clamp(1.5, 2.05)),
        home,
        trip,
        bedtime: like.bedtime + random.whole(-30, 30),
        weekend: like.weekend + random.whole(-20, 20),
        hours: random.near(like.hours, 0.25),
        sleep_quality: random.near(like.sleep_quality, 0.06).clamp(0.3, 0.92),
        resting: random.near(like.resting, 3.0).clamp(42.0, 75.0),
        hrv: random.near(like.hrv, 7.0).clamp(14.0, 110.0),
        breath: random.near(like.breath, 0.5),
        activity_level: random.near(like.activity_level, 0.1).clamp(0.15, 0.9),
        sports: random.pick(&SPORTS).copied().unwrap_or(like.sports),
        workout_probability: share(random.near(like.workout_probability, 0.1)),
        nap_probability: share(random.near(like.nap_probability, 0.05)),
        fragment_probability: share(random.near(like.fragment_probability, 0.08)),
        unworn_every: random.chance(0.85).then(|| random.whole(8, 60)),
        spo2_gap_probability: share(random.near(like.spo2_gap_probability, 0.05)),
        stress: random.near(like.stress, 0.1).clamp(0.1, 0.9),
        utc_workouts: random.chance(0.1),
        rest_mode_every: random.chance(0.15).then(|| random.whole(24, 90)),
        vo2_max: random.chance(0.8).then(|| (whole(56.0 - int(age) * 0.35) + random.whole(-5, 5)).max(20)),
        vascular_age: random.chance(0.8).then(|| age + random.whole(-6, 6)),
        session_probability: share(random.near(like.session_probability, 0.05)),
        tag_probability: share(random.near(like.tag_probability, 0.06)),
        ..like
    }
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
