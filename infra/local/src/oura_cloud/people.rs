//! The people whose rings the simulated cloud knows.

use uuid::Uuid;

use super::generate::time::Zone;

/// A sport that somebody does, and how it looks in the data.
pub(crate) struct Sport {
    /// Oura's activity name.
    pub(crate) activity: &'static str,
    /// `easy`, `moderate` or `hard`.
    pub(crate) intensity: &'static str,
    /// Metabolic equivalent while doing it.
    pub(crate) met: f64,
    /// Metres per minute; `None` where Oura knows no distance.
    pub(crate) pace: Option<f64>,
    /// Steps per minute.
    pub(crate) steps: f64,
    /// Usual minutes.
    pub(crate) minutes: i64,
}

/// A journey that comes round every `every` days: away from day `from` on, back on day `until`.
pub(crate) struct Trip {
    pub(crate) every: i64,
    pub(crate) from: i64,
    pub(crate) until: i64,
    pub(crate) zone: &'static str,
}

/// A ring as set up: model, colour, size, and when (seconds since the epoch; 0 occurs in Oura's data too).
pub(crate) struct Ring {
    pub(crate) hardware: &'static str,
    pub(crate) color: &'static str,
    pub(crate) design: &'static str,
    pub(crate) firmware: &'static str,
    pub(crate) size: i64,
    pub(crate) set_up: i64,
}

/// What somebody is like; every document follows from this, the seed and the day.
pub(crate) struct Character {
    pub(crate) key: &'static str,
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) email: &'static str,
    pub(crate) age: i64,
    pub(crate) weight: f64,
    pub(crate) height: f64,
    pub(crate) sex: &'static str,
    pub(crate) home: &'static str,
    pub(crate) trip: Option<Trip>,
    /// Minutes after noon at which they usually go to bed.
    pub(crate) bedtime: i64,
    /// Minutes later on Friday and Saturday nights.
    pub(crate) weekend: i64,
    /// Hours in bed.
    pub(crate) hours: f64,
    /// 0 (poor) to 1 (sound).
    pub(crate) sound: f64,
    pub(crate) resting: f64,
    pub(crate) hrv: f64,
    pub(crate) breath: f64,
    /// 0 (sits) to 1 (never still).
    pub(crate) lively: f64,
    pub(crate) sports: &'static [Sport],
    /// How likely a workout is on a day.
    pub(crate) sporty: f64,
    pub(crate) naps: f64,
    pub(crate) fragments: f64,
    /// Every how many days the ring is left off.
    pub(crate) unworn_every: Option<i64>,
    /// How likely a night has no blood oxygen measurement.
    pub(crate) spo2_gaps: f64,
    pub(crate) stress: f64,
    /// Whether the phone stamps some workouts in UTC.
    pub(crate) utc_workouts: bool,
    /// Every how many days rest mode is on for four days.
    pub(crate) rest_mode_every: Option<i64>,
    pub(crate) vo2_max: Option<i64>,
    pub(crate) vascular_age: Option<i64>,
    /// How likely a session is on a day.
    pub(crate) mindful: f64,
    /// How likely a tag is on a day.
    pub(crate) tags: f64,
    pub(crate) rings: &'static [Ring],
    /// Whether the ring is worn at all.
    pub(crate) wears: bool,
}

impl Character {
    /// The stable id that `personal_info` and webhooks give.
    pub(crate) fn user_id(&self) -> String {
        Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("simulated-oura/people/{}", self.key).as_bytes()).to_string()
    }

    /// The stable id of the n-th document of a collection on a day.
    pub(crate) fn document_id(&self, collection: &str, day: i64, n: usize) -> String {
        let name = format!("simulated-oura/people/{}/{collection}/{day}/{n}", self.key);
        Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string()
    }

    /// Where they wake up on the day of this number.
    pub(crate) fn zone(&self, day: i64) -> Zone {
        let away = self.trip.as_ref().filter(|trip| (trip.from..trip.until).contains(&day.rem_euclid(trip.every)));
        Zone::named(away.map_or(self.home, |trip| trip.zone))
    }
}

const RUN: Sport =
    Sport { activity: "running", intensity: "hard", met: 9.6, pace: Some(172.0), steps: 166.0, minutes: 42 };
const WALK: Sport =
    Sport { activity: "walking", intensity: "easy", met: 3.4, pace: Some(78.0), steps: 108.0, minutes: 35 };
const CYCLE: Sport =
    Sport { activity: "cycling", intensity: "moderate", met: 7.2, pace: Some(340.0), steps: 4.0, minutes: 55 };
const LIFT: Sport =
    Sport { activity: "strength_training", intensity: "moderate", met: 5.2, pace: None, steps: 18.0, minutes: 48 };
const YOGA: Sport = Sport { activity: "yoga", intensity: "easy", met: 2.6, pace: None, steps: 3.0, minutes: 40 };
const SWIM: Sport =
    Sport { activity: "swimming", intensity: "moderate", met: 6.4, pace: Some(33.0), steps: 0.0, minutes: 38 };

const ADA: Character = Character {
    key: "ada",
    name: "Ada",
    about: "34, Berlin. Runs, sleeps soundly, flies to New York and back.",
    email: "ada@patients.example",
    age: 34,
    weight: 63.5,
    height: 1.71,
    sex: "female",
    home: "Europe/Berlin",
    trip: Some(Trip { every: 26, from: 9, until: 13, zone: "America/New_York" }),
    bedtime: 645,
    weekend: 75,
    hours: 8.1,
    sound: 0.85,
    resting: 51.0,
    hrv: 68.0,
    breath: 14.2,
    lively: 0.6,
    sports: &[RUN, RUN, YOGA],
    sporty: 0.5,
    naps: 0.04,
    fragments: 0.1,
    unworn_every: Some(23),
    spo2_gaps: 0.04,
    stress: 0.35,
    utc_workouts: false,
    rest_mode_every: None,
    vo2_max: Some(46),
    vascular_age: Some(31),
    mindful: 0.12,
    tags: 0.2,
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

const BRUNO: Character = Character {
    key: "bruno",
    name: "Bruno",
    about: "52, New York. Late weekends, short nights, naps, a ring that is often left at home.",
    email: "bruno@patients.example",
    age: 52,
    weight: 94.0,
    height: 1.83,
    sex: "male",
    home: "America/New_York",
    trip: None,
    bedtime: 705,
    weekend: 140,
    hours: 6.7,
    sound: 0.45,
    resting: 64.0,
    hrv: 27.0,
    breath: 16.1,
    lively: 0.25,
    sports: &[WALK, LIFT],
    sporty: 0.25,
    naps: 0.3,
    fragments: 0.55,
    unworn_every: Some(9),
    spo2_gaps: 0.35,
    stress: 0.75,
    utc_workouts: false,
    rest_mode_every: None,
    vo2_max: Some(33),
    vascular_age: Some(57),
    mindful: 0.03,
    tags: 0.3,
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

const CHIYO: Character = Character {
    key: "chiyo",
    name: "Chiyo",
    about: "28, Tokyo. Cycles and swims, meditates most days, hardly a gap in the data.",
    email: "chiyo@patients.example",
    age: 28,
    weight: 55.0,
    height: 1.62,
    sex: "female",
    home: "Asia/Tokyo",
    trip: None,
    bedtime: 670,
    weekend: 40,
    hours: 7.4,
    sound: 0.75,
    resting: 56.0,
    hrv: 55.0,
    breath: 15.0,
    lively: 0.8,
    sports: &[CYCLE, SWIM, YOGA, WALK],
    sporty: 0.7,
    naps: 0.08,
    fragments: 0.15,
    unworn_every: Some(41),
    spo2_gaps: 0.08,
    stress: 0.5,
    utc_workouts: false,
    rest_mode_every: None,
    vo2_max: Some(42),
    vascular_age: Some(27),
    mindful: 0.6,
    tags: 0.25,
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

const DANA: Character = Character {
    key: "dana",
    name: "Dana",
    about: "67, London. Early nights, afternoon naps, rest mode now and then, workouts stamped in UTC.",
    email: "dana@patients.example",
    age: 67,
    weight: 71.0,
    height: 1.66,
    sex: "female",
    home: "Europe/London",
    trip: None,
    bedtime: 595,
    weekend: 20,
    hours: 8.4,
    sound: 0.6,
    resting: 59.0,
    hrv: 33.0,
    breath: 15.6,
    lively: 0.45,
    sports: &[WALK, SWIM],
    sporty: 0.45,
    naps: 0.45,
    fragments: 0.3,
    unworn_every: Some(17),
    spo2_gaps: 0.12,
    stress: 0.3,
    utc_workouts: true,
    rest_mode_every: Some(28),
    vo2_max: None,
    vascular_age: None,
    mindful: 0.1,
    tags: 0.35,
    rings: &[
        Ring { hardware: "gen3", color: "rose", design: "balance", firmware: "2.9.31", size: 7, set_up: 0 },
        Ring { hardware: "gen3", color: "rose", design: "balance", firmware: "3.0.6", size: 7, set_up: 1_710_148_000 },
    ],
    wears: true,
};

const ELI: Character = Character {
    key: "eli",
    name: "Eli",
    about: "41, Berlin. Set the ring up and left it in a drawer: no data at all.",
    email: "eli@patients.example",
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
};

/// Everybody, in the order of the consent page.
pub(crate) static PEOPLE: [Character; 5] = [ADA, BRUNO, CHIYO, DANA, ELI];
