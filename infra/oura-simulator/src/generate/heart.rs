//! The day's heart rate: every five minutes, denser in workouts, in the night the series of the sleep document itself.

use serde_json::{Value, json};

use crate::people::Character;

use super::plan::{Plan, int, whole};
use super::rng::Rng;
use super::sleep::Sleep;
use super::time::Zone;

/// A sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Beat {
    pub(crate) at: i64,
    pub(crate) bpm: i64,
    pub(crate) source: &'static str,
}

impl Beat {
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
pub(crate) fn samples(who: &Character, seed: u64, plan: &Plan, next_start: i64, nights: &[&Sleep]) -> Vec<Beat> {
    if !who.wears {
        return vec![];
    }
    let mut rng = Rng::new(seed, &who.key, "heart", plan.number);
    let start = plan.zone.moment(plan.date.at(0, 0, 0, 0));
    let mut beats = Vec::with_capacity(320);
    for night in nights {
        for (n, value) in night.heart_rate.iter().enumerate() {
            let at = night.bed.start + 300 * i64::try_from(n).unwrap_or(0);
            if let Some(value) = value.filter(|_| (start..next_start).contains(&at)) {
                beats.push(Beat { at, bpm: whole(value), source: "sleep" });
            }
        }
    }
    let asleep = |at: i64| nights.iter().any(|night| night.bed.contains(at));
    let sport = |at: i64| plan.bouts.iter().find(|bout| bout.time.contains(at));
    let worn_from = plan.worn_from();
    for slot in (start..next_start).step_by(300) {
        // Drawn for every slot, so that an edited night leaves the waking samples as they were.
        let (late, noise, lost) = (rng.whole(0, 50), rng.near(0.0, 4.0), rng.chance(0.08));
        let at = slot + late;
        if asleep(at) || sport(at).is_some() || at < worn_from || lost {
            continue;
        }
        let hour = int((at - start) / 3600);
        let busy = 14.0 + 8.0 * (1.0 - ((hour - 15.0) / 9.0).powi(2)).max(0.0);
        let bpm = whole(who.resting + busy + plan.strain * 6.0 + noise).max(40);
        beats.push(Beat { at, bpm, source: "awake" });
    }
    for bout in &plan.bouts {
        let peak = 0.5 + bout.sport.met / 20.0;
        let top = int(220 - who.age);
        for at in (bout.time.start..bout.time.end).step_by(15) {
            let warm = (int(at - bout.time.start) / 420.0).min(1.0);
            let bpm = whole(who.resting + 20.0 + (top * peak - who.resting - 20.0) * warm + rng.near(0.0, 3.0));
            beats.push(Beat { at, bpm, source: "workout" });
            if at == bout.time.start {
                // The same second, seen by two parts of the app: it happens, so the time alone is no key.
                beats.push(Beat { at, bpm: bpm - 2, source: "awake" });
            }
        }
    }
    beats.sort_by_key(|beat| (beat.at, beat.source));
    beats.dedup_by_key(|beat| (beat.at, beat.source));
    beats
}
