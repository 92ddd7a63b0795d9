//! Keys of Oura's schemas, for tests.

use crate::collection::Collection;

/// The keys of each schema (Oura API v2, OpenAPI 1.43).
pub(super) fn schema(collection: Collection) -> &'static str {
    match collection {
        Collection::DailyActivity => {
            "id active_calories average_met_minutes class_5_min contributors day equivalent_walking_distance \
             high_activity_met_minutes high_activity_time inactivity_alerts low_activity_met_minutes low_activity_time \
             medium_activity_met_minutes medium_activity_time met meters_to_target non_wear_time resting_time score \
             sedentary_met_minutes sedentary_time steps target_calories target_meters timestamp total_calories"
        }
        Collection::DailyCardiovascularAge => "id day pulse_wave_velocity vascular_age",
        Collection::DailyReadiness => {
            "id contributors day score temperature_deviation temperature_trend_deviation timestamp"
        }
        Collection::DailyResilience => "id day contributors level",
        Collection::DailySleep => "id contributors day score timestamp",
        Collection::DailySpo2 => "id breathing_disturbance_index day spo2_percentage",
        Collection::DailyStress => "id day day_summary recovery_high stress_high",
        Collection::EnhancedTag => "id tag_type_code start_time end_time start_day end_day comment custom_name",
        Collection::HeartRate | Collection::RingBatteryLevel => "",
        Collection::RestModePeriod => "id end_day end_time episodes start_day start_time",
        Collection::RingConfiguration => "id color design firmware_version hardware_type set_up_at size",
        Collection::Session => {
            "id day end_datetime heart_rate heart_rate_variability mood motion_count start_datetime type"
        }
        Collection::Sleep => {
            "id average_breath average_heart_rate average_hrv awake_time bedtime_end bedtime_start day \
             deep_sleep_duration efficiency heart_rate hrv latency light_sleep_duration low_battery_alert \
             lowest_heart_rate movement_30_sec period readiness readiness_score_delta rem_sleep_duration \
             restless_periods sleep_algorithm_version sleep_analysis_reason sleep_phase_30_sec sleep_phase_5_min \
             sleep_score_delta time_in_bed total_sleep_duration type ring_id app_sleep_phase_5_min"
        }
        Collection::SleepTime => "id day optimal_bedtime recommendation status",
        Collection::Tag => "id day text timestamp tags",
        Collection::Vo2Max => "id day timestamp vo2_max",
        Collection::Workout => "id activity calories day distance end_datetime intensity label source start_datetime",
    }
}
