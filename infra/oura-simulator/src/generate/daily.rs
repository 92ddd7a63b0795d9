//! The daily documents beside sleep, readiness and activity.

use serde_json::{Value, json};

use crate::arithmetic::{int, whole};
use crate::people::Character;
use crate::random::Random;
use crate::time::{Zone, day_number, plus};

use super::plan::Plan;

/// Blood oxygen of a night. A night without a measurement is `0.0` with a null index, as Oura writes it, or null.
pub(crate) fn spo2(person: &Character, plan: &Plan, random: &mut Random) -> Option<Value> {
    plan.night?;
    let (value, index) = if random.chance(person.spo2_gap_probability) {
        (if random.chance(0.25) { Value::Null } else { json!({ "average": 0.0 }) }, None)
    } else {
        let average = (random.near(97.4 - (1.0 - person.sleep_quality) * 1.6, 0.5).min(99.6) * 1000.0).round() / 1000.0;
        (json!({ "average": average }), Some(random.whole(1, 6) + whole((1.0 - person.sleep_quality) * 14.0)))
    };
    Some(json!({ "breathing_disturbance_index": index, "day": plan.date.to_string(), "spo2_percentage": value }))
}

/// Stress and recovery of a day in multiples of 15 minutes; on quiet days without a summary.
pub(crate) fn stress(person: &Character, plan: &Plan, random: &mut Random) -> Option<Value> {
    if plan.unworn {
        return None;
    }
    let high = 900 * whole(random.near(person.stress * 14.0 + plan.strain * 6.0, 2.5)).max(0);
    let recovery = 900 * whole(random.near((1.0 - person.stress) * 11.0, 2.5)).max(0);
    let summary = match high - recovery {
        _ if random.chance(0.06) => None,
        more if more > 7200 => Some("stressful"),
        less if less < -5400 => Some("restored"),
        _ => Some("normal"),
    };
    Some(json!({
        "day": plan.date.to_string(),
        "day_summary": summary,
        "recovery_high": recovery,
        "stress_high": high,
    }))
}

/// Long-term resilience; sparse.
pub(crate) fn resilience(person: &Character, plan: &Plan, random: &mut Random) -> Option<Value> {
    if plan.night.is_none() || random.chance(0.15) {
        return None;
    }
    let one = |value: f64| (value.clamp(1.0, 100.0) * 10.0).round() / 10.0;
    let sleep = one(random.near(38.0 + person.sleep_quality * 45.0, 3.0));
    let daytime = one(random.near(70.0 - person.stress * 45.0, 3.0));
    let stress = one(random.near(25.0 + person.stress * 45.0, 3.0));
    let level = match (sleep + daytime) / 2.0 {
        m if m < 38.0 => "limited",
        m if m < 48.0 => "adequate",
        m if m < 58.0 => "solid",
        m if m < 70.0 => "strong",
        _ => "exceptional",
    };
    Some(json!({
        "contributors": { "daytime_recovery": daytime, "sleep_recovery": sleep, "stress": stress },
        "day": plan.date.to_string(),
        "level": level,
    }))
}

/// Cardiovascular age; not every day, and not for every person.
pub(crate) fn cardiovascular_age(person: &Character, plan: &Plan, random: &mut Random) -> Option<Value> {
    let age = person.vascular_age?;
    if plan.night.is_none() || random.chance(0.35) {
        return None;
    }
    let vascular = random.chance(0.95).then(|| age + random.whole(-1, 1));
    let velocity = random.chance(0.7).then(|| ((4.2 + int(age) * 0.06 + random.near(0.0, 0.1)) * 10.0).round() / 10.0);
    Some(json!({ "day": plan.date.to_string(), "pulse_wave_velocity": velocity, "vascular_age": vascular }))
}

/// VO2 max; once a week or so.
pub(crate) fn vo2_max(person: &Character, plan: &Plan, random: &mut Random) -> Option<Value> {
    let level = person.vo2_max?;
    if plan.unworn || !random.chance(0.12) {
        return None;
    }
    Some(json!({
        "day": plan.date.to_string(),
        "timestamp": plan.zone.text(plan.zone.moment(plan.date.at(0, 0, 0, 0))),
        "vo2_max": level + random.whole(-1, 1),
    }))
}

/// The bedtime that Oura recommends.
pub(crate) fn sleep_time(person: &Character, plan: &Plan, random: &mut Random) -> Option<Value> {
    if plan.night.is_none() || random.chance(0.05) {
        return None;
    }
    let known = random.chance(0.7);
    // Seconds from the midnight that begins the day: an evening before it is negative.
    let middle = (person.bedtime - 720) * 60;
    let midnight = plan.zone.moment(plan.date.at(0, 0, 0, 0));
    let window = json!({
        "day_tz": plan.zone.offset(midnight),
        "end_offset": middle + 1800,
        "start_offset": middle - 1800,
    });
    let (recommendation, status) = match (known, plan.late) {
        (true, false) => (Some("follow_optimal_bedtime"), "optimal_found"),
        (true, true) => (Some("earlier_bedtime"), "optimal_found"),
        (false, _) if random.chance(0.3) => (None, "not_enough_recent_nights"),
        (false, _) => (Some("improve_efficiency"), "only_recommended_found"),
    };
    Some(json!({
        "day": plan.date.to_string(),
        "optimal_bedtime": known.then_some(window),
        "recommendation": recommendation,
        "status": status,
    }))
}

/// `timestamp` of a daily document: midnight local. Now and then it is midnight UTC of the day before, as in Oura's
/// own data, where it is no reliable date either.
pub(crate) fn midnight(plan: &Plan, random: &mut Random) -> String {
    if random.chance(0.025) {
        return Zone::utc().text((day_number(plus(plan.date, -1))) * 86_400);
    }
    plan.zone.text(plan.zone.moment(plan.date.at(0, 0, 0, 0)))
}
