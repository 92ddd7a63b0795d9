//! Normalized metrics: of records, one struct per data type, and of a day's stats, one struct per metric type.
//!
//! A field is declared once, here: its doc comment, type, unit, code in LOINC, and Oura's field behind it. The catalogue of
//! `GET /metrics`, the JSON Schemas, and the TypeScript types follow from it. Null means that Oura gave no value.

mod activity;
mod bounds;
mod daily;
mod facts;
mod periods;
mod readiness;
mod samples;
mod series;
mod sleep;
mod unworn;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DataType, MetricType};

pub use self::activity::{Activity, ActivityRecord};
use self::bounds::Bounded;
pub use self::bounds::{Bounds, Held, OutOfBounds};
pub use self::daily::{
    CardiovascularAge, OptimalBedtime, Resilience, ResilienceContributors, SleepTime, Spo2, Stress, Vo2Max,
};
pub use self::facts::{Field, Loinc, Metrics, Scalar, ToScalar, Unit};
pub use self::periods::{
    RestMode, RestModeEpisode, RestModeOfDay, RestModePeriod, RestModeRecord, SessionOfDay, SessionRecord,
    SessionSummary, Sessions, TagOfDay, TagRecord, Tags, WorkoutOfDay, WorkoutRecord, Workouts,
};
pub use self::readiness::{Readiness, ReadinessContributors, ReadinessMeasured, ReadinessSource};
pub use self::samples::{
    BATTERY_BOUNDS, BatteryRecord, HEART_RATE_BOUNDS, HeartRate, HeartRateRecord, Ring, RingRecord,
};
pub use self::series::Series;
pub use self::sleep::{
    Hrv, HrvMethod, NapOfDay, Sleep, SleepContributors, SleepMeasures, SleepPeriodRecord, SleepScoresRecord,
};

macro_rules! record_metrics {
    ($($data_type:ident($metrics:ident),)*) => {
        /// Metrics of a record, in the form of its data type.
        #[derive(Clone, PartialEq, Serialize)]
        #[serde(untagged)]
        #[expect(missing_docs, reason = "one variant per data type")]
        pub enum RecordMetrics {
            $($data_type(Box<$metrics>),)*
        }

        impl RecordMetrics {
            /// Reads stored metrics of this data type.
            ///
            /// # Errors
            /// They have another form.
            pub fn read(data_type: DataType, metrics: Value) -> serde_json::Result<Self> {
                match data_type {
                    $(DataType::$data_type => serde_json::from_value(metrics).map(Self::$data_type),)*
                }
            }

            /// The data type.
            #[must_use]
            pub fn data_type(&self) -> DataType {
                match self {
                    $(Self::$data_type(_) => DataType::$data_type,)*
                }
            }

            /// Makes values null that are out of the bounds of their metrics. Returns the fields that lost one.
            pub fn hold_bounds(&mut self) -> Vec<String> {
                let mut outside = OutOfBounds::default();
                match self {
                    $(Self::$data_type(metrics) => metrics.hold(None, &mut outside),)*
                };
                outside.into_names()
            }

            /// JSON Schema of the metrics of this data type.
            pub fn schema(data_type: DataType, generator: &mut SchemaGenerator) -> Schema {
                match data_type {
                    $(DataType::$data_type => generator.subschema_for::<$metrics>(),)*
                }
            }
        }
    };
}

record_metrics! {
    DailyActivity(ActivityRecord),
    DailyCardiovascularAge(CardiovascularAge),
    DailyReadiness(ReadinessMeasured),
    DailyResilience(Resilience),
    DailySleep(SleepScoresRecord),
    DailySpo2(Spo2),
    DailyStress(Stress),
    EnhancedTag(TagRecord),
    HeartRate(HeartRateRecord),
    RestModePeriod(RestModeRecord),
    RingBatteryLevel(BatteryRecord),
    RingConfiguration(RingRecord),
    Session(SessionRecord),
    Sleep(SleepPeriodRecord),
    SleepTime(SleepTime),
    Tag(TagRecord),
    Vo2Max(Vo2Max),
    Workout(WorkoutRecord),
}

/// Without the values: they are health data.
impl fmt::Debug for RecordMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "metrics of {}", self.data_type())
    }
}

macro_rules! day_metrics {
    ($($(#[doc = $doc:literal])+ $field:ident: $variant:ident($metrics:ident),)*) => {
        /// A day's metrics by type. A type without a document on that day is absent; null inside a type means that Oura
        /// gave no value.
        #[derive(Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase")]
        pub struct DayMetrics {
            $(
                $(#[doc = $doc])+
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<$metrics>,
            )*
        }

        impl DayMetrics {
    /// True if something of the day shows that the ring has synced.
    #[must_use]
    pub fn shows_ring(&self) -> bool {
        let shows_ring = |of: MetricType| {
            DataType::ALL.iter().any(|data_type| data_type.facts().shows_ring && data_type.metric_type() == of)
        };
        MetricType::ALL.iter().any(|of| self.contains(*of) && shows_ring(*of))
    }

            /// True if there is something of this type.
            #[must_use]
            pub fn contains(&self, metric_type: MetricType) -> bool {
                match metric_type {
                    $(MetricType::$variant => self.$field.is_some(),)*
                }
            }

            /// The day's metrics of these types.
            #[must_use]
            pub fn only(&self, wanted: &BTreeSet<MetricType>) -> Self {
                Self {
                    $($field: self.$field.clone().filter(|_| wanted.contains(&MetricType::$variant)),)*
                }
            }

            /// Calls `found` with each scalar field of the types that there are.
            pub fn each_value(&self, mut found: impl FnMut(Metric, Scalar)) {
                $(if let Some(metrics) = &self.$field {
                    let metric_type = MetricType::$variant;
                    metrics.each_value(&mut |field, value| found(Metric { metric_type, field }, value));
                })*
            }
        }

        fn all_metrics() -> Vec<Metric> {
            let mut all = Vec::new();
            $(<$metrics as Metrics>::each_field(&mut |field| {
                all.push(Metric { metric_type: MetricType::$variant, field });
            });)*
            all
        }
    };
}

day_metrics! {
    /// Readiness score, contributors, temperature deviation.
    readiness: Readiness(Readiness),
    /// Sleep score and contributors, and the main sleep.
    sleep: Sleep(Sleep),
    /// Activity score, steps, energy, minutes by intensity.
    activity: Activity(Activity),
    /// Heart rate variability (RMSSD) of the main sleep. Only in a day's stats: its documents are sleep periods.
    hrv: Hrv(Hrv),
    /// Blood oxygen and breathing disturbance.
    spo2: Spo2(Spo2),
    /// Daytime stress and recovery.
    stress: Stress(Stress),
    /// Long-term resilience level.
    resilience: Resilience(Resilience),
    /// Vascular age and pulse wave velocity.
    cardiovascular_age: CardiovascularAge(CardiovascularAge),
    /// Cardiorespiratory fitness.
    vo2_max: Vo2Max(Vo2Max),
    /// Heart-rate samples of one day.
    heart_rate: HeartRate(HeartRate),
    /// Workouts.
    workout: Workout(Workouts),
    /// Guided or unguided sessions.
    session: Session(Sessions),
    /// Tags of the patient.
    tag: Tag(Tags),
    /// Bedtime advice.
    sleep_time: SleepTime(SleepTime),
    /// Rest mode periods.
    rest_mode: RestMode(RestMode),
    /// A ring, or its battery on one day.
    ring: Ring(Ring),
}

impl DayMetrics {
    /// The types that there are.
    pub fn types(&self) -> impl Iterator<Item = MetricType> {
        MetricType::ALL.iter().copied().filter(|metric_type| self.contains(*metric_type))
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.types().next().is_none()
    }
}

/// Without the values: they are health data.
impl fmt::Debug for DayMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.types()).finish()
    }
}

/// A scalar field of a day's stats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Type that it is part of.
    pub metric_type: MetricType,
    /// The field there.
    pub field: &'static Field,
}

impl Metric {
    /// Name among all metrics, such as `sleep.totalSleep`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.metric_type, self.field.name)
    }

    /// Oura's field behind it, such as `sleep.total_sleep_duration`.
    #[must_use]
    pub fn source_name(&self) -> String {
        format!("{}.{}", self.field.source, self.field.source_field)
    }
}

/// All scalar fields of a day's stats, by metric type. Lists and series (naps, workouts, a night's HRV) are not among
/// them; contributors only where they are scalar fields of the type itself.
pub static CATALOGUE: LazyLock<Vec<Metric>> = LazyLock::new(all_metrics);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn catalogue_holds_every_metric_type_and_no_field_twice() {
        let names: BTreeSet<_> = CATALOGUE.iter().map(Metric::name).collect();
        assert_eq!(names.len(), CATALOGUE.len());
        let types: BTreeSet<_> = CATALOGUE.iter().map(|metric| metric.metric_type).collect();
        assert_eq!(types, MetricType::ALL.iter().copied().collect());
    }

    #[test]
    fn only_numbers_have_baselines() {
        let mut with_baselines = CATALOGUE.iter().filter(|metric| metric.field.has_baselines);
        assert!(with_baselines.all(|metric| metric.field.unit.is_some()));
        let of_type = |metric_type| {
            let of_type = CATALOGUE.iter().filter(|metric| metric.metric_type == metric_type);
            of_type.filter(|metric| metric.field.has_baselines).count()
        };
        let types = [MetricType::Readiness, MetricType::Sleep, MetricType::Hrv, MetricType::Activity, MetricType::Spo2];
        assert_eq!(types.map(of_type), [2, 9, 2, 3, 1]);
        assert_eq!(of_type(MetricType::Stress), 2);
    }

    #[test]
    fn heart_rate_variability_has_no_code_of_sdnn() {
        let coded: Vec<_> = CATALOGUE.iter().flat_map(|metric| metric.field.loinc).collect();
        assert_eq!(coded.len(), 11, "{coded:?}");
        let hrv = CATALOGUE.iter().filter(|metric| metric.field.name.ends_with("Hrv"));
        assert_eq!(hrv.map(|metric| metric.field.loinc.len()).collect::<Vec<_>>(), [0, 0, 0]);
    }
}
