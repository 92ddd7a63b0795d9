//! The fleet: people who are like one of the named ones, and yet each like themselves.

use std::borrow::Cow;

use crate::generate::plan::{int, whole};
use crate::generate::rng::Rng;

use super::named::{ADA, BRUNO, CHIYO, CYCLE, DANA, LIFT, RUN, SWIM, WALK, YOGA, eli};
use super::{Character, Sport, Trip};

/// What every key of the fleet begins with.
pub(super) const PREFIX: &str = "fleet-";

/// Where they live, and where those fly who fly. Never more than seven hours apart, so that the night after a flight
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

/// What sports go together.
const SPORTS: [&[Sport]; 6] =
    [&[RUN, YOGA], &[WALK, LIFT], &[CYCLE, SWIM, WALK], &[WALK, SWIM], &[WALK], &[LIFT, RUN, CYCLE, YOGA]];

/// The key of the n-th of the fleet, counted from 1.
pub(super) fn key(number: u32) -> String {
    format!("{PREFIX}{number:05}")
}

/// The n-th of the fleet, counted from 1: the same on every run.
pub(super) fn character(seed: u64, nth: usize, number: u32) -> Character {
    let key = key(number);
    let mut rng = Rng::new(seed, &key, "character", 0);
    // One in fifty has left the ring in a drawer.
    let like = match rng.whole(0, 49) {
        0 => eli(),
        other => match other % 4 {
            0 => ADA,
            1 => BRUNO,
            2 => CHIYO,
            _ => DANA,
        },
    };
    let (home, away) = rng.pick(&HOMES).copied().unwrap_or(("Europe/Berlin", "America/New_York"));
    let age = (like.age + rng.whole(-9, 9)).max(19);
    let trip = rng.chance(0.2).then(|| {
        let (every, from) = (rng.whole(21, 70), rng.whole(1, 10));
        Trip { every, from, until: from + rng.whole(3, 9), zone: away }
    });
    let share = |value: f64| value.clamp(0.0, 0.95);
    Character {
        nth,
        name: Cow::Owned(format!("{} {number}", like.name)),
        about: Cow::Owned(format!("{age}, {home}. One of the fleet, much like {}.", like.name)),
        email: Cow::Owned(format!("{key}@patients.example")),
        key: Cow::Owned(key),
        age,
        weight: tenths(rng.near(like.weight, 6.0).clamp(44.0, 140.0)),
        height: hundredths(rng.near(like.height, 0.05).clamp(1.5, 2.05)),
        home,
        trip,
        bedtime: like.bedtime + rng.whole(-30, 30),
        weekend: like.weekend + rng.whole(-20, 20),
        hours: rng.near(like.hours, 0.25),
        sound: rng.near(like.sound, 0.06).clamp(0.3, 0.92),
        resting: rng.near(like.resting, 3.0).clamp(42.0, 75.0),
        hrv: rng.near(like.hrv, 7.0).clamp(14.0, 110.0),
        breath: rng.near(like.breath, 0.5),
        lively: rng.near(like.lively, 0.1).clamp(0.15, 0.9),
        sports: rng.pick(&SPORTS).copied().unwrap_or(like.sports),
        sporty: share(rng.near(like.sporty, 0.1)),
        naps: share(rng.near(like.naps, 0.05)),
        fragments: share(rng.near(like.fragments, 0.08)),
        unworn_every: rng.chance(0.85).then(|| rng.whole(8, 60)),
        spo2_gaps: share(rng.near(like.spo2_gaps, 0.05)),
        stress: rng.near(like.stress, 0.1).clamp(0.1, 0.9),
        utc_workouts: rng.chance(0.1),
        rest_mode_every: rng.chance(0.15).then(|| rng.whole(24, 90)),
        vo2_max: rng.chance(0.8).then(|| (whole(56.0 - int(age) * 0.35) + rng.whole(-5, 5)).max(20)),
        vascular_age: rng.chance(0.8).then(|| age + rng.whole(-6, 6)),
        mindful: share(rng.near(like.mindful, 0.05)),
        tags: share(rng.near(like.tags, 0.06)),
        ..like
    }
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
