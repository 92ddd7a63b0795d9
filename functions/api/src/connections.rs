//! `GET /connections`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use serde_json::{Value, json};
use shared::domain::{Backfill, Connection, ConnectionStatus, DataType, PatientId, ReasonCode, SOURCE};
use shared::http::{self, HttpError};

use crate::{Deps, unavailable};

pub(crate) async fn get(deps: &Deps, request: &Request) -> Result<Response<Body>, HttpError> {
    let patient = http::patient(request, &deps.config.token_policy)?;
    let connections = of_patient(deps, &patient).await?;
    Ok(http::success(StatusCode::OK, &json!({ "connections": connections })))
}

/// Returns the patient's connections in their public form.
///
/// # Errors
/// 503.
pub(crate) async fn of_patient(deps: &Deps, patient: &PatientId) -> Result<Vec<Value>, HttpError> {
    let found = deps.connections.of_patient(patient, deps.clock.now()).await.map_err(unavailable)?;
    Ok(match (&found.connection, found.pending_since) {
        // A pending consent replaces a connection that ended before it.
        (Some(connection), Some(since))
            if connection.status == ConnectionStatus::Disconnected && since >= connection.since =>
        {
            vec![shown(connection, ConnectionStatus::Pending, connection.reason, since)]
        }
        (Some(connection), _) => {
            let (status, reason, since) = condition(connection, found.refused);
            vec![shown(connection, status, reason, since)]
        }
        (None, Some(since)) => vec![never_connected(ConnectionStatus::Pending, None, since)],
        (None, None) => {
            let refused = found.refused.into_iter();
            refused.map(|(since, reason)| never_connected(ConnectionStatus::Error, Some(reason), since)).collect()
        }
    })
}

/// Public status, reason, and time of the status.
fn condition(
    connection: &Connection,
    refused: Option<(Timestamp, ReasonCode)>,
) -> (ConnectionStatus, Option<ReasonCode>, Timestamp) {
    let stored = (connection.status, connection.reason, connection.since);
    match connection.status {
        // The later of two causes is shown.
        ConnectionStatus::Disconnected => match refused.filter(|(since, _)| *since >= connection.since) {
            Some((since, reason)) => (ConnectionStatus::Error, Some(reason), since),
            None => stored,
        },
        // An outage of Oura is shown and never stored as the status: it is not the patient's.
        ConnectionStatus::Connected => match connection.silent_since {
            Some(since) => (ConnectionStatus::Error, Some(ReasonCode::OuraUnavailable), since),
            None => stored,
        },
        _ => stored,
    }
}

/// Public form of a missing connection.
fn never_connected(status: ConnectionStatus, reason: Option<ReasonCode>, since: Timestamp) -> Value {
    json!({
        "source": SOURCE, "status": status, "reasonCode": reason, "since": since,
        "scopesGranted": [], "scopesMissing": [], "lastSyncAt": null, "lastWebhookAt": null,
        "lastDataDay": null, "lastSync": null, "backfill": null, "failing": {}, "revocation": null,
    })
}

fn shown(connection: &Connection, status: ConnectionStatus, reason: Option<ReasonCode>, since: Timestamp) -> Value {
    json!({
        "source": SOURCE,
        "status": status,
        "reasonCode": reason,
        "since": since,
        "scopesGranted": connection.scopes_granted,
        "scopesMissing": connection.scopes_requested.missing_from(&connection.scopes_granted),
        "lastSyncAt": connection.last_sync_at,
        "lastWebhookAt": connection.last_webhook_at,
        "lastDataDay": connection.last_data_day,
        "lastSync": last_sync(connection),
        "backfill": connection.backfill.as_ref().map(backfill),
        "failing": connection.failing,
        "revocation": connection.revocation,
    })
}

/// The sync that waits for the patient's tokens, if there is one: Oura refused the refresh token once, and the probe follows.
fn last_sync(connection: &Connection) -> Option<Value> {
    let suspect = connection.suspect.filter(|_| connection.status != ConnectionStatus::Disconnected)?;
    Some(json!({ "state": "waiting", "reason": "checking_consent", "until": suspect.probe_at }))
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
        "reconnected": backfill.reconnected,
        "daysRepaired": backfill.days_repaired,
    })
}
