//! The time series: samples in UTC become one record per local day.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::bounds::bounded_text;
use super::{Context, DayOffsets, Normalize, out_of_bounds_at};
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
        let mut days: BTreeMap<Day, HeartRates<'_>> = BTreeMap::new();
        for sample in samples {
            let at = sample.timestamp.instant_in_utc();
            let key = (at, sample.source.as_deref().unwrap_or_default());
            let Some(bpm) = within(HEART_RATE_BOUNDS, sample.bpm) else { continue };
            days.entry(context.offsets.day_of(at)).or_default().insert(key, bpm.get());
        }
        let record = |(day, samples)| {
            let metrics = RecordMetrics::HeartRate(Box::new(heart_rate(&samples)?));
            Some(context.record(None, day, metrics))
        };
        days.into_iter().filter_map(record).collect()
    }

    fn out_of_bounds(samples: &[Self]) -> Vec<Malformed> {
        outside(HEART_RATE_BOUNDS, "bpm", samples.iter().map(|sample| sample.bpm))
    }
}

/// Samples of a day by moment and source.
type HeartRates<'a> = BTreeMap<(Timestamp, &'a str), f64>;

fn heart_rate(samples: &HeartRates<'_>) -> Option<HeartRateRecord> {
    let (start, last) = (samples.keys().next()?.0, samples.keys().next_back()?.0);
    let every = samples.len().div_ceil(MOST_SAMPLES);
    let listed = || samples.iter().step_by(every);
    let (min, max) = extremes(samples.values().copied())?;
    #[expect(clippy::cast_precision_loss, reason = "a day has fewer samples than a float counts exactly")]
    let average = samples.values().sum::<f64>() / samples.len() as f64;
    let number = |at: &Timestamp| Number::from(at.duration_since(start).as_secs_f64());
    Some(HeartRateRecord {
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
    })
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
    Some(context.record(None, day, metrics))
}

/// Joins the fetched samples of a day with the stored ones. A list may be short, which is no proof of a deletion: an answer says
/// something about the time between its first and its last sample, and stored samples of the day before and after stay.
///
/// `None` if the fetched record stands as it is.
#[must_use]
pub fn merged_series(stored: &Record, fetched: &Record, offsets: &DayOffsets) -> Option<Record> {
    let is_of_day = |at: Timestamp| offsets.day_of(at) == fetched.day;
    let metrics = match (stored.metrics.as_ref()?, fetched.metrics.as_ref()?) {
        (RecordMetrics::HeartRate(stored), RecordMetrics::HeartRate(fetched)) => {
            RecordMetrics::HeartRate(Box::new(merged_heart_rate(stored, fetched, is_of_day)?))
        }
        (RecordMetrics::RingBatteryLevel(stored), RecordMetrics::RingBatteryLevel(fetched)) => {
            RecordMetrics::RingBatteryLevel(Box::new(merged_battery(stored, fetched, is_of_day)?))
        }
        _ => return None,
    };
    Some(Record { metrics: Some(metrics), ..fetched.clone() })
}

fn merged_heart_rate(
    stored: &HeartRateRecord,
    fetched: &HeartRateRecord,
    is_of_day: impl Fn(Timestamp) -> bool,
) -> Option<HeartRateRecord> {
    // A record that does not list every sample cannot be joined: the one of more samples stands, if all are of this day.
    if stored.every_nth > 1 || fetched.every_nth > 1 {
        let is_of_day = is_of_day(stored.start) && is_of_day(stored.end);
        return (is_of_day && stored.summary.count > fetched.summary.count).then(|| stored.clone());
    }
    let mut samples: HeartRates<'_> =
        listed(stored).filter(|((at, _), _)| (*at < fetched.start || *at > fetched.end) && is_of_day(*at)).collect();
    if samples.is_empty() {
        return None;
    }
    samples.extend(listed(fetched));
    heart_rate(&samples)
}

fn listed(record: &HeartRateRecord) -> impl Iterator<Item = ((Timestamp, &str), f64)> {
    let samples = record.seconds_from_start.iter().zip(&record.bpm).zip(&record.source);
    samples.filter_map(|((seconds, bpm), source)| {
        let elapsed = SignedDuration::try_from_secs_f64(seconds.get()).ok()?;
        let at = record.start.checked_add(elapsed).ok()?;
        Some(((at, source.as_deref().unwrap_or_default()), bpm.get()))
    })
}

/// Joins two summaries of a day, unless the fetched one covers the other.
fn merged_battery(
    stored: &BatteryRecord,
    fetched: &BatteryRecord,
    is_of_day: impl Fn(Timestamp) -> bool,
) -> Option<BatteryRecord> {
    let is_covered = fetched.start <= stored.start && fetched.end >= stored.end;
    if is_covered || !is_of_day(stored.start) || !is_of_day(stored.end) {
        return None;
    }
    let (latest, of_stored, of_fetched) =
        (if stored.end > fetched.end { stored } else { fetched }, &stored.summary, &fetched.summary);
    let charged = [of_stored.charged, of_fetched.charged].into_iter().flatten().reduce(|any, one| any || one);
    let minimum = of_stored.battery_minimum.get().min(of_fetched.battery_minimum.get());
    Some(BatteryRecord {
        summary: Ring { battery_minimum: Number::from(minimum), battery_last: latest.summary.battery_last, charged },
        count: stored.count.max(fetched.count),
        start: stored.start.min(fetched.start),
        end: stored.end.max(fetched.end),
    })
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
