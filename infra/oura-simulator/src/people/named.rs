//! The named people. Tests and examples depend on their data, so they do not change.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use super::character::{Character, Ring, Sport, Trip};

pub(super) const RUN: Sport =
    Sport { activity: "running", intensity: "hard", met: 9.6, pace: Some(172.0), steps: 166.0, minutes: 42 };
pub(super) const WALK: Sport =
    Sport { activity: "walking", intensity: "easy", met: 3.4, pace: Some(78.0), steps: 108.0, minutes: 35 };
pub(super) const CYCLE: Sport =
    Sport { activity: "cycling", intensity: "moderate", met: 7.2, pace: Some(340.0), steps: 4.0, minutes: 55 };
pub(super) const LIFT: Sport =
    Sport { activity: "strength_training", intensity: "moderate", met: 5.2, pace: None, steps: 18.0, minutes: 48 };
pub(super) const YOGA: Sport =
    Sport { activity: "yoga", intensity: "easy", met: 2.6, pace: None, steps: 3.0, minutes: 40 };
pub(super) const SWIM: Sport =
    Sport { activity: "swimming", intensity: "moderate", met: 6.4, pace: Some(33.0), steps: 0.0, minutes: 38 };

pub(super) const ADA: Character = Character {
    nth: 0,
    key: Cow::Borrowed("ada"),
    name: Cow::Borrowed("Ada"),
    about: Cow::Borrowed("34, Berlin. Runs, sleeps soundly, flies to New York and back."),
    email: Cow::Borrowed("ada@patients.example"),
    age: 34,
    weight: 63.5,
    height: 1.71,
    sex: "female",
    home: "Europe/Berlin",
    trip: Some(Trip { every: 26, from: 9, until: 13, zone: "America/New_York" }),
    bedtime: 645,
    weekend: 75,
    hours: 8.1,
    sleep_quality: 0.85,
    resting: 51.0,
    hrv: 68.0,
    breath: 14.2,
    activity_level: 0.6,
    sports: &[RUN, RUN, YOGA],
    workout_probability: 0.5,
    nap_probability: 0.04,
    fragment_probability: 0.1,
    unworn_every: Some(23),
    spo2_gap_probability: 0.04,
    stress: 0.35,
    utc_workouts: false,
    rest_mode_every: None,
    vo2_max: Some(46),
    vascular_age: Some(31),
    session_probability: 0.12,
    tag_probability: 0.2,
    rings: &[
        Ring {
            hardware: "gen3",
            color: "silver",
            design: "heritage",
            firmware: "2.9.30",
            size: 8,
            set_up: 1_669_885_200,
        },
        Ring {
            hardware: "gen4",
            color: "brushed_silver",
            design: "horizon",
            firmware: "3.2.1",
            size: 8,
            set_up: 1_733_562_000,
        },
    ],
    wears: true,
};

pub(super) const BRUNO: Character = Character {
    nth: 1,
    key: Cow::Borrowed("bruno"),
    name: Cow::Borrowed("Bruno"),
    about: Cow::Borrowed("52, New York. Late weekends, short nights, naps, a ring that is often left at home."),
    email: Cow::Borrowed("bruno@patients.example"),
    age: 52,
    weight: 94.0,
    height: 1.83,
    sex: "male",
    home: "America/New_York",
    trip: None,
    bedtime: 705,
    weekend: 140,
    hours: 6.7,
    sleep_quality: 0.45,
    resting: 64.0,
    hrv: 27.0,
    breath: 16.1,
    activity_level: 0.25,
    sports: &[WALK, LIFT],
    workout_probability: 0.25,
    nap_probability: 0.3,
    fragment_probability: 0.55,
    unworn_every: Some(9),
    spo2_gap_probability: 0.35,
    stress: 0.75,
    utc_workouts: false,
    rest_mode_every: None,
    vo2_max: Some(33),
    vascular_age: Some(57),
    session_probability: 0.03,
    tag_probability: 0.3,
    rings: &[Ring {
        hardware: "gen3",
        color: "stealth_black",
        design: "heritage",
        firmware: "3.0.6",
        size: 12,
        set_up: 1_701_350_000,
    }],
    wears: true,
};

pub(super) const CHIYO: Character = Character {
    nth: 2,
    key: Cow::Borrowed("chiyo"),
    name: Cow::Borrowed("Chiyo"),
    about: Cow::Borrowed("28, Tokyo. Cycles and swims, meditates most days, hardly a gap in the data."),
    email: Cow::Borrowed("chiyo@patients.example"),
    age: 28,
    weight: 55.0,
    height: 1.62,
    sex: "female",
    home: "Asia/Tokyo",
    trip: None,
    bedtime: 670,
    weekend: 40,
    hours: 7.4,
    sleep_quality: 0.75,
    resting: 56.0,
    hrv: 55.0,
    breath: 15.0,
    activity_level: 0.8,
    sports: &[CYCLE, SWIM, YOGA, WALK],
    workout_probability: 0.7,
    nap_probability: 0.08,
    fragment_probability: 0.15,
    unworn_every: Some(41),
    spo2_gap_probability: 0.08,
    stress: 0.5,
    utc_workouts: false,
    rest_mode_every: None,
    vo2_max: Some(42),
    vascular_age: Some(27),
    session_probability: 0.6,
    tag_probability: 0.25,
    rings: &[Ring {
        hardware: "gen4",
        color: "rose",
        design: "horizon",
        firmware: "3.2.1",
        size: 6,
        set_up: 1_736_900_000,
    }],
    wears: true,
};

pub(super) const DANA: Character = Character {
    nth: 3,
    key: Cow::Borrowed("dana"),
    name: Cow::Borrowed("Dana"),
    about: Cow::Borrowed("67, London. Early nights, afternoon naps, rest mode now and then, workouts stamped in UTC."),
    email: Cow::Borrowed("dana@patients.example"),
    age: 67,
    weight: 71.0,
    height: 1.66,
    sex: "female",
    home: "Europe/London",
    trip: None,
    bedtime: 595,
    weekend: 20,
    hours: 8.4,
    sleep_quality: 0.6,
    resting: 59.0,
    hrv: 33.0,
    breath: 15.6,
    activity_level: 0.45,
    sports: &[WALK, SWIM],
    workout_probability: 0.45,
    nap_probability: 0.45,
    fragment_probability: 0.3,
    unworn_every: Some(17),
    spo2_gap_probability: 0.12,
    stress: 0.3,
    utc_workouts: true,
    rest_mode_every: Some(28),
    vo2_max: None,
    vascular_age: None,
    session_probability: 0.1,
    tag_probability: 0.35,
    rings: &[
        Ring { hardware: "gen3", color: "rose", design: "balance", firmware: "2.9.31", size: 7, set_up: 0 },
        Ring { hardware: "gen3", color: "rose", design: "balance", firmware: "3.0.6", size: 7, set_up: 1_710_148_000 },
    ],
    wears: true,
};

/// Not a constant like the others: a part of one cannot be taken over into another.
pub(super) fn eli() -> Character {
    Character {
        nth: 4,
        key: Cow::Borrowed("eli"),
        name: Cow::Borrowed("Eli"),
        about: Cow::Borrowed("41, Berlin. Set the ring up and left it in a drawer: no data at all."),
        email: Cow::Borrowed("eli@patients.example"),
        age: 41,
        weight: 80.0,
        height: 1.79,
        sex: "male",
        rings: &[Ring {
            hardware: "or5",
            color: "tide",
            design: "ceramic",
            firmware: "3.4.0",
            size: 10,
            set_up: 1_760_000_000,
        }],
        trip: None,
        rest_mode_every: None,
        wears: false,
        ..ADA
    }
}

/// The named people, in the order of the consent page.
pub(crate) static PEOPLE: LazyLock<[Arc<Character>; 5]> =
    LazyLock::new(|| [ADA, BRUNO, CHIYO, DANA, eli()].map(Arc::new));
