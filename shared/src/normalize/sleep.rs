//! Sleep periods as records, and which of a day's periods is its main sleep.

use serde_json::{Value, json};

use super::daily::readiness_metrics;
use super::{Make, series_value};
use crate::domain::{DataType, MetricType, Record};
use crate::oura::model::{Number, Series, Sleep};

pub(super) fn period(make: &Make<'_>, document: &Sleep) -> Record {
    let readiness = document.readiness.as_ref().map(|of| {
        readiness_metrics(of.score, of.temperature_deviation, of.temperature_trend_deviation, of.contributors.as_ref())
    });
    let metrics = json!({
        "type": document.kind,
        "period": document.period,
        "bedtimeStart": document.bedtime_start,
        "bedtimeEnd": document.bedtime_end,
        "totalSleep": document.total_sleep_duration,
        "timeInBed": document.time_in_bed,
        "awake": document.awake_time,
        "deepSleep": document.deep_sleep_duration,
        "lightSleep": document.light_sleep_duration,
        "remSleep": document.rem_sleep_duration,
        "latency": document.latency,
        "efficiency": document.efficiency,
        "restlessPeriods": document.restless_periods,
        "averageBreath": document.average_breath,
        "averageHeartRate": heart_rate(document.average_heart_rate),
        "lowestHeartRate": heart_rate(document.lowest_heart_rate),
        "averageHrv": document.average_hrv,
        "maxHrv": extreme(document.hrv.as_ref(), f64::max),
        "minHrv": extreme(document.hrv.as_ref(), f64::min),
        "hrv": series_value(document.hrv.as_ref()),
        "heartRate": series_value(document.heart_rate.as_ref()),
        "movement30Sec": document.movement_30_sec,
        "sleepPhase5Min": document.sleep_phase_5_min,
        "sleepPhase30Sec": document.sleep_phase_30_sec,
        "sleepAnalysisReason": document.sleep_analysis_reason,
        "sleepAlgorithmVersion": document.sleep_algorithm_version,
        "lowBatteryAlert": document.low_battery_alert,
        "readinessScoreDelta": document.readiness_score_delta,
        "sleepScoreDelta": document.sleep_score_delta,
        "readiness": readiness,
    });
    make.record(MetricType::Sleep, document.id.as_ref(), (document.day, document.bedtime_start.as_ref()), metrics)
}

/// Oura fills 255 (a byte without a reading) into periods that are too short for a heart rate.
fn heart_rate(bpm: Option<Number>) -> Option<Number> {
    bpm.filter(|bpm| 0.0 < bpm.get() && bpm.get() < 255.0)
}

fn extreme(series: Option<&Series>, of: fn(f64, f64) -> f64) -> Option<f64> {
    series?.items.iter().flatten().copied().map(Number::get).reduce(of)
}

/// A day's sleep periods, told apart.
pub(super) struct SleepPeriods<'a> {
    /// The main sleep.
    pub main: Option<&'a Record>,
    /// Naps, earliest first: the other `sleep` and `late_nap` periods in which there was any sleep.
    pub naps: Vec<&'a Record>,
    /// Further `long_sleep` periods, earliest first: the rest of a night in two parts, or an artefact of minutes.
    pub further: Vec<&'a Record>,
}

/// The main sleep is the `long_sleep` with the most sleep; without one, the longest `sleep`; without one, the longest
/// period to which Oura gave no type. Periods without any sleep, and the types `deleted`, `rest`, `late_nap` and ones not
/// known yet, are never it: fragments and rest are normal, and "the first" is often an artefact.
pub(super) fn night<'a>(records: &[&'a Record]) -> SleepPeriods<'a> {
    let mut slept: Vec<&Record> = records
        .iter()
        .copied()
        .filter(|record| record.data_type == DataType::Sleep && total_sleep(record) > 0.0)
        .collect();
    slept.sort_by_cached_key(|record| (super::stats::instant(record, "bedtimeStart"), record.document_id.clone()));
    let longest = |kind: Option<&str>| {
        slept
            .iter()
            .copied()
            .filter(|record| kind_of(record) == kind)
            // The earlier of two equals.
            .reduce(|best, next| if total_sleep(next) > total_sleep(best) { next } else { best })
    };
    let main = longest(Some("long_sleep")).or_else(|| longest(Some("sleep"))).or_else(|| longest(None));
    let others = |kinds: &[&str]| {
        slept
            .iter()
            .copied()
            .filter(|record| main.is_none_or(|main| main.document_id != record.document_id))
            .filter(|record| kind_of(record).is_some_and(|kind| kinds.contains(&kind)))
            .collect()
    };
    SleepPeriods { main, naps: others(&["sleep", "late_nap"]), further: others(&["long_sleep"]) }
}

/// A day's sleep periods in which there was any sleep: the main one first, then naps and further ones, earliest first. Rest
/// and what Oura deleted are not among them.
#[must_use]
pub fn sleep_periods<'a>(records: &[&'a Record]) -> Vec<&'a Record> {
    let SleepPeriods { main, mut naps, further } = night(records);
    naps.extend(further);
    naps.sort_by_cached_key(|record| (super::stats::instant(record, "bedtimeStart"), record.document_id.clone()));
    main.into_iter().chain(naps).collect()
}

fn kind_of(record: &Record) -> Option<&str> {
    record.metrics.get("type").and_then(Value::as_str)
}

fn total_sleep(record: &Record) -> f64 {
    record.metrics.get("totalSleep").and_then(Value::as_f64).unwrap_or(0.0)
}
