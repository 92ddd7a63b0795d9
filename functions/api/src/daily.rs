//! `GET /daily`: the days of a range, and for what is missing why.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use serde_json::Value;
use shared::aws::PatientDaysReader;
use shared::domain::{Absence, DailyStats, Day, DayRange, Evidence, InvalidRange, MetricType, SOURCE};
use shared::http::{self, HttpError};
use shared::normalize::Windows;

use crate::{Deps, unavailable};

/// The longest range of one question; longer histories are read in parts.
const LONGEST_RANGE: i32 = 366;

/// Days in one answer.
const PAGE_DAYS: i32 = 90;

/// Days before them that are read, too: a battery that ran empty, or rest mode, shows there.
const DAYS_BEFORE: i32 = PatientDaysReader::MOST_DAYS - PAGE_DAYS;

pub(crate) async fn get(deps: &Deps, request: &Request) -> Result<Response<Body>, HttpError> {
    let patient = http::patient(request, &deps.config.patient_claim)?;
    let query = http::query(request)?;
    if let Some(unknown) = query.keys().find(|name| !["from", "to", "metrics", "cursor"].contains(&name.as_str())) {
        let plain: String = unknown.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
        return Err(HttpError::bad_request("unknown_parameter", format!("There is no parameter `{plain}`.")));
    }
    let (Some(from), Some(to)) = (query.get("from"), query.get("to")) else {
        return Err(HttpError::bad_request("missing_range", "`from` and `to` are needed, as YYYY-MM-DD."));
    };
    let range = parse_range(parse_day("from", from)?, parse_day("to", to)?, LONGEST_RANGE)?;
    let metrics = query.get("metrics").map(|text| parse_metrics(text)).transpose()?;
    let range = match query.get("cursor") {
        Some(cursor) => continued(cursor, range)?,
        None => range,
    };
    let now = deps.clock.now();
    // In no zone it is later than tomorrow; nobody has data of what comes after.
    let newest = range.last().min(Day::of_utc(now).plus(1)).max(range.first());
    let last = newest.min(range.first().plus(PAGE_DAYS - 1));
    let page = DayRange::ending(last, last.days_since(range.first()) + 1);
    let read = DayRange::ending(page.last(), page.days() + DAYS_BEFORE);
    let found = deps.patient_days.read(&patient, read).await.map_err(unavailable)?;
    let evidence = Evidence { connection: found.connection.as_ref(), days: &found.days, now };
    let wanted = metrics.as_ref();
    let days: Vec<_> = found
        .days
        .range(page.first()..=page.last())
        .map(|(_, stats)| ShownDay::of(stats, wanted).lacking(evidence.missing(stats), wanted))
        .collect();
    let gaps: Vec<_> = page
        .iter()
        .filter(|day| *day <= Day::of_utc(now) && !found.days.contains_key(day))
        .map(|day| Gap { day, reason: evidence.of_day(day) })
        .collect();
    let used = gaps.iter().map(|gap| gap.reason).chain(days.iter().flat_map(|day| day.missing.values().copied()));
    let reasons = used.map(|reason| (reason.as_str(), Reason::of(reason))).collect();
    let next = (page.last() < newest).then(|| page.last().plus(1));
    Ok(http::success(StatusCode::OK, &Page { days, gaps, reasons, cursor: next.map(cursor) }))
}

#[derive(Serialize)]
struct Page<'a> {
    days: Vec<ShownDay<'a>>,
    gaps: Vec<Gap>,
    reasons: BTreeMap<&'static str, Reason>,
    cursor: Option<String>,
}

/// A day without any stats.
#[derive(Serialize)]
struct Gap {
    day: Day,
    reason: Absence,
}

/// What a reason is called in a frontend's texts, and an English text.
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
    metrics: BTreeMap<MetricType, &'a Value>,
    baselines: BTreeMap<MetricType, &'a BTreeMap<String, Windows>>,
    missing: BTreeMap<MetricType, Absence>,
    revision: u64,
    provisional: bool,
    observed_at: Timestamp,
}

impl<'a> ShownDay<'a> {
    /// The day with these kinds, or all.
    pub(crate) fn of(stats: &'a DailyStats, wanted: Option<&BTreeSet<MetricType>>) -> Self {
        let baselines = stats.baselines.iter().flat_map(|of_day| &of_day.values);
        Self {
            day: stats.day,
            source: SOURCE,
            metrics: stats
                .metrics
                .iter()
                .filter(|(kind, _)| is_wanted(**kind, wanted))
                .map(|(kind, value)| (*kind, value))
                .collect(),
            baselines: baselines
                .filter(|(kind, _)| is_wanted(**kind, wanted))
                .map(|(kind, fields)| (*kind, fields))
                .collect(),
            missing: BTreeMap::new(),
            revision: stats.revision,
            provisional: stats.provisional,
            observed_at: stats.observed_at,
        }
    }

    fn lacking(self, missing: BTreeMap<MetricType, Absence>, wanted: Option<&BTreeSet<MetricType>>) -> Self {
        Self { missing: missing.into_iter().filter(|(kind, _)| is_wanted(*kind, wanted)).collect(), ..self }
    }
}

fn is_wanted(kind: MetricType, wanted: Option<&BTreeSet<MetricType>>) -> bool {
    wanted.is_none_or(|wanted| wanted.contains(&kind))
}

/// A day of a request.
pub(crate) fn parse_day(name: &str, text: &str) -> Result<Day, HttpError> {
    text.parse()
        .map_err(|_invalid| HttpError::bad_request("invalid_date", format!("`{name}` is not a day, YYYY-MM-DD.")))
}

/// A range of a request.
pub(crate) fn parse_range(from: Day, to: Day, longest: i32) -> Result<DayRange, HttpError> {
    DayRange::bounded(from, to, longest).map_err(|error| match error {
        InvalidRange::Reversed => HttpError::bad_request("range_reversed", "`to` lies before `from`."),
        InvalidRange::TooLong { max } => {
            HttpError::bad_request("range_too_long", format!("At most {max} days can be asked for at once."))
        }
    })
}

fn parse_metrics(text: &str) -> Result<BTreeSet<MetricType>, HttpError> {
    let known = || MetricType::ALL.map(MetricType::as_str).join(", ");
    let wanted: BTreeSet<_> = text
        .split(',')
        .map(|name| name.trim().parse())
        .collect::<Result<_, _>>()
        .map_err(|_unknown| HttpError::bad_request("unknown_metric", format!("`metrics` takes: {}.", known())))?;
    Ok(wanted)
}

/// The day to go on from. It names no patient: whose days are read follows from the sign-in alone, so somebody else's
/// cursor opens nothing.
fn cursor(next: Day) -> String {
    URL_SAFE_NO_PAD.encode(format!("1:{next}"))
}

fn continued(cursor: &str, range: DayRange) -> Result<DayRange, HttpError> {
    let invalid = || HttpError::bad_request("invalid_cursor", "The cursor is not one of this range.");
    let text = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let day: Day = text
        .as_deref()
        .and_then(|text| text.strip_prefix("1:"))
        .and_then(|day| day.parse().ok())
        .filter(|day| range.contains(*day))
        .ok_or_else(invalid)?;
    DayRange::new(day, range.last()).map_err(|_reversed| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_goes_on_inside_its_range_and_nowhere_else() {
        let range = DayRange::new("2026-01-01".parse().unwrap(), "2026-03-01".parse().unwrap()).unwrap();
        let next: Day = "2026-02-01".parse().unwrap();
        assert_eq!(continued(&cursor(next), range).unwrap().first(), next);
        let outside = cursor("2026-04-01".parse().unwrap());
        for bad in ["", "%%%", "MTo", &URL_SAFE_NO_PAD.encode("2:2026-02-01"), &outside] {
            assert_eq!(continued(bad, range).map_err(|e| e.code), Err("invalid_cursor"), "{bad}");
        }
    }

    #[test]
    fn metrics_are_known_by_name_or_refused() {
        assert_eq!(parse_metrics("sleep, hrv").unwrap().len(), 2);
        for bad in ["", "sleep,", "Sleep", "steps"] {
            assert_eq!(parse_metrics(bad).map_err(|e| e.code), Err("unknown_metric"), "{bad}");
        }
    }
}
