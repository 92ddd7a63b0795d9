//! What happens at a time of its own: workouts, sessions, tags, rest mode, rings.

use serde_json::{Value, json};

use crate::people::Character;

use super::plan::{Bout, Plan, int, rest_day, whole};
use super::rng::Rng;
use super::time::{Zone, after_noon, plus};

/// A workout. Some phones stamp it in UTC while `day` stays local.
pub(crate) fn workout(who: &Character, plan: &Plan, bout: &Bout, rng: &mut Rng) -> Value {
    let minutes = int(bout.time.end - bout.time.start) / 60.0;
    let zone = if who.utc_workouts && rng.chance(0.5) { Zone::utc() } else { plan.zone.clone() };
    let calories = rng.chance(0.95).then(|| {
        let burned = (bout.sport.met - 1.0) * who.weight / 60.0 * minutes;
        (burned * rng.near(1.0, 0.05) * 1000.0).round() / 1000.0
    });
    let distance = bout.sport.pace.filter(|_| rng.chance(0.85)).map(|pace| pace * minutes * rng.near(1.0, 0.06));
    let source = ["confirmed", "autodetected", "manual", "workout_heart_rate"];
    json!({
        "activity": bout.sport.activity,
        "calories": calories,
        "day": plan.date.to_string(),
        "distance": distance,
        "end_datetime": zone.text(bout.time.end),
        "intensity": bout.sport.intensity,
        "label": rng.chance(0.08).then_some("With friends"),
        "source": rng.pick(&source),
        "start_datetime": zone.text(bout.time.start),
    })
}

/// A moment of breathing or meditation, with the series that the ring takes meanwhile, or none.
pub(crate) fn session(who: &Character, plan: &Plan, rng: &mut Rng) -> Option<(i64, Value)> {
    if plan.unworn || !rng.chance(who.mindful) {
        return None;
    }
    let start = plan.zone.moment(after_noon(plan.date, 480 + rng.whole(0, 80)));
    let lasts = rng.whole(240, 1200);
    let kinds = ["meditation", "breathing", "relaxation", "body_status"];
    let moods = ["good", "great", "same", "worse", "bad"];
    let measured = rng.chance(0.75);
    let mut series = |around: f64, spread: f64| {
        let items: Vec<Option<f64>> = (0..lasts / 5)
            .map(|_| {
                let value = rng.near(around, spread).round().max(0.0);
                (!rng.chance(0.05)).then_some(value)
            })
            .collect();
        json!({ "interval": 5.0, "items": items, "timestamp": plan.zone.text_millis(start) })
    };
    let heart = series(who.resting + 8.0, 1.5);
    let variability = series(who.hrv, 6.0);
    let motion = series(3.0, 3.0);
    let document = json!({
        "day": plan.date.to_string(),
        "end_datetime": plan.zone.text(start + lasts),
        "heart_rate": measured.then_some(heart),
        "heart_rate_variability": measured.then_some(variability),
        "mood": rng.chance(0.8).then(|| rng.pick(&moods).copied()),
        "motion_count": motion,
        "start_datetime": plan.zone.text(start),
        "type": rng.pick(&kinds),
    });
    Some((start + lasts, document))
}

/// A tag in its old and its new form: Oura answers both collections.
pub(crate) fn tag(who: &Character, plan: &Plan, rng: &mut Rng) -> Option<(i64, Value, Value)> {
    if plan.unworn || !rng.chance(who.tags) {
        return None;
    }
    let at = plan.zone.moment(after_noon(plan.date, 300 + rng.whole(0, 240))) + rng.whole(0, 59);
    let codes = ["tag_generic_coffee", "tag_generic_late_meal", "tag_sleep_alcohol", "tag_generic_walk_outdoors"];
    let code = rng.pick(&codes).copied().unwrap_or("tag_generic_coffee");
    let custom = rng.chance(0.15);
    let lasts = rng.chance(0.1).then(|| at + rng.whole(20, 90) * 60);
    let text = if rng.chance(0.3) { "felt fine afterwards" } else { "" };
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

/// The rest mode period that begins on this day, as it is known at `now`: while it is on, it has no end.
pub(crate) fn rest_mode(who: &Character, plan: &Plan, now: i64) -> Option<(i64, Value)> {
    if rest_day(who, plan.number)? != 0 {
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

/// Every ring that somebody set up.
pub(crate) fn rings(who: &Character) -> Vec<(i64, Value)> {
    let document = |ring: &crate::people::Ring| {
        json!({
            "color": ring.color,
            "design": ring.design,
            "firmware_version": ring.firmware,
            "hardware_type": ring.hardware,
            "set_up_at": Zone::utc().text(ring.set_up),
            "size": ring.size,
        })
    };
    who.rings.iter().map(|ring| (ring.set_up, document(ring))).collect()
}

/// The battery at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) at: i64,
    charging: bool,
    level: i64,
}

impl Level {
    pub(crate) fn row(&self) -> Value {
        json!({
            "charging": self.charging,
            "in_charger": self.charging,
            "level": self.level,
            "timestamp": Zone::utc().text(self.at),
            "timestamp_unix": self.at * 1000,
        })
    }
}

/// The battery as the ring reports it every 20 minutes: charged on every third morning.
pub(crate) fn battery(who: &Character, plan: &Plan, next_start: i64) -> Vec<Level> {
    if !who.wears {
        return vec![];
    }
    let start = plan.zone.moment(plan.date.at(0, 0, 0, 0));
    let cycle = 3;
    let age = plan.number.rem_euclid(cycle);
    let charge = plan.zone.moment(plan.date.at(7, 30, 0, 0));
    let report = |at: i64| {
        let charging = age == 0 && (charge..charge + 4800).contains(&at);
        // Hours since the last charge ended; before today's charge that one was three days ago.
        let since = at - (charge + 4800) + 86_400 * if age == 0 && at < charge { cycle } else { age };
        let drained = 100.0 - int(since.max(0)) / 3600.0 * 1.15;
        let level = if charging { 30.0 + int(at - charge) / 4800.0 * 70.0 } else { drained };
        Level { at, charging, level: whole(level).clamp(4, 100) }
    };
    (start..next_start).step_by(1200).map(report).collect()
}
