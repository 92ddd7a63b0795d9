//! `GET /export`: everything that is stored about the patient, in lines.
//!
//! A Lambda function behind an HTTP API cannot stream its answer and ends at 6 MB. So an export comes in pages of bounded
//! size, each made from reads of bounded size: the cost of a page does not grow with the patient's data.

mod fhir;
mod ndjson;
mod page;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use lambda_http::http::HeaderValue;
use lambda_http::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, LINK};
use lambda_http::{Body, Request, Response};
use shared::domain::{Day, DayRange, PatientId, RecordKey};
use shared::http::{self, HttpError};
use strum::{EnumString, IntoStaticStr};

use self::page::Page;
use crate::cursor::Cursors;
use crate::{Deps, parameters, unavailable};

/// Days read at once; a day's stats take about 10 KB.
const BATCH_DAYS: i32 = 50;

/// Reads for one page, each of at most 250 records or 50 days.
const MAX_READS: usize = 16;

/// The form of the lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
enum Format {
    /// This project's own shapes.
    #[default]
    Ndjson,
    /// Observations of FHIR R4.
    Fhir,
}

impl Format {
    fn content_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Fhir => "application/fhir+ndjson",
        }
    }

    fn disposition(self) -> &'static str {
        match self {
            Self::Ndjson => "attachment; filename=\"oura-export.ndjson\"",
            Self::Fhir => "attachment; filename=\"oura-export-fhir.ndjson\"",
        }
    }
}

/// Progress of an export: first the days, then the records.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Position {
    /// The days from this one on are next.
    Days(Day),
    /// The records behind this one are next; all of them without one.
    Records(Option<RecordKey>),
}

impl Position {
    const BEGINNING: Self = Self::Days(DayRange::EVERY.first());
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days(from) => write!(f, "days {from}"),
            Self::Records(None) => f.write_str("records"),
            Self::Records(Some(after)) => write!(f, "records {after}"),
        }
    }
}

impl FromStr for Position {
    type Err = HttpError;

    fn from_str(text: &str) -> Result<Self, HttpError> {
        let read = match text.split_once(' ') {
            Some(("days", from)) => from.parse().ok().map(Self::Days),
            Some(("records", after)) => after.parse().ok().map(|after| Self::Records(Some(after))),
            None if text == "records" => Some(Self::Records(None)),
            _ => None,
        };
        read.ok_or_else(Cursors::invalid)
    }
}

pub(crate) async fn get(deps: &Deps, request: &Request) -> Result<Response<Body>, HttpError> {
    let patient = http::patient(request, &deps.config.token_policy)?;
    let query = http::query(request)?;
    parameters::known(&query, &["format", "cursor"])?;
    let format = format(&query)?;
    let cursors = Cursors::of(&patient, "/export", &query);
    let position: Option<Position> = cursors.position()?;
    let mut page = Page::default();
    if position.is_none() && format == Format::Ndjson {
        ndjson::begin(deps, &patient, &mut page).await?;
    }
    let next = fill(deps, &patient, format, position.unwrap_or(Position::BEGINNING), &mut page).await?;
    let cursor = next.map(|next| cursors.at(&next));
    if format == Format::Ndjson {
        ndjson::end(cursor.as_deref(), &mut page)?;
    }
    Ok(response(format, page, cursor.as_deref()))
}

fn format(query: &BTreeMap<String, String>) -> Result<Format, HttpError> {
    let Some(format) = query.get("format") else { return Ok(Format::default()) };
    format.parse().map_err(|_unknown| HttpError::bad_request("invalid_format", "`format` is `ndjson` or `fhir`."))
}

/// Fills the page from this position on, and says where the next one begins; `None` when everything was written.
async fn fill(
    deps: &Deps,
    patient: &PatientId,
    format: Format,
    mut position: Position,
    page: &mut Page,
) -> Result<Option<Position>, HttpError> {
    for _read in 0..MAX_READS {
        let next = match position {
            Position::Days(from) => days(deps, patient, format, from, page).await?,
            // Observations are made of days alone.
            Position::Records(_) if format == Format::Fhir => return Ok(None),
            Position::Records(after) => records(deps, patient, after, page).await?,
        };
        match next {
            Step::On(next) => position = next,
            Step::Full(next) => return Ok(Some(next)),
            Step::Done => return Ok(None),
        }
    }
    Ok(Some(position))
}

/// Step after one read.
enum Step {
    /// Another one, from here on.
    On(Position),
    /// Nothing more in this page; the next one begins here.
    Full(Position),
    /// Nothing at all.
    Done,
}

async fn days(deps: &Deps, patient: &PatientId, format: Format, from: Day, page: &mut Page) -> Result<Step, HttpError> {
    let range = DayRange::new(from, DayRange::EVERY.last()).map_err(|_never| Cursors::invalid())?;
    let (days, next) = deps.daily_stats.page(patient, range, BATCH_DAYS).await.map_err(unavailable)?;
    for stats in &days {
        let lines = match format {
            Format::Ndjson => ndjson::day(stats)?,
            Format::Fhir => fhir::observations(patient, stats)?,
        };
        if !page.push(&lines) {
            return Ok(Step::Full(Position::Days(stats.day)));
        }
    }
    Ok(Step::On(next.map_or(Position::Records(None), Position::Days)))
}

async fn records(
    deps: &Deps,
    patient: &PatientId,
    after: Option<RecordKey>,
    page: &mut Page,
) -> Result<Step, HttpError> {
    let read = deps.wearable_data.page(patient, DayRange::EVERY, after.as_ref(), None).await.map_err(unavailable)?;
    let mut written = after;
    for stored in &read.records {
        if !page.push(&ndjson::record(stored)?) {
            return Ok(Step::Full(Position::Records(written)));
        }
        written = Some(RecordKey::of(&stored.record));
    }
    Ok(read.next.map_or(Step::Done, |next| Step::On(Position::Records(Some(next)))))
}

fn response(format: Format, page: Page, cursor: Option<&str>) -> Response<Body> {
    let mut response = Response::new(Body::Text(page.into_text()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static(format.disposition()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Relative to the request (RFC 8288, section 3.1): the API's own public name and path are unknown here.
    let next = cursor.map(|cursor| format!("<?format={}&cursor={cursor}>; rel=\"next\"", <&str>::from(format)));
    if let Some(next) = next.and_then(|next| HeaderValue::try_from(next).ok()) {
        headers.insert(LINK, next);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_is_read_back_from_its_text() {
        for text in ["days 2026-01-01", "records", "records 2026-01-01#sleep#d 1#\u{e9}"] {
            let read = text.parse::<Position>().map(|position| position.to_string());
            assert_eq!(read.ok().as_deref(), Some(text));
        }
        for bad in ["", "days", "days x", "records ", "events 2026-01-01"] {
            assert!(bad.parse::<Position>().is_err(), "{bad}");
        }
    }
}
