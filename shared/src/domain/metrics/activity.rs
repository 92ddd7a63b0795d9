//! Activity.

use super::bounds::Bounds;
use super::facts::{
    COUNT, DAY_SCORE, Facts, KILOCALORIES, Loinc, MET_MINUTES, METRES, METS, MINUTES, SCORE, SECONDS, STEPS, Unit,
    metrics,
};
use super::series::Series;
use crate::domain::{DataType, Moment, Number};

metrics! {
    /// Activity of a day, from 04:00 to 04:00 local time.
    struct Activity {
        /// Activity of the day, in balance with rest.
        score: Option<Number> = score("score").within(DAY_SCORE).with_baselines(),
        /// Energy burned by activity.
        active_calories: Option<Number> = measured("active_calories", KILOCALORIES).with_baselines(),
        /// Energy burned in all.
        total_calories: Option<Number> = measured("total_calories", KILOCALORIES),
        /// Steps.
        steps: Option<Number> = measured("steps", STEPS).with_baselines()
            .loinc(&[Loinc { code: "41950-7", display: "Number of steps in 24 hour Measured" }]),
        /// Walking distance for the energy that activity burned; an estimate.
        equivalent_walking_distance: Option<Number> = measured("equivalent_walking_distance", METRES),
        /// Number of the app's reminders after a long rest.
        inactivity_alerts: Option<Number> = measured("inactivity_alerts", COUNT),
        /// Contribution of goals that were met.
        meet_daily_targets: Option<Number> = score("contributors.meet_daily_targets"),
        /// Contribution of moving every hour.
        move_every_hour: Option<Number> = score("contributors.move_every_hour"),
        /// Contribution of recovery between trainings.
        recovery_time: Option<Number> = score("contributors.recovery_time"),
        /// Contribution of little time without activity.
        stay_active: Option<Number> = score("contributors.stay_active"),
        /// Contribution of the number of trainings.
        training_frequency: Option<Number> = score("contributors.training_frequency"),
        /// Contribution of the amount of training.
        training_volume: Option<Number> = score("contributors.training_volume"),
        /// Time of activity of any intensity: the sum of three of Oura's fields; null unless all three are known.
        active_minutes: Option<Number> =
            measured("high_activity_time, medium_activity_time and low_activity_time", MINUTES),
        /// Time of high activity.
        high_activity_time: Option<Number> = measured("high_activity_time", SECONDS),
        /// Time of medium activity.
        medium_activity_time: Option<Number> = measured("medium_activity_time", SECONDS),
        /// Time of low activity.
        low_activity_time: Option<Number> = measured("low_activity_time", SECONDS),
        /// Sedentary time.
        sedentary_time: Option<Number> = measured("sedentary_time", SECONDS),
        /// Time of rest, sleep included.
        resting_time: Option<Number> = measured("resting_time", SECONDS),
        /// Time without the ring.
        non_wear_time: Option<Number> = measured("non_wear_time", SECONDS),
        /// Metabolic equivalents, average of the day.
        average_met_minutes: Option<Number> = measured("average_met_minutes", METS),
        /// Metabolic equivalents of high activity, times minutes.
        high_activity_met_minutes: Option<Number> = measured("high_activity_met_minutes", MET_MINUTES),
        /// Metabolic equivalents of medium activity, times minutes.
        medium_activity_met_minutes: Option<Number> = measured("medium_activity_met_minutes", MET_MINUTES),
        /// Metabolic equivalents of low activity, times minutes.
        low_activity_met_minutes: Option<Number> = measured("low_activity_met_minutes", MET_MINUTES),
        /// Metabolic equivalents of sitting, times minutes.
        sedentary_met_minutes: Option<Number> = measured("sedentary_met_minutes", MET_MINUTES),
        /// The day's goal for energy burned by activity.
        target_calories: Option<Number> = measured("target_calories", KILOCALORIES).no_observation(),
        /// The day's goal as a walking distance.
        target_meters: Option<Number> = measured("target_meters", METRES).no_observation(),
        /// Remaining part of that distance; negative beyond the goal.
        meters_to_target: Option<Number> = measured("meters_to_target", METRES)
            .within(Bounds::between(-1_000_000, 1_000_000))
            .no_observation(),
    }

    /// Activity of a day with its course, from 04:00 to 04:00 local time.
    struct ActivityRecord {
        ..activity: Activity,
        /// Start of the activity day.
        day_start: Option<Moment>,
        /// Class of activity, one digit per 5 min: 0 not worn, 1 rest, 2 inactive, 3 low, 4 medium, 5 high.
        class_5_min: Option<String>,
        /// Metabolic equivalents over the day.
        met: Option<Series> = Facts::measured_in(METS),
    }
}

const fn measured(field: &'static str, unit: Unit) -> Facts {
    Facts::number(DataType::DailyActivity, field, unit)
}

const fn score(field: &'static str) -> Facts {
    measured(field, SCORE)
}
