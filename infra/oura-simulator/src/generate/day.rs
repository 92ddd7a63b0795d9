//! Documents of a day, written from its plan.

use serde_json::{Value, json};

use crate::collection::Collection;
use crate::document::Document;
use crate::people::Character;
use crate::random::Random;
use crate::range_key::{RangeKey, range_key};
use crate::time::{day_number, plus};

use super::habits::Habits;
use super::plan::{Nap, Plan};
use super::sleep::Sleep;
use super::{activities, daily, scores, workouts};

/// Writer of a daily document; `None` on days without one.
type DailyWriter = fn(&Character, &Plan, &mut Random) -> Option<Value>;

/// Collects the documents of a day.
pub(super) struct DayDocuments<'a> {
    person: &'a Character,
    habits: Habits,
    plan: &'a Plan,
    pub(super) documents: Vec<Document>,
}

impl<'a> DayDocuments<'a> {
    pub(super) fn new(person: &'a Character, habits: Habits, plan: &'a Plan) -> Self {
        Self { person, habits, plan, documents: vec![] }
    }

    fn random(&self, purpose: &str) -> Random {
        self.habits.random(self.person, purpose, self.plan.day)
    }

    /// A document of the day with its id, the n-th of its collection.
    pub(super) fn document(&self, collection: Collection, n: usize, available_from: i64, mut value: Value) -> Document {
        let id = self.person.document_id(collection.path(), day_number(self.plan.date), n);
        set(&mut value, "id", json!(id));
        let range_key = range_key(collection, &value).unwrap_or(RangeKey::at(self.plan.date.at(0, 0, 0, 0)));
        Document { collection, id, range_key, available_from, json: value.to_string().into() }
    }

    fn add(&mut self, collection: Collection, n: usize, available_from: i64, value: Value) {
        self.documents.push(self.document(collection, n, available_from, value));
    }

    /// Adds the sleeps of the day with their scores. `edits` counts the late edits of the night.
    pub(super) fn add_sleep(&mut self, edits: u32) {
        let (plan, text) = (self.plan, self.plan.date.to_string());
        let (night, naps) = sleeps(self.person, self.habits, plan);
        let mut readiness = None;
        if let Some(night) = &night {
            readiness = Some(self.add_night(night, edits));
        }
        for (n, (nap, sleep)) in plan.naps.iter().zip(&naps).enumerate() {
            let mut document = sleep.document(&plan.zone, nap.kind, &text, self.period(nap.in_bed.start));
            if let Some(readiness) = readiness.as_ref().filter(|_| !sleep.heart_rate.is_empty()) {
                let mut readiness = readiness.clone();
                set(&mut readiness, "temperature_deviation", Value::Null);
                set(&mut document, "readiness", readiness);
            }
            self.add(Collection::Sleep, n + 1, nap.in_bed.end + 720, document);
        }
    }

    /// Adds the night, its daily sleep and its readiness, which is returned.
    fn add_night(&mut self, night: &Sleep, edits: u32) -> Value {
        let (plan, text) = (self.plan, self.plan.date.to_string());
        let previous = Plan::of(self.person, self.habits, plus(plan.date, -1), 0);
        let (contributors, score) = scores::sleep(self.person, plan, night);
        let readiness = scores::readiness(self.person, plan, &previous, score, &mut self.random("readiness"));
        let mut document = night.document(&plan.zone, "long_sleep", &text, self.period(night.in_bed.start));
        set(&mut document, "readiness", readiness.clone());
        set(&mut document, "readiness_score_delta", json!(0));
        set(&mut document, "sleep_score_delta", json!(0));
        if edits > 0 {
            set(&mut document, "sleep_analysis_reason", json!("bedtime_edit"));
        }
        let synced_at = plan.night_synced_at();
        self.add(Collection::Sleep, 0, synced_at, document);
        let mut random = self.random("midnight");
        let timestamp = daily::midnight(plan, &mut random);
        let daily_sleep = json!({ "contributors": contributors, "day": text, "score": score, "timestamp": timestamp });
        self.add(Collection::DailySleep, 0, synced_at, daily_sleep);
        let mut daily_readiness = readiness.clone();
        set(&mut daily_readiness, "day", json!(text));
        set(&mut daily_readiness, "timestamp", json!(daily::midnight(plan, &mut random)));
        self.add(Collection::DailyReadiness, 0, synced_at, daily_readiness);
        readiness
    }

    /// `period` of a sleep: the number of sleeps of the day before it. A night may follow an evening's nap.
    fn period(&self, start: i64) -> usize {
        let naps = self.plan.naps.iter().map(|nap| nap.in_bed.start);
        self.plan.night.iter().map(|night| night.start).chain(naps).filter(|other| *other < start).count()
    }

    pub(super) fn add_daily(&mut self) {
        let morning = self.plan.night_synced_at();
        let evening = self.plan.zone.moment(self.plan.date.at(20, 10, 0, 0));
        let writers: [(Collection, i64, DailyWriter); 6] = [
            (Collection::DailySpo2, morning, daily::spo2),
            (Collection::DailyStress, evening, daily::stress),
            (Collection::DailyResilience, morning, daily::resilience),
            (Collection::DailyCardiovascularAge, morning, daily::cardiovascular_age),
            (Collection::Vo2Max, evening, daily::vo2_max),
            (Collection::SleepTime, morning, daily::sleep_time),
        ];
        for (collection, available_from, write) in writers {
            if let Some(value) = write(self.person, self.plan, &mut self.random(collection.path())) {
                self.add(collection, 0, available_from, value);
            }
        }
    }

    pub(super) fn add_activities(&mut self) {
        let (person, plan) = (self.person, self.plan);
        let mut random = self.random("workouts");
        for (n, workout) in plan.workouts.iter().enumerate() {
            let document = workouts::document(person, plan.date, &plan.zone, workout, &mut random);
            self.add(Collection::Workout, n, workout.time.end + 600, document);
        }
        if let Some((ended, document)) = activities::session(person, plan, &mut self.random("session")) {
            self.add(Collection::Session, 0, ended + 60, document);
        }
        if let Some((at, plain, enhanced)) = activities::tag(person, plan, &mut self.random("tag")) {
            self.add(Collection::Tag, 0, at + 60, plain);
            self.add(Collection::EnhancedTag, 0, at + 60, enhanced);
        }
    }
}

/// The night and the naps of a day as the ring measures them.
pub(super) fn sleeps(person: &Character, habits: Habits, plan: &Plan) -> (Option<Sleep>, Vec<Sleep>) {
    let random = |purpose: &str| habits.random(person, purpose, plan.day);
    let night = plan.night.map(|in_bed| Sleep::measured(person, &mut random("night"), in_bed, plan.strain));
    let nap = |(n, nap): (usize, &Nap)| {
        let mut random = random(&format!("nap {n}"));
        if nap.in_bed.end - nap.in_bed.start < 1200 {
            Sleep::fragment(person, &mut random, nap.in_bed)
        } else {
            Sleep::measured(person, &mut random, nap.in_bed, plan.strain)
        }
    };
    (night, plan.naps.iter().enumerate().map(nap).collect())
}

/// The documents of every ring that the person set up.
pub(super) fn rings(person: &Character) -> Vec<Document> {
    let collection = Collection::RingConfiguration;
    let document = |(n, (available_from, mut value)): (usize, (i64, Value))| {
        let id = person.document_id(collection.path(), 0, n);
        set(&mut value, "id", json!(id));
        let range_key = range_key(collection, &value).unwrap_or_default();
        Document { collection, id, range_key, available_from, json: value.to_string().into() }
    };
    activities::rings(person).into_iter().enumerate().map(document).collect()
}

fn set(document: &mut Value, key: &str, value: Value) {
    if let Value::Object(fields) = document {
        fields.insert(key.to_owned(), value);
    }
}
