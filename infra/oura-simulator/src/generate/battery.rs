//! Battery of the ring.

use serde_json::{Value, json};

use crate::arithmetic::{int, whole};
use crate::people::Character;
use crate::time::Zone;

use super::plan::Plan;

/// The battery at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatteryLevel {
    pub(crate) at: i64,
    pub(super) charging: bool,
    pub(super) level: i64,
}

impl BatteryLevel {
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

/// Levels of a day, reported every 20 minutes. The battery is charged on every third morning.
pub(crate) fn levels(person: &Character, plan: &Plan, next_start: i64) -> Vec<BatteryLevel> {
    if !person.wears {
        return vec![];
    }
    let start = plan.zone.moment(plan.date.at(0, 0, 0, 0));
    let cycle = 3;
    let age = plan.day.rem_euclid(cycle);
    let charge = plan.zone.moment(plan.date.at(7, 30, 0, 0));
    let report = |at: i64| {
        let charging = age == 0 && (charge..charge + 4800).contains(&at);
        // Hours since the last charge ended; before today's charge that one was three days ago.
        let since = at - (charge + 4800) + 86_400 * if age == 0 && at < charge { cycle } else { age };
        let drained = 100.0 - int(since.max(0)) / 3600.0 * 1.15;
        let level = if charging { 30.0 + int(at - charge) / 4800.0 * 70.0 } else { drained };
        BatteryLevel { at, charging, level: whole(level).clamp(4, 100) }
    };
    (start..next_start).step_by(1200).map(report).collect()
}
