//! `GET /records`, and the part that `GET /workouts` shares with it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, to_value};
use shared::domain::{
    DataType, Day, DayRange, DocumentId, MetricType, PatientId, RecordKey, RecordMetrics, SOURCE, StoredRecord,
};
use shared::http::{self, HttpError};

use crate::cursor::Cursors;
use crate::daily::continued;
use crate::page_size::PageSize;
use crate::parameters::{self, parse_metric};
use crate::{Deps, unavailable};

/// Days in one answer.
const PAGE_DAYS: i32 = 90;

/// Records in one answer.
const PAGE_RECORDS: usize = 100;

/// Characters of records in one answer, or one record: API Gateway takes 10 MB and Lambda 6.
const PAGE_CHARACTERS: usize = 1_000_000;

/// Reads for one answer. Each goes through 250 of the patient's records of whatever type, three weeks or so.
const MAX_READS: usize = 8;

/// A record as callers see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown<'r> {
    day: Day,
    metric_type: MetricType,
    data_type: DataType,
    document_id: &'r DocumentId,
    source: &'static str,
    metrics: Option<&'r RecordMetrics>,
    revision: u64,
    observed_at: Timestamp,
}

impl<'r> From<&'r StoredRecord> for Shown<'r> {
    fn from(stored: &'r StoredRecord) -> Self {
        let record = &stored.record;
        Self {
            day: record.day,
            metric_type: record.data_type.metric_type(),
            data_type: record.data_type,
            document_id: &record.document_id,
            source: SOURCE,
            metrics: record.metrics.as_ref(),
            revision: stored.revision,
            observed_at: stored.observed_at,
        }
    }
}

#[derive(Serialize)]
struct RecordsPage<T> {
    records: Vec<T>,
    cursor: Option<String>,
}

pub(crate) async fn get(deps: &Deps, request: &Request) -> Result<Response<Body>, HttpError> {
    let patient = http::patient(request, &deps.config.token_policy)?;
    let query = http::query(request)?;
    parameters::known(&query, &["type", "per", "from", "to", "cursor"])?;
    let per = Per::of(&query)?;
    let wanted = wanted(&query, per)?;
    let range = parameters::range(&query)?;
    let cursors = Cursors::of(&patient, "/records", &query);
    Ok(match per {
        Per::Day => {
            let (records, cursor) = day_page(deps, &patient, range, wanted, &cursors).await?;
            http::success(StatusCode::OK, &RecordsPage { records, cursor })
        }
        Per::Document => {
            let Page { records, cursor } = page(deps, &patient, range, wanted, &cursors).await?;
            let records = records.into_iter().map(|of| of.json).collect();
            http::success(StatusCode::OK, &RecordsPage { records, cursor })
        }
    })
}

/// Unit of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Per {
    /// One record per Oura document.
    Document,
    /// One record per day.
    Day,
}

impl Per {
    fn of(query: &BTreeMap<String, String>) -> Result<Self, HttpError> {
        match query.get("per").map(String::as_str) {
            None | Some("document") => Ok(Self::Document),
            Some("day") => Ok(Self::Day),
            Some(_) => Err(HttpError::bad_request("unknown_per", "`per` takes: day, document.")),
        }
    }
}

fn wanted(query: &BTreeMap<String, String>, per: Per) -> Result<MetricType, HttpError> {
    let Some(text) = query.get("type") else {
        return Err(HttpError::bad_request("missing_type", "`type` is needed: a metric type."));
    };
    match parse_metric("type", text)? {
        MetricType::Hrv if per == Per::Document => Err(HttpError::bad_request(
            "unknown_metric",
            "There are no documents of `hrv`: it is part of those of `sleep`. Records of it are per day.",
        )),
        wanted => Ok(wanted),
    }
}

/// Metrics of one type on one day, as callers see them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DayRecord {
    day: Day,
    metric_type: MetricType,
    source: &'static str,
    metrics: Value,
    revision: u64,
    provisional: bool,
    observed_at: Timestamp,
}

/// A page of the patient's days that have metrics of one type, oldest first, and the cursor of the next page. A page may be
/// empty and have a cursor.
async fn day_page(
    deps: &Deps,
    patient: &PatientId,
    range: DayRange,
    wanted: MetricType,
    cursors: &Cursors<'_>,
) -> Result<(Vec<DayRecord>, Option<String>), HttpError> {
    let range = match cursors.position()? {
        Some(day) => continued(day, range)?,
        None => range,
    };
    let (days, next) = deps.daily_stats.page(patient, range, PAGE_DAYS).await.map_err(unavailable)?;
    let mut records = Vec::with_capacity(days.len());
    for stats in days {
        let mut of_day = to_value(stats.metrics.only(&BTreeSet::from([wanted]))).map_err(unwritable)?;
        if let Some(metrics) = of_day.get_mut(wanted.as_str()).map(Value::take) {
            records.push(DayRecord {
                day: stats.day,
                metric_type: wanted,
                source: SOURCE,
                metrics,
                revision: stats.revision,
                provisional: stats.provisional,
                observed_at: stats.observed_at,
            });
        }
    }
    Ok((records, next.map(|day| cursors.at(&day))))
}

/// A page of records.
pub(crate) struct Page {
    pub(crate) records: Vec<ShownRecord>,
    pub(crate) cursor: Option<String>,
}

/// A stored record, and its public form.
pub(crate) struct ShownRecord {
    pub(crate) stored: StoredRecord,
    pub(crate) json: Box<RawValue>,
}

/// A page of the patient's records of one type, oldest first, and the cursor of the next page. A page may be empty and
/// have a cursor, if there are many records of other types between.
///
/// # Errors
/// 400 `invalid_cursor`, 503.
pub(crate) async fn page(
    deps: &Deps,
    patient: &PatientId,
    range: DayRange,
    wanted: MetricType,
    cursors: &Cursors<'_>,
) -> Result<Page, HttpError> {
    let mut after: Option<RecordKey> = cursors.position()?;
    if after.as_ref().is_some_and(|after| !range.contains(after.day)) {
        return Err(Cursors::invalid());
    }
    let (mut records, mut size) = (Vec::new(), PageSize::up_to(PAGE_CHARACTERS));
    for _read in 0..MAX_READS {
        let found = deps.wearable_data.page(patient, range, after.as_ref(), Some(wanted)).await.map_err(unavailable)?;
        for stored in found.records {
            let json = to_raw_value(&Shown::from(&stored)).map_err(unwritable)?;
            if records.len() == PAGE_RECORDS || !size.add(json.get().len()) {
                return Ok(Page { records, cursor: after.as_ref().map(|after| cursors.at(after)) });
            }
            after = Some(RecordKey::of(&stored.record));
            records.push(ShownRecord { stored, json });
        }
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    Ok(Page { records, cursor: after.as_ref().map(|after| cursors.at(after)) })
}

/// Something that cannot be written as JSON; nothing that is stored is.
pub(crate) fn unwritable(error: serde_json::Error) -> HttpError {
    tracing::error!(event = "api.record_unwritable", reason = ?error.classify(), "record could not be written as JSON");
    HttpError::internal()
}
