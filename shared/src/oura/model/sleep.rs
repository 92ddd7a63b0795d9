//! Sleep periods. Durations, heart rate and HRV of a night are here; `daily_sleep` holds only its scores.

use super::{ReadinessContributors, Series, parts};
use crate::domain::{Day, DocumentId, Moment, Number};

parts! {
    /// `PublicModifiedSleepModel`: one sleep period. Several on one day are normal.
    #[derive(Clone)]
    pub struct Sleep {
        /// Oura's id; the oldest documents have none.
        pub id: Option<DocumentId>,
        /// Oura's local day of it.
        pub day: Day,
        /// `long_sleep`, `sleep`, `late_nap`, `rest`, `deleted`, ...
        pub kind: Option<String> = "type",
        /// Oura's number of the period on its day.
        pub period: Option<Number>,
        /// Time of going to bed.
        pub bedtime_start: Option<Moment>,
        /// Time of getting up; null for a night that has not ended.
        pub bedtime_end: Option<Moment>,
        /// Seconds asleep.
        pub total_sleep_duration: Option<Number>,
        /// Seconds in bed.
        pub time_in_bed: Option<Number>,
        /// Seconds awake in bed.
        pub awake_time: Option<Number>,
        /// Seconds of deep sleep.
        pub deep_sleep_duration: Option<Number>,
        /// Seconds of light sleep.
        pub light_sleep_duration: Option<Number>,
        /// Seconds of REM sleep.
        pub rem_sleep_duration: Option<Number>,
        /// Seconds until asleep.
        pub latency: Option<Number>,
        /// Percent of the time in bed.
        pub efficiency: Option<Number>,
        /// Count of restless periods.
        pub restless_periods: Option<Number>,
        /// Breaths per minute.
        pub average_breath: Option<Number>,
        /// Beats per minute.
        pub average_heart_rate: Option<Number>,
        /// Beats per minute: the usable resting heart rate. 255 where there was no reading.
        pub lowest_heart_rate: Option<Number>,
        /// RMSSD in milliseconds.
        pub average_hrv: Option<Number>,
        /// Beats per minute.
        pub heart_rate: Option<Series>,
        /// RMSSD in milliseconds.
        pub hrv: Option<Series>,
        /// One digit per 30 seconds: 1 none, 2 restless, 3 tossing, 4 active.
        pub movement_30_sec: Option<String>,
        /// One digit per 5 minutes: 1 deep, 2 light, 3 REM, 4 awake.
        pub sleep_phase_5_min: Option<String>,
        /// The same per 30 seconds.
        pub sleep_phase_30_sec: Option<String>,
        /// Reason of Oura's last analysis; shows if the patient has opened the app since.
        pub sleep_analysis_reason: Option<String>,
        /// `v1`, `v2`, ...
        pub sleep_algorithm_version: Option<String>,
        /// True if the ring's battery ran low.
        pub low_battery_alert: Option<bool>,
        /// Change of the day's readiness score by the period.
        pub readiness_score_delta: Option<Number>,
        /// Change of the day's sleep score by the period.
        pub sleep_score_delta: Option<Number>,
        /// The readiness that Oura computed after the period.
        pub readiness: Option<SleepReadiness>,
    }

    /// `PublicReadiness`: a readiness inside a sleep period.
    #[derive(Clone)]
    pub struct SleepReadiness {
        /// 1 to 100.
        pub score: Option<Number>,
        /// Degrees Celsius from the patient's usual temperature.
        pub temperature_deviation: Option<Number>,
        /// Degrees Celsius.
        pub temperature_trend_deviation: Option<Number>,
        /// Scores.
        pub contributors: Option<ReadinessContributors>,
    }
}

dated_documents!(Sleep.day);
