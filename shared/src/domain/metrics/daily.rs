//! Metric types with a few fields each, of which Oura gives one document a day.

use super::bounds::Bounds;
use super::facts::{Facts, INDEX, Loinc, METRES_PER_SECOND, OXYGEN_UPTAKE, PERCENT, SCORE, SECONDS, YEARS, metrics};
use crate::domain::{DataType, Number};

metrics! {
    /// Blood oxygen.
    struct Spo2 {
        /// Blood oxygen saturation in sleep, average.
        average: Option<Number> = Facts::number(DataType::DailySpo2, "spo2_percentage.average", PERCENT)
            .within(Bounds::between(1, 100).none_at(&[0]))
            .with_baselines()
            // FHIR's profile wants the first; the second says how it was measured.
            .loinc(&[
                Loinc { code: "2708-6", display: "Oxygen saturation in Arterial blood" },
                Loinc { code: "59408-5", display: "Oxygen saturation in Arterial blood by Pulse oximetry" },
            ]),
        /// Oura's index of disturbed breathing in sleep.
        breathing_disturbance_index: Option<Number> =
            Facts::number(DataType::DailySpo2, "breathing_disturbance_index", INDEX),
    }

    /// Daytime stress and recovery.
    struct Stress {
        /// Time of high stress.
        stress_high: Option<Number> =
            Facts::number(DataType::DailyStress, "stress_high", SECONDS).with_baselines(),
        /// Time of high recovery.
        recovery_high: Option<Number> =
            Facts::number(DataType::DailyStress, "recovery_high", SECONDS).with_baselines(),
        /// The day in a word: `restored`, `normal`, `stressful` or a newer one.
        day_summary: Option<String> = Facts::word(DataType::DailyStress, "day_summary"),
    }

    /// Oura's scores, 0 to 100.
    struct ResilienceContributors {
        /// Recovery by sleep.
        sleep_recovery: Option<Number> = Facts::measured_in(SCORE),
        /// Recovery by day.
        daytime_recovery: Option<Number> = Facts::measured_in(SCORE),
        /// Stress.
        stress: Option<Number> = Facts::measured_in(SCORE),
    }

    /// Long-term resilience.
    struct Resilience {
        /// Resilience over the last weeks, from `limited` to `exceptional`.
        level: Option<String> = Facts::word(DataType::DailyResilience, "level"),
        /// Scores that it is made of.
        contributors: ResilienceContributors,
    }

    /// Cardiovascular age.
    struct CardiovascularAge {
        /// Estimated age of the blood vessels.
        vascular_age: Option<Number> = Facts::number(DataType::DailyCardiovascularAge, "vascular_age", YEARS),
        /// Estimated speed of the pulse wave.
        pulse_wave_velocity: Option<Number> =
            Facts::number(DataType::DailyCardiovascularAge, "pulse_wave_velocity", METRES_PER_SECOND),
    }

    /// Cardiorespiratory fitness.
    struct Vo2Max {
        /// Estimated greatest oxygen uptake.
        vo2_max: Option<Number> = Facts::number(DataType::Vo2Max, "vo2_max", OXYGEN_UPTAKE),
    }

    /// The best time to go to bed.
    struct OptimalBedtime {
        /// The patient's offset from UTC.
        day_tz: Option<Number> = Facts::measured_in(SECONDS).within(BEFORE_OR_AFTER),
        /// Time from the midnight that begins the day to the window's start; negative before it.
        start_offset: Option<Number> = Facts::measured_in(SECONDS).within(BEFORE_OR_AFTER),
        /// The same to the window's end.
        end_offset: Option<Number> = Facts::measured_in(SECONDS).within(BEFORE_OR_AFTER),
    }

    /// Advice on when to go to bed.
    struct SleepTime {
        /// Oura's knowledge of a best time to go to bed: `not_enough_nights`, `optimal_found` or a newer word.
        status: Option<String> = Facts::word(DataType::SleepTime, "status"),
        /// Oura's advice on when to go to bed.
        recommendation: Option<String> = Facts::word(DataType::SleepTime, "recommendation"),
        /// The best time to go to bed, once Oura knows it.
        optimal_bedtime: Option<OptimalBedtime>,
    }
}

/// Seconds before or after a midnight, up to two days.
const BEFORE_OR_AFTER: Bounds = Bounds::between(-172_800, 172_800);
