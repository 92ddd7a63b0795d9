//! The catalogue of metrics: what each scalar field of a day's stats means, in which unit, and where Oura has it from.
//!
//! Lists and series (naps, workouts, a night's HRV) are not in it; contributors have entries only where they stand among the
//! scalar fields themselves.

use super::{DataType, MetricType};

/// A unit, for people and for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// As people write it.
    pub text: &'static str,
    /// Its code in UCUM (<https://ucum.org/ucum>), case-sensitive.
    pub ucum: &'static str,
}

/// A scalar field of a day's stats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// The kind that it is part of.
    pub metric_type: MetricType,
    /// Its key there.
    pub field: &'static str,
    /// The unit of a number; none for words, moments, ids and yes or no.
    pub unit: Option<Unit>,
    /// What it says, for people.
    pub meaning: &'static str,
    /// The Oura collection that it comes from; its scope decides whether there can be a value.
    pub source: DataType,
    /// The field there; a path where it lies deeper. Several values are joined by this project where it says so.
    pub source_field: &'static str,
    /// Whether days are compared with the days before.
    pub baseline: bool,
}

impl Metric {
    /// Its name among all metrics, such as `sleep.totalSleep`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.metric_type, self.field)
    }

    /// Where Oura has it, such as `sleep.total_sleep_duration`.
    #[must_use]
    pub fn source_name(&self) -> String {
        format!("{}.{}", self.source, self.source_field)
    }

    const fn baselined(self) -> Self {
        Self { baseline: true, ..self }
    }
}

/// Every scalar field of a day's stats, by kind.
pub const CATALOGUE: &[Metric] = &[
    // Readiness. A day without a readiness document has the readiness of its main sleep.
    readiness("score", "score", SCORE, "How ready the body is for the day.").baselined(),
    readiness(
        "temperatureDeviation",
        "temperature_deviation",
        CELSIUS,
        "How far the body's temperature in the night lies from what is usual.",
    )
    .baselined(),
    readiness(
        "temperatureTrendDeviation",
        "temperature_trend_deviation",
        CELSIUS,
        "The same over the last three days.",
    ),
    readiness(
        "activityBalance",
        "contributors.activity_balance",
        SCORE,
        "Contribution of the activity of the last days.",
    ),
    readiness(
        "bodyTemperature",
        "contributors.body_temperature",
        SCORE,
        "Contribution of the body's temperature; no temperature itself.",
    ),
    readiness("hrvBalance", "contributors.hrv_balance", SCORE, "Contribution of heart rate variability."),
    readiness(
        "previousDayActivity",
        "contributors.previous_day_activity",
        SCORE,
        "Contribution of yesterday's activity.",
    ),
    readiness("previousNight", "contributors.previous_night", SCORE, "Contribution of the last night."),
    readiness(
        "recoveryIndex",
        "contributors.recovery_index",
        SCORE,
        "Contribution of how early in the night the heart rate came down.",
    ),
    readiness(
        "restingHeartRate",
        "contributors.resting_heart_rate",
        SCORE,
        "Contribution of the resting heart rate; no heart rate itself.",
    ),
    readiness("sleepBalance", "contributors.sleep_balance", SCORE, "Contribution of the sleep of the last two weeks."),
    readiness(
        "sleepRegularity",
        "contributors.sleep_regularity",
        SCORE,
        "Contribution of how regular the times of sleep are.",
    ),
    word(
        MetricType::Readiness,
        "from",
        DataType::DailyReadiness,
        "score",
        "Which document it comes from: `daily_readiness` or `sleep`.",
    ),
    // Sleep: the scores of the day, and the measurements of its main sleep.
    number(MetricType::Sleep, "score", DataType::DailySleep, "score", SCORE, "How good the night's sleep was.")
        .baselined(),
    number(
        MetricType::Sleep,
        "restfulness",
        DataType::DailySleep,
        "contributors.restfulness",
        SCORE,
        "Contribution of how calm the sleep was.",
    ),
    number(
        MetricType::Sleep,
        "timing",
        DataType::DailySleep,
        "contributors.timing",
        SCORE,
        "Contribution of when the patient slept.",
    ),
    main_sleep("totalSleep", "total_sleep_duration", SECONDS, "Time asleep.").baselined(),
    main_sleep("timeInBed", "time_in_bed", SECONDS, "Time in bed."),
    main_sleep("efficiency", "efficiency", PERCENT, "Part of the time in bed that was slept.").baselined(),
    main_sleep("latency", "latency", SECONDS, "Time until asleep.").baselined(),
    main_sleep("remSleep", "rem_sleep_duration", SECONDS, "Time in REM sleep.").baselined(),
    main_sleep("deepSleep", "deep_sleep_duration", SECONDS, "Time in deep sleep.").baselined(),
    main_sleep("lightSleep", "light_sleep_duration", SECONDS, "Time in light sleep."),
    main_sleep("awake", "awake_time", SECONDS, "Time awake in bed."),
    main_sleep("restlessPeriods", "restless_periods", COUNT, "How often the sleep was restless."),
    main_sleep("averageBreath", "average_breath", BREATHS, "Breaths in a minute, average.").baselined(),
    main_sleep("averageHeartRate", "average_heart_rate", BEATS, "Heart rate in sleep, average.").baselined(),
    main_sleep("lowestHeartRate", "lowest_heart_rate", BEATS, "Heart rate in sleep, lowest."),
    word(
        MetricType::Sleep,
        "bedtimeStart",
        DataType::Sleep,
        "bedtime_start",
        "When the patient went to bed, with the offset of the place.",
    ),
    word(
        MetricType::Sleep,
        "bedtimeEnd",
        DataType::Sleep,
        "bedtime_end",
        "When the patient got up, with the offset of the place.",
    ),
    word(MetricType::Sleep, "type", DataType::Sleep, "type", "Oura's type of the main sleep, such as `long_sleep`."),
    word(
        MetricType::Sleep,
        "sleepPhase5Min",
        DataType::Sleep,
        "sleep_phase_5_min",
        "The stage in every five minutes, a digit each: 1 deep, 2 light, 3 REM, 4 awake.",
    ),
    word(
        MetricType::Sleep,
        "sleepAnalysisReason",
        DataType::Sleep,
        "sleep_analysis_reason",
        "Why Oura last analysed the sleep; in the background means that it will do so again.",
    ),
    word(
        MetricType::Sleep,
        "lowBatteryAlert",
        DataType::Sleep,
        "low_battery_alert",
        "Whether the ring's battery ran low in the night.",
    ),
    word(MetricType::Sleep, "documentId", DataType::Sleep, "id", "Oura's id of the main sleep."),
    // Activity, of a day that begins at 04:00.
    activity("score", "score", SCORE, "How active the day was, in balance with rest.").baselined(),
    activity("steps", "steps", STEPS, "Steps.").baselined(),
    activity("activeCalories", "active_calories", KILOCALORIES, "Energy burned by activity.").baselined(),
    activity("totalCalories", "total_calories", KILOCALORIES, "Energy burned in all."),
    activity(
        "equivalentWalkingDistance",
        "equivalent_walking_distance",
        METRES,
        "How far one would walk for the energy that activity burned.",
    ),
    activity("inactivityAlerts", "inactivity_alerts", COUNT, "How often the app reminded of a long rest."),
    activity(
        "activeMinutes",
        "high_activity_time, medium_activity_time and low_activity_time",
        MINUTES,
        "Time of activity of any intensity; the sum of three of Oura's fields.",
    ),
    activity("highActivityTime", "high_activity_time", SECONDS, "Time of high activity."),
    activity("mediumActivityTime", "medium_activity_time", SECONDS, "Time of medium activity."),
    activity("lowActivityTime", "low_activity_time", SECONDS, "Time of low activity."),
    activity("sedentaryTime", "sedentary_time", SECONDS, "Time sitting or standing still."),
    activity("restingTime", "resting_time", SECONDS, "Time of rest, sleep included."),
    activity("nonWearTime", "non_wear_time", SECONDS, "Time that the ring was not worn."),
    activity("averageMetMinutes", "average_met_minutes", METS, "Metabolic equivalents, average of the day."),
    activity(
        "highActivityMetMinutes",
        "high_activity_met_minutes",
        MET_MINUTES,
        "Metabolic equivalents of high activity, times minutes.",
    ),
    activity(
        "mediumActivityMetMinutes",
        "medium_activity_met_minutes",
        MET_MINUTES,
        "Metabolic equivalents of medium activity, times minutes.",
    ),
    activity(
        "lowActivityMetMinutes",
        "low_activity_met_minutes",
        MET_MINUTES,
        "Metabolic equivalents of low activity, times minutes.",
    ),
    activity(
        "sedentaryMetMinutes",
        "sedentary_met_minutes",
        MET_MINUTES,
        "Metabolic equivalents of sitting, times minutes.",
    ),
    activity("targetCalories", "target_calories", KILOCALORIES, "The day's goal for energy burned by activity."),
    activity("targetMeters", "target_meters", METRES, "The day's goal as a walking distance."),
    activity("metersToTarget", "meters_to_target", METRES, "What is left of that; negative when more was done."),
    activity("meetDailyTargets", "contributors.meet_daily_targets", SCORE, "Contribution of goals that were met."),
    activity("moveEveryHour", "contributors.move_every_hour", SCORE, "Contribution of moving every hour."),
    activity("recoveryTime", "contributors.recovery_time", SCORE, "Contribution of recovery between trainings."),
    activity("stayActive", "contributors.stay_active", SCORE, "Contribution of little time without activity."),
    activity(
        "trainingFrequency",
        "contributors.training_frequency",
        SCORE,
        "Contribution of how often the patient trained.",
    ),
    activity("trainingVolume", "contributors.training_volume", SCORE, "Contribution of how much the patient trained."),
    // HRV of the main sleep.
    number(
        MetricType::Hrv,
        "averageHrv",
        DataType::Sleep,
        "average_hrv",
        MILLISECONDS,
        "Heart rate variability in sleep as RMSSD, average.",
    )
    .baselined(),
    number(
        MetricType::Hrv,
        "maxHrv",
        DataType::Sleep,
        "hrv.items",
        MILLISECONDS,
        "Heart rate variability in sleep as RMSSD, greatest of its five minutes.",
    ),
    number(
        MetricType::Hrv,
        "minHrv",
        DataType::Sleep,
        "hrv.items",
        MILLISECONDS,
        "Heart rate variability in sleep as RMSSD, least of its five minutes.",
    ),
    number(
        MetricType::Hrv,
        "restingHeartRate",
        DataType::Sleep,
        "lowest_heart_rate",
        BEATS,
        "Resting heart rate: the lowest in sleep.",
    )
    .baselined(),
    word(MetricType::Hrv, "method", DataType::Sleep, "average_hrv", "How the variability is computed: always `rmssd`."),
    // Kinds with a few fields each.
    number(
        MetricType::Spo2,
        "average",
        DataType::DailySpo2,
        "spo2_percentage.average",
        PERCENT,
        "Blood oxygen saturation in sleep, average.",
    )
    .baselined(),
    number(
        MetricType::Spo2,
        "breathingDisturbanceIndex",
        DataType::DailySpo2,
        "breathing_disturbance_index",
        INDEX,
        "Oura's index of disturbed breathing in sleep.",
    ),
    number(MetricType::Stress, "stressHigh", DataType::DailyStress, "stress_high", SECONDS, "Time of high stress.")
        .baselined(),
    number(
        MetricType::Stress,
        "recoveryHigh",
        DataType::DailyStress,
        "recovery_high",
        SECONDS,
        "Time of high recovery.",
    )
    .baselined(),
    word(
        MetricType::Stress,
        "daySummary",
        DataType::DailyStress,
        "day_summary",
        "The day in a word: `restored`, `normal`, `stressful` or a newer one.",
    ),
    word(
        MetricType::Resilience,
        "level",
        DataType::DailyResilience,
        "level",
        "Resilience over the last weeks, from `limited` to `exceptional`.",
    ),
    number(
        MetricType::CardiovascularAge,
        "vascularAge",
        DataType::DailyCardiovascularAge,
        "vascular_age",
        YEARS,
        "Estimated age of the blood vessels.",
    ),
    number(
        MetricType::CardiovascularAge,
        "pulseWaveVelocity",
        DataType::DailyCardiovascularAge,
        "pulse_wave_velocity",
        METRES_PER_SECOND,
        "Estimated speed of the pulse wave.",
    ),
    number(
        MetricType::Vo2Max,
        "vo2Max",
        DataType::Vo2Max,
        "vo2_max",
        OXYGEN_UPTAKE,
        "Estimated greatest oxygen uptake.",
    ),
    number(MetricType::HeartRate, "count", DataType::HeartRate, "bpm", COUNT, "Samples of the day."),
    number(MetricType::HeartRate, "min", DataType::HeartRate, "bpm", BEATS, "Heart rate of the day, least."),
    number(MetricType::HeartRate, "max", DataType::HeartRate, "bpm", BEATS, "Heart rate of the day, greatest."),
    number(
        MetricType::HeartRate,
        "average",
        DataType::HeartRate,
        "bpm",
        BEATS,
        "Heart rate of the day, average of the samples.",
    ),
    // Kinds that are lists: their totals.
    number(MetricType::Workout, "count", DataType::Workout, "id", COUNT, "Workouts of the day."),
    number(
        MetricType::Workout,
        "totalDuration",
        DataType::Workout,
        "start_datetime and end_datetime",
        SECONDS,
        "Time of all workouts.",
    ),
    number(
        MetricType::Workout,
        "totalCalories",
        DataType::Workout,
        "calories",
        KILOCALORIES,
        "Energy burned in all workouts.",
    ),
    number(MetricType::Workout, "totalDistance", DataType::Workout, "distance", METRES, "Distance of all workouts."),
    number(MetricType::Session, "count", DataType::Session, "id", COUNT, "Sessions of the day, such as breathing."),
    number(MetricType::Tag, "count", DataType::EnhancedTag, "tag_type_code", COUNT, "Tags that the patient set."),
    word(
        MetricType::SleepTime,
        "status",
        DataType::SleepTime,
        "status",
        "Whether Oura knows a best time to go to bed.",
    ),
    word(
        MetricType::SleepTime,
        "recommendation",
        DataType::SleepTime,
        "recommendation",
        "Oura's advice on when to go to bed.",
    ),
    number(
        MetricType::RestMode,
        "count",
        DataType::RestModePeriod,
        "id",
        COUNT,
        "Periods of rest mode that begin on the day.",
    ),
    number(
        MetricType::Ring,
        "batteryMinimum",
        DataType::RingBatteryLevel,
        "level",
        PERCENT,
        "The ring's battery, lowest of the day.",
    ),
    number(
        MetricType::Ring,
        "batteryLast",
        DataType::RingBatteryLevel,
        "level",
        PERCENT,
        "The ring's battery, last of the day.",
    ),
    word(MetricType::Ring, "charged", DataType::RingBatteryLevel, "charging", "Whether the ring was charged."),
];

const SCORE: Unit = Unit { text: "score", ucum: "{score}" };
const INDEX: Unit = Unit { text: "index", ucum: "{index}" };
const COUNT: Unit = Unit { text: "count", ucum: "{count}" };
const STEPS: Unit = Unit { text: "steps", ucum: "{steps}" };
const PERCENT: Unit = Unit { text: "%", ucum: "%" };
const SECONDS: Unit = Unit { text: "s", ucum: "s" };
const MINUTES: Unit = Unit { text: "min", ucum: "min" };
const MILLISECONDS: Unit = Unit { text: "ms", ucum: "ms" };
const YEARS: Unit = Unit { text: "years", ucum: "a" };
const BEATS: Unit = Unit { text: "bpm", ucum: "/min" };
const BREATHS: Unit = Unit { text: "breaths/min", ucum: "/min" };
const CELSIUS: Unit = Unit { text: "°C", ucum: "Cel" };
const KILOCALORIES: Unit = Unit { text: "kcal", ucum: "kcal" };
const METRES: Unit = Unit { text: "m", ucum: "m" };
const METRES_PER_SECOND: Unit = Unit { text: "m/s", ucum: "m/s" };
const OXYGEN_UPTAKE: Unit = Unit { text: "ml/kg/min", ucum: "mL/kg/min" };
const METS: Unit = Unit { text: "MET", ucum: "[MET]" };
const MET_MINUTES: Unit = Unit { text: "MET minutes", ucum: "[MET].min" };

const fn number(
    metric_type: MetricType,
    field: &'static str,
    source: DataType,
    source_field: &'static str,
    unit: Unit,
    meaning: &'static str,
) -> Metric {
    Metric { metric_type, field, unit: Some(unit), meaning, source, source_field, baseline: false }
}

const fn word(
    metric_type: MetricType,
    field: &'static str,
    source: DataType,
    source_field: &'static str,
    meaning: &'static str,
) -> Metric {
    Metric { metric_type, field, unit: None, meaning, source, source_field, baseline: false }
}

const fn readiness(field: &'static str, source_field: &'static str, unit: Unit, meaning: &'static str) -> Metric {
    number(MetricType::Readiness, field, DataType::DailyReadiness, source_field, unit, meaning)
}

const fn main_sleep(field: &'static str, source_field: &'static str, unit: Unit, meaning: &'static str) -> Metric {
    number(MetricType::Sleep, field, DataType::Sleep, source_field, unit, meaning)
}

const fn activity(field: &'static str, source_field: &'static str, unit: Unit, meaning: &'static str) -> Metric {
    number(MetricType::Activity, field, DataType::DailyActivity, source_field, unit, meaning)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_is_in_it_and_no_field_twice() {
        let names: BTreeSet<_> = CATALOGUE.iter().map(Metric::name).collect();
        assert_eq!(names.len(), CATALOGUE.len());
        let kinds: BTreeSet<_> = CATALOGUE.iter().map(|metric| metric.metric_type).collect();
        assert_eq!(kinds, MetricType::ALL.into_iter().collect());
    }

    #[test]
    fn only_numbers_are_compared_with_the_days_before() {
        let mut baselined = CATALOGUE.iter().filter(|metric| metric.baseline);
        assert!(baselined.all(|metric| metric.unit.is_some()));
        let of_kind = |kind| CATALOGUE.iter().filter(|m| m.baseline && m.metric_type == kind).count();
        let kinds = [MetricType::Readiness, MetricType::Sleep, MetricType::Hrv, MetricType::Activity, MetricType::Spo2];
        assert_eq!(kinds.map(of_kind), [2, 8, 2, 3, 1]);
        assert_eq!(of_kind(MetricType::Stress), 2);
    }
}
