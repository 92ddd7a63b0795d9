//! Documents of which there is one a day.

use serde_json::{Value, json};

use super::{Make, series_value};
use crate::domain::{MetricType, Record, rounded};
use crate::oura::model::{
    DailyActivity, DailyCardiovascularAge, DailyReadiness, DailyResilience, DailySleep, DailySpo2, DailyStress, Number,
    ReadinessContributors, SleepTime, Vo2Max,
};

pub(super) fn activity(make: &Make<'_>, document: &DailyActivity) -> Record {
    let scores = document.contributors.as_ref();
    let active = [document.high_activity_time, document.medium_activity_time, document.low_activity_time];
    // Only when all three are known: a missing part is not zero.
    let active_minutes =
        active.iter().map(|time| time.map(Number::get)).sum::<Option<f64>>().map(|s| rounded(s / 60.0));
    let metrics = json!({
        "dayStart": document.timestamp,
        "score": document.score,
        "activeCalories": document.active_calories,
        "totalCalories": document.total_calories,
        "steps": document.steps,
        "equivalentWalkingDistance": document.equivalent_walking_distance,
        "inactivityAlerts": document.inactivity_alerts,
        "meetDailyTargets": scores.map(|of| of.meet_daily_targets),
        "moveEveryHour": scores.map(|of| of.move_every_hour),
        "recoveryTime": scores.map(|of| of.recovery_time),
        "stayActive": scores.map(|of| of.stay_active),
        "trainingFrequency": scores.map(|of| of.training_frequency),
        "trainingVolume": scores.map(|of| of.training_volume),
        "activeMinutes": active_minutes,
        "highActivityTime": document.high_activity_time,
        "mediumActivityTime": document.medium_activity_time,
        "lowActivityTime": document.low_activity_time,
        "sedentaryTime": document.sedentary_time,
        "restingTime": document.resting_time,
        "nonWearTime": document.non_wear_time,
        "averageMetMinutes": document.average_met_minutes,
        "highActivityMetMinutes": document.high_activity_met_minutes,
        "mediumActivityMetMinutes": document.medium_activity_met_minutes,
        "lowActivityMetMinutes": document.low_activity_met_minutes,
        "sedentaryMetMinutes": document.sedentary_met_minutes,
        "targetCalories": document.target_calories,
        "targetMeters": document.target_meters,
        "metersToTarget": document.meters_to_target,
        "class5Min": document.class_5_min,
        "met": series_value(document.met.as_ref()),
    });
    make.record(MetricType::Activity, document.id.as_ref(), (document.day, None), metrics)
}

pub(super) fn readiness(make: &Make<'_>, document: &DailyReadiness) -> Record {
    let metrics = readiness_metrics(
        document.score,
        document.temperature_deviation,
        document.temperature_trend_deviation,
        document.contributors.as_ref(),
    );
    make.record(MetricType::Readiness, document.id.as_ref(), (document.day, None), metrics)
}

/// The metrics of a readiness, whether it is a document of its own or lies in a sleep period.
pub(super) fn readiness_metrics(
    score: Option<Number>,
    temperature_deviation: Option<Number>,
    temperature_trend_deviation: Option<Number>,
    scores: Option<&ReadinessContributors>,
) -> Value {
    let mut metrics = json!({
        "activityBalance": scores.map(|of| of.activity_balance),
        "bodyTemperature": scores.map(|of| of.body_temperature),
        "hrvBalance": scores.map(|of| of.hrv_balance),
        "previousDayActivity": scores.map(|of| of.previous_day_activity),
        "previousNight": scores.map(|of| of.previous_night),
        "recoveryIndex": scores.map(|of| of.recovery_index),
        "restingHeartRate": scores.map(|of| of.resting_heart_rate),
        "sleepBalance": scores.map(|of| of.sleep_balance),
        "sleepRegularity": scores.map(|of| of.sleep_regularity),
    });
    metrics["contributors"] = metrics.clone();
    metrics["score"] = json!(score);
    metrics["temperatureDeviation"] = json!(temperature_deviation);
    metrics["temperatureTrendDeviation"] = json!(temperature_trend_deviation);
    metrics
}

pub(super) fn sleep_scores(make: &Make<'_>, document: &DailySleep) -> Record {
    let scores = document.contributors.as_ref();
    let metrics = json!({
        "score": document.score,
        "contributors": {
            "deepSleep": scores.map(|of| of.deep_sleep),
            "efficiency": scores.map(|of| of.efficiency),
            "latency": scores.map(|of| of.latency),
            "remSleep": scores.map(|of| of.rem_sleep),
            "restfulness": scores.map(|of| of.restfulness),
            "timing": scores.map(|of| of.timing),
            "totalSleep": scores.map(|of| of.total_sleep),
        },
    });
    make.record(MetricType::Sleep, document.id.as_ref(), (document.day, None), metrics)
}

pub(super) fn spo2(make: &Make<'_>, document: &DailySpo2) -> Record {
    // Oura writes an average of 0.0 where it measured nothing.
    let average = document.spo2_percentage.and_then(|of| of.average).filter(|average| average.get() > 0.0);
    let metrics = json!({"average": average, "breathingDisturbanceIndex": document.breathing_disturbance_index});
    make.record(MetricType::Spo2, document.id.as_ref(), (document.day, None), metrics)
}

pub(super) fn stress(make: &Make<'_>, document: &DailyStress) -> Record {
    let metrics = json!({
        "stressHigh": document.stress_high,
        "recoveryHigh": document.recovery_high,
        "daySummary": document.day_summary,
    });
    make.record(MetricType::Stress, document.id.as_ref(), (document.day, None), metrics)
}

pub(super) fn resilience(make: &Make<'_>, document: &DailyResilience) -> Record {
    let scores = document.contributors.as_ref();
    let metrics = json!({
        "level": document.level,
        "contributors": {
            "sleepRecovery": scores.map(|of| of.sleep_recovery),
            "daytimeRecovery": scores.map(|of| of.daytime_recovery),
            "stress": scores.map(|of| of.stress),
        },
    });
    make.record(MetricType::Resilience, document.id.as_ref(), (document.day, None), metrics)
}

pub(super) fn cardiovascular_age(make: &Make<'_>, document: &DailyCardiovascularAge) -> Record {
    let metrics = json!({"vascularAge": document.vascular_age, "pulseWaveVelocity": document.pulse_wave_velocity});
    make.record(MetricType::CardiovascularAge, document.id.as_ref(), (document.day, None), metrics)
}

pub(super) fn vo2_max(make: &Make<'_>, document: &Vo2Max) -> Record {
    make.record(MetricType::Vo2Max, document.id.as_ref(), (document.day, None), json!({"vo2Max": document.vo2_max}))
}

pub(super) fn sleep_time(make: &Make<'_>, document: &SleepTime) -> Record {
    let window = document.optimal_bedtime.map(
        |window| json!({"dayTz": window.day_tz, "startOffset": window.start_offset, "endOffset": window.end_offset}),
    );
    let metrics =
        json!({"status": document.status, "recommendation": document.recommendation, "optimalBedtime": window});
    make.record(MetricType::SleepTime, document.id.as_ref(), (document.day, None), metrics)
}
