//! Workouts of a day.

use jiff::civil::Date;
use serde_json::{Value, json};

use crate::arithmetic::{int, whole};
use crate::people::{Character, Sport};
use crate::random::Random;
use crate::time::{Zone, after_noon};

use super::habits::Habits;
use super::interval::Interval;
use super::rhythm::{is_unworn, rest_mode_day};

/// A workout before it is written as a document.
#[derive(Clone, Copy)]
pub(crate) struct Workout {
    pub(crate) sport: Sport,
    pub(crate) time: Interval,
}

/// The workouts of a day, oldest first.
pub(crate) fn of_day(person: &Character, habits: Habits, date: Date) -> Vec<Workout> {
    let day = habits.day(date);
    let zone = person.zone(day);
    // The purpose keeps its old word, since it decides the data.
    let mut random = habits.random(person, "bouts", day);
    // 1970-01-01 was a Thursday: 5 and 6 are Saturday and Sunday.
    let weekend = (day + 3).rem_euclid(7) >= 5;
    let probability = person.workout_probability + if weekend { 0.15 } else { 0.0 };
    if is_unworn(person, day) || rest_mode_day(person, day).is_some() || !random.chance(probability) {
        return vec![];
    }
    let hours: &[i64] = if random.chance(0.15) { &[-1, 6] } else { &[6] };
    let mut workouts = Vec::new();
    for hour in hours {
        let Some(sport) = random.pick(person.sports).copied() else { break };
        let start = zone.moment(after_noon(date, (hour + random.whole(-2, 1)) * 60 + random.whole(0, 55)));
        let minutes = whole(random.near(1.0, 0.15).clamp(0.6, 1.5) * int(sport.minutes));
        workouts.push(Workout { sport, time: Interval { start, end: start + minutes * 60 } });
    }
    workouts
}

/// The document of a workout. Some phones stamp it in UTC while `day` stays local.
pub(crate) fn document(person: &Character, date: Date, zone: &Zone, workout: &Workout, random: &mut Random) -> Value {
    let minutes = int(workout.time.end - workout.time.start) / 60.0;
    let zone = if person.utc_workouts && random.chance(0.5) { Zone::utc() } else { zone.clone() };
    let calories = random.chance(0.95).then(|| {
        let burned = (workout.sport.met - 1.0) * person.weight / 60.0 * minutes;
        (burned * random.near(1.0, 0.05) * 1000.0).round() / 1000.0
    });
    let distance =
        workout.sport.pace.filter(|_| random.chance(0.85)).map(|pace| pace * minutes * random.near(1.0, 0.06));
    let source = ["confirmed", "autodetected", "manual", "workout_heart_rate"];
    json!({
        "activity": workout.sport.activity,
        "calories": calories,
        "day": date.to_string(),
        "distance": distance,
        "end_datetime": zone.text(workout.time.end),
        "intensity": workout.sport.intensity,
        "label": random.chance(0.08).then_some("With friends"),
        "source": random.pick(&source),
        "start_datetime": zone.text(workout.time.start),
    })
}
