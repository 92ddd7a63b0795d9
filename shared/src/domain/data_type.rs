//! Oura's data types, and the metric types that are made of them: one table of the facts about each.
//!
//! A new data type is a row of the table below. Its document is read in `oura::model`, its record is described in
//! [`super::metrics`], and `normalize` turns one into the other; without any of the three the project does not compile.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Type of a normalized record, and the key of its part of a day's stats.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase", parse_err_ty = UnknownMetricType, parse_err_fn = unknown_metric_type)]
pub enum MetricType {
    /// Readiness score, contributors, temperature deviation.
    Readiness,
    /// Sleep score and contributors, and the main sleep.
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
    /// Workouts.
    Workout,
    /// Guided or unguided sessions.
    Session,
    /// Tags of the patient.
    Tag,
    /// Bedtime advice.
    SleepTime,
    /// Rest mode periods.
    RestMode,
    /// A ring, or its battery on one day.
    Ring,
}

/// A text that names no metric type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a known metric type")]
pub struct UnknownMetricType;

impl MetricType {
    /// All metric types.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Name in tables, events and routes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

fn unknown_metric_type(_text: &str) -> UnknownMetricType {
    UnknownMetricType
}

/// The facts about a data type; each row of the table names all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataTypeFacts {
    /// Name in webhooks, tables and messages.
    pub name: &'static str,
    /// Last part of the path under `/v2/usercollection/`.
    pub path: &'static str,
    /// Scope that opens it (as in Oura's own 401 answers; its documentation lists fewer).
    pub scope: &'static str,
    /// Metric type of its records.
    pub metric_type: MetricType,
    /// Form of a request for a range of days.
    pub range_query: RangeQuery,
    /// Source of its updates.
    pub delivery: Delivery,
    /// Share of the nightly syncs in which it is due.
    pub frequency: Frequency,
    /// Days that should have it, for the reasons of missing data.
    pub expected: Expected,
    /// True if only a ring that has synced can have brought it. Data that a patient enters, that another app adds or that Oura
    /// computes proves nothing about the ring.
    pub shows_ring: bool,
    /// Number of its documents on one day.
    pub per_day: PerDay,
    /// Fields of its records that are series, or texts with a digit for each interval. The tables hold them packed.
    pub series: &'static [&'static str],
}

/// Form of a request for a range of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeQuery {
    /// `start_date` and `end_date`.
    Days,
    /// `start_datetime` and `end_datetime`, in windows of at most [`DataType::MAX_WINDOW_DAYS`] days. These are the time
    /// series: samples without ids.
    Instants,
    /// No range: the answer is always everything.
    None,
}

/// Source of the updates of a data type (OpenAPI 1.43: webhooks for all but the time series).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Webhook events of single documents.
    Webhook,
    /// None: it has to be polled.
    Polled,
}

/// Share of the nightly syncs in which a data type is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frequency {
    /// Every nightly sync: most of a day's stats are made of it, and a change of it shows that the ring has synced.
    Always,
    /// A nightly sync after the ring has synced.
    IfRingSynced,
    /// A sync every few days: Oura gives it rarely, or computes it over weeks.
    EveryFewDays,
}

/// Days that should have a data type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Every day with a night: measured asleep.
    EveryNight,
    /// Every day: measured awake.
    EveryDay,
    /// Every day, once Oura has computed it over weeks.
    OverWeeks,
    /// None: a day without it is normal.
    Never,
}

/// Number of documents of a data type on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PerDay {
    /// One: a second one replaces it.
    One,
    /// Any number.
    Several,
}

/// A text that names no known data type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a known Oura data type")]
pub struct UnknownDataType;

macro_rules! data_types {
    ($($variant:ident = $name:literal { $($column:ident: $value:expr),* $(,)? })*) => {
        /// One of Oura's collections, by the name that its webhooks use (API v2, OpenAPI 1.43).
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
            strum::Display, strum::EnumString,
        )]
        #[strum(parse_err_ty = UnknownDataType, parse_err_fn = unknown)]
        #[expect(missing_docs, reason = "the names are Oura's own")]
        pub enum DataType {
            $(#[serde(rename = $name)] #[strum(serialize = $name)] $variant,)*
        }

        impl DataType {
            /// All data types.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// Row of the table.
            #[must_use]
            pub const fn facts(self) -> &'static DataTypeFacts {
                match self {
                    $(Self::$variant => &DataTypeFacts { name: $name, $($column: $value),* },)*
                }
            }
        }

        /// Calls a macro with the variants of [`DataType`], for code with one case per data type.
        macro_rules! with_data_types {
            ($callback:ident) => { $callback! { $($variant)* } };
        }
        pub(crate) use with_data_types;
    };
}

data_types! {
    DailyActivity = "daily_activity" {
        path: "daily_activity",
        scope: "daily",
        metric_type: MetricType::Activity,
        range_query: RangeQuery::Days,
        delivery: Delivery::Webhook,
        frequency: Frequency::Always,
        expected: Expected::EveryDay,
        shows_ring: true,
        per_day: PerDay::One,
        series: &["class5Min", "met"],
    }
    DailyCardiovascularAge = "daily_cardiovascular_age" {
        path: "daily_cardiovascular_age",
        scope: "heart_health",
        metric_type: MetricType::CardiovascularAge,
        range_query: RangeQuery::Days,
        delivery: Delivery::Webhook,
        frequency: Frequency::EveryFewDays,
        expected: Expected::OverWeeks,
        shows_ring: true,
        per_day: PerDay::One,
        series: &[],
    }
    DailyReadiness = "daily_readiness" {
        path: "daily_readiness",
        scope: "daily",
        metric_type: MetricType::Readiness,
        range_query: RangeQuery::Days,
        delivery: Delivery::Webhook,
        frequency: Frequency::IfRingSynced,
        expected: Expected::EveryNight,
        shows_ring: true,
        per_day: PerDay::One,
        series: &[],
    }
    DailyResilience = "daily_resilience" {
        path: "daily_resilience",
        scope: "stress",
        metric_type: MetricType::Resilience,
        range_query: RangeQuery::Days,
        delivery: Delivery::Webhook,
        frequency: Frequency::EveryFewDays,
        expected: Expected::OverWeeks,
        shows_ring: true,
        per_day: PerDay::One,
        series: &[],
    }
    DailySleep = "daily_sleep" {
        path: "daily_sleep",
        scope: "daily",
        metric_type: MetricType::Sleep,
        range_query: RangeQuery::Days,
        delivery: Delivery::Webhook,
        frequency: Frequency::Always,
        expected: Expected::Never,
        shows_ring: true,
        per_day: PerDay::One,
        series: &[],
    }
    DailySpo2 = "daily_spo2" {
        path: "daily_spo2",
        scope: "spo2",
        metric_type: MetricType::Spo2,
        range_query: RangeQuery::Days,
        delivery: Delivery::Webhook,
        frequency: Frequency::IfRingSynced,
        expected: Expected::EveryNight,
        shows_ring: true,
        per_day: PerDay::One,
        series: &[],
    }
    DailyStress = "daily_stress" {
        path: "daily_stress",
        scope: "daily",
        metric_type: MetricType::Stress,
        range_query: RangeQuery::Days,
        delivery: Delivery::Webhook,
        frequency: Frequency::IfRingSynced,
        expected: Expected::EveryDay,
        shows_ring: true,
        per_day: PerDay::One,
        series: &[],
    }
    EnhancedTag = "enhanced_tag" {
        path: "enhanced_tag",
        scope: "tag",
        metric_type: MetricType::Tag,
        range_query: RangeQuery::Days,
        delivery: Delivery::Webhook,
        frequency: Frequency::IfRingSynced,
        expected: Expected::Never,
        shows_ring: false,
        per_day: PerDay::Several,
        series: &[],
    }
    HeartRate = "heartrate" {
        path: "heartrate",
        scope: "heartrate",
        metric_type: MetricType::HeartRate,
        range_query: RangeQuery::Instants,
        delivery: Delivery::Polled,
        frequency: Frequency::IfRingSynced,
        expected: Expected::EveryDay,
        shows_ring: true,
        per_day: PerDay::One,
        series: &["bpm", "secondsFromStart", "source"],
    }
    RestModePeriod = "rest_mode_period" {
        path: "rest_mode_period",
        scope: "daily",
        metric_type: MetricType::RestMode,
        range_query: RangeQuery::Days,
        delivery: Delivery::Webhook,
        frequency: Frequency::EveryFewDays,
        expected: Expected::Never,
        shows_ring: false,
        per_day: PerDay::Several,
        series: &[],
    }
    RingBatteryLevel = "ring_battery_level" {
        path: "ring_battery_level",
        scope: "ring_configuration",
        metric_type: MetricType::Ring,
        range_query: RangeQuery::Instants,
        delivery: Delivery::Polled,
        frequency: Frequency::IfRingSynced,
        expected: Expected::Never,
        shows_ring: true,
        per_day: PerDay::One,
        series: &[],
    }
    RingConfiguration = "ring_configuration" {
        path: "ring_configuration",
        scope: "ring_configuration",
        metric_type: MetricType::Ring,
        range_query: RangeQuery::None,
        delivery: Delivery::Webhook,
        frequency: Frequency::EveryFewDays,
        expected: Expected::Never,
        shows_ring: false,
        per_day: PerDay::Several,
        series: &[],
    }
    Session = "session" {
        path: "session",
        scope: "session",
        metric_type: MetricType::Session,
        range_query: RangeQuery::Days,
        delivery: Delivery::Webhook,
        frequency: Frequency::IfRingSynced,
        expected: Expected::Never,
        shows_ring: false,
        per_day: PerDay::Several,
        series: &["heartRate", "hrv", "motionCount"],
    }
    Sleep = "sleep" {
        path: "sleep",
        scope: "daily",
        metric_type: MetricType::Sleep,
        range_query: RangeQuery::Days,
        delivery: Delivery::Webhook,
        frequency: Frequency::Always,
        expected: Expected::EveryNight,
        shows_ring: true,
        per_day: PerDay::Several,
        series: &["heartRate", "hrv", "movement30Sec", "sleepPhase30Sec", "sleepPhase5Min"],
    }
    SleepTime = "sleep_time" {
        path: "sleep_time",
        scope: "daily",
        metric_type: MetricType::SleepTime,
        range_query: RangeQuery::Days,
        delivery: Delivery::Webhook,
        frequency: Frequency::EveryFewDays,
        expected: Expected::Never,
        shows_ring: false,
        per_day: PerDay::One,
        series: &[],
    }
    Tag = "tag" {
        path: "tag",
        scope: "tag",
        metric_type: MetricType::Tag,
        range_query: RangeQuery::Days,
        delivery: Delivery::Webhook,
        frequency: Frequency::IfRingSynced,
        expected: Expected::Never,
        shows_ring: false,
        per_day: PerDay::Several,
        series: &[],
    }
    Vo2Max = "vo2_max" {
        path: "vO2_max", // the only path that is spelled unlike its name
        scope: "heart_health",
        metric_type: MetricType::Vo2Max,
        range_query: RangeQuery::Days,
        delivery: Delivery::Webhook,
        frequency: Frequency::EveryFewDays,
        expected: Expected::Never,
        shows_ring: true,
        per_day: PerDay::One,
        series: &[],
    }
    Workout = "workout" {
        path: "workout",
        scope: "workout",
        metric_type: MetricType::Workout,
        range_query: RangeQuery::Days,
        delivery: Delivery::Webhook,
        frequency: Frequency::IfRingSynced,
        expected: Expected::Never,
        shows_ring: false,
        per_day: PerDay::Several,
        series: &[],
    }
}

fn unknown(_text: &str) -> UnknownDataType {
    UnknownDataType
}

impl DataType {
    /// Longest window of one question for a time series (Oura's "30-day maximum").
    pub const MAX_WINDOW_DAYS: i32 = 30;

    /// Name in webhooks, tables and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.facts().name
    }

    /// Last part of the path under `/v2/usercollection/`.
    #[must_use]
    pub const fn path(self) -> &'static str {
        self.facts().path
    }

    /// Scope that opens it.
    #[must_use]
    pub const fn scope(self) -> &'static str {
        self.facts().scope
    }

    /// Metric type of its records.
    #[must_use]
    pub const fn metric_type(self) -> MetricType {
        self.facts().metric_type
    }

    /// Form of a request for a range of days.
    #[must_use]
    pub const fn range_query(self) -> RangeQuery {
        self.facts().range_query
    }

    /// True if Oura sends webhook events of it; the others have to be polled.
    #[must_use]
    pub fn has_webhook(self) -> bool {
        self.facts().delivery == Delivery::Webhook
    }

    /// True if Oura serves single documents of it by id: all but the time series.
    #[must_use]
    pub fn has_documents(self) -> bool {
        self.range_query() != RangeQuery::Instants
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ScopeSet;

    #[test]
    fn data_type_has_one_name_in_code_serde_and_parsing() {
        for data_type in DataType::ALL {
            assert_eq!(serde_json::to_value(data_type).unwrap(), data_type.as_str());
            assert_eq!(data_type.as_str().parse(), Ok(data_type));
            assert_eq!(data_type.to_string(), data_type.as_str());
        }
        assert_eq!("meal".parse::<DataType>(), Err(UnknownDataType));
        assert_eq!(DataType::Vo2Max.path(), "vO2_max");
    }

    #[test]
    fn metric_type_has_one_name_in_code_serde_and_parsing() {
        for metric_type in MetricType::ALL {
            assert_eq!(serde_json::to_value(metric_type).unwrap(), metric_type.as_str());
            assert_eq!(metric_type.as_str().parse(), Ok(*metric_type));
        }
        assert_eq!("Sleep".parse::<MetricType>(), Err(UnknownMetricType));
    }

    #[test]
    fn data_type_is_opened_by_a_default_scope() {
        let asked = ScopeSet::parse(ScopeSet::DEFAULT);
        for data_type in DataType::ALL {
            assert!(asked.contains(data_type.scope()), "{data_type}");
        }
    }
}
