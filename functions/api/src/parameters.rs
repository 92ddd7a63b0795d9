//! Query parameters of the reading routes. A query with any unknown or malformed parameter is refused.

use std::collections::BTreeMap;

use shared::domain::{Day, DayRange, InvalidRange, MetricType};
use shared::http::HttpError;

/// Upper bound of a range in days; longer histories are read in parts.
pub(crate) const MAX_RANGE: i32 = 366;

/// Refuses unknown parameters: a misspelled one would be ignored silently.
///
/// # Errors
/// 400 `unknown_parameter`.
pub(crate) fn known(query: &BTreeMap<String, String>, names: &[&str]) -> Result<(), HttpError> {
    match query.keys().find(|name| !names.contains(&name.as_str())) {
        None => Ok(()),
        Some(unknown) => {
            let plain: String = unknown.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
            Err(HttpError::bad_request("unknown_parameter", format!("There is no parameter `{plain}`.")))
        }
    }
}

/// Reads `from` and `to`.
///
/// # Errors
/// 400 `missing_range`, `invalid_date`, `range_reversed`, `range_too_long`.
pub(crate) fn range(query: &BTreeMap<String, String>) -> Result<DayRange, HttpError> {
    let (Some(from), Some(to)) = (query.get("from"), query.get("to")) else {
        return Err(HttpError::bad_request("missing_range", "`from` and `to` are needed, as YYYY-MM-DD."));
    };
    parse_range(parse_day("from", from)?, parse_day("to", to)?, MAX_RANGE)
}

/// Parses a day of a request.
///
/// # Errors
/// 400 `invalid_date`.
pub(crate) fn parse_day(name: &str, text: &str) -> Result<Day, HttpError> {
    text.parse()
        .map_err(|_invalid| HttpError::bad_request("invalid_date", format!("`{name}` is not a day, YYYY-MM-DD.")))
}

/// Checks a range of a request.
///
/// # Errors
/// 400 `range_reversed`, `range_too_long`.
pub(crate) fn parse_range(from: Day, to: Day, longest: i32) -> Result<DayRange, HttpError> {
    DayRange::bounded(from, to, longest).map_err(|error| match error {
        InvalidRange::Reversed => HttpError::bad_request("range_reversed", "`to` is before `from`."),
        InvalidRange::TooLong { max } => {
            HttpError::bad_request("range_too_long", format!("At most {max} days can be asked for at once."))
        }
    })
}

/// Parses a metric type of a request.
///
/// # Errors
/// 400 `unknown_metric` with the known names.
pub(crate) fn parse_metric(name: &str, text: &str) -> Result<MetricType, HttpError> {
    text.parse().map_err(|_unknown| {
        let known = MetricType::ALL.iter().map(|known| known.as_str()).collect::<Vec<_>>().join(", ");
        HttpError::bad_request("unknown_metric", format!("`{name}` takes: {known}."))
    })
}
