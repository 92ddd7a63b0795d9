//! `GET /series`: what a day's charts are drawn from.

use std::collections::BTreeMap;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use serde_json::{Value, json};
use shared::domain::{DataType, Day, PatientId, Record, StoredRecord};
use shared::http::{self, HttpError};
use shared::normalize::sleep_periods;

use crate::parameters::{self, parse_day};
use crate::{Deps, unavailable};

/// What there are series of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Beats per minute: of the day, and of each sleep period.
    HeartRate,
    /// Milliseconds RMSSD, of each sleep period.
    Hrv,
    /// Sleep stages, of each sleep period.
    Hypnogram,
    /// Metabolic equivalents, of the activity day.
    Met,
}

impl Kind {
    const ALL: [Self; 4] = [Self::HeartRate, Self::Hrv, Self::Hypnogram, Self::Met];

    fn as_str(self) -> &'static str {
        match self {
            Self::HeartRate => "heartRate",
            Self::Hrv => "hrv",
            Self::Hypnogram => "hypnogram",
            Self::Met => "met",
        }
    }

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
    let kind = asked(&query)?;
    let Some(day) = query.get("day") else {
        return Err(HttpError::bad_request("missing_day", "`day` is needed, as YYYY-MM-DD."));
    };
    let day = parse_day("day", day)?;
    let series = series(deps, &patient, kind, day).await?;
    let answer = json!({ "type": kind.as_str(), "day": day, "unit": kind.unit(), "series": series });
    Ok(http::success(StatusCode::OK, &answer))
}

fn asked(query: &BTreeMap<String, String>) -> Result<Kind, HttpError> {
    let known = Kind::ALL.map(Kind::as_str).join(", ");
    let Some(text) = query.get("type") else {
        return Err(HttpError::bad_request("missing_type", format!("`type` is needed: {known}.")));
    };
    Kind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or_else(|| HttpError::bad_request("unknown_series", format!("`type` takes: {known}.")))
}

async fn series(deps: &Deps, patient: &PatientId, kind: Kind, day: Day) -> Result<Vec<Value>, HttpError> {
    let of_day = async |data_type| deps.wearable_data.of_day(patient, day, data_type).await.map_err(unavailable);
    Ok(match kind {
        Kind::HeartRate => {
            let (samples, sleeps) =
                futures::future::try_join(of_day(DataType::HeartRate), of_day(DataType::Sleep)).await?;
            let nights = in_sleep(&sleeps, |record| regular(record, "heartRate", label(record)));
            samples.iter().map(|stored| irregular(&stored.record)).chain(nights).collect()
        }
        Kind::Hrv => in_sleep(&of_day(DataType::Sleep).await?, |record| regular(record, "hrv", label(record))),
        Kind::Hypnogram => in_sleep(&of_day(DataType::Sleep).await?, hypnogram),
        Kind::Met => {
            let activities = of_day(DataType::DailyActivity).await?;
            activities.iter().filter_map(|stored| regular(&stored.record, "met", json!("activity"))).collect()
        }
    })
}

/// The series of each sleep period that has one, the main sleep first.
fn in_sleep(stored: &[StoredRecord], series: impl Fn(&Record) -> Option<Value>) -> Vec<Value> {
    let records: Vec<&Record> = stored.iter().map(|stored| &stored.record).collect();
    sleep_periods(&records).into_iter().filter_map(series).collect()
}

fn label(record: &Record) -> Value {
    record.metrics.get("type").cloned().unwrap_or_default()
}

/// A series as it lies in a record, with items at even distances.
fn regular(record: &Record, field: &str, label: Value) -> Option<Value> {
    let series = record.metrics.get(field)?.as_object()?;
    let of = |name: &str| series.get(name).cloned().unwrap_or_default();
    Some(json!({
        "start": of("start"),
        "intervalSeconds": of("intervalSeconds"),
        "documentId": record.document_id,
        "label": label,
        "items": of("items"),
    }))
}

/// The samples of a day, which come when they come.
fn irregular(record: &Record) -> Value {
    let of = |name: &str| record.metrics.get(name).cloned().unwrap_or_default();
    json!({
        "start": of("start"),
        "intervalSeconds": null,
        "documentId": record.document_id,
        "label": "day",
        "secondsFromStart": of("secondsFromStart"),
        "items": of("bpm"),
        "source": of("source"),
    })
}

/// The stages of a sleep period in words, as finely as they are stored.
fn hypnogram(record: &Record) -> Option<Value> {
    let digits = |field: &str| record.metrics.get(field).and_then(Value::as_str).filter(|digits| !digits.is_empty());
    let (interval, digits) =
        digits("sleepPhase30Sec").map(|fine| (30, fine)).or(digits("sleepPhase5Min").map(|coarse| (300, coarse)))?;
    Some(json!({
        "start": record.metrics.get("bedtimeStart"),
        "intervalSeconds": interval,
        "documentId": record.document_id,
        "label": label(record),
        "items": digits.chars().map(stage).collect::<Vec<_>>(),
    }))
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
