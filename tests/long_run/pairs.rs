//! Pairs of fields that must be equal: Oura's, by JSON pointer, and those of a record. Written without regard to the code that
//! turns one into the other.

use serde_json::Value;

/// The pairs of a data type.
pub(crate) fn of_record(data_type: &str) -> &'static [(&'static str, &'static str)] {
    match data_type {
        "daily_activity" => &[
            ("/score", "/score"),
            ("/steps", "/steps"),
            ("/active_calories", "/activeCalories"),
            ("/non_wear_time", "/nonWearTime"),
            ("/contributors/stay_active", "/stayActive"),
            ("/meters_to_target", "/metersToTarget"),
            ("/class_5_min", "/class5Min"),
        ],
        "daily_cardiovascular_age" => &[("/vascular_age", "/vascularAge")],
        "daily_readiness" => &[
            ("/score", "/score"),
            ("/temperature_deviation", "/temperatureDeviation"),
            ("/contributors/hrv_balance", "/contributors/hrvBalance"),
        ],
        "daily_resilience" => &[("/level", "/level"), ("/contributors/stress", "/contributors/stress")],
        "daily_sleep" => &[("/score", "/score"), ("/contributors/deep_sleep", "/contributors/deepSleep")],
        "daily_spo2" => &[("/breathing_disturbance_index", "/breathingDisturbanceIndex")],
        "daily_stress" => {
            &[("/stress_high", "/stressHigh"), ("/recovery_high", "/recoveryHigh"), ("/day_summary", "/daySummary")]
        }
        "enhanced_tag" => &[("/start_time", "/start"), ("/end_time", "/end"), ("/tag_type_code", "/codes/0")],
        "rest_mode_period" => {
            &[("/start_day", "/startDay"), ("/end_day", "/endDay"), ("/start_time", "/start"), ("/end_time", "/end")]
        }
        "session" => {
            &[("/type", "/type"), ("/start_datetime", "/start"), ("/end_datetime", "/end"), ("/mood", "/mood")]
        }
        "sleep" => &[
            ("/type", "/type"),
            ("/total_sleep_duration", "/totalSleep"),
            ("/time_in_bed", "/timeInBed"),
            ("/latency", "/latency"),
            ("/bedtime_start", "/bedtimeStart"),
            ("/bedtime_end", "/bedtimeEnd"),
            ("/average_hrv", "/averageHrv"),
            ("/sleep_phase_5_min", "/sleepPhase5Min"),
        ],
        "sleep_time" => &[("/status", "/status"), ("/recommendation", "/recommendation")],
        "tag" => &[("/timestamp", "/start")],
        "vo2_max" => &[("/vo2_max", "/vo2Max")],
        "workout" => &[
            ("/activity", "/type"),
            ("/calories", "/calories"),
            ("/distance", "/distance"),
            ("/start_datetime", "/start"),
            ("/end_datetime", "/end"),
        ],
        _ => &[],
    }
}

/// The pairs of a data type of which a day has one document, and of the day's metrics.
pub(crate) fn of_day(data_type: &str) -> &'static [(&'static str, &'static str)] {
    match data_type {
        "daily_activity" => &[("/score", "/activity/score"), ("/steps", "/activity/steps")],
        "daily_cardiovascular_age" => &[("/vascular_age", "/cardiovascularAge/vascularAge")],
        "daily_readiness" => {
            &[("/score", "/readiness/score"), ("/temperature_deviation", "/readiness/temperatureDeviation")]
        }
        "daily_resilience" => &[("/level", "/resilience/level")],
        "daily_sleep" => &[("/score", "/sleep/score"), ("/contributors/rem_sleep", "/sleep/contributors/remSleep")],
        "daily_spo2" => &[("/breathing_disturbance_index", "/spo2/breathingDisturbanceIndex")],
        "daily_stress" => &[("/stress_high", "/stress/stressHigh"), ("/day_summary", "/stress/daySummary")],
        "sleep_time" => &[("/status", "/sleepTime/status")],
        "vo2_max" => &[("/vo2_max", "/vo2Max/vo2Max")],
        _ => &[],
    }
}

/// Types of which a day counts the documents, and the pointer to the count.
pub(crate) const COUNTED: [(&str, &str); 2] = [("workout", "/workout/count"), ("session", "/session/count")];

/// The value that a pointer finds. An activity score of 0 is rest mode's, and means that there is none.
pub(crate) fn value<'d>(data_type: &str, document: &'d Value, pointer: &str) -> Option<&'d Value> {
    let value = document.pointer(pointer);
    value.filter(|value| !(data_type == "daily_activity" && pointer == "/score" && **value == 0))
}

/// True if both are the same number, text or nothing. Absent is null.
pub(crate) fn are_equal(one: Option<&Value>, other: Option<&Value>) -> bool {
    let (one, other) = (one.unwrap_or(&Value::Null), other.unwrap_or(&Value::Null));
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => (one - other).abs() < 1e-6,
        _ => one == other,
    }
}
