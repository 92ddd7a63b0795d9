//! The time series: samples in UTC become one record per local day.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::bounds::bounded_text;
use super::{Context, Normalize, out_of_bounds_at};
use crate::domain::metrics::{
    BATTERY_BOUNDS, BatteryRecord, Bounds, HEART_RATE_BOUNDS, HeartRate, HeartRateRecord, Held, Ring,
};
use crate::domain::{Day, Number, Record, RecordMetrics};
use crate::oura::model::{self, Malformed};

/// The most samples that a day's record lists, so that it stays far below DynamoDB's 400 KB per item. About 1,200 a day
/// are usual; a day of workouts has a few thousand.
const MOST_SAMPLES: usize = 10_000;

/// One record per local day: a summary of all samples and three lists of equal length, `secondsFromStart`, `bpm` and
/// `source`. They hold every `everyNth` sample: every one, but for days with more than [`MOST_SAMPLES`].
impl Normalize for model::HeartRate {
    fn records(samples: &[Self], context: &Context<'_>) -> Vec<Record> {
        // The moment and the source are the key: of repeats the last one holds.
        let mut days: BTreeMap<Day, BTreeMap<(Timestamp, &str), f64>> = BTreeMap::new();
        for sample in samples {
            let at = sample.timestamp.instant_in_utc();
            let key = (at, sample.source.as_deref().unwrap_or_default());
            let Some(bpm) = within(HEART_RATE_BOUNDS, sample.bpm) else { continue };
            days.entry(context.offsets.day_of(at)).or_default().insert(key, bpm.get());
        }
        days.into_iter().filter_map(|(day, samples)| heart_rate_day(context, day, &samples)).collect()
    }

    fn out_of_bounds(samples: &[Self]) -> Vec<Malformed> {
        outside(HEART_RATE_BOUNDS, "bpm", samples.iter().map(|sample| sample.bpm))
    }
}

fn heart_rate_day(context: &Context<'_>, day: Day, samples: &BTreeMap<(Timestamp, &str), f64>) -> Option<Record> {
    let (start, last) = (samples.keys().next()?.0, samples.keys().next_back()?.0);
    let every = samples.len().div_ceil(MOST_SAMPLES);
    let listed = || samples.iter().step_by(every);
    let (min, max) = extremes(samples.values().copied())?;
    #[expect(clippy::cast_precision_loss, reason = "a day has fewer samples than a float counts exactly")]
    let average = samples.values().sum::<f64>() / samples.len() as f64;
    let number = |at: &Timestamp| Number::from(at.duration_since(start).as_secs_f64());
    let metrics = RecordMetrics::HeartRate(Box::new(HeartRateRecord {
        summary: HeartRate {
            count: count(samples.len()),
            min: Number::from(min),
            max: Number::from(max),
            average: Number::rounded(average),
        },
        start,
        end: last,
        every_nth: count(every),
        seconds_from_start: listed().map(|((at, _), _)| number(at)).collect(),
        bpm: listed().map(|(_, bpm)| Number::from(*bpm)).collect(),
        source: listed().map(|((_, source), _)| (!source.is_empty()).then(|| bounded_text(source))).collect(),
    }));
    Some(context.record(None, day, None, metrics))
}

/// One record per local day: the battery's lowest and last level in percent, and whether the ring was charged.
impl Normalize for model::RingBatteryLevel {
    fn records(samples: &[Self], context: &Context<'_>) -> Vec<Record> {
        let mut days: BTreeMap<Day, BTreeMap<Timestamp, (Number, &model::RingBatteryLevel)>> = BTreeMap::new();
        for sample in samples {
            let at = sample.timestamp.instant_in_utc();
            let Some(level) = within(BATTERY_BOUNDS, sample.level) else { continue };
            days.entry(context.offsets.day_of(at)).or_default().insert(at, (level, sample));
        }
        days.into_iter().filter_map(|(day, samples)| battery_day(context, day, &samples)).collect()
    }

    fn out_of_bounds(samples: &[Self]) -> Vec<Malformed> {
        outside(BATTERY_BOUNDS, "level", samples.iter().map(|sample| sample.level))
    }
}

fn battery_day(
    context: &Context<'_>,
    day: Day,
    samples: &BTreeMap<Timestamp, (Number, &model::RingBatteryLevel)>,
) -> Option<Record> {
    let (start, _) = samples.first_key_value()?;
    let (end, (last, _)) = samples.last_key_value()?;
    let (minimum, _) = extremes(samples.values().map(|(level, _)| level.get()))?;
    // Null as long as Oura said nothing about charging.
    let charged = samples.values().filter_map(|(_, of)| of.charging.or(of.in_charger)).reduce(|any, one| any || one);
    let metrics = RecordMetrics::RingBatteryLevel(Box::new(BatteryRecord {
        summary: Ring { battery_minimum: Number::from(minimum), battery_last: *last, charged },
        count: count(samples.len()),
        start: *start,
        end: *end,
    }));
    Some(context.record(None, day, None, metrics))
}

/// The reading of a sample, if it is one.
fn within(bounds: Bounds, reading: Option<Number>) -> Option<Number> {
    reading.filter(|reading| bounds.check(*reading) == Held::Kept)
}

fn outside(bounds: Bounds, path: &str, readings: impl Iterator<Item = Option<Number>>) -> Vec<Malformed> {
    let is_outside = |reading: &Option<Number>| reading.is_some_and(|reading| bounds.check(reading) == Held::Outside);
    let readings = readings.enumerate().filter(|(_, reading)| is_outside(reading));
    readings.map(|(index, _)| out_of_bounds_at(index, path.to_owned(), None)).collect()
}

/// A number of samples: a day has far fewer than it holds.
fn count(samples: usize) -> u32 {
    u32::try_from(samples).unwrap_or(u32::MAX)
}

fn extremes(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.map(|value| (value, value)).reduce(|(min, max), (value, _)| (min.min(value), max.max(value)))
}
