//! Heart rate of a day: every five minutes, denser in workouts, in the night the series of the sleep document itself.

use serde_json::{Value, json};

use crate::arithmetic::{int, whole};
use crate::people::Character;
use crate::time::Zone;

use super::habits::Habits;
use super::plan::Plan;
use super::sleep::Sleep;

/// A sample of heart rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeartRateSample {
    pub(crate) at: i64,
    pub(crate) bpm: i64,
    pub(crate) source: &'static str,
}

impl HeartRateSample {
    pub(crate) fn row(&self) -> Value {
        json!({
            "bpm": self.bpm,
            "source": self.source,
            "timestamp": Zone::utc().text(self.at),
            "timestamp_unix": self.at * 1000,
        })
    }
}

/// All samples of the local day, oldest first. `nights` are the sleeps that may reach into it.
pub(crate) fn samples(
    person: &Character,
    habits: Habits,
    plan: &Plan,
    next_start: i64,
    nights: &[&Sleep],
) -> Vec<HeartRateSample> {
    if !person.wears {
        return vec![];
    }
    let mut random = habits.random(person, "heart", plan.day);
    let start = plan.zone.moment(plan.date.at(0, 0, 0, 0));
    let mut samples = Vec::with_capacity(320);
    for night in nights {
        for (n, value) in night.heart_rate.iter().enumerate() {
            let at = night.in_bed.start + 300 * i64::try_from(n).unwrap_or(0);
            if let Some(value) = value.filter(|_| (start..next_start).contains(&at)) {
                samples.push(HeartRateSample { at, bpm: whole(value), source: "sleep" });
            }
        }
    }
    let asleep = |at: i64| nights.iter().any(|night| night.in_bed.contains(at));
    let sport = |at: i64| plan.workouts.iter().find(|workout| workout.time.contains(at));
    let worn_from = plan.worn_from();
    for slot in (start..next_start).step_by(300) {
        // Drawn for every slot, so that an edited night leaves the waking samples as they were.
        let (late, noise, lost) = (random.whole(0, 50), random.near(0.0, 4.0), random.chance(0.08));
        let at = slot + late;
        if asleep(at) || sport(at).is_some() || at < worn_from || lost {
            continue;
        }
        let hour = int((at - start) / 3600);
        let busy = 14.0 + 8.0 * (1.0 - ((hour - 15.0) / 9.0).powi(2)).max(0.0);
        let bpm = whole(person.resting + busy + plan.strain * 6.0 + noise).max(40);
        samples.push(HeartRateSample { at, bpm, source: "awake" });
    }
    for workout in &plan.workouts {
        let peak = 0.5 + workout.sport.met / 20.0;
        let top = int(220 - person.age);
        for at in (workout.time.start..workout.time.end).step_by(15) {
            let warm = (int(at - workout.time.start) / 420.0).min(1.0);
            let bpm =
                whole(person.resting + 20.0 + (top * peak - person.resting - 20.0) * warm + random.near(0.0, 3.0));
            samples.push(HeartRateSample { at, bpm, source: "workout" });
            if at == workout.time.start {
                // The same second, seen by two parts of the app: it happens, so the time alone is no key.
                samples.push(HeartRateSample { at, bpm: bpm - 2, source: "awake" });
            }
        }
    }
    samples.sort_by_key(|sample| (sample.at, sample.source));
    samples.dedup_by_key(|sample| (sample.at, sample.source));
    samples
}
