//! Sessions, tags, rest mode periods and rings.

use serde_json::{Value, json};

use crate::people::{Character, Ring};
use crate::random::Random;
use crate::time::{Zone, after_noon, plus};

use super::plan::Plan;
use super::rhythm::rest_mode_day;

/// A moment of breathing or meditation, with the series that the ring takes meanwhile, or none.
pub(crate) fn session(person: &Character, plan: &Plan, random: &mut Random) -> Option<(i64, Value)> {
    if plan.unworn || !random.chance(person.session_probability) {
        return None;
    }
    let start = plan.zone.moment(after_noon(plan.date, 480 + random.whole(0, 80)));
    let lasts = random.whole(240, 1200);
    let kinds = ["meditation", "breathing", "relaxation", "body_status"];
    let moods = ["good", "great", "same", "worse", "bad"];
    let measured = random.chance(0.75);
    let mut series = |around: f64, spread: f64| {
        let items: Vec<Option<f64>> = (0..lasts / 5)
            .map(|_| {
                let value = random.near(around, spread).round().max(0.0);
                (!random.chance(0.05)).then_some(value)
            })
            .collect();
        json!({ "interval": 5.0, "items": items, "timestamp": plan.zone.text_millis(start) })
    };
    let heart = series(person.resting + 8.0, 1.5);
    let variability = series(person.hrv, 6.0);
    let motion = series(3.0, 3.0);
    let document = json!({
        "day": plan.date.to_string(),
        "end_datetime": plan.zone.text(start + lasts),
        "heart_rate": measured.then_some(heart),
        "heart_rate_variability": measured.then_some(variability),
        "mood": random.chance(0.8).then(|| random.pick(&moods).copied()),
        "motion_count": motion,
        "start_datetime": plan.zone.text(start),
        "type": random.pick(&kinds),
    });
    Some((start + lasts, document))
}

/// A tag in its old and its new form: Oura answers both collections.
pub(crate) fn tag(person: &Character, plan: &Plan, random: &mut Random) -> Option<(i64, Value, Value)> {
    if plan.unworn || !random.chance(person.tag_probability) {
        return None;
    }
    let at = plan.zone.moment(after_noon(plan.date, 300 + random.whole(0, 240))) + random.whole(0, 59);
    let codes = ["tag_generic_coffee", "tag_generic_late_meal", "tag_sleep_alcohol", "tag_generic_walk_outdoors"];
    let code = random.pick(&codes).copied().unwrap_or("tag_generic_coffee");
    let custom = random.chance(0.15);
    let lasts = random.chance(0.1).then(|| at + random.whole(20, 90) * 60);
    let text = if random.chance(0.3) { "felt fine afterwards" } else { "" };
    let enhanced = json!({
        "comment": text,
        "custom_name": custom.then_some("choir practice"),
        "end_day": lasts.map(|end| plan.zone.civil(end).date().to_string()),
        "end_time": lasts.map(|end| plan.zone.text(end)),
        "start_day": plan.date.to_string(),
        "start_time": plan.zone.text(at),
        "tag_type_code": if custom { "custom" } else { code },
    });
    let plain = json!({
        "day": plan.date.to_string(),
        "tags": if custom { vec![] } else { vec![code] },
        "text": (!text.is_empty()).then_some(text),
        "timestamp": plan.zone.text(at),
    });
    Some((at, plain, enhanced))
}

/// The rest mode period that begins on this day, as of `now`: while it is on, it has no end.
pub(crate) fn rest_mode(person: &Character, plan: &Plan, now: i64) -> Option<(i64, Value)> {
    if rest_mode_day(person, plan.day)? != 0 {
        return None;
    }
    let utc = Zone::utc();
    let start = plan.zone.moment(plan.date.at(8, 20, 11, 0));
    let last = plus(plan.date, 3);
    let end = plan.zone.moment(last.at(19, 5, 40, 0));
    let over = end <= now;
    let document = json!({
        "end_day": over.then(|| last.to_string()),
        "end_time": over.then(|| utc.text(end)),
        "episodes": [{ "tags": ["tag_generic_fever"], "timestamp": utc.text_millis(start + 600) }],
        "start_day": plan.date.to_string(),
        "start_time": utc.text(start),
    });
    Some((start, document))
}

/// The rings that a person set up, each with the moment of its setup.
pub(crate) fn rings(person: &Character) -> Vec<(i64, Value)> {
    let document = |ring: &Ring| {
        json!({
            "color": ring.color,
            "design": ring.design,
            "firmware_version": ring.firmware,
            "hardware_type": ring.hardware,
            "set_up_at": Zone::utc().text(ring.set_up),
            "size": ring.size,
        })
    };
    person.rings.iter().map(|ring| (ring.set_up, document(ring))).collect()
}
