//! A row of a time series.

use serde_json::Value;

use super::battery::BatteryLevel;
use super::heart_rate::HeartRateSample;

/// A row of a time series; written as JSON only when its page is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Row {
    HeartRate(HeartRateSample),
    Battery(BatteryLevel),
}

/// Gaps longer than this remain: the ring is off.
const WORN_GAP_SECONDS: i64 = 1800;

/// The rows with a further one every few seconds between two of them, each a repetition of the row before.
pub(crate) fn filled(rows: &[Row], every: i64) -> Vec<Row> {
    let mut all = Vec::with_capacity(rows.len());
    for (n, row) in rows.iter().enumerate() {
        all.push(*row);
        let next = rows.get(n + 1).map_or(row.at(), Row::at);
        let step = usize::try_from(every).unwrap_or(1).max(1);
        if next - row.at() <= WORN_GAP_SECONDS {
            all.extend((row.at() + every..next).step_by(step).map(|at| row.moved_to(at)));
        }
    }
    all
}

impl Row {
    fn moved_to(self, at: i64) -> Self {
        match self {
            Self::HeartRate(sample) => Self::HeartRate(HeartRateSample { at, ..sample }),
            Self::Battery(level) => Self::Battery(BatteryLevel { at, ..level }),
        }
    }

    pub(crate) fn at(&self) -> i64 {
        match self {
            Self::HeartRate(sample) => sample.at,
            Self::Battery(level) => level.at,
        }
    }

    pub(crate) fn json(&self) -> Value {
        match self {
            Self::HeartRate(sample) => sample.row(),
            Self::Battery(level) => level.row(),
        }
    }
}
