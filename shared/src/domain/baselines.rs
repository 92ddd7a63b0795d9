//! Baselines of a patient: per metric, the values of the days before a day. Pure functions over stored days.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Day, DayMetrics, Metric, MetricType, Number};

/// Days of the longest window.
pub const LONGEST_WINDOW: i32 = 30;

/// Reliability of a baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub enum Confidence {
    /// Too few days had a value: there is no baseline yet.
    Calibrating,
    /// Some days are missing.
    Medium,
    /// Most days had a value.
    High,
}

/// The values of one field in the days before a day, in the field's own unit. Its `Debug` shows none of them.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Baseline {
    /// Their mean, rounded to two decimals; none while calibrating.
    pub mean: Option<f64>,
    /// The least of them; none while calibrating.
    pub minimum: Option<f64>,
    /// The greatest of them; none while calibrating.
    pub maximum: Option<f64>,
    /// Days of the window that have a value.
    pub count: u32,
    /// Reliability: `calibrating` below 3 of 7 or 10 of 30 days, `high` from 6 or 21 on.
    pub confidence: Confidence,
}

impl fmt::Debug for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Baseline({} days, {:?})", self.count, self.confidence)
    }
}

/// The two windows of one field. They end with the day before, so that a day can be compared with what is usual, and a
/// day that is still filling changes no baseline of its own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "BaselineWindows")]
pub struct Windows {
    /// The 7 days before.
    pub days7: Baseline,
    /// The 30 days before.
    pub days30: Baseline,
}

/// A day's baselines, by kind and field. A field without a value in any of the 30 days before is absent.
pub type Baselines = BTreeMap<MetricType, BTreeMap<String, Windows>>;

/// A day's baselines and the state of the days before that they were computed from.
#[derive(Debug, Clone, PartialEq)]
pub struct DayBaselines {
    /// The baselines.
    pub values: Baselines,
    /// The sum of the revisions of the days that they are computed from. Revisions only grow, so the greater sum is the
    /// newer state: a computation that comes late never replaces a newer one.
    pub basis: u64,
}

/// A stored day, as far as baselines are concerned.
#[derive(Clone, Copy)]
pub struct Before<'a> {
    /// The day's metrics.
    pub metrics: &'a DayMetrics,
    /// The day's revision.
    pub revision: u64,
}

/// The baselines of a day from the stored days around it; only those of the 30 days before count.
#[must_use]
pub fn baselines(day: Day, stored: &BTreeMap<Day, Before<'_>>) -> DayBaselines {
    let window: Vec<(Day, Before<'_>)> =
        stored.range(day.plus(-LONGEST_WINDOW)..day).map(|(day, before)| (*day, *before)).collect();
    let mut values: BTreeMap<(MetricType, &str), Vec<(Day, f64)>> = BTreeMap::new();
    for (of, before) in &window {
        before.metrics.each_value(|metric, value| {
            if let Some(number) = value.number().filter(|_| counts(before.metrics, metric)) {
                values.entry((metric.metric_type, metric.field.name)).or_default().push((*of, number.get()));
            }
        });
    }
    let mut all = Baselines::new();
    for ((metric_type, field), values) in values {
        let lately = values.iter().filter(|(of, _)| day.days_since(*of) <= 7).map(|(_, value)| *value);
        let windows =
            Windows { days7: baseline(lately, 3, 6), days30: baseline(values.iter().map(|(_, value)| *value), 10, 21) };
        all.entry(metric_type).or_default().insert(field.to_owned(), windows);
    }
    DayBaselines { values: all, basis: window.iter().map(|(_, before)| before.revision).sum() }
}

/// True if a value of the day is part of what is usual.
fn counts(day: &DayMetrics, metric: Metric) -> bool {
    metric.field.has_baselines && !day.is_unworn(metric.metric_type)
}

fn baseline(values: impl Iterator<Item = f64>, enough: u32, most: u32) -> Baseline {
    let (mut count, mut sum, mut minimum, mut maximum) = (0, 0.0, f64::INFINITY, f64::NEG_INFINITY);
    for value in values {
        count += 1;
        sum += value;
        minimum = f64::min(minimum, value);
        maximum = f64::max(maximum, value);
    }
    if count < enough {
        return Baseline { mean: None, minimum: None, maximum: None, count, confidence: Confidence::Calibrating };
    }
    Baseline {
        mean: Some(Number::rounded(sum / f64::from(count)).get()),
        minimum: Some(minimum),
        maximum: Some(maximum),
        count,
        confidence: if count < most { Confidence::Medium } else { Confidence::High },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn stats(steps: Option<u32>) -> DayMetrics {
        serde_json::from_value(json!({"activity": {"steps": steps, "score": null}})).unwrap()
    }

    fn of(values: &[(&str, Option<u32>)], of: &str) -> DayBaselines {
        let stored: Vec<_> = values.iter().map(|(at, steps)| (day(at), stats(*steps))).collect();
        let stored = stored.iter().map(|(at, metrics)| (*at, Before { metrics, revision: 2 })).collect();
        baselines(day(of), &stored)
    }

    #[test]
    fn baseline_is_of_the_days_before_and_needs_enough_of_them() {
        let two = [("2026-03-01", Some(1000)), ("2026-03-02", Some(3000)), ("2026-03-03", Some(9000))];
        let of_third = of(&two, "2026-03-03");
        assert_eq!(of_third.basis, 4, "the day itself does not count");
        let steps = of_third.values[&MetricType::Activity]["steps"];
        assert_eq!((steps.days7.mean, steps.days7.count), (None, 2));
        assert_eq!(steps.days7.confidence, Confidence::Calibrating);
        assert!(!of_third.values[&MetricType::Activity].contains_key("score"), "null is not zero");

        let steps = of(&two, "2026-03-04").values[&MetricType::Activity]["steps"];
        let expected = Baseline {
            mean: Some(4333.33),
            minimum: Some(1000.0),
            maximum: Some(9000.0),
            count: 3,
            confidence: Confidence::Medium,
        };
        assert_eq!(steps.days7, expected);
        assert_eq!((steps.days30.count, steps.days30.mean), (3, None), "thirty days want more");
    }

    #[test]
    fn confidence_grows_with_the_days_that_had_a_value() {
        use Confidence::{Calibrating, High, Medium};
        let of_last = |days: i32| {
            let values: Vec<String> = (1..=days).map(|back| day("2026-03-31").plus(-back).to_string()).collect();
            let values: Vec<_> = values.iter().map(|day| (day.as_str(), Some(1000))).collect();
            let windows = of(&values, "2026-03-31").values[&MetricType::Activity]["steps"];
            (windows.days7.confidence, windows.days30.confidence)
        };
        let by_days = [2, 3, 5, 6, 9, 10, 20, 21].map(of_last);
        assert_eq!(by_days.map(|(week, _)| week), [Calibrating, Medium, Medium, High, High, High, High, High]);
        assert_eq!(
            by_days.map(|(_, month)| month),
            [Calibrating, Calibrating, Calibrating, Calibrating, Calibrating, Medium, Medium, High]
        );
    }

    #[test]
    fn baseline_prints_no_measured_value() {
        let days = [("2026-03-01", Some(4711)), ("2026-03-02", Some(4711)), ("2026-03-03", Some(4711))];
        let of_next = of(&days, "2026-03-04");
        assert_eq!(of_next.values[&MetricType::Activity]["steps"].days7.mean, Some(4711.0));
        assert!(!format!("{of_next:?}").contains("4711"), "{of_next:?}");
    }

    #[test]
    fn unworn_day_is_no_part_of_a_baseline() {
        let worn = json!({"activity": {"steps": 9000, "nonWearTime": 3600, "score": 80},
            "stress": {"stressHigh": 1800, "recoveryHigh": 900, "daySummary": "normal"}});
        let mut unworn = json!({"activity": {"steps": 0, "nonWearTime": 86_400, "score": 50},
            "stress": {"stressHigh": 0, "recoveryHigh": 0, "daySummary": null}});
        let of_week = |unworn: &Value| {
            let days = (0..7).map(|back| {
                let metrics = if back % 3 == 0 { unworn } else { &worn };
                (day("2026-03-07").plus(-back), serde_json::from_value::<DayMetrics>(metrics.clone()).unwrap())
            });
            let days: Vec<_> = days.collect();
            let stored = days.iter().map(|(at, metrics)| (*at, Before { metrics, revision: 1 })).collect();
            baselines(day("2026-03-08"), &stored).values
        };
        let of = of_week(&unworn);
        for (metric_type, field, mean) in [
            (MetricType::Activity, "steps", 9000.0),
            (MetricType::Activity, "score", 80.0),
            (MetricType::Stress, "stressHigh", 1800.0),
        ] {
            let week = of[&metric_type][field].days7;
            assert_eq!((week.mean, week.minimum, week.count), (Some(mean), Some(mean), 4), "{field}");
            assert_eq!(week.confidence, Confidence::Medium);
        }
        // Worn, without a step, and calm.
        unworn["activity"]["nonWearTime"] = json!(82_799);
        unworn["stress"]["daySummary"] = json!("restored");
        let of = of_week(&unworn);
        assert_eq!(of[&MetricType::Activity]["steps"].days7.count, 7);
        assert_eq!(of[&MetricType::Stress]["stressHigh"].days7.minimum, Some(0.0));
    }

    #[test]
    fn window_slides_and_leaves_out_days_without_a_value() {
        let first = day("2026-03-01");
        let month: Vec<(String, Option<u32>)> =
            (0..40).map(|n| (first.plus(n).to_string(), (n != 35).then_some(u32::try_from(n).unwrap()))).collect();
        let month: Vec<(&str, Option<u32>)> = month.iter().map(|(day, steps)| (day.as_str(), *steps)).collect();
        // The fortieth day: 10 to 39, and 33 to 39, both without 35.
        let of_last = of(&month, "2026-04-10");
        let steps = of_last.values[&MetricType::Activity]["steps"];
        assert_eq!((steps.days7.count, steps.days7.minimum, steps.days7.maximum), (6, Some(33.0), Some(39.0)));
        assert_eq!((steps.days30.count, steps.days30.minimum, steps.days30.maximum), (29, Some(10.0), Some(39.0)));
        assert_eq!(steps.days7.mean, Some(36.17));
        assert_eq!((steps.days7.confidence, steps.days30.confidence), (Confidence::High, Confidence::High));
        assert_eq!(of_last.basis, 60);
        assert_eq!(of(&month, "2026-03-01"), DayBaselines { values: Baselines::new(), basis: 0 });
    }
}
