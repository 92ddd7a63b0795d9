//! The people whose rings the simulated cloud knows: five with a name, and a fleet of as many more as somebody asks for.
//! Nobody of the fleet is kept: who they are follows from the seed and their number whenever it is asked for.

mod fleet;
mod named;

use std::borrow::Cow;
use std::sync::Arc;

use uuid::Uuid;

use super::generate::time::Zone;

pub(crate) use named::PEOPLE;

/// A sport that somebody does, and how it looks in the data.
#[derive(Clone, Copy)]
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
    /// Their place among all people.
    pub(crate) nth: usize,
    pub(crate) key: Cow<'static, str>,
    pub(crate) name: Cow<'static, str>,
    pub(crate) about: Cow<'static, str>,
    pub(crate) email: Cow<'static, str>,
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

/// Everybody whom a cloud knows: the named ones, then the fleet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct People {
    pub(crate) seed: u64,
    /// How many the fleet has.
    pub(crate) fleet: u32,
}

impl People {
    /// Who is at this place, if there is somebody.
    pub(crate) fn nth(self, person: usize) -> Option<Arc<Character>> {
        match PEOPLE.get(person) {
            Some(named) => Some(Arc::clone(named)),
            None => fleet_number(person)
                .filter(|number| *number <= self.fleet)
                .map(|number| Arc::new(fleet::character(self.seed, person, number))),
        }
    }

    /// Who has this key.
    pub(crate) fn of_key(self, key: &str) -> Option<Arc<Character>> {
        if let Some(named) = PEOPLE.iter().find(|who| who.key == key) {
            return Some(Arc::clone(named));
        }
        let number: u32 = key.strip_prefix(fleet::PREFIX)?.parse().ok()?;
        // Only as it is written: a key that has two spellings would be two people to whoever compares texts.
        let person = PEOPLE.len().checked_add(usize::try_from(number.checked_sub(1)?).ok()?)?;
        (fleet::key(number) == key).then(|| self.nth(person)).flatten()
    }
}

/// The key of whoever is at this place, whether or not the fleet reaches so far.
pub(crate) fn key_of(person: usize) -> Option<Cow<'static, str>> {
    match PEOPLE.get(person) {
        Some(named) => Some(named.key.clone()),
        None => fleet_number(person).map(|number| Cow::Owned(fleet::key(number))),
    }
}

/// The number in the fleet, from 1 on, of whoever is at this place.
fn fleet_number(person: usize) -> Option<u32> {
    u32::try_from(person.checked_sub(PEOPLE.len())?).ok()?.checked_add(1)
}

#[cfg(test)]
mod tests;
