//! `GET /workouts`.

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use serde_json::value::RawValue;
use shared::domain::MetricType;
use shared::http::{self, HttpError};

use crate::cursor::Cursors;
use crate::{Deps, parameters, records};

#[derive(Serialize)]
struct WorkoutsPage {
    workouts: Vec<Box<RawValue>>,
    cursor: Option<String>,
}

pub(crate) async fn get(deps: &Deps, request: &Request) -> Result<Response<Body>, HttpError> {
    let patient = http::patient(request, &deps.config.token_policy)?;
    let query = http::query(request)?;
    parameters::known(&query, &["from", "to", "cursor"])?;
    let range = parameters::range(&query)?;
    let cursors = Cursors::of(&patient, "/workouts", &query);
    let (workouts, cursor) = records::page(deps, &patient, range, MetricType::Workout, &cursors).await?;
    Ok(http::success(StatusCode::OK, &WorkoutsPage { workouts, cursor }))
}
