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

impl Row {
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
