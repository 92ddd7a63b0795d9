//! A person's character, from which all of their data follows.

use std::borrow::Cow;

use uuid::Uuid;

use crate::time::Zone;

/// A sport, and its traces in the data.
#[derive(Clone, Copy)]
pub(crate) struct Sport {
    /// Oura's activity name.
    pub(crate) activity: &'static str,
    /// `easy`, `moderate` or `hard`.
    pub(crate) intensity: &'static str,
    /// Metabolic equivalent.
    pub(crate) met: f64,
    /// Metres per minute; `None` for sports without a distance at Oura.
    pub(crate) pace: Option<f64>,
    /// Steps per minute.
    pub(crate) steps: f64,
    /// Usual minutes.
    pub(crate) minutes: i64,
}

/// A journey every `every` days: away from day `from` on, back on day `until`.
pub(crate) struct Trip {
    pub(crate) every: i64,
    pub(crate) from: i64,
    pub(crate) until: i64,
    pub(crate) zone: &'static str,
}

/// A ring as set up.
pub(crate) struct Ring {
    pub(crate) hardware: &'static str,
    pub(crate) color: &'static str,
    pub(crate) design: &'static str,
    pub(crate) firmware: &'static str,
    pub(crate) size: i64,
    /// Moment of the setup, in seconds since the epoch; 0 occurs in Oura's data too.
    pub(crate) set_up: i64,
}

/// Habits and body of a person; every document follows from these, the seed and the day.
pub(crate) struct Character {
    /// Index among all people.
    pub(crate) nth: usize,
    pub(crate) key: Cow<'static, str>,
    pub(crate) name: Cow<'static, str>,
    pub(crate) about: Cow<'static, str>,
    pub(crate) email: Cow<'static, str>,
    pub(crate) age: i64,
    /// Kilograms.
    pub(crate) weight: f64,
    /// Metres.
    pub(crate) height: f64,
    pub(crate) sex: &'static str,
    /// IANA zone.
    pub(crate) home: &'static str,
    pub(crate) trip: Option<Trip>,
    /// Usual bedtime in minutes after noon.
    pub(crate) bedtime: i64,
    /// Minutes later on Friday and Saturday nights.
    pub(crate) weekend: i64,
    /// Hours in bed.
    pub(crate) hours: f64,
    /// 0 (poor) to 1 (sound).
    pub(crate) sleep_quality: f64,
    /// Resting heart rate (bpm).
    pub(crate) resting: f64,
    /// RMSSD (ms).
    pub(crate) hrv: f64,
    /// Breaths per minute.
    pub(crate) breath: f64,
    /// 0 (sedentary) to 1 (always moving).
    pub(crate) activity_level: f64,
    pub(crate) sports: &'static [Sport],
    /// Of a workout on a day.
    pub(crate) workout_probability: f64,
    pub(crate) nap_probability: f64,
    pub(crate) fragment_probability: f64,
    /// Days from one day without the ring to the next.
    pub(crate) unworn_every: Option<i64>,
    /// Of a night without a blood oxygen measurement.
    pub(crate) spo2_gap_probability: f64,
    /// 0 (none) to 1.
    pub(crate) stress: f64,
    /// True if the phone stamps some workouts in UTC.
    pub(crate) utc_workouts: bool,
    /// Days from one rest mode period of four days to the next.
    pub(crate) rest_mode_every: Option<i64>,
    pub(crate) vo2_max: Option<i64>,
    pub(crate) vascular_age: Option<i64>,
    /// Of a session on a day.
    pub(crate) session_probability: f64,
    /// Of a tag on a day.
    pub(crate) tag_probability: f64,
    pub(crate) rings: &'static [Ring],
    /// False if the ring is never worn.
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

    /// Zone of the waking on a day of life.
    pub(crate) fn zone(&self, day: i64) -> Zone {
        let away = self.trip.as_ref().filter(|trip| (trip.from..trip.until).contains(&day.rem_euclid(trip.every)));
        Zone::named(away.map_or(self.home, |trip| trip.zone))
    }
}
