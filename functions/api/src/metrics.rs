//! `GET /metrics`: what there is to show, and what of it this patient has.

use std::collections::BTreeSet;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use serde_json::{Value, json};
use shared::domain::{CATALOGUE, Connection, DailyStats, Day, DayRange, Metric, PatientId, ReasonCode};
use shared::http::{self, HttpError};

use crate::{Deps, parameters, unavailable};

/// The days that are looked through for values.
const RECENT_DAYS: i32 = 90;

/// Whether a patient has values of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Availability {
    /// There is a value in the last 90 days.
    Available,
    /// The patient did not allow it.
    NotGranted,
    /// The Oura membership is not active, so that nothing new comes.
    Membership,
    /// Nothing stands in its way, and there is no value yet (or no ring).
    NoneYet,
}

pub(crate) async fn get(deps: &Deps, request: &Request) -> Result<Response<Body>, HttpError> {
    let patient = http::patient(request, &deps.config.token_policy)?;
    parameters::known(&http::query(request)?, &[])?;
    let connection = async { deps.connections.get(&patient).await.map_err(unavailable) };
    let (connection, with_values) = futures::future::try_join(connection, recent(deps, &patient)).await?;
    let shown = CATALOGUE.iter().map(|metric| {
        let has_value = with_values.contains(&metric.name());
        shown(metric, availability(metric, connection.as_ref(), has_value))
    });
    Ok(http::success(StatusCode::OK, &json!({ "metrics": shown.collect::<Vec<_>>() })))
}

/// The names of the metrics that have a value in the last days.
async fn recent(deps: &Deps, patient: &PatientId) -> Result<BTreeSet<String>, HttpError> {
    // It may already be tomorrow where the patient is.
    let range = DayRange::ending(Day::of_utc(deps.clock.now()).plus(1), RECENT_DAYS + 1);
    let (mut found, mut from) = (BTreeSet::new(), Some(range.first()));
    while let Some(range) = from.and_then(|from| DayRange::new(from, range.last()).ok()) {
        let (days, next) = deps.daily_stats.page(patient, range, RECENT_DAYS + 1).await.map_err(unavailable)?;
        found.extend(days.iter().flat_map(names));
        from = next;
    }
    Ok(found)
}

/// The names of the metrics that have a value on that day.
fn names(stats: &DailyStats) -> impl Iterator<Item = String> {
    stats.metrics.iter().flat_map(|(kind, fields)| {
        let fields = fields.as_object().into_iter().flatten();
        fields.filter(|(_, value)| !value.is_null()).map(move |(field, _)| format!("{kind}.{field}"))
    })
}

fn availability(metric: &Metric, connection: Option<&Connection>, has_value: bool) -> Availability {
    match connection {
        Some(connection) if !connection.scopes_granted.contains(metric.source.scope()) => Availability::NotGranted,
        Some(connection) if connection.reason == Some(ReasonCode::Membership) => Availability::Membership,
        _ if has_value => Availability::Available,
        _ => Availability::NoneYet,
    }
}

fn shown(metric: &Metric, availability: Availability) -> Value {
    json!({
        "metric": metric.name(),
        "metricType": metric.metric_type,
        "field": metric.field,
        "unit": metric.unit.map(|unit| unit.text),
        "ucum": metric.unit.map(|unit| unit.ucum),
        "meaning": metric.meaning,
        "sourceField": metric.source_name(),
        "scope": metric.source.scope(),
        "baseline": metric.baseline,
        "availability": availability,
    })
}
