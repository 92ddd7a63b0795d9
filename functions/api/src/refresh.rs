//! `POST /connections/oura/refresh`.

use std::time::Duration;

use jiff::Timestamp;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use serde_json::json;
use shared::aws::Rate;
use shared::domain::{Command, CommandKind};
use shared::http::{self, HttpError};
use shared::vault::next_refresh_at;

use crate::{Deps, connected, limited, unavailable};

/// Refreshes of one patient. Each uses up a refresh token, and a sync refreshes by itself.
const RATE: Rate = Rate { interval: Duration::from_secs(600), burst: 1 };

pub(crate) async fn post(deps: &Deps, request: &Request) -> Result<Response<Body>, HttpError> {
    let patient = http::patient(request, &deps.config.token_policy)?;
    let connection = connected(deps, &patient).await?;
    let now = deps.clock.now();
    let answer = |next_possible_at: Option<Timestamp>| {
        let refreshed = next_possible_at.is_none();
        let data = json!({ "requestedAt": now, "refreshed": refreshed, "nextPossibleAt": next_possible_at });
        Ok(http::success(StatusCode::ACCEPTED, &data))
    };
    // The worker would keep the pair, so the request does not count either.
    if let Some(at) = next_refresh_at(&connection, now) {
        return answer(Some(at));
    }
    limited(deps, &patient, "refresh", RATE, "too_many_refreshes").await?;
    // With the generation a redelivered message refreshes once.
    let kind = CommandKind::Refresh { grant_id: connection.grant_id, generation: connection.generation };
    deps.queue.send(Command { patient_id: patient, kind, requested_at: now }).await.map_err(unavailable)?;
    answer(None)
}
