//! `GET /metrics`: all metrics, and their availability for this patient.

use std::collections::BTreeSet;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use serde_json::json;
use shared::domain::metrics::{Field, Scalar};
use shared::domain::{CATALOGUE, Connection, Day, DayRange, Metric, MetricType, PatientId, ReasonCode};
use shared::http::{self, HttpError};

use crate::{Deps, parameters, unavailable};

/// Days that are searched for values.
const RECENT_DAYS: i32 = 90;

/// Availability of a metric for a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Availability {
    /// There is a value in the last 90 days.
    Available,
    /// The patient did not allow it.
    NotGranted,
    /// The Oura membership is not active, so that nothing new comes.
    Membership,
    /// There is no value yet (or no ring), for no other reason.
    NoneYet,
}

pub(crate) async fn get(deps: &Deps, request: &Request) -> Result<Response<Body>, HttpError> {
    let patient = http::patient(request, &deps.config.token_policy)?;
    parameters::known(&http::query(request)?, &[])?;
    let connection = async { deps.connections.get(&patient).await.map_err(unavailable) };
    let (connection, with_values) = futures::future::try_join(connection, recent(deps, &patient)).await?;
    let shown = CATALOGUE.iter().map(|metric| {
        let has_value = with_values.contains(&(metric.metric_type, metric.field.name));
        Shown::of(metric, availability(metric.field, connection.as_ref(), has_value))
    });
    Ok(http::success(StatusCode::OK, &json!({ "metrics": shown.collect::<Vec<_>>() })))
}

/// Type and key of a metric.
type Name = (MetricType, &'static str);

/// Names of the metrics that have a value in the last days.
async fn recent(deps: &Deps, patient: &PatientId) -> Result<BTreeSet<Name>, HttpError> {
    // It may already be tomorrow where the patient is.
    let range = DayRange::ending(Day::of_utc(deps.clock.now()).plus(1), RECENT_DAYS + 1);
    let (mut found, mut from) = (BTreeSet::new(), Some(range.first()));
    while let Some(range) = from.and_then(|from| DayRange::new(from, range.last()).ok()) {
        let (days, next) = deps.daily_stats.page(patient, range, RECENT_DAYS + 1).await.map_err(unavailable)?;
        for stats in &days {
            stats.metrics.each_value(|metric, value| {
                if value != Scalar::Null {
                    found.insert((metric.metric_type, metric.field.name));
                }
            });
        }
        from = next;
    }
    Ok(found)
}

fn availability(field: &Field, connection: Option<&Connection>, has_value: bool) -> Availability {
    match connection {
        Some(connection) if !connection.scopes_granted.contains(field.source.scope()) => Availability::NotGranted,
        Some(connection) if connection.reason == Some(ReasonCode::Membership) => Availability::Membership,
        _ if has_value => Availability::Available,
        _ => Availability::NoneYet,
    }
}

/// A metric as callers see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    metric: String,
    metric_type: MetricType,
    field: &'static str,
    unit: Option<&'static str>,
    ucum: Option<&'static str>,
    meaning: &'static str,
    source_field: String,
    scope: &'static str,
    baseline: bool,
    availability: Availability,
}

impl Shown {
    fn of(metric: &Metric, availability: Availability) -> Self {
        let Field { name, meaning, unit, source, has_baselines, .. } = *metric.field;
        Self {
            metric: metric.name(),
            metric_type: metric.metric_type,
            field: name,
            unit: unit.map(|unit| unit.text),
            ucum: unit.map(|unit| unit.ucum),
            meaning,
            source_field: metric.source_name(),
            scope: source.scope(),
            baseline: has_baselines,
            availability,
        }
    }
}
