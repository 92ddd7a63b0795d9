//! Readiness.

use serde::{Deserialize, Serialize};

use super::bounds::unbounded;
use super::facts::{CELSIUS, DAY_SCORE, Facts, SCORE, Unit, metrics, words};
use crate::domain::{DataType, Number};

metrics! {
    /// Oura's scores, 0 to 100; no measurements.
    struct ReadinessContributors {
        /// Contribution of the activity of the last days.
        activity_balance: Option<Number> = score("contributors.activity_balance"),
        /// Contribution of the body's temperature; no temperature itself.
        body_temperature: Option<Number> = score("contributors.body_temperature"),
        /// Contribution of heart rate variability.
        hrv_balance: Option<Number> = score("contributors.hrv_balance"),
        /// Contribution of yesterday's activity.
        previous_day_activity: Option<Number> = score("contributors.previous_day_activity"),
        /// Contribution of the last night.
        previous_night: Option<Number> = score("contributors.previous_night"),
        /// Contribution of how early in the night the heart rate came down.
        recovery_index: Option<Number> = score("contributors.recovery_index"),
        /// Contribution of the resting heart rate; no heart rate itself.
        resting_heart_rate: Option<Number> = score("contributors.resting_heart_rate"),
        /// Contribution of the sleep of the last two weeks.
        sleep_balance: Option<Number> = score("contributors.sleep_balance"),
        /// Contribution of how regular the times of sleep are.
        sleep_regularity: Option<Number> = score("contributors.sleep_regularity"),
    }

    /// A readiness, of a document of its own or of a sleep period.
    struct ReadinessMeasured {
        ..scores: ReadinessContributors,
        /// Readiness of the body for the day.
        score: Option<Number> = score("score").within(DAY_SCORE).with_baselines(),
        /// Deviation of the body's temperature in the night from what is usual.
        temperature_deviation: Option<Number> = of_document("temperature_deviation", CELSIUS).with_baselines(),
        /// The same over the last three days.
        temperature_trend_deviation: Option<Number> = of_document("temperature_trend_deviation", CELSIUS),
        /// The contributors once more, under one key.
        contributors: ReadinessContributors,
    }

    /// Readiness of a day. A day without a readiness document has the readiness of its main sleep.
    struct Readiness {
        ..measured: ReadinessMeasured,
        /// Data type of the document: `daily_readiness` or `sleep`.
        from: ReadinessSource = Facts::word(DataType::DailyReadiness, "score"),
    }
}

/// Data type of the document that a day's readiness comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(missing_docs, reason = "the names are Oura's own")]
pub enum ReadinessSource {
    #[default]
    DailyReadiness,
    Sleep,
}

words!(ReadinessSource);
unbounded!(ReadinessSource);

const fn of_document(field: &'static str, unit: Unit) -> Facts {
    Facts::number(DataType::DailyReadiness, field, unit)
}

const fn score(field: &'static str) -> Facts {
    of_document(field, SCORE)
}
