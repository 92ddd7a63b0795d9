//! Documents of which Oura makes one a day. Their own `timestamp` is not read where nothing needs it: it is no
//! reliable date (midnight in changing offsets, at times of another day), `day` is.
//!
//! Contributors are scores from 0 to 100, never measurements.

use super::{Series, parts};
use crate::domain::{Day, DocumentId, Moment, Number};

parts! {
    /// `PublicDailyActivity`: one activity day, from 04:00 to 04:00 local time.
    #[derive(Clone)]
    pub struct DailyActivity {
        /// Oura's id; the oldest documents have none.
        pub id: Option<DocumentId>,
        /// Oura's local day.
        pub day: Day,
        /// The start of the activity day.
        pub timestamp: Option<Moment>,
        /// 1 to 100.
        pub score: Option<Number>,
        /// Kilocalories burned by activity.
        pub active_calories: Option<Number>,
        /// Kilocalories burned in all.
        pub total_calories: Option<Number>,
        /// Count of steps.
        pub steps: Option<Number>,
        /// Metres.
        pub equivalent_walking_distance: Option<Number>,
        /// Count of alerts.
        pub inactivity_alerts: Option<Number>,
        /// Seconds.
        pub high_activity_time: Option<Number>,
        /// Seconds.
        pub medium_activity_time: Option<Number>,
        /// Seconds.
        pub low_activity_time: Option<Number>,
        /// Seconds.
        pub sedentary_time: Option<Number>,
        /// Seconds.
        pub resting_time: Option<Number>,
        /// Seconds that the ring was not worn.
        pub non_wear_time: Option<Number>,
        /// Metabolic equivalents, average over the day.
        pub average_met_minutes: Option<Number>,
        /// MET minutes.
        pub high_activity_met_minutes: Option<Number>,
        /// MET minutes.
        pub medium_activity_met_minutes: Option<Number>,
        /// MET minutes.
        pub low_activity_met_minutes: Option<Number>,
        /// MET minutes.
        pub sedentary_met_minutes: Option<Number>,
        /// Kilocalories.
        pub target_calories: Option<Number>,
        /// Metres.
        pub target_meters: Option<Number>,
        /// Metres; negative when the target was passed.
        pub meters_to_target: Option<Number>,
        /// Scores.
        pub contributors: Option<ActivityContributors>,
        /// One digit per 5 minutes: 0 not worn, 1 rest, 2 inactive, 3 low, 4 medium, 5 high.
        pub class_5_min: Option<String>,
        /// Metabolic equivalents over the day.
        pub met: Option<Series>,
    }

    /// `PublicActivityContributors`.
    #[derive(Clone, Copy)]
    #[expect(missing_docs, reason = "scores from 0 to 100 under Oura's own names")]
    pub struct ActivityContributors {
        pub meet_daily_targets: Option<Number>,
        pub move_every_hour: Option<Number>,
        pub recovery_time: Option<Number>,
        pub stay_active: Option<Number>,
        pub training_frequency: Option<Number>,
        pub training_volume: Option<Number>,
    }

    /// `PublicDailyReadiness`.
    #[derive(Clone)]
    pub struct DailyReadiness {
        /// Oura's id; the oldest documents have none.
        pub id: Option<DocumentId>,
        /// Oura's local day.
        pub day: Day,
        /// 1 to 100.
        pub score: Option<Number>,
        /// Degrees Celsius from the patient's usual temperature.
        pub temperature_deviation: Option<Number>,
        /// Degrees Celsius.
        pub temperature_trend_deviation: Option<Number>,
        /// Scores.
        pub contributors: Option<ReadinessContributors>,
    }

    /// `PublicReadinessContributors`.
    #[derive(Clone, Copy)]
    #[expect(missing_docs, reason = "scores from 0 to 100 under Oura's own names")]
    pub struct ReadinessContributors {
        pub activity_balance: Option<Number>,
        pub body_temperature: Option<Number>,
        pub hrv_balance: Option<Number>,
        pub previous_day_activity: Option<Number>,
        pub previous_night: Option<Number>,
        pub recovery_index: Option<Number>,
        pub resting_heart_rate: Option<Number>,
        pub sleep_balance: Option<Number>,
        /// Since OpenAPI 1.28.
        pub sleep_regularity: Option<Number>,
    }

    /// `PublicDailySleep`: the scores of a day's sleep. Durations are in [`super::Sleep`].
    #[derive(Clone)]
    pub struct DailySleep {
        /// Oura's id; the oldest documents have none.
        pub id: Option<DocumentId>,
        /// Oura's local day.
        pub day: Day,
        /// 1 to 100.
        pub score: Option<Number>,
        /// Scores.
        pub contributors: Option<SleepContributors>,
    }

    /// `PublicSleepContributors`.
    #[derive(Clone, Copy)]
    #[expect(missing_docs, reason = "scores from 0 to 100 under Oura's own names")]
    pub struct SleepContributors {
        pub deep_sleep: Option<Number>,
        pub efficiency: Option<Number>,
        pub latency: Option<Number>,
        pub rem_sleep: Option<Number>,
        pub restfulness: Option<Number>,
        pub timing: Option<Number>,
        pub total_sleep: Option<Number>,
    }

    /// `PublicDailySpO2`.
    #[derive(Clone)]
    pub struct DailySpo2 {
        /// Oura's id; the oldest documents have none.
        pub id: Option<DocumentId>,
        /// Oura's local day.
        pub day: Day,
        /// Blood oxygen.
        pub spo2_percentage: Option<Spo2Percentage>,
        /// Index of breathing disturbances; absent before 2024.
        pub breathing_disturbance_index: Option<Number>,
    }

    /// `PublicSpo2AggregatedValues`.
    #[derive(Clone, Copy)]
    pub struct Spo2Percentage {
        /// Percent; `0.0` means that nothing was measured.
        pub average: Option<Number>,
    }

    /// `PublicDailyStress`.
    #[derive(Clone)]
    pub struct DailyStress {
        /// Oura's id; the oldest documents have none.
        pub id: Option<DocumentId>,
        /// Oura's local day.
        pub day: Day,
        /// Seconds of high stress (multiples of 900; Oura's prose says minutes).
        pub stress_high: Option<Number>,
        /// Seconds of high recovery.
        pub recovery_high: Option<Number>,
        /// `restored`, `normal`, `stressful`, ...
        pub day_summary: Option<String>,
    }

    /// `DailyResilienceModel`.
    #[derive(Clone)]
    pub struct DailyResilience {
        /// Oura's id; the oldest documents have none.
        pub id: Option<DocumentId>,
        /// Oura's local day.
        pub day: Day,
        /// `limited`, `adequate`, `solid`, `strong`, `exceptional`, ...
        pub level: Option<String>,
        /// Scores.
        pub contributors: Option<ResilienceContributors>,
    }

    /// `ResilienceContributors`.
    #[derive(Clone, Copy)]
    #[expect(missing_docs, reason = "scores from 0 to 100 under Oura's own names")]
    pub struct ResilienceContributors {
        pub sleep_recovery: Option<Number>,
        pub daytime_recovery: Option<Number>,
        pub stress: Option<Number>,
    }

    /// `PublicDailyCardiovascularAge`.
    #[derive(Clone)]
    pub struct DailyCardiovascularAge {
        /// Oura's id; documents of 2024 have none.
        pub id: Option<DocumentId>,
        /// Oura's local day.
        pub day: Day,
        /// Years.
        pub vascular_age: Option<Number>,
        /// Metres per second; since OpenAPI 1.34.
        pub pulse_wave_velocity: Option<Number>,
    }

    /// `PublicVO2Max`.
    #[derive(Clone)]
    pub struct Vo2Max {
        /// Oura's id; the oldest documents have none.
        pub id: Option<DocumentId>,
        /// Oura's local day.
        pub day: Day,
        /// Millilitres of oxygen per kilogram and minute.
        pub vo2_max: Option<Number>,
    }

    /// `PublicSleepTime`: advice on when to go to bed.
    #[derive(Clone)]
    pub struct SleepTime {
        /// Oura's id; the oldest documents have none.
        pub id: Option<DocumentId>,
        /// Oura's local day.
        pub day: Day,
        /// The best time to go to bed.
        pub optimal_bedtime: Option<SleepTimeWindow>,
        /// `earlier_bedtime`, `follow_optimal_bedtime`, ...
        pub recommendation: Option<String>,
        /// `not_enough_nights`, `optimal_found`, ...
        pub status: Option<String>,
    }

    /// `PublicSleepTimeWindow`: seconds from the midnight that begins the day.
    #[derive(Clone, Copy)]
    pub struct SleepTimeWindow {
        /// Offset of the patient's zone from UTC in seconds.
        pub day_tz: Option<Number>,
        /// Seconds from midnight to the window's start; negative before midnight.
        pub start_offset: Option<Number>,
        /// Seconds from midnight to the window's end.
        pub end_offset: Option<Number>,
    }
}

dated_documents! {
    DailyActivity.day,
    DailyCardiovascularAge.day,
    DailyReadiness.day,
    DailyResilience.day,
    DailySleep.day,
    DailySpo2.day,
    DailyStress.day,
    SleepTime.day,
    Vo2Max.day,
}
