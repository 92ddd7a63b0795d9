//! Documents that Oura makes of days on which the ring was not worn.

use super::{Activity, DayMetrics, Stress};
use crate::domain::{MetricType, Number};

/// Seconds without the ring from which on a day without a step was not worn: Oura says 24 hours of most such days, and less of
/// days on which the ring was only moved.
pub const UNWORN_SECONDS: f64 = 23.0 * 3600.0;

impl DayMetrics {
    /// True if metrics of this type only say that the ring was not worn. They are no part of what is usual for the patient.
    #[must_use]
    pub fn is_unworn(&self, metric_type: MetricType) -> bool {
        match metric_type {
            MetricType::Activity => self.activity.as_ref().is_some_and(Activity::is_unworn),
            MetricType::Stress => self.stress.as_ref().is_some_and(Stress::is_unworn),
            _ => false,
        }
    }
}

impl Activity {
    fn is_unworn(&self) -> bool {
        is_zero(self.steps) && self.non_wear_time.is_some_and(|unworn| unworn.get() >= UNWORN_SECONDS)
    }
}

impl Stress {
    fn is_unworn(&self) -> bool {
        is_zero(self.stress_high) && is_zero(self.recovery_high) && self.day_summary.is_none()
    }
}

fn is_zero(number: Option<Number>) -> bool {
    number.is_some_and(|number| number.get() == 0.0)
}
