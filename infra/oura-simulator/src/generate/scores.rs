//! Scores and their contributors (1 to 100), which follow from the night and the day.

use serde_json::{Value, json};

use crate::arithmetic::{int, whole};
use crate::people::Character;
use crate::random::Random;

use super::plan::Plan;
use super::sleep::Sleep;

fn score(value: f64) -> i64 {
    whole(value).clamp(1, 100)
}

/// `contributors` and `score` of a day's sleep.
pub(crate) fn sleep(person: &Character, plan: &Plan, night: &Sleep) -> (Value, i64) {
    let share = |part: i64| int(part) / int(night.total().max(1));
    let total = score(100.0 - (7.9 - int(night.total()) / 3600.0).max(0.0) * 18.0);
    let efficiency = score(100.0 - (94.0 - int(night.efficiency())).max(0.0) * 2.6);
    let restfulness = score(96.0 - int(night.restless()) / int(night.seconds_in_bed().max(1)) * 3600.0 * 0.9);
    let rem = score(100.0 * (share(night.rem()) / 0.21).min(1.0));
    let deep = score(100.0 * (share(night.deep()) / 0.17).min(1.0));
    let minutes = int(night.latency()) / 60.0;
    let latency = score(if minutes < 6.0 { 70.0 + minutes * 5.0 } else { 100.0 - (minutes - 14.0).max(0.0) * 3.0 });
    let middle = plan.zone.civil(i64::midpoint(night.in_bed.start, night.in_bed.end));
    let from_three = (int(i64::from(middle.hour())) + int(i64::from(middle.minute())) / 60.0 - 3.0).abs();
    let timing = score(100.0 - (from_three - 0.75).max(0.0) * 28.0 - (1.0 - person.sleep_quality) * 6.0);
    let sum = 0.35 * int(total) + 0.1 * int(efficiency) + 0.15 * int(restfulness) + 0.1 * int(rem);
    let sum = sum + 0.1 * int(deep) + 0.1 * int(latency) + 0.1 * int(timing);
    let contributors = json!({
        "deep_sleep": deep,
        "efficiency": efficiency,
        "latency": latency,
        "rem_sleep": rem,
        "restfulness": restfulness,
        "timing": timing,
        "total_sleep": total,
    });
    (contributors, score(sum))
}

/// The readiness of a day: `contributors`, `score` and the two temperature deviations, with the gaps that real ones have.
pub(crate) fn readiness(
    person: &Character,
    plan: &Plan,
    previous: &Plan,
    sleep_score: i64,
    random: &mut Random,
) -> Value {
    let strain = plan.strain;
    let deviation = (random.near(0.0, 0.16) + if plan.rest_mode { 0.7 } else { strain * 0.2 }) * 100.0;
    let trend = (random.near(0.0, 0.08) + if plan.rest_mode { 0.35 } else { 0.0 }) * 100.0;
    // Adding zero turns a negative zero into a plain one.
    let (deviation, trend) = (deviation.round() / 100.0 + 0.0, trend.round() / 100.0 + 0.0);
    let busy = if previous.workouts.is_empty() { 88.0 } else { 74.0 };
    let known = |present: bool, value: f64| present.then(|| score(value));
    let (hrv_known, temperature_known) = (random.chance(0.88), random.chance(0.96));
    let (previous_known, trend_known) = (!previous.unworn, random.chance(0.94));
    let contributors = [
        ("activity_balance", known(random.chance(0.99), random.near(busy, 5.0))),
        ("body_temperature", known(temperature_known, 100.0 - deviation.abs() * 55.0)),
        ("hrv_balance", known(hrv_known, random.near(92.0 - strain * 40.0, 4.0))),
        ("previous_day_activity", known(previous_known, random.near(busy - 3.0, 7.0))),
        ("previous_night", Some(sleep_score)),
        ("recovery_index", Some(score(random.near(96.0 - strain * 50.0, 6.0)))),
        ("resting_heart_rate", Some(score(random.near(99.0 - strain * 38.0, 4.0)))),
        ("sleep_balance", Some(score(random.near(62.0 + person.sleep_quality * 30.0, 4.0)))),
        (
            "sleep_regularity",
            Some(score(random.near(64.0 + person.sleep_quality * 30.0 - if plan.late { 12.0 } else { 0.0 }, 4.0))),
        ),
    ];
    let known: Vec<i64> = contributors.iter().filter_map(|(_, value)| *value).collect();
    let mean = known.iter().sum::<i64>() / i64::try_from(known.len()).unwrap_or(1).max(1);
    json!({
        "contributors": contributors.into_iter().map(|(key, value)| (key.to_owned(), json!(value)))
            .collect::<serde_json::Map<_, _>>(),
        "score": mean,
        "temperature_deviation": temperature_known.then_some(deviation),
        "temperature_trend_deviation": trend_known.then_some(trend),
    })
}
