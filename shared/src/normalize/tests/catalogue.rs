//! The catalogue of metrics against what a day of full documents gives.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::domain::{CATALOGUE, Metric};

/// A document of every data type in which no field is empty.
fn full_day() -> Vec<Record> {
    let at = "2031-05-05T12:00:00+02:00";
    let series = json!({"interval": 300.0, "items": [40.0, 71.0], "timestamp": at});
    let scores = |names: &str| -> Value { names.split(' ').map(|name| (name.to_owned(), json!(80))).collect() };
    let mut night =
        sleep("night", "long_sleep", json!(25200), "2031-05-05T00:10:00+02:00", "2031-05-05T08:20:00+02:00");
    night["ring_id"] = json!("ring");
    let mut activity = scores(
        "score active_calories total_calories steps equivalent_walking_distance inactivity_alerts high_activity_time \
         medium_activity_time low_activity_time sedentary_time resting_time non_wear_time average_met_minutes \
         high_activity_met_minutes medium_activity_met_minutes low_activity_met_minutes sedentary_met_minutes \
         target_calories target_meters meters_to_target",
    );
    activity["day"] = json!("2031-05-05");
    activity["contributors"] =
        scores("meet_daily_targets move_every_hour recovery_time stay_active training_frequency training_volume");
    let readiness = scores(
        "activity_balance body_temperature hrv_balance previous_day_activity previous_night recovery_index \
         resting_heart_rate sleep_balance sleep_regularity",
    );
    let sleep = scores("deep_sleep efficiency latency rem_sleep restfulness timing total_sleep");
    let day = "2031-05-05";
    [
        (DataType::Sleep, night),
        (DataType::DailyActivity, activity),
        (
            DataType::DailyReadiness,
            json!({"day": day, "score": 83, "temperature_deviation": -0.12, "temperature_trend_deviation": 0.2,
                "contributors": readiness}),
        ),
        (DataType::DailySleep, json!({"day": day, "score": 79, "contributors": sleep})),
        (
            DataType::DailySpo2,
            json!({"day": day, "spo2_percentage": {"average": 96.5}, "breathing_disturbance_index": 4}),
        ),
        (
            DataType::DailyStress,
            json!({"day": day, "stress_high": 2700, "recovery_high": 900, "day_summary": "normal"}),
        ),
        (
            DataType::DailyResilience,
            json!({"day": day, "level": "solid", "contributors": scores("sleep_recovery daytime_recovery stress")}),
        ),
        (DataType::DailyCardiovascularAge, json!({"day": day, "vascular_age": 41, "pulse_wave_velocity": 7.1})),
        (DataType::Vo2Max, json!({"day": day, "vo2_max": 42.5})),
        (DataType::HeartRate, beat(at, "awake", 72)),
        (
            DataType::Workout,
            json!({"day": day, "activity": "running", "label": "Run", "calories": 180.5, "distance": 5200.5,
                "intensity": "hard", "source": "manual", "start_datetime": at,
                "end_datetime": "2031-05-05T12:30:00+02:00"}),
        ),
        (
            DataType::Session,
            json!({"day": day, "type": "breathing", "mood": "good", "start_datetime": at,
                "end_datetime": "2031-05-05T12:05:00+02:00", "heart_rate": series, "heart_rate_variability": series,
                "motion_count": series}),
        ),
        (DataType::EnhancedTag, json!({"start_day": day, "start_time": at, "tag_type_code": "tag_generic_coffee"})),
        (
            DataType::SleepTime,
            json!({"day": day, "recommendation": "earlier_bedtime", "status": "optimal_found",
                "optimal_bedtime": {"day_tz": 7200, "start_offset": -3600, "end_offset": 1800}}),
        ),
        (DataType::RestModePeriod, json!({"start_day": day, "start_time": at, "end_day": day, "end_time": at})),
        (DataType::RingBatteryLevel, json!({"timestamp": at, "level": 95, "charging": true, "in_charger": true})),
    ]
    .into_iter()
    .map(|(data_type, document)| one(data_type, document))
    .collect()
}

#[test]
fn catalogue_holds_every_scalar_field_of_a_full_day_and_no_other() {
    let stats = stats("2031-05-05", &full_day());
    let mut scalars = BTreeSet::new();
    for (data_type, fields) in &stats {
        for (field, value) in fields.as_object().unwrap() {
            assert!(!value.is_null(), "{data_type}.{field} is empty: nothing shows whether it is a scalar");
            if !value.is_object() && !value.is_array() {
                scalars.insert(format!("{data_type}.{field}"));
            }
        }
    }
    let catalogue: BTreeSet<_> = CATALOGUE.iter().map(Metric::name).collect();
    assert_eq!(catalogue, scalars);
}

#[test]
fn metric_has_a_unit_if_it_is_a_number() {
    let stats = stats("2031-05-05", &full_day());
    for metric in CATALOGUE.iter() {
        let value = &stats[&metric.metric_type][metric.field.name];
        assert_eq!(metric.field.unit.is_some(), value.is_number(), "{}: {value}", metric.name());
    }
}
