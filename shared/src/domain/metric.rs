//! The kinds of normalized records.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The kind of a normalized record, and the key of its part of a day's stats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MetricType {
    /// Readiness score, contributors, temperature deviation.
    Readiness,
    /// Sleep score and contributors, or one sleep period.
    Sleep,
    /// Activity score, steps, energy, minutes by intensity.
    Activity,
    /// Heart rate variability (RMSSD) of the main sleep. Only in a day's stats: its documents are sleep periods.
    Hrv,
    /// Blood oxygen and breathing disturbance.
    Spo2,
    /// Daytime stress and recovery.
    Stress,
    /// Long-term resilience level.
    Resilience,
    /// Vascular age and pulse wave velocity.
    CardiovascularAge,
    /// Cardiorespiratory fitness.
    Vo2Max,
    /// Heart-rate samples of one day.
    HeartRate,
    /// One workout.
    Workout,
    /// One guided or unguided session.
    Session,
    /// One tag of the patient.
    Tag,
    /// Bedtime advice.
    SleepTime,
    /// A rest mode period.
    RestMode,
    /// A ring, or its battery on one day.
    Ring,
}

/// A text that names no metric type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a known metric type")]
pub struct UnknownMetricType;

impl MetricType {
    /// Every metric type.
    pub const ALL: [Self; 16] = [
        Self::Readiness,
        Self::Sleep,
        Self::Activity,
        Self::Hrv,
        Self::Spo2,
        Self::Stress,
        Self::Resilience,
        Self::CardiovascularAge,
        Self::Vo2Max,
        Self::HeartRate,
        Self::Workout,
        Self::Session,
        Self::Tag,
        Self::SleepTime,
        Self::RestMode,
        Self::Ring,
    ];

    /// The word that stands in tables, events and routes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Readiness => "readiness",
            Self::Sleep => "sleep",
            Self::Activity => "activity",
            Self::Hrv => "hrv",
            Self::Spo2 => "spo2",
            Self::Stress => "stress",
            Self::Resilience => "resilience",
            Self::CardiovascularAge => "cardiovascularAge",
            Self::Vo2Max => "vo2Max",
            Self::HeartRate => "heartRate",
            Self::Workout => "workout",
            Self::Session => "session",
            Self::Tag => "tag",
            Self::SleepTime => "sleepTime",
            Self::RestMode => "restMode",
            Self::Ring => "ring",
        }
    }
}

impl fmt::Display for MetricType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for MetricType {
    type Err = UnknownMetricType;
    fn from_str(text: &str) -> Result<Self, UnknownMetricType> {
        Self::ALL.into_iter().find(|metric| metric.as_str() == text).ok_or(UnknownMetricType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_in_code_serde_and_parsing() {
        for metric in MetricType::ALL {
            assert_eq!(serde_json::to_value(metric).unwrap(), metric.as_str());
            assert_eq!(metric.as_str().parse(), Ok(metric));
        }
        assert_eq!("Sleep".parse::<MetricType>(), Err(UnknownMetricType));
    }
}
