//! `GET /connections`.

use std::collections::BTreeMap;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use serde_json::{Value, json};
use shared::domain::{Backfill, Connection, ConnectionStatus, SOURCE};
use shared::http::{self, HttpError};
use shared::oura::DataType;

use crate::{Deps, unavailable};

pub(crate) async fn get(deps: &Deps, request: &Request) -> Result<Response<Body>, HttpError> {
    let patient = http::patient(request, &deps.config.patient_claim)?;
    let found = deps.connections.of_patient(&patient, deps.clock.now()).await.map_err(unavailable)?;
    let connections: Vec<_> = match (&found.connection, found.pending_since) {
        // A consent under way is what a patient without a working connection waits for.
        (Some(connection), Some(since)) if connection.status == ConnectionStatus::Disconnected => {
            vec![shown(connection, ConnectionStatus::Pending, since)]
        }
        (Some(connection), _) => vec![shown(connection, connection.status, connection.since)],
        (None, Some(since)) => vec![json!({
            "source": SOURCE, "status": ConnectionStatus::Pending, "reasonCode": null, "since": since,
            "scopesGranted": [], "scopesMissing": [], "lastSyncAt": null, "lastNoticeAt": null,
            "lastDataDay": null, "backfill": null, "failing": {},
        })],
        (None, None) => Vec::new(),
    };
    Ok(http::success(StatusCode::OK, &json!({ "connections": connections })))
}

fn shown(connection: &Connection, status: ConnectionStatus, since: impl serde::Serialize) -> Value {
    json!({
        "source": SOURCE,
        "status": status,
        "reasonCode": connection.reason,
        "since": since,
        "scopesGranted": connection.scopes_granted,
        "scopesMissing": connection.scopes_requested.missing_from(&connection.scopes_granted),
        "lastSyncAt": connection.last_sync_at,
        "lastNoticeAt": connection.last_notice_at,
        "lastDataDay": connection.last_data_day,
        "backfill": connection.backfill.as_ref().map(backfill),
        "failing": connection.failing,
    })
}

fn backfill(backfill: &Backfill) -> Value {
    let done = backfill.per_type.values().filter(|progress| progress.state.is_final()).count();
    let per_type: BTreeMap<_, _> = backfill.per_type.iter().collect();
    json!({
        "state": backfill.state,
        "from": backfill.range.first(),
        "to": backfill.range.last(),
        "done": done,
        "total": DataType::ALL.len(),
        "perType": per_type,
    })
}
