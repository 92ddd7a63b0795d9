//! `GET /series`: the data of a day's charts.

use std::collections::BTreeMap;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use shared::domain::{DataType, Day, DocumentId, Number, PatientId, Record, RecordMetrics, StoredRecord, metrics};
use shared::http::{self, HttpError};
use shared::normalize::{SleepPeriod, sleep_periods};
use strum::VariantArray as _;

use crate::current::only_current;
use crate::page_size::{PAGE_BYTES, PageSize, sent_size};
use crate::parameters::{self, parse_day};
use crate::records::unwritable;
use crate::{Deps, unavailable};

/// Subject of a series.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::EnumString, strum::IntoStaticStr, strum::VariantArray,
)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
enum SeriesType {
    /// Beats per minute: of the day, and of each sleep period.
    HeartRate,
    /// Milliseconds RMSSD, of each sleep period.
    Hrv,
    /// Sleep stages, of each sleep period.
    Hypnogram,
    /// Metabolic equivalents, of the activity day.
    Met,
}

impl SeriesType {
    fn unit(self) -> Option<&'static str> {
        match self {
            Self::HeartRate => Some("bpm"),
            Self::Hrv => Some("ms"),
            Self::Hypnogram => None,
            Self::Met => Some("MET"),
        }
    }
}

pub(crate) async fn get(deps: &Deps, request: &Request) -> Result<Response<Body>, HttpError> {
    let patient = http::patient(request, &deps.config.token_policy)?;
    let query = http::query(request)?;
    parameters::known(&query, &["type", "day"])?;
    let series_type = series_type(&query)?;
    let Some(day) = query.get("day") else {
        return Err(HttpError::bad_request("missing_day", "`day` is needed, as YYYY-MM-DD."));
    };
    let day = parse_day("day", day)?;
    let series = fitting(&series(deps, &patient, series_type, day).await?)?;
    let answer = json!({ "type": series_type, "day": day, "unit": series_type.unit(), "series": series });
    Ok(http::success(StatusCode::OK, &answer))
}

fn series_type(query: &BTreeMap<String, String>) -> Result<SeriesType, HttpError> {
    let known = || SeriesType::VARIANTS.iter().map(<&str>::from).collect::<Vec<_>>().join(", ");
    let Some(text) = query.get("type") else {
        return Err(HttpError::bad_request("missing_type", format!("`type` is needed: {}.", known())));
    };
    text.parse().map_err(|_unknown| HttpError::bad_request("unknown_series", format!("`type` takes: {}.", known())))
}

async fn series(deps: &Deps, patient: &PatientId, series_type: SeriesType, day: Day) -> Result<Vec<Series>, HttpError> {
    // Without a connection there are no records.
    let Some(connection) = deps.connections.get(patient).await.map_err(unavailable)? else { return Ok(Vec::new()) };
    let of_day = async |data_type| {
        let found = deps.wearable_data.of_day(patient, day, Some(data_type)).await.map_err(unavailable)?;
        only_current(deps, &connection, day, found).await
    };
    Ok(match series_type {
        SeriesType::HeartRate => {
            let (samples, sleeps) =
                futures::future::try_join(of_day(DataType::HeartRate), of_day(DataType::Sleep)).await?;
            let nights = in_sleep(&sleeps, |period| regular(period, period.metrics.heart_rate.as_ref()));
            samples.iter().filter_map(|stored| irregular(&stored.record)).chain(nights).collect()
        }
        SeriesType::Hrv => {
            in_sleep(&of_day(DataType::Sleep).await?, |period| regular(period, period.metrics.hrv.as_ref()))
        }
        SeriesType::Hypnogram => in_sleep(&of_day(DataType::Sleep).await?, hypnogram),
        SeriesType::Met => {
            let activities = of_day(DataType::DailyActivity).await?;
            activities.iter().filter_map(|stored| met(&stored.record)).collect()
        }
    })
}

/// The first series, as far as they fit into one answer. Only days of very many long sleep periods have more.
fn fitting(series: &[Series]) -> Result<Vec<Box<RawValue>>, HttpError> {
    let mut size = PageSize::up_to(PAGE_BYTES);
    let mut fitting = Vec::with_capacity(series.len());
    for one in series {
        let json = to_raw_value(one).map_err(unwritable)?;
        if !size.add(sent_size(json.get())) {
            break;
        }
        fitting.push(json);
    }
    Ok(fitting)
}

/// A series of one document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Series {
    start: Option<String>,
    /// None if the samples are irregular.
    interval_seconds: Option<Number>,
    document_id: DocumentId,
    label: Option<String>,
    #[serde(flatten)]
    items: Items,
}

/// Items of a series, and what belongs to each of them.
#[derive(Serialize)]
#[serde(untagged)]
enum Items {
    Readings {
        items: Vec<Option<Number>>,
    },
    #[serde(rename_all = "camelCase")]
    Samples {
        seconds_from_start: Vec<Number>,
        items: Vec<Number>,
        source: Vec<Option<String>>,
    },
    Stages {
        items: Vec<Option<&'static str>>,
    },
}

/// The series of each sleep period that has one, the main sleep first.
fn in_sleep(stored: &[StoredRecord], series: impl Fn(SleepPeriod<'_>) -> Option<Series>) -> Vec<Series> {
    let records: Vec<&Record> = stored.iter().map(|stored| &stored.record).collect();
    sleep_periods(&records).into_iter().filter_map(series).collect()
}

/// The readings of a sleep period.
fn regular(period: SleepPeriod<'_>, series: Option<&metrics::Series>) -> Option<Series> {
    Some(readings(period.document_id, period.metrics.measures.r#type.clone(), series?))
}

/// A series in the form of its record, with items at even distances.
fn readings(document_id: &DocumentId, label: Option<String>, series: &metrics::Series) -> Series {
    Series {
        start: series.start.as_ref().map(|start| start.text().to_owned()),
        interval_seconds: series.interval_seconds,
        document_id: document_id.clone(),
        label,
        items: Items::Readings { items: series.items.clone() },
    }
}

/// Metabolic equivalents of an activity day.
fn met(record: &Record) -> Option<Series> {
    match &record.metrics {
        Some(RecordMetrics::DailyActivity(day)) => {
            Some(readings(&record.document_id, Some("activity".to_owned()), day.met.as_ref()?))
        }
        _ => None,
    }
}

/// The heart-rate samples of a day, which are irregular.
fn irregular(record: &Record) -> Option<Series> {
    match &record.metrics {
        Some(RecordMetrics::HeartRate(day)) => Some(Series {
            start: Some(day.start.to_string()),
            interval_seconds: None,
            document_id: record.document_id.clone(),
            label: Some("day".to_owned()),
            items: Items::Samples {
                seconds_from_start: day.seconds_from_start.clone(),
                items: day.bpm.clone(),
                source: day.source.clone(),
            },
        }),
        _ => None,
    }
}

/// The stages of a sleep period in words, in the finest form that is stored.
fn hypnogram(period: SleepPeriod<'_>) -> Option<Series> {
    let measures = &period.metrics.measures;
    let fine = period.metrics.sleep_phase_30_sec.as_deref().map(|digits| (30, digits));
    let coarse = measures.sleep_phase_5_min.as_deref().map(|digits| (300, digits));
    let (interval, digits) = [fine, coarse].into_iter().flatten().find(|(_, digits)| !digits.is_empty())?;
    Some(Series {
        start: measures.bedtime_start.as_ref().map(|start| start.text().to_owned()),
        interval_seconds: Some(Number::from(interval)),
        document_id: period.document_id.clone(),
        label: measures.r#type.clone(),
        items: Items::Stages { items: digits.chars().map(stage).collect() },
    })
}

/// Oura's digits for a stage; none for one that is not known yet.
fn stage(digit: char) -> Option<&'static str> {
    match digit {
        '1' => Some("deep"),
        '2' => Some("light"),
        '3' => Some("rem"),
        '4' => Some("awake"),
        _ => None,
    }
}
