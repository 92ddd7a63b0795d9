//! Oura's collections as its own API knows them. Deliberately not the client's list: the two check each other.

/// A collection under `/v2/usercollection/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Collection {
    DailyActivity,
    DailyCardiovascularAge,
    DailyReadiness,
    DailyResilience,
    DailySleep,
    DailySpo2,
    DailyStress,
    EnhancedTag,
    HeartRate,
    RestModePeriod,
    RingBatteryLevel,
    RingConfiguration,
    Session,
    Sleep,
    SleepTime,
    Tag,
    Vo2Max,
    Workout,
}

/// How a collection is asked for.
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
    pub(crate) const ALL: [Self; 18] = [
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

    /// The last part of its path. Paths are case-sensitive: `vO2_max` has a capital O.
    pub(crate) fn path(self) -> &'static str {
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
            Self::Vo2Max => "vO2_max",
            Self::Workout => "workout",
        }
    }

    pub(crate) fn of_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|collection| collection.path() == path)
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

    pub(crate) fn shape(self) -> Shape {
        match self {
            Self::HeartRate | Self::RingBatteryLevel => Shape::Series,
            Self::RingConfiguration => Shape::Everything,
            _ => Shape::Documents,
        }
    }

    /// By how many days the time that ranges are compared with may be off the document's own day.
    pub(crate) fn strays(self) -> i64 {
        match self {
            Self::Workout | Self::Session | Self::Tag | Self::EnhancedTag | Self::RestModePeriod => 2,
            _ => 0,
        }
    }

    /// The name that webhooks use for it: its path, but for `vo2_max`. Time series have no webhooks.
    pub(crate) fn webhook_name(self) -> Option<&'static str> {
        match self {
            Self::Vo2Max => Some("vo2_max"),
            other if other.shape() == Shape::Series => None,
            other => Some(other.path()),
        }
    }

    pub(crate) fn of_webhook_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|collection| collection.webhook_name() == Some(name))
    }
}
