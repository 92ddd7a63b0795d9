//! `GET /daily`: the days of a range, and the reasons for missing data.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use shared::aws::{PatientDays, PatientDaysReader};
use shared::domain::{Absence, DailyStats, Day, DayMetrics, DayRange, Evidence, MetricType, SOURCE, Windows};
use shared::http::{self, HttpError};

use crate::cursor::Cursors;
use crate::page_size::{PAGE_BYTES, PageSize, sent_size};
use crate::parameters::{self, parse_metric};
use crate::records::unwritable;
use crate::{Deps, unavailable};

/// Days in one answer.
const PAGE_DAYS: i32 = 90;

/// Days before them that are read, too: a battery that ran empty, or rest mode, shows there.
const DAYS_BEFORE: i32 = PatientDaysReader::MAX_DAYS - PAGE_DAYS;

pub(crate) async fn get(deps: &Deps, request: &Request) -> Result<Response<Body>, HttpError> {
    let patient = http::patient(request, &deps.config.token_policy)?;
    let query = http::query(request)?;
    parameters::known(&query, &["from", "to", "metrics", "cursor"])?;
    let range = parameters::range(&query)?;
    let metrics = query.get("metrics").map(|text| parse_metrics(text)).transpose()?;
    let cursors = Cursors::of(&patient, "/daily", &query);
    let range = match cursors.position()? {
        Some(day) => continued(day, range)?,
        None => range,
    };
    let now = deps.clock.now();
    // No zone is further ahead than tomorrow: later days have no data.
    let newest = range.last().min(Day::of_utc(now).plus(1)).max(range.first());
    let last = newest.min(range.first().plus(PAGE_DAYS - 1));
    let page = DayRange::ending(last, last.days_since(range.first()) + 1);
    let read = DayRange::ending(page.last(), page.days() + DAYS_BEFORE);
    let mut found = deps.patient_days.read(&patient, read).await.map_err(unavailable)?;
    if lacks_score(&evidence(deps, &found, now), page) {
        let first = page.first().plus(-Evidence::MAX_REST_MODE_DAYS);
        let earlier = DayRange::ending(read.first().plus(-1), read.first().days_since(first));
        let days = deps.daily_stats.with_rest_mode(&patient, earlier).await.map_err(unavailable)?;
        found.days.extend(days.into_iter().map(|stats| (stats.day, stats)));
    }
    let evidence = evidence(deps, &found, now);
    let (mut shown, last) = fill(&evidence, page, metrics.as_ref())?;
    shown.cursor = (last < newest).then(|| cursors.at(&last.plus(1)));
    Ok(http::success(StatusCode::OK, &shown))
}

/// Returns the page with the days of the range that fit, and the last of these days.
fn fill(
    evidence: &Evidence<'_>,
    range: DayRange,
    wanted: Option<&BTreeSet<MetricType>>,
) -> Result<(Page, Day), HttpError> {
    let (mut page, mut size) = (Page::default(), PageSize::up_to(PAGE_BYTES));
    for day in range.iter() {
        let Some(stats) = evidence.days.get(&day) else {
            if evidence.has_begun(day) {
                page.add_gap(day, evidence.of_day(day));
            }
            continue;
        };
        let shown = ShownDay::of(stats, wanted).lacking(evidence.missing(stats), wanted);
        let json = to_raw_value(&shown).map_err(unwritable)?;
        if !size.add(sent_size(json.get())) {
            return Ok((page, day.plus(-1)));
        }
        page.add_reasons(shown.missing.iter().flatten().map(|(_, reason)| *reason));
        page.days.push(json);
    }
    Ok((page, range.last()))
}

fn evidence<'a>(deps: &Deps, found: &'a PatientDays, now: Timestamp) -> Evidence<'a> {
    Evidence {
        connection: found.connection.as_ref(),
        days: &found.days,
        full_sync_interval_days: deps.config.full_sync_interval_days,
        catch_up_hours: deps.config.catch_up_hours,
        lookback_days: deps.config.lookback_days,
        is_outage: found.is_outage,
        now,
    }
}

/// True if a day lacks a score. Rest mode that began earlier can be the reason, whatever else explains it.
fn lacks_score(evidence: &Evidence<'_>, page: DayRange) -> bool {
    let scores = [MetricType::Activity, MetricType::Readiness];
    let mut days = evidence.days.range(page.first()..=page.last());
    days.any(|(_, stats)| evidence.missing(stats).keys().any(|lacking| scores.contains(lacking)))
}

#[derive(Default, Serialize)]
struct Page {
    days: Vec<Box<RawValue>>,
    gaps: Vec<Gap>,
    reasons: BTreeMap<&'static str, Reason>,
    cursor: Option<String>,
}

impl Page {
    fn add_gap(&mut self, day: Day, reason: Absence) {
        self.gaps.push(Gap { day, reason });
        self.add_reasons([reason]);
    }

    fn add_reasons(&mut self, reasons: impl IntoIterator<Item = Absence>) {
        self.reasons.extend(reasons.into_iter().map(|reason| (reason.as_str(), Reason::of(reason))));
    }
}

/// A day without any stats.
#[derive(Serialize)]
struct Gap {
    day: Day,
    reason: Absence,
}

/// Key of a reason among a frontend's texts, and an English text.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reason {
    text_key: String,
    text: &'static str,
}

impl Reason {
    fn of(reason: Absence) -> Self {
        Self { text_key: format!("wearables.reason.{}", reason.as_str()), text: reason.text() }
    }
}

/// A day as callers see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShownDay<'a> {
    day: Day,
    source: &'static str,
    metrics: Cow<'a, DayMetrics>,
    baselines: BTreeMap<MetricType, &'a BTreeMap<String, Windows>>,
    /// Present where the reasons for missing data were requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<BTreeMap<MetricType, Absence>>,
    revision: u64,
    provisional: bool,
    observed_at: Timestamp,
}

impl<'a> ShownDay<'a> {
    /// Creates the public form with these metric types, or with all.
    pub(crate) fn of(stats: &'a DailyStats, wanted: Option<&BTreeSet<MetricType>>) -> Self {
        let baselines = stats.baselines.iter().flat_map(|of_day| &of_day.values);
        Self {
            day: stats.day,
            source: SOURCE,
            metrics: match wanted {
                Some(wanted) => Cow::Owned(stats.metrics.only(wanted)),
                None => Cow::Borrowed(&stats.metrics),
            },
            baselines: baselines
                .filter(|(metric_type, _)| is_wanted(**metric_type, wanted))
                .map(|(metric_type, fields)| (*metric_type, fields))
                .collect(),
            missing: None,
            revision: stats.revision,
            provisional: stats.provisional,
            observed_at: stats.observed_at,
        }
    }

    fn lacking(self, missing: BTreeMap<MetricType, Absence>, wanted: Option<&BTreeSet<MetricType>>) -> Self {
        let missing = missing.into_iter().filter(|(metric_type, _)| is_wanted(*metric_type, wanted)).collect();
        Self { missing: Some(missing), ..self }
    }
}

fn is_wanted(metric_type: MetricType, wanted: Option<&BTreeSet<MetricType>>) -> bool {
    wanted.is_none_or(|wanted| wanted.contains(&metric_type))
}

fn parse_metrics(text: &str) -> Result<BTreeSet<MetricType>, HttpError> {
    text.split(',').map(|name| parse_metric("metrics", name.trim())).collect()
}

/// Returns the rest of the range from this day on.
pub(crate) fn continued(day: Day, range: DayRange) -> Result<DayRange, HttpError> {
    if day < range.first() {
        return Err(Cursors::invalid());
    }
    DayRange::new(day, range.last()).map_err(|_behind_its_end| Cursors::invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_continues_inside_its_range_and_nowhere_else() {
        let day = |text: &str| -> Day { text.parse().unwrap() };
        let range = DayRange::new(day("2026-01-01"), day("2026-03-01")).unwrap();
        let from = |text: &str| continued(day(text), range).map(|range| range.first()).map_err(|error| error.code);
        for inside in ["2026-01-01", "2026-02-01", "2026-03-01"] {
            assert_eq!(from(inside), Ok(day(inside)));
        }
        for outside in ["2025-12-31", "2026-03-02"] {
            assert_eq!(from(outside), Err("invalid_cursor"));
        }
    }

    #[test]
    fn metrics_parameter_refuses_unknown_names() {
        assert_eq!(parse_metrics("sleep, hrv").unwrap().len(), 2);
        for bad in ["", "sleep,", "Sleep", "steps"] {
            assert_eq!(parse_metrics(bad).map_err(|e| e.code), Err("unknown_metric"), "{bad}");
        }
    }
}
