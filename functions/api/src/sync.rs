//! `POST /sync`.

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use serde::Deserialize;
use serde_json::json;
use shared::domain::{Day, DayRange, SyncId, SyncMessage, Trigger};
use shared::http::{self, HttpError};

use crate::parameters::{parse_day, parse_range};
use crate::{Deps, connected, limited, unavailable};

/// Upper bound of a range in days: Oura recommends one to three months per request.
const MAX_RANGE: i32 = 92;

#[derive(Debug, Deserialize)]
struct SyncRequest {
    source: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

fn future() -> HttpError {
    HttpError::bad_request("invalid_date", "`from` is in the future.")
}

pub(crate) async fn post(deps: &Deps, request: &Request) -> Result<Response<Body>, HttpError> {
    let patient = http::patient(request, &deps.config.token_policy)?;
    let body: SyncRequest = http::json_body(request)?;
    if body.source.as_deref().is_some_and(|source| source != shared::domain::SOURCE) {
        return Err(HttpError::bad_request("unknown_source", "The only source is `oura`."));
    }
    let now = deps.clock.now();
    // The patient's local day may be a day ahead of UTC.
    let today = Day::of_utc(now).plus(1);
    let requested = match (body.from.as_deref(), body.to.as_deref()) {
        (None, None) => None,
        (Some(from), to) => {
            let from = parse_day("from", from)?;
            // Without `to`, the end is today where the patient is.
            if to.is_none() && from > today {
                return Err(future());
            }
            let to = to.map_or(Ok(today), |to| parse_day("to", to))?;
            Some(parse_range(from, to, MAX_RANGE)?)
        }
        (None, Some(_)) => return Err(HttpError::bad_request("missing_range", "`to` needs a `from`.")),
    };
    if requested.is_some_and(|range| range.first() > today) {
        return Err(future());
    }
    connected(deps, &patient).await?;
    limited(deps, &patient, "sync", deps.config.manual_syncs, "too_many_syncs").await?;
    let sync_id =
        SyncId::parse(format!("manual-{}", deps.entropy.uuid())).map_err(|_never| HttpError::unavailable())?;
    let message = SyncMessage {
        patient_id: patient,
        sync_id: sync_id.clone(),
        trigger: Trigger::Manual,
        range: requested
            .unwrap_or_else(|| DayRange::ending(today, i32::try_from(deps.config.lookback_days).unwrap_or(7) + 1)),
        requested_at: now,
    };
    deps.queue.send(message).await.map_err(unavailable)?;
    Ok(http::success(StatusCode::ACCEPTED, &json!({ "syncId": sync_id })))
}
