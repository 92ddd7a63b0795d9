//! Activity of a day, minute by minute from 04:00, and its totals.

use serde_json::{Value, json};

use crate::arithmetic::{int, mean, whole};
use crate::people::Character;
use crate::random::Random;

use super::habits::Habits;
use super::plan::Plan;

const MINUTES: i64 = 1440;
/// Metabolic equivalent that Oura reports while the ring is off the finger.
const OFF: f64 = 0.1;

#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Class {
    NonWear,
    Rest,
    Inactive,
    Low,
    Medium,
    High,
}

#[derive(Clone, Copy)]
struct Minute {
    met: f64,
    steps: f64,
    class: Class,
}

/// Totals of the minutes, each summed in the order of the minutes.
#[derive(Default)]
struct Sums {
    /// Minutes, and metabolic equivalents above rest, of each class.
    classes: [(i64, f64); 6],
    burned: f64,
    steps: f64,
}

impl Sums {
    fn of(minutes: &[Minute], weight: f64) -> Self {
        let mut sums = Self::default();
        for minute in minutes {
            if let Some((count, above)) = sums.classes.get_mut(usize::from(minute.class as u8)) {
                *count += 1;
                *above += (minute.met - 1.0).max(0.0);
            }
            if minute.met >= 1.5 {
                sums.burned += (minute.met - 1.0) * weight / 60.0;
            }
            sums.steps += minute.steps;
        }
        sums
    }

    fn class(&self, class: Class) -> (i64, f64) {
        self.classes.get(usize::from(class as u8)).copied().unwrap_or_default()
    }

    fn seconds(&self, class: Class) -> i64 {
        60 * self.class(class).0
    }

    fn above_rest(&self, class: Class) -> i64 {
        whole(self.class(class).1)
    }
}

/// The activity document of a day, of its first `elapsed` minutes (all of them when the day is over).
pub(crate) fn document(person: &Character, habits: Habits, plan: &Plan, next: &Plan, elapsed: i64) -> Value {
    let minutes = minutes(person, habits, plan, next);
    let elapsed = elapsed.clamp(0, MINUTES);
    let minutes = minutes.get(..usize::try_from(elapsed).unwrap_or(0)).unwrap_or(&minutes);
    let sums = Sums::of(minutes, person.weight);
    let (seconds, above_rest) = (|class| sums.seconds(class), |class| sums.above_rest(class));
    let active = whole(sums.burned);
    let resting_burn = person.weight * 22.0 * int(elapsed) / int(MINUTES);
    let steps = whole(sums.steps);
    let walked = whole(int(steps) * person.height * 0.43 + int(active) * 2.2);
    let target_calories = 250 + whole(person.activity_level * 10.0) * 30;
    let target_meters = 5000 + whole(person.activity_level * 10.0) * 600;
    let average = mean(minutes.iter().map(|m| m.met)).unwrap_or(0.0);
    let mut random = habits.random(person, "activity score", plan.day);
    let progress = 100.0 * (int(active) / int(target_calories)).min(1.0);
    let known = |value: f64| (!plan.unworn).then(|| whole(value).clamp(1, 100));
    let still = int(seconds(Class::Inactive)) / 3600.0;
    let alerts = if plan.unworn { 0 } else { random.whole(0, 5) - whole(person.activity_level * 3.0) };
    let contributors = [
        ("meet_daily_targets", known(progress)),
        ("move_every_hour", known(100.0 - int(alerts.max(0)) * 12.0)),
        ("recovery_time", known(random.near(90.0, 6.0))),
        ("stay_active", known(105.0 - still * 4.5)),
        ("training_frequency", known(random.near(55.0 + person.workout_probability * 50.0, 4.0))),
        ("training_volume", known(random.near(50.0 + person.workout_probability * 55.0, 5.0))),
    ];
    let score = mean(contributors.iter().filter_map(|(_, value)| value.map(int))).map(whole);
    let start = plan.activity_start();
    json!({
        "active_calories": active,
        "average_met_minutes": (average * 32.0).round() / 32.0,
        "class_5_min": five_minutes(minutes),
        "contributors": contributors.into_iter().map(|(key, value)| (key.to_owned(), json!(value)))
            .collect::<serde_json::Map<_, _>>(),
        "day": plan.date.to_string(),
        "equivalent_walking_distance": walked,
        "high_activity_met_minutes": above_rest(Class::High),
        "high_activity_time": seconds(Class::High),
        "inactivity_alerts": alerts.max(0),
        "low_activity_met_minutes": above_rest(Class::Low),
        "low_activity_time": seconds(Class::Low),
        "medium_activity_met_minutes": above_rest(Class::Medium),
        "medium_activity_time": seconds(Class::Medium),
        "met": {
            "interval": 60.0,
            "items": minutes.iter().map(|m| Value::from(m.met)).collect::<Value>(),
            "timestamp": plan.zone.text_millis(start),
        },
        "meters_to_target": target_meters - walked,
        "non_wear_time": seconds(Class::NonWear),
        "resting_time": seconds(Class::Rest),
        "score": score,
        "sedentary_met_minutes": above_rest(Class::Inactive),
        "sedentary_time": seconds(Class::Inactive),
        "steps": steps,
        "target_calories": target_calories,
        "target_meters": target_meters,
        "timestamp": plan.zone.text(start),
        "total_calories": active + whole(resting_burn),
    })
}

/// Every minute of the day. Always the whole day, so that a part of it is the beginning of the same day.
fn minutes(person: &Character, habits: Habits, plan: &Plan, next: &Plan) -> Vec<Minute> {
    let mut random = habits.random(person, "activity", plan.day);
    let start = plan.activity_start();
    let shower = 60 * random.whole(200, 240) + start;
    let worn_from = plan.worn_from();
    let mut phase: (i64, Class) = (0, Class::Inactive);
    let mut day = Vec::with_capacity(1440);
    for n in 0..MINUTES {
        let at = start + n * 60;
        // Drawn whatever the minute turns out to be, so that an edited night leaves the waking day as it was.
        if phase.0 == 0 {
            phase = next_phase(person, &mut random, n);
        }
        phase.0 -= 1;
        let (wiggle, sway) = (random.unit(), random.unit());
        let asleep = [plan.night, next.night].into_iter().flatten().any(|in_bed| in_bed.contains(at))
            || plan.naps.iter().chain(&next.naps).any(|nap| nap.in_bed.contains(at));
        let sport = plan.workouts.iter().find(|workout| workout.time.contains(at)).map(|workout| workout.sport);
        let minute = if at < worn_from || (shower..shower + 420).contains(&at) {
            Minute { met: OFF, steps: 0.0, class: Class::NonWear }
        } else if let Some(sport) = sport {
            measured(sport.met * (0.85 + wiggle * 0.3), sport.steps * (0.9 + sway * 0.2))
        } else if asleep {
            Minute { met: if wiggle < 0.06 { 1.1 } else { 0.9 }, steps: 0.0, class: Class::Rest }
        } else {
            match phase.1 {
                Class::Medium => measured(3.0 + wiggle * 1.6, 88.0 + sway * 24.0),
                Class::Low => measured(1.6 + wiggle * 1.2, sway * 46.0),
                _ => measured(1.0 + wiggle * 0.4, 0.0),
            }
        };
        day.push(minute);
    }
    day
}

fn measured(met: f64, steps: f64) -> Minute {
    let met = (met * 10.0).round() / 10.0;
    let class = match met {
        m if m >= 6.0 => Class::High,
        m if m >= 3.0 => Class::Medium,
        m if m >= 1.5 => Class::Low,
        _ => Class::Inactive,
    };
    Minute { met, steps, class }
}

/// The next stretch of minutes of the same class.
fn next_phase(person: &Character, random: &mut Random, minute: i64) -> (i64, Class) {
    let evening = minute > 16 * 60;
    let active = if evening { 0.1 } else { 0.16 + person.activity_level * 0.3 };
    if random.chance(active * 0.26) {
        (random.whole(3, 11), Class::Medium)
    } else if random.chance(active * 1.4) {
        (random.whole(4, 16), Class::Low)
    } else {
        (random.whole(8, 34), Class::Inactive)
    }
}

/// The class that each completed 5 minutes have on average.
fn five_minutes(minutes: &[Minute]) -> String {
    let class = |chunk: &[Minute]| {
        let most = |class: Class| chunk.iter().filter(|m| m.class == class).count() > 2;
        let met = mean(chunk.iter().map(|m| m.met)).unwrap_or(0.0);
        if most(Class::NonWear) {
            Class::NonWear
        } else if most(Class::Rest) {
            Class::Rest
        } else {
            measured(met, 0.0).class
        }
    };
    minutes
        .chunks_exact(5)
        .map(|chunk| match class(chunk) {
            Class::NonWear => '0',
            Class::Rest => '1',
            Class::Inactive => '2',
            Class::Low => '3',
            Class::Medium => '4',
            Class::High => '5',
        })
        .collect()
}
