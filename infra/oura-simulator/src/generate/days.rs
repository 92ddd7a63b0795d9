//! A day's documents as they come together from its plan.

use serde_json::{Value, json};

use crate::collection::Collection;
use crate::people::Character;
use crate::stamp::stamp;

use super::plan::Plan;
use super::rng::Rng;
use super::time::plus;
use super::{Doc, Generator, daily, happenings, scores};

impl Generator {
    pub(super) fn add_sleep(&self, day: &mut Day<'_>, edits: u32) {
        let (who, plan) = (day.who, day.plan);
        let text = plan.date.to_string();
        let (night, naps) = self.sleeps(who, plan);
        let before = self.plan(who, plus(plan.date, -1), 0);
        // `period` counts the sleeps of a day by time; a night may come after an evening's nap.
        let earlier = |start: i64| {
            let beds = plan.night.iter().map(|bed| bed.start).chain(plan.naps.iter().map(|nap| nap.bed.start));
            beds.filter(|other| *other < start).count()
        };
        let mut readiness = None;
        if let Some(night) = &night {
            let (contributors, score) = scores::sleep(who, plan, night);
            let mut rng = self.rng(who, "readiness", plan);
            let value = scores::readiness(who, plan, &before, score, &mut rng);
            let mut document = night.document(&plan.zone, "long_sleep", &text, earlier(night.bed.start));
            set(&mut document, "readiness", value.clone());
            set(&mut document, "readiness_score_delta", json!(0));
            set(&mut document, "sleep_score_delta", json!(0));
            if edits > 0 {
                set(&mut document, "sleep_analysis_reason", json!("bedtime_edit"));
            }
            let known = plan.synced();
            day.add(Collection::Sleep, 0, known, document);
            let mut rng = self.rng(who, "midnight", plan);
            let timestamp = daily::midnight(plan, &mut rng);
            let daily = json!({ "contributors": contributors, "day": text, "score": score, "timestamp": timestamp });
            day.add(Collection::DailySleep, 0, known, daily);
            let mut daily = value.clone();
            set(&mut daily, "day", json!(text));
            set(&mut daily, "timestamp", json!(daily::midnight(plan, &mut rng)));
            day.add(Collection::DailyReadiness, 0, known, daily);
            readiness = Some(value);
        }
        for (n, (nap, sleep)) in plan.naps.iter().zip(&naps).enumerate() {
            let mut document = sleep.document(&plan.zone, nap.kind, &text, earlier(nap.bed.start));
            if let Some(readiness) = readiness.as_ref().filter(|_| !sleep.heart_rate.is_empty()) {
                let mut readiness = readiness.clone();
                set(&mut readiness, "temperature_deviation", Value::Null);
                set(&mut document, "readiness", readiness);
            }
            day.add(Collection::Sleep, n + 1, nap.bed.end + 720, document);
        }
    }

    pub(super) fn add_daily(&self, day: &mut Day<'_>) {
        let (who, plan) = (day.who, day.plan);
        let morning = plan.synced();
        let evening = plan.zone.moment(plan.date.at(20, 10, 0, 0));
        type Make = fn(&Character, &Plan, &mut Rng) -> Option<Value>;
        let makers: [(Collection, i64, Make); 6] = [
            (Collection::DailySpo2, morning, daily::spo2),
            (Collection::DailyStress, evening, daily::stress),
            (Collection::DailyResilience, morning, daily::resilience),
            (Collection::DailyCardiovascularAge, morning, daily::cardiovascular_age),
            (Collection::Vo2Max, evening, daily::vo2_max),
            (Collection::SleepTime, morning, daily::sleep_time),
        ];
        for (collection, known, make) in makers {
            if let Some(value) = make(who, plan, &mut self.rng(who, collection.path(), plan)) {
                day.add(collection, 0, known, value);
            }
        }
    }

    pub(super) fn add_happenings(&self, day: &mut Day<'_>) {
        let (who, plan) = (day.who, day.plan);
        let mut rng = self.rng(who, "workouts", plan);
        for (n, bout) in plan.bouts.iter().enumerate() {
            let document = happenings::workout(who, plan, bout, &mut rng);
            day.add(Collection::Workout, n, bout.time.end + 600, document);
        }
        if let Some((ended, document)) = happenings::session(who, plan, &mut self.rng(who, "session", plan)) {
            day.add(Collection::Session, 0, ended + 60, document);
        }
        if let Some((at, plain, enhanced)) = happenings::tag(who, plan, &mut self.rng(who, "tag", plan)) {
            day.add(Collection::Tag, 0, at + 60, plain);
            day.add(Collection::EnhancedTag, 0, at + 60, enhanced);
        }
    }
}

/// Every ring that somebody set up.
pub(super) fn rings(who: &Character) -> Vec<Doc> {
    let collection = Collection::RingConfiguration;
    let made = |(n, (known, mut value)): (usize, (i64, Value))| {
        let id = who.document_id(collection.path(), 0, n);
        set(&mut value, "id", json!(id));
        Doc {
            collection,
            id,
            stamp: stamp(collection, &value).unwrap_or_default(),
            known,
            json: value.to_string().into(),
        }
    };
    happenings::rings(who).into_iter().enumerate().map(made).collect()
}

fn set(document: &mut Value, key: &str, value: Value) {
    if let Value::Object(fields) = document {
        fields.insert(key.to_owned(), value);
    }
}

/// The documents of a day as they come together.
pub(super) struct Day<'a> {
    who: &'a Character,
    plan: &'a Plan,
    pub(super) docs: Vec<Doc>,
}

impl<'a> Day<'a> {
    pub(super) fn new(who: &'a Character, plan: &'a Plan) -> Self {
        Self { who, plan, docs: vec![] }
    }

    pub(super) fn made(&self, collection: Collection, n: usize, known: i64, mut value: Value) -> Doc {
        let id = self.who.document_id(collection.path(), self.plan.number, n);
        set(&mut value, "id", json!(id));
        let stamp = stamp(collection, &value).unwrap_or(self.plan.date.at(0, 0, 0, 0));
        Doc { collection, id, stamp, known, json: value.to_string().into() }
    }

    fn add(&mut self, collection: Collection, n: usize, known: i64, value: Value) {
        self.docs.push(self.made(collection, n, known, value));
    }
}
