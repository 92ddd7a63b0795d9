//! `GET /daily`.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use serde_json::{Map, Value, json};
use shared::domain::{DailyStats, Day, DayRange, InvalidRange, MetricType, SOURCE};
use shared::http::{self, HttpError};

use crate::{Deps, unavailable};

/// The longest range of one question; longer histories are read in parts.
const LONGEST_RANGE: i32 = 366;

/// Days in one answer.
const PAGE_DAYS: i32 = 100;

pub(crate) async fn get(deps: &Deps, request: &Request) -> Result<Response<Body>, HttpError> {
    let patient = http::patient(request, &deps.config.admission)?;
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
    let (days, next) = deps.daily_stats.page(&patient, range, PAGE_DAYS).await.map_err(unavailable)?;
    let days: Vec<_> = days.iter().map(|stats| shown(stats, metrics.as_ref())).collect();
    Ok(http::success(StatusCode::OK, &json!({ "days": days, "cursor": next.map(cursor) })))
}

fn shown(stats: &DailyStats, wanted: Option<&BTreeSet<MetricType>>) -> Value {
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
