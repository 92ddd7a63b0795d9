//! From a day's records to the day's stats: the public contract with the platform.
//!
//! Everything is computed from records, never from documents, so that stats are the same if a record is fresh or comes
//! from a table. All keys of a metric type are present whenever the type is.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::bounds;
use super::day_records::records_of;
use super::lists::{rest_mode, sessions, tags, workouts};
use super::sleep::{SleepPeriod, SleepPeriods};
use crate::domain::metrics::{
    Hrv, HrvMethod, NapOfDay, Readiness, ReadinessMeasured, ReadinessSource, Sleep, SleepScoresRecord,
};
use crate::domain::{Day, DayMetrics, Record};

/// The stats of a day from its records, in whatever order; records of other days are left out. A metric type without a
/// document on the day is absent.
#[must_use]
pub fn day_stats(day: Day, records: &[&Record]) -> DayMetrics {
    let mut of_day: Vec<&Record> = records.iter().copied().filter(|record| record.day == day).collect();
    of_day.sort_by(|a, b| a.document_id.cmp(&b.document_id));
    // One document a day is the rule; should there be two, the one with a score (and then the greater id) holds.
    let readiness_document = records_of!(of_day, DailyReadiness).max_by_key(|of| of.metrics.score.is_some());
    let sleep_scores = records_of!(of_day, DailySleep).max_by_key(|of| of.metrics.score.is_some());
    let activity = records_of!(of_day, DailyActivity).max_by_key(|of| of.metrics.activity.score.is_some());
    let heart_rate = records_of!(of_day, HeartRate).last().map(|of| of.metrics);
    let periods = SleepPeriods::of(&of_day);
    let both_tags = records_of!(of_day, Tag).chain(records_of!(of_day, EnhancedTag));

    let mut metrics = DayMetrics {
        readiness: readiness(readiness_document.map(|of| of.metrics), periods.main),
        sleep: sleep(sleep_scores.map(|of| of.metrics), &periods),
        activity: activity.map(|of| of.metrics.activity.clone()),
        hrv: periods.main.map(hrv),
        spo2: records_of!(of_day, DailySpo2).last().map(|of| of.metrics.clone()),
        stress: records_of!(of_day, DailyStress).last().map(|of| of.metrics.clone()),
        resilience: records_of!(of_day, DailyResilience).last().map(|of| of.metrics.clone()),
        cardiovascular_age: records_of!(of_day, DailyCardiovascularAge).last().map(|of| of.metrics.clone()),
        vo2_max: records_of!(of_day, Vo2Max).last().map(|of| of.metrics.clone()),
        heart_rate: heart_rate.map(|of| of.summary.clone()),
        workout: workouts(records_of!(of_day, Workout).collect(), heart_rate),
        session: sessions(records_of!(of_day, Session).collect()),
        tag: tags(both_tags.collect()),
        sleep_time: records_of!(of_day, SleepTime).last().map(|of| of.metrics.clone()),
        rest_mode: rest_mode(records_of!(of_day, RestModePeriod).collect()),
        ring: records_of!(of_day, RingBatteryLevel).last().map(|of| of.metrics.summary.clone()),
    };
    bounds::fit(&mut metrics);
    metrics
}

/// Names of the fields of a day's stats that differ, as `sleep.totalSleep`, sorted. All fields of a metric type that
/// appeared or disappeared do.
#[must_use]
pub fn changed_fields(old: &DayMetrics, new: &DayMetrics) -> Vec<String> {
    let (old, new) = (as_json(old), as_json(new));
    let mut changed = BTreeSet::new();
    for metric_type in old.keys().chain(new.keys()) {
        let (old, new) = (fields(&old, metric_type), fields(&new, metric_type));
        let differing = old.keys().chain(new.keys()).filter(|key| old.get(*key) != new.get(*key));
        changed.extend(differing.map(|key| format!("{metric_type}.{key}")));
    }
    changed.into_iter().collect()
}

fn as_json(metrics: &DayMetrics) -> Map<String, Value> {
    match serde_json::to_value(metrics) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

fn fields(metrics: &Map<String, Value>, metric_type: &str) -> Map<String, Value> {
    metrics.get(metric_type).and_then(Value::as_object).cloned().unwrap_or_default()
}

/// True if Oura may still change the day. It may until the day is two days before today (UTC): by then the day has
/// ended in every zone and its night has been analysed. It may also as long as the main sleep was analysed in the
/// background only: Oura analyses it again when the patient opens the app.
#[must_use]
pub fn provisional(day: Day, records: &[&Record], now: Timestamp) -> bool {
    let of_day: Vec<&Record> = records.iter().copied().filter(|record| record.day == day).collect();
    let main = SleepPeriods::of(&of_day).main;
    let reason = main.and_then(|main| main.metrics.measures.sleep_analysis_reason.as_deref());
    Day::of_utc(now).days_since(day) < 2 || reason == Some("background_sleep_analysis")
}

/// From the readiness document; without one, from the readiness inside the main sleep if that has a score.
fn readiness(document: Option<&ReadinessMeasured>, main: Option<SleepPeriod<'_>>) -> Option<Readiness> {
    if let Some(document) = document {
        return Some(Readiness { measured: document.clone(), from: ReadinessSource::DailyReadiness });
    }
    let inside = main?.metrics.readiness.as_ref().filter(|inside| inside.score.is_some())?;
    Some(Readiness { measured: inside.clone(), from: ReadinessSource::Sleep })
}

/// Scores from the day's document, durations from its main sleep. `efficiency` (percent) and `latency` (seconds) are
/// measured; Oura's scores of the same names are under `contributors`.
fn sleep(scores: Option<&SleepScoresRecord>, periods: &SleepPeriods<'_>) -> Option<Sleep> {
    if scores.is_none() && periods.main.is_none() && periods.naps.is_empty() {
        return None;
    }
    Some(Sleep {
        main: periods.main.map(|main| main.metrics.measures.clone()).unwrap_or_default(),
        total_sleep_all_periods: periods.total_sleep(),
        score: scores.and_then(|of| of.score),
        restfulness: scores.and_then(|of| of.contributors.restfulness),
        timing: scores.and_then(|of| of.contributors.timing),
        document_id: periods.main.map(|main| main.document_id.clone()),
        contributors: scores.map(|of| of.contributors.clone()),
        naps: periods.naps.iter().map(nap).collect(),
        further_sleeps: periods.further.iter().map(nap).collect(),
    })
}

fn nap(period: &SleepPeriod<'_>) -> NapOfDay {
    let measures = &period.metrics.measures;
    NapOfDay {
        r#type: measures.r#type.clone(),
        total_sleep: measures.total_sleep,
        time_in_bed: measures.time_in_bed,
        efficiency: measures.efficiency,
        bedtime_start: measures.bedtime_start.clone(),
        bedtime_end: measures.bedtime_end.clone(),
        average_heart_rate: measures.average_heart_rate,
        lowest_heart_rate: measures.lowest_heart_rate,
        average_hrv: period.metrics.average_hrv,
        document_id: period.document_id.clone(),
    }
}

fn hrv(main: SleepPeriod<'_>) -> Hrv {
    Hrv {
        average_hrv: main.metrics.average_hrv,
        max_hrv: main.metrics.max_hrv,
        min_hrv: main.metrics.min_hrv,
        resting_heart_rate: main.metrics.measures.lowest_heart_rate,
        method: HrvMethod::Rmssd,
        series: main.metrics.hrv.clone(),
    }
}
