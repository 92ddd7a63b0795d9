//! Metric types of which a day has several documents: their stats are a list, with totals.

use std::collections::BTreeSet;

use super::day_records::Normalized;
use crate::domain::metrics::{
    HeartRateRecord, RestMode, RestModeOfDay, RestModeRecord, Series, SessionOfDay, SessionRecord, Sessions, TagOfDay,
    TagRecord, Tags, WorkoutOfDay, WorkoutRecord, Workouts,
};
use crate::domain::{Moment, Number};

/// The records by their start, earliest first; none if there is no record.
fn by_start<'a, T>(
    mut records: Vec<Normalized<'a, T>>,
    start: fn(&T) -> Option<&Moment>,
) -> Option<Vec<Normalized<'a, T>>> {
    records.sort_by_key(|record| (start(record.metrics).and_then(Moment::instant), record.document_id));
    (!records.is_empty()).then_some(records)
}

/// Length of a list: a day has far fewer documents than it holds.
fn count<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

/// The sum of the known values; none if there is none.
fn total(values: impl Iterator<Item = Option<Number>>) -> Option<Number> {
    values.flatten().map(Number::get).reduce(|a, b| a + b).map(Number::from)
}

pub(super) fn workouts(
    records: Vec<Normalized<'_, WorkoutRecord>>,
    heart_rate: Option<&HeartRateRecord>,
) -> Option<Workouts> {
    let records = by_start(records, |of| of.start.as_ref())?;
    let workouts = records.iter().map(|record| {
        let beats = heart_rate.and_then(|day| beats_in(day, record.metrics));
        WorkoutOfDay {
            workout: record.metrics.clone(),
            document_id: record.document_id.clone(),
            average_heart_rate: beats.map(|(average, _)| average),
            max_heart_rate: beats.map(|(_, max)| max),
        }
    });
    Some(Workouts {
        count: count(&records),
        total_duration: total(records.iter().map(|of| of.metrics.duration)),
        total_calories: total(records.iter().map(|of| of.metrics.calories)),
        total_distance: total(records.iter().map(|of| of.metrics.distance)),
        workouts: workouts.collect(),
    })
}

/// Average and greatest heart rate of the samples inside a workout.
fn beats_in(day: &HeartRateRecord, workout: &WorkoutRecord) -> Option<(Number, Number)> {
    let after_start =
        |moment: &Option<Moment>| Some(moment.as_ref()?.instant()?.duration_since(day.start).as_secs_f64());
    let (from, to) = (after_start(&workout.start)?, after_start(&workout.end)?);
    let inside = day.seconds_from_start.iter().zip(&day.bpm).filter_map(|(at, bpm)| {
        let at = at.get();
        (from <= at && at <= to).then_some(bpm.get())
    });
    let (count, sum, max) =
        inside.fold((0.0, 0.0, 0.0), |(count, sum, max), bpm| (count + 1.0, sum + bpm, f64::max(max, bpm)));
    (count > 0.0).then(|| (Number::rounded(sum / count), Number::from(max)))
}

pub(super) fn sessions(records: Vec<Normalized<'_, SessionRecord>>) -> Option<Sessions> {
    let records = by_start(records, |of| of.summary.start.as_ref())?;
    let sessions = records.iter().map(|record| SessionOfDay {
        summary: record.metrics.summary.clone(),
        document_id: record.document_id.clone(),
        average_heart_rate: average(record.metrics.heart_rate.as_ref()),
        average_hrv: average(record.metrics.hrv.as_ref()),
    });
    Some(Sessions { count: count(&records), sessions: sessions.collect() })
}

fn average(series: Option<&Series>) -> Option<Number> {
    let readings = series?.items.iter().flatten();
    let (count, sum) = readings.fold((0.0, 0.0), |(count, sum), reading| (count + 1.0, sum + reading.get()));
    (count > 0.0).then(|| Number::rounded(sum / count))
}

/// Oura serves tags in an older and a newer form: the same code at the same time counts once. The code of a tag that is
/// only a note is null.
pub(super) fn tags(records: Vec<Normalized<'_, TagRecord>>) -> Option<Tags> {
    let mut seen = BTreeSet::new();
    let mut tags = Vec::new();
    for record in by_start(records, |of| of.start.as_ref())? {
        let TagRecord { codes, start, end, .. } = record.metrics;
        let time = match start.as_ref().map(|start| (start.instant(), start.text())) {
            Some((Some(instant), _)) => instant.to_string(),
            Some((None, text)) => text.to_owned(),
            None => String::new(),
        };
        let codes: Vec<_> = if codes.is_empty() { vec![None] } else { codes.iter().map(Some).collect() };
        for code in codes {
            if seen.insert((time.clone(), code)) {
                tags.push(TagOfDay { code: code.cloned(), start: start.clone(), end: end.clone() });
            }
        }
    }
    Some(Tags { count: count(&tags), tags })
}

/// On the day on which a period begins.
pub(super) fn rest_mode(records: Vec<Normalized<'_, RestModeRecord>>) -> Option<RestMode> {
    let records = by_start(records, |of| of.period.start.as_ref())?;
    let period = |record: &Normalized<'_, RestModeRecord>| RestModeOfDay {
        period: record.metrics.period.clone(),
        document_id: record.document_id.clone(),
    };
    Some(RestMode { count: count(&records), periods: records.iter().map(period).collect() })
}
