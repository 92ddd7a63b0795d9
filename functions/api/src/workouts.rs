//! `GET /workouts`: the workouts that make the days' stats.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt, TryStreamExt};
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use serde_json::value::RawValue;
use shared::domain::{DataType, Day, DocumentId, MetricType, PatientId, StoredRecord};
use shared::http::{self, HttpError};

use crate::current::only_current;
use crate::cursor::Cursors;
use crate::records::{self, ShownRecord};
use crate::{Deps, parameters, unavailable};

/// Concurrent reads of days.
const READ_CONCURRENCY: usize = 8;

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
    let records::Page { records, cursor } = records::page(deps, &patient, range, MetricType::Workout, &cursors).await?;
    // The page can begin or end inside a day.
    let begins_inside = query.contains_key("cursor").then(|| records.first()).flatten();
    let ends_inside = cursor.is_some().then(|| records.last()).flatten();
    let partial = begins_inside.into_iter().chain(ends_inside).map(|of| of.stored.record.day).collect();
    let current = current_workouts(deps, &patient, &records, &partial).await?;
    let is_current = |of: &ShownRecord| current.contains(&(of.stored.record.day, of.stored.record.document_id.clone()));
    let workouts = records.into_iter().filter(is_current).map(|of| of.json).collect();
    Ok(http::success(StatusCode::OK, &WorkoutsPage { workouts, cursor }))
}

/// Days and ids of the workouts that make their days' stats. The page holds only a part of the days in `partial`.
async fn current_workouts(
    deps: &Deps,
    patient: &PatientId,
    page: &[ShownRecord],
    partial: &BTreeSet<Day>,
) -> Result<BTreeSet<(Day, DocumentId)>, HttpError> {
    let mut days: BTreeMap<Day, Vec<StoredRecord>> = BTreeMap::new();
    for of in page {
        days.entry(of.stored.record.day).or_default().push(of.stored.clone());
    }
    let connection = deps.connections.get(patient).await.map_err(unavailable)?;
    let connection = connection.as_ref();
    let choices = stream::iter(days).map(|(day, of_page)| async move {
        let of_day = match partial.contains(&day) {
            true => deps.wearable_data.of_day(patient, day, Some(DataType::Workout)).await.map_err(unavailable)?,
            false => of_page,
        };
        match connection {
            Some(connection) => only_current(deps, connection, day, of_day).await,
            None => Ok(of_day),
        }
    });
    let current: Vec<Vec<StoredRecord>> = choices.buffer_unordered(READ_CONCURRENCY).try_collect().await?;
    Ok(current.into_iter().flatten().map(|of| (of.record.day, of.record.document_id)).collect())
}
