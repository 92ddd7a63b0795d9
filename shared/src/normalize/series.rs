//! The time series: samples in UTC become one record per local day.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use super::{DayOffsets, Make};
use crate::domain::{Day, MetricType, Record, rounded};
use crate::oura::model::{HeartRateSample, RingBatterySample};

/// The most samples that a day's record lists, so that it stays far below DynamoDB's 400 KB per item. About 1,200 a day
/// are usual; a day of workouts has a few thousand.
const MOST_SAMPLES: usize = 10_000;

/// One record per local day: a summary of all samples and three lists of equal length, `secondsFromStart`, `bpm` and
/// `source`. They hold every `everyNth` sample: every one, but for days with more than [`MOST_SAMPLES`].
pub(super) fn heart_rate(make: &Make<'_>, samples: &[HeartRateSample], offsets: &DayOffsets) -> Vec<Record> {
    // The moment and the source are the key: of repeats the last one holds.
    let mut days: BTreeMap<Day, BTreeMap<(Timestamp, &str), f64>> = BTreeMap::new();
    for sample in samples {
        let at = sample.timestamp.instant_in_utc();
        let key = (at, sample.source.as_deref().unwrap_or_default());
        days.entry(offsets.day_of(at)).or_default().insert(key, sample.bpm.get());
    }
    days.into_iter().filter_map(|(day, samples)| heart_rate_day(make, day, &samples)).collect()
}

fn heart_rate_day(make: &Make<'_>, day: Day, samples: &BTreeMap<(Timestamp, &str), f64>) -> Option<Record> {
    let (start, last) = (samples.keys().next()?.0, samples.keys().next_back()?.0);
    let every = samples.len().div_ceil(MOST_SAMPLES);
    let listed = || samples.iter().step_by(every);
    let (min, max) = extremes(samples.values().copied())?;
    #[expect(clippy::cast_precision_loss, reason = "a day has fewer samples than a float counts exactly")]
    let average = rounded(samples.values().sum::<f64>() / samples.len() as f64);
    let metrics = json!({
        "count": samples.len(),
        "min": min,
        "max": max,
        "average": average,
        "start": start.to_string(),
        "end": last.to_string(),
        "everyNth": every,
        "secondsFromStart": listed().map(|((at, _), _)| at.duration_since(start).as_secs_f64()).collect::<Vec<_>>(),
        "bpm": listed().map(|(_, bpm)| *bpm).collect::<Vec<_>>(),
        "source": listed().map(|((_, source), _)| (!source.is_empty()).then_some(*source)).collect::<Vec<_>>(),
    });
    Some(make.record(MetricType::HeartRate, None, (day, None), metrics))
}

/// One record per local day: the battery's lowest and last level in percent, and whether the ring was charged.
pub(super) fn battery(make: &Make<'_>, samples: &[RingBatterySample], offsets: &DayOffsets) -> Vec<Record> {
    let mut days: BTreeMap<Day, BTreeMap<Timestamp, &RingBatterySample>> = BTreeMap::new();
    for sample in samples {
        let at = sample.timestamp.instant_in_utc();
        days.entry(offsets.day_of(at)).or_default().insert(at, sample);
    }
    days.into_iter().filter_map(|(day, samples)| battery_day(make, day, &samples)).collect()
}

fn battery_day(make: &Make<'_>, day: Day, samples: &BTreeMap<Timestamp, &RingBatterySample>) -> Option<Record> {
    let (start, _) = samples.first_key_value()?;
    let (end, last) = samples.last_key_value()?;
    let (minimum, _) = extremes(samples.values().map(|sample| sample.level.get()))?;
    // Null as long as Oura said nothing about charging.
    let charged = samples.values().filter_map(|of| of.charging.or(of.in_charger)).reduce(|any, one| any || one);
    let metrics = json!({
        "count": samples.len(),
        "batteryMinimum": minimum,
        "batteryLast": last.level,
        "charged": charged,
        "start": start.to_string(),
        "end": end.to_string(),
    });
    Some(make.record(MetricType::Ring, None, (day, None), metrics))
}

fn extremes(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.map(|value| (value, value)).reduce(|(min, max), (value, _)| (min.min(value), max.max(value)))
}
