//! Oura's collections as its own API names them. Deliberately not a client's list: the two check each other.

use std::str::FromStr as _;

use strum::{EnumIter, EnumString, IntoEnumIterator as _, IntoStaticStr};

/// A collection under `/v2/usercollection/`, named by the last part of its path. Paths are case-sensitive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Collection {
    DailyActivity,
    DailyCardiovascularAge,
    DailyReadiness,
    DailyResilience,
    DailySleep,
    DailySpo2,
    DailyStress,
    EnhancedTag,
    #[strum(serialize = "heartrate")]
    HeartRate,
    RestModePeriod,
    RingBatteryLevel,
    RingConfiguration,
    Session,
    Sleep,
    SleepTime,
    Tag,
    #[strum(serialize = "vO2_max")]
    Vo2Max,
    Workout,
}

/// Form of a collection's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Documents by `start_date` and `end_date`.
    Documents,
    /// Rows by `start_datetime` and `end_datetime`, without ids.
    Series,
    /// Documents without a range.
    Everything,
}

impl Collection {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::iter()
    }

    pub(crate) fn path(self) -> &'static str {
        self.into()
    }

    pub(crate) fn of_path(path: &str) -> Option<Self> {
        Self::from_str(path).ok()
    }

    /// The scope that its 401 names.
    pub(crate) fn scope(self) -> &'static str {
        match self {
            Self::DailyActivity | Self::DailyReadiness | Self::DailySleep | Self::DailyStress => "daily",
            Self::Sleep | Self::SleepTime | Self::RestModePeriod => "daily",
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

    /// True if `fields` narrows its documents; the others are always whole (measured).
    pub(crate) fn narrows(self) -> bool {
        !matches!(self, Self::Tag | Self::EnhancedTag | Self::DailyResilience)
    }

    pub(crate) fn shape(self) -> Shape {
        match self {
            Self::HeartRate | Self::RingBatteryLevel => Shape::Series,
            Self::RingConfiguration => Shape::Everything,
            _ => Shape::Documents,
        }
    }

    /// Days by which the range key of a document may differ from the document's own day.
    pub(crate) fn day_slack(self) -> i64 {
        match self {
            Self::Workout | Self::Session | Self::Tag | Self::EnhancedTag | Self::RestModePeriod => 2,
            _ => 0,
        }
    }

    /// The name in webhooks: the path, except for `vo2_max`. Time series have no webhooks.
    pub(crate) fn webhook_name(self) -> Option<&'static str> {
        match self {
            Self::Vo2Max => Some("vo2_max"),
            other if other.shape() == Shape::Series => None,
            other => Some(other.path()),
        }
    }

    pub(crate) fn of_webhook_name(name: &str) -> Option<Self> {
        Self::all().find(|collection| collection.webhook_name() == Some(name))
    }
}
