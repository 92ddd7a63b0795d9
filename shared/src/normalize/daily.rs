//! Documents of which there is one a day.

use super::{OnePerDocument, series};
use crate::domain::metrics::{
    Activity, ActivityRecord, CardiovascularAge, OptimalBedtime, ReadinessContributors, ReadinessMeasured, Resilience,
    ResilienceContributors, SleepContributors, SleepScoresRecord, SleepTime, Spo2, Stress, Vo2Max,
};
use crate::domain::{Number, RecordMetrics};
use crate::oura::model;

impl OnePerDocument for model::DailyActivity {
    fn metrics(&self) -> RecordMetrics {
        let scores = self.contributors.as_ref();
        let activity = Activity {
            score: self.score,
            active_calories: self.active_calories,
            total_calories: self.total_calories,
            steps: self.steps,
            equivalent_walking_distance: self.equivalent_walking_distance,
            inactivity_alerts: self.inactivity_alerts,
            meet_daily_targets: scores.and_then(|of| of.meet_daily_targets),
            move_every_hour: scores.and_then(|of| of.move_every_hour),
            recovery_time: scores.and_then(|of| of.recovery_time),
            stay_active: scores.and_then(|of| of.stay_active),
            training_frequency: scores.and_then(|of| of.training_frequency),
            training_volume: scores.and_then(|of| of.training_volume),
            active_minutes: None,
            high_activity_time: self.high_activity_time,
            medium_activity_time: self.medium_activity_time,
            low_activity_time: self.low_activity_time,
            sedentary_time: self.sedentary_time,
            resting_time: self.resting_time,
            non_wear_time: self.non_wear_time,
            average_met_minutes: self.average_met_minutes,
            high_activity_met_minutes: self.high_activity_met_minutes,
            medium_activity_met_minutes: self.medium_activity_met_minutes,
            low_activity_met_minutes: self.low_activity_met_minutes,
            sedentary_met_minutes: self.sedentary_met_minutes,
            target_calories: self.target_calories,
            target_meters: self.target_meters,
            meters_to_target: self.meters_to_target,
        };
        RecordMetrics::DailyActivity(Box::new(ActivityRecord {
            activity,
            day_start: self.timestamp.clone(),
            class_5_min: self.class_5_min.clone(),
            met: series(self.met.as_ref()),
        }))
    }
}

impl OnePerDocument for model::DailyReadiness {
    fn metrics(&self) -> RecordMetrics {
        RecordMetrics::DailyReadiness(Box::new(readiness(
            self.score,
            self.temperature_deviation,
            self.temperature_trend_deviation,
            self.contributors.as_ref(),
        )))
    }
}

/// The metrics of a readiness, of a document of its own or inside a sleep period.
pub(super) fn readiness(
    score: Option<Number>,
    temperature_deviation: Option<Number>,
    temperature_trend_deviation: Option<Number>,
    scores: Option<&model::ReadinessContributors>,
) -> ReadinessMeasured {
    let scores = ReadinessContributors {
        activity_balance: scores.and_then(|of| of.activity_balance),
        body_temperature: scores.and_then(|of| of.body_temperature),
        hrv_balance: scores.and_then(|of| of.hrv_balance),
        previous_day_activity: scores.and_then(|of| of.previous_day_activity),
        previous_night: scores.and_then(|of| of.previous_night),
        recovery_index: scores.and_then(|of| of.recovery_index),
        resting_heart_rate: scores.and_then(|of| of.resting_heart_rate),
        sleep_balance: scores.and_then(|of| of.sleep_balance),
        sleep_regularity: scores.and_then(|of| of.sleep_regularity),
    };
    ReadinessMeasured {
        scores: scores.clone(),
        score,
        temperature_deviation,
        temperature_trend_deviation,
        contributors: scores,
    }
}

impl OnePerDocument for model::DailySleep {
    fn metrics(&self) -> RecordMetrics {
        let scores = self.contributors.as_ref();
        let contributors = SleepContributors {
            deep_sleep: scores.and_then(|of| of.deep_sleep),
            efficiency: scores.and_then(|of| of.efficiency),
            latency: scores.and_then(|of| of.latency),
            rem_sleep: scores.and_then(|of| of.rem_sleep),
            restfulness: scores.and_then(|of| of.restfulness),
            timing: scores.and_then(|of| of.timing),
            total_sleep: scores.and_then(|of| of.total_sleep),
        };
        RecordMetrics::DailySleep(Box::new(SleepScoresRecord { score: self.score, contributors }))
    }
}

impl OnePerDocument for model::DailySpo2 {
    fn metrics(&self) -> RecordMetrics {
        let average = self.spo2_percentage.and_then(|of| of.average);
        let breathing_disturbance_index = self.breathing_disturbance_index;
        RecordMetrics::DailySpo2(Box::new(Spo2 { average, breathing_disturbance_index }))
    }
}

impl OnePerDocument for model::DailyStress {
    fn metrics(&self) -> RecordMetrics {
        RecordMetrics::DailyStress(Box::new(Stress {
            stress_high: self.stress_high,
            recovery_high: self.recovery_high,
            day_summary: self.day_summary.clone(),
        }))
    }
}

impl OnePerDocument for model::DailyResilience {
    fn metrics(&self) -> RecordMetrics {
        let scores = self.contributors.as_ref();
        let contributors = ResilienceContributors {
            sleep_recovery: scores.and_then(|of| of.sleep_recovery),
            daytime_recovery: scores.and_then(|of| of.daytime_recovery),
            stress: scores.and_then(|of| of.stress),
        };
        RecordMetrics::DailyResilience(Box::new(Resilience { level: self.level.clone(), contributors }))
    }
}

impl OnePerDocument for model::DailyCardiovascularAge {
    fn metrics(&self) -> RecordMetrics {
        RecordMetrics::DailyCardiovascularAge(Box::new(CardiovascularAge {
            vascular_age: self.vascular_age,
            pulse_wave_velocity: self.pulse_wave_velocity,
        }))
    }
}

impl OnePerDocument for model::Vo2Max {
    fn metrics(&self) -> RecordMetrics {
        RecordMetrics::Vo2Max(Box::new(Vo2Max { vo2_max: self.vo2_max }))
    }
}

impl OnePerDocument for model::SleepTime {
    fn metrics(&self) -> RecordMetrics {
        let optimal_bedtime = self.optimal_bedtime.map(|window| OptimalBedtime {
            day_tz: window.day_tz,
            start_offset: window.start_offset,
            end_offset: window.end_offset,
        });
        RecordMetrics::SleepTime(Box::new(SleepTime {
            status: self.status.clone(),
            recommendation: self.recommendation.clone(),
            optimal_bedtime,
        }))
    }
}
