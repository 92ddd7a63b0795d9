//! Sleep, and the heart rate variability in it.

use serde::{Deserialize, Serialize};

use super::bounds::{Bounds, unbounded};
use super::facts::{
    BEATS, BREATHS, COUNT, DAY_SCORE, Facts, Loinc, MILLISECONDS, PERCENT, SCORE, SECONDS, Unit, metrics, words,
};
use super::readiness::ReadinessMeasured;
use super::series::Series;
use crate::domain::{DataType, DocumentId, Moment, Number};

metrics! {
    /// The part of a sleep period that a day's stats take over from the main one.
    struct SleepMeasures: Default {
        /// Oura's type of the period, such as `long_sleep`, `sleep`, `late_nap` or `rest`.
        r#type: Option<String> = Facts::word(DataType::Sleep, "type"),
        /// Time asleep.
        total_sleep: Option<Number> = period("total_sleep_duration", SECONDS).with_baselines()
            .loinc(&[Loinc { code: "93832-4", display: "Sleep duration" }]),
        /// Time in bed.
        time_in_bed: Option<Number> = period("time_in_bed", SECONDS),
        /// Part of the time in bed that was slept.
        efficiency: Option<Number> = period("efficiency", PERCENT).with_baselines(),
        /// Time until asleep.
        latency: Option<Number> = period("latency", SECONDS).with_baselines(),
        /// Time in REM sleep.
        rem_sleep: Option<Number> = period("rem_sleep_duration", SECONDS).with_baselines()
            .loinc(&[Loinc { code: "93829-0", display: "REM sleep duration" }]),
        /// Time in deep sleep.
        deep_sleep: Option<Number> = period("deep_sleep_duration", SECONDS).with_baselines()
            .loinc(&[Loinc { code: "93831-6", display: "Deep sleep duration" }]),
        /// Time in light sleep.
        light_sleep: Option<Number> = period("light_sleep_duration", SECONDS)
            .loinc(&[Loinc { code: "93830-8", display: "Light sleep duration" }]),
        /// Time awake in bed.
        awake: Option<Number> = period("awake_time", SECONDS),
        /// Time of going to bed, with the offset of the place.
        bedtime_start: Option<Moment> = Facts::word(DataType::Sleep, "bedtime_start"),
        /// Time of getting up, with the offset of the place; null for a night that has not ended.
        bedtime_end: Option<Moment> = Facts::word(DataType::Sleep, "bedtime_end"),
        /// Number of restless periods.
        restless_periods: Option<Number> = period("restless_periods", COUNT),
        /// Breaths in a minute, average.
        average_breath: Option<Number> = period("average_breath", BREATHS).with_baselines()
            .loinc(&[Loinc { code: "9279-1", display: "Respiratory rate" }]),
        /// Heart rate in sleep, average.
        average_heart_rate: Option<Number> = period("average_heart_rate", BEATS).with_baselines()
            .loinc(&[Loinc { code: "8867-4", display: "Heart rate" }]),
        /// Heart rate in sleep, lowest.
        lowest_heart_rate: Option<Number> = period("lowest_heart_rate", BEATS),
        /// Sleep stage in every five minutes, a digit each: 1 deep, 2 light, 3 REM, 4 awake.
        sleep_phase_5_min: Option<String> = Facts::word(DataType::Sleep, "sleep_phase_5_min"),
        /// Reason of Oura's last analysis of the sleep; one in the background will be repeated.
        sleep_analysis_reason: Option<String> = Facts::word(DataType::Sleep, "sleep_analysis_reason"),
        /// True if the ring's battery ran low in the night.
        low_battery_alert: Option<bool> = Facts::word(DataType::Sleep, "low_battery_alert"),
    }

    /// A sleep period. Several on one day are normal.
    struct SleepPeriodRecord {
        ..measures: SleepMeasures,
        /// Heart rate variability as RMSSD, average.
        average_hrv: Option<Number> = Facts::measured_in(MILLISECONDS),
        /// Heart rate variability as RMSSD, greatest of its five minutes.
        max_hrv: Option<Number> = Facts::measured_in(MILLISECONDS),
        /// Heart rate variability as RMSSD, least of its five minutes.
        min_hrv: Option<Number> = Facts::measured_in(MILLISECONDS),
        /// Oura's number of the period on its day.
        period: Option<Number>,
        /// Heart rate variability as RMSSD.
        hrv: Option<Series> = Facts::measured_in(MILLISECONDS),
        /// Heart rate.
        heart_rate: Option<Series> = Facts::measured_in(BEATS),
        /// Movement, one digit per 30 s: 1 none, 2 restless, 3 tossing, 4 active.
        movement_30_sec: Option<String>,
        /// Sleep stages, one digit per 30 s: 1 deep, 2 light, 3 REM, 4 awake.
        sleep_phase_30_sec: Option<String>,
        /// Version of Oura's algorithm.
        sleep_algorithm_version: Option<String>,
        /// Change of the day's readiness score by the period.
        readiness_score_delta: Option<Number> = Facts::measured_in(SCORE).within(CHANGE_OF_SCORE),
        /// Change of the day's sleep score by the period.
        sleep_score_delta: Option<Number> = Facts::measured_in(SCORE).within(CHANGE_OF_SCORE),
        /// Readiness that Oura computed after the period.
        readiness: Option<ReadinessMeasured>,
    }

    /// Oura's scores, 0 to 100; no measurements.
    struct SleepContributors {
        /// Contribution of deep sleep.
        deep_sleep: Option<Number> = Facts::measured_in(SCORE),
        /// Contribution of efficiency.
        efficiency: Option<Number> = Facts::measured_in(SCORE),
        /// Contribution of latency.
        latency: Option<Number> = Facts::measured_in(SCORE),
        /// Contribution of REM sleep.
        rem_sleep: Option<Number> = Facts::measured_in(SCORE),
        /// Contribution of restfulness.
        restfulness: Option<Number> = Facts::measured_in(SCORE),
        /// Contribution of timing.
        timing: Option<Number> = Facts::measured_in(SCORE),
        /// Contribution of the time asleep.
        total_sleep: Option<Number> = Facts::measured_in(SCORE),
    }

    /// The scores of a day's sleep.
    struct SleepScoresRecord {
        /// Score, 1 to 100.
        score: Option<Number> = Facts::measured_in(SCORE).within(DAY_SCORE),
        /// Scores that it is made of.
        contributors: SleepContributors,
    }

    /// A sleep period beside the main sleep.
    struct NapOfDay {
        /// Oura's type of the period, such as `long_sleep`, `sleep` or `late_nap`.
        r#type: Option<String>,
        /// Time asleep.
        total_sleep: Option<Number> = Facts::measured_in(SECONDS),
        /// Time in bed.
        time_in_bed: Option<Number> = Facts::measured_in(SECONDS),
        /// Part of the time in bed that was slept.
        efficiency: Option<Number> = Facts::measured_in(PERCENT),
        /// Time of going to bed, with the offset of the place.
        bedtime_start: Option<Moment>,
        /// Time of getting up, with the offset of the place.
        bedtime_end: Option<Moment>,
        /// Heart rate, average.
        average_heart_rate: Option<Number> = Facts::measured_in(BEATS),
        /// Heart rate, lowest.
        lowest_heart_rate: Option<Number> = Facts::measured_in(BEATS),
        /// Heart rate variability as RMSSD, average.
        average_hrv: Option<Number> = Facts::measured_in(MILLISECONDS),
        /// Oura's id of the document.
        document_id: DocumentId,
    }

    /// Sleep of a day: scores, and its main sleep, which is the `long_sleep` with the most sleep.
    struct Sleep {
        ..main: SleepMeasures,
        /// Time asleep in the day's main sleep, naps and further sleeps.
        total_sleep_all_periods: Option<Number> =
            period("total_sleep_duration", SECONDS).within(Bounds::at_least(0)).with_baselines(),
        /// Quality of the night's sleep.
        score: Option<Number> = score("score").within(DAY_SCORE).with_baselines(),
        /// Contribution of how calm the sleep was.
        restfulness: Option<Number> = score("contributors.restfulness"),
        /// Contribution of the time of day at which the patient slept.
        timing: Option<Number> = score("contributors.timing"),
        /// Oura's id of the main sleep.
        document_id: Option<DocumentId> = Facts::word(DataType::Sleep, "id"),
        /// Oura's scores; null without Oura's daily document.
        contributors: Option<SleepContributors>,
        /// Naps, earliest first.
        naps: Vec<NapOfDay>,
        /// Further long sleeps, earliest first.
        further_sleeps: Vec<NapOfDay>,
    }

    /// Heart rate variability of the main sleep.
    struct Hrv {
        /// Heart rate variability in sleep as RMSSD, average.
        average_hrv: Option<Number> = period("average_hrv", MILLISECONDS).with_baselines(),
        /// Heart rate variability in sleep as RMSSD, greatest of its five minutes.
        max_hrv: Option<Number> = period("hrv.items", MILLISECONDS),
        /// Heart rate variability in sleep as RMSSD, least of its five minutes.
        min_hrv: Option<Number> = period("hrv.items", MILLISECONDS),
        /// Resting heart rate: the lowest in sleep.
        resting_heart_rate: Option<Number> = period("lowest_heart_rate", BEATS).with_baselines()
            .loinc(&[Loinc { code: "40443-4", display: "Heart rate --resting" }]),
        /// Statistic of the variability: always `rmssd`.
        method: HrvMethod = Facts::word(DataType::Sleep, "average_hrv"),
        /// Heart rate variability over the main sleep as RMSSD.
        series: Option<Series> = Facts::measured_in(MILLISECONDS),
    }
}

/// Statistic of heart rate variability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[expect(missing_docs, reason = "the name of the statistic")]
pub enum HrvMethod {
    #[default]
    Rmssd,
}

words!(HrvMethod);
unbounded!(HrvMethod);

const CHANGE_OF_SCORE: Bounds = Bounds::between(-100, 100);

const fn period(field: &'static str, unit: Unit) -> Facts {
    Facts::number(DataType::Sleep, field, unit)
}

const fn score(field: &'static str) -> Facts {
    Facts::number(DataType::DailySleep, field, SCORE)
}
