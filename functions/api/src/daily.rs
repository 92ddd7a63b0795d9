//! `GET /daily`.

use std::collections::BTreeSet;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use serde_json::{Map, Value, json};
use shared::domain::{DailyStats, Day, DayRange, MetricType, SOURCE};
use shared::http::{self, HttpError};

use crate::cursor::Cursors;
use crate::parameters::{self, parse_metric};
use crate::{Deps, unavailable};

/// Days in one answer.
const PAGE_DAYS: i32 = 100;

pub(crate) async fn get(deps: &Deps, request: &Request) -> Result<Response<Body>, HttpError> {
    let patient = http::patient(request, &deps.config.patient_claim)?;
    let query = http::query(request)?;
    parameters::known(&query, &["from", "to", "metrics", "cursor"])?;
    let range = parameters::range(&query)?;
    let metrics = query.get("metrics").map(|text| parse_metrics(text)).transpose()?;
    let cursors = Cursors::of(&patient, "/daily", &query);
    let range = match cursors.position()? {
        Some(day) => continued(day, range)?,
        None => range,
    };
    let (days, next) = deps.daily_stats.page(&patient, range, PAGE_DAYS).await.map_err(unavailable)?;
    let days: Vec<_> = days.iter().map(|stats| shown(stats, metrics.as_ref())).collect();
    Ok(http::success(StatusCode::OK, &json!({ "days": days, "cursor": next.map(|day| cursors.at(&day)) })))
}

/// A day as callers see it; all of its metrics unless some are asked for.
pub(crate) fn shown(stats: &DailyStats, wanted: Option<&BTreeSet<MetricType>>) -> Value {
    let metrics: Map<_, _> = stats
        .metrics
        .iter()
        .filter(|(kind, _)| wanted.is_none_or(|wanted| wanted.contains(kind)))
        .map(|(kind, value)| (kind.as_str().to_owned(), value.clone()))
        .collect();
    json!({
        "day": stats.day,
        "source": SOURCE,
        "metrics": metrics,
        "revision": stats.revision,
        "provisional": stats.provisional,
        "observedAt": stats.observed_at,
    })
}

fn parse_metrics(text: &str) -> Result<BTreeSet<MetricType>, HttpError> {
    text.split(',').map(|name| parse_metric("metrics", name.trim())).collect()
}

/// What is left of the range from this day on.
fn continued(day: Day, range: DayRange) -> Result<DayRange, HttpError> {
    if day < range.first() {
        return Err(Cursors::invalid());
    }
    DayRange::new(day, range.last()).map_err(|_behind_its_end| Cursors::invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_goes_on_inside_its_range_and_nowhere_else() {
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
    fn metrics_are_known_by_name_or_refused() {
        assert_eq!(parse_metrics("sleep, hrv").unwrap().len(), 2);
        for bad in ["", "sleep,", "Sleep", "steps"] {
            assert_eq!(parse_metrics(bad).map_err(|e| e.code), Err("unknown_metric"), "{bad}");
        }
    }
}
