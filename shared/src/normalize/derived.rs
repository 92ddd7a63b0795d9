//! Metrics that follow from others of the same record, after those have been held within their bounds.

use crate::domain::metrics::{Activity, Series, SleepPeriodRecord};
use crate::domain::{Number, RecordMetrics};

/// Adds them.
pub(super) fn add_derived(metrics: &mut RecordMetrics) {
    match metrics {
        RecordMetrics::DailyActivity(record) => add_active_minutes(&mut record.activity),
        RecordMetrics::Sleep(record) => add_extremes(record),
        _ => {}
    }
}

/// Adds the minutes of any activity, only when all three intensities are known: a missing part is not zero.
fn add_active_minutes(activity: &mut Activity) {
    let active = [activity.high_activity_time, activity.medium_activity_time, activity.low_activity_time];
    let seconds = active.iter().map(|time| time.map(Number::get)).sum::<Option<f64>>();
    activity.active_minutes = seconds.map(|seconds| Number::rounded(seconds / 60.0));
}

/// Adds the greatest and the least of the heart rate variability's readings.
fn add_extremes(record: &mut SleepPeriodRecord) {
    record.max_hrv = extreme(record.hrv.as_ref(), f64::max);
    record.min_hrv = extreme(record.hrv.as_ref(), f64::min);
}

fn extreme(series: Option<&Series>, of: fn(f64, f64) -> f64) -> Option<Number> {
    series?.items.iter().flatten().copied().map(Number::get).reduce(of).map(Number::from)
}
