//! Oura's collections: their names on every surface, the scope that opens them, and how their ranges are asked for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of Oura's collections, by the name that its webhooks use (API v2, OpenAPI 1.43).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are Oura's own")]
pub enum DataType {
    DailyActivity,
    DailyCardiovascularAge,
    DailyReadiness,
    DailyResilience,
    DailySleep,
    #[serde(rename = "daily_spo2")]
    DailySpo2,
    DailyStress,
    EnhancedTag,
    #[serde(rename = "heartrate")]
    HeartRate,
    RestModePeriod,
    RingBatteryLevel,
    RingConfiguration,
    Session,
    Sleep,
    SleepTime,
    Tag,
    #[serde(rename = "vo2_max")]
    Vo2Max,
    Workout,
}

/// A text that names none of the collections that this project knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a known Oura data type")]
pub struct UnknownDataType;

/// How a collection is asked for a range of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeQuery {
    /// `start_date` and `end_date`.
    Days,
    /// `start_datetime` and `end_datetime`, in windows of at most [`DataType::MAX_WINDOW_DAYS`] days.
    Instants,
    /// No range: the answer is always everything.
    None,
}

impl DataType {
    /// Every collection.
    pub const ALL: [Self; 18] = [
        Self::DailyActivity,
        Self::DailyCardiovascularAge,
        Self::DailyReadiness,
        Self::DailyResilience,
        Self::DailySleep,
        Self::DailySpo2,
        Self::DailyStress,
        Self::EnhancedTag,
        Self::HeartRate,
        Self::RestModePeriod,
        Self::RingBatteryLevel,
        Self::RingConfiguration,
        Self::Session,
        Self::Sleep,
        Self::SleepTime,
        Self::Tag,
        Self::Vo2Max,
        Self::Workout,
    ];

    /// The longest window that clients of the time series ask for at once (Oura's "30-day maximum").
    pub const MAX_WINDOW_DAYS: i32 = 30;

    /// The name in webhooks, tables and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DailyActivity => "daily_activity",
            Self::DailyCardiovascularAge => "daily_cardiovascular_age",
            Self::DailyReadiness => "daily_readiness",
            Self::DailyResilience => "daily_resilience",
            Self::DailySleep => "daily_sleep",
            Self::DailySpo2 => "daily_spo2",
            Self::DailyStress => "daily_stress",
            Self::EnhancedTag => "enhanced_tag",
            Self::HeartRate => "heartrate",
            Self::RestModePeriod => "rest_mode_period",
            Self::RingBatteryLevel => "ring_battery_level",
            Self::RingConfiguration => "ring_configuration",
            Self::Session => "session",
            Self::Sleep => "sleep",
            Self::SleepTime => "sleep_time",
            Self::Tag => "tag",
            Self::Vo2Max => "vo2_max",
            Self::Workout => "workout",
        }
    }

    /// The last part of the path under `/v2/usercollection/`. Only `vO2_max` is spelled otherwise than its name.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Vo2Max => "vO2_max",
            other => other.as_str(),
        }
    }

    /// The scope that opens it (names as in Oura's own 401 answers; its documentation lists fewer).
    #[must_use]
    pub fn scope(self) -> &'static str {
        match self {
            Self::DailyActivity
            | Self::DailyReadiness
            | Self::DailySleep
            | Self::DailyStress
            | Self::Sleep
            | Self::SleepTime
            | Self::RestModePeriod => "daily",
            Self::DailyResilience => "stress",
            Self::DailyCardiovascularAge | Self::Vo2Max => "heart_health",
            Self::DailySpo2 => "spo2",
            Self::HeartRate => "heartrate",
            Self::Workout => "workout",
            Self::Session => "session",
            Self::Tag | Self::EnhancedTag => "tag",
            Self::RingConfiguration | Self::RingBatteryLevel => "ring_configuration",
        }
    }

    /// How it is asked for a range.
    #[must_use]
    pub fn range_query(self) -> RangeQuery {
        match self {
            Self::HeartRate | Self::RingBatteryLevel => RangeQuery::Instants,
            Self::RingConfiguration => RangeQuery::None,
            _ => RangeQuery::Days,
        }
    }

    /// Whether Oura's webhooks announce it (OpenAPI 1.43: all but the time series). The others have to be pulled.
    #[must_use]
    pub fn has_webhook(self) -> bool {
        self.has_documents()
    }

    /// Whether Oura serves single documents of it by id.
    #[must_use]
    pub fn has_documents(self) -> bool {
        self.range_query() != RangeQuery::Instants
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DataType {
    type Err = UnknownDataType;
    fn from_str(text: &str) -> Result<Self, UnknownDataType> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownDataType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_in_code_serde_and_parsing() {
        for kind in DataType::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert_eq!("meal".parse::<DataType>(), Err(UnknownDataType));
        assert_eq!(DataType::Vo2Max.path(), "vO2_max");
    }

    #[test]
    fn every_collection_is_opened_by_a_scope_that_is_asked_for() {
        let asked = crate::domain::ScopeSet::parse(crate::domain::ScopeSet::DEFAULT);
        for kind in DataType::ALL {
            assert!(asked.contains(kind.scope()), "{kind}");
        }
    }
}
